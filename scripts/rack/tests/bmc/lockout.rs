// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever a BMC does: somebody can log in as administrator, and "as desired" is true. Who can log in is tried with ipmitool.

use std::collections::BTreeSet;

use crate::Stand;
use crate::access::Expected::{self, Desired, Incomplete, Kept, True};
use crate::access::{ONLY_STAGE1, check, judge, parallel, run_patiently};

/// A case: its name, keys of the BMC, and faults; what it must come to.
type Case = (&'static str, &'static str, &'static [&'static str], Expected);

const FACTORY: &str = "[[user]]\nslot = 2\nname = 'root'\npassword = 'factory'\n";

const CASES: &[Case] = &[
    ("ipmi_sim", "", &[], Desired),
    ("reports who is enabled", "enable_status = true", &[], Desired),
    ("messaging without who is enabled", "messaging_apart = true\nempty_access = 0x14", &[], True),
    ("ignores names", "names = 'ignored'\nenable_status = true", &[], Kept),
    ("ignores names, does not report who is enabled", "names = 'ignored'", &[], Kept),
    ("upper-case names", "names = 'upper-case'\nenable_status = true", &[], Kept),
    ("keeps 5 characters of a name", "name_length = 5\nenable_status = true", &[], Kept),
    ("pads names", "names = 'padded'\nenable_status = true", &[], Desired),
    ("refuses slots 3 to 5", "refused_slots = [3, 4, 5]\nenable_status = true", &[], Desired),
    ("refuses slot 3 with C9h", "refused_slots = [3]\nrefused_cc = 0xc9\nenable_status = true", &[], Desired),
    ("free slots have no name to read", "empty_cc = 0xcc\nenable_status = true", &[], Desired),
    ("free slots are (Empty User)", "empty_name = '(Empty User)'\nenable_status = true", &[], Desired),
    ("access of free slots cannot be read", "empty_access_cc = 0xcc\nenable_status = true", &[], Desired),
    (
        "more users are enabled than can be read",
        "empty_access_cc = 0xcc\nenabled_count = 4\nenable_status = true",
        &[],
        True,
    ),
    ("access of slot 1 cannot be read", "enable_status = true", &["06 44/**01 cc CC"], Desired),
    ("63 slots, 16 of them real", "enable_status = true\nreal_slots = 16\nrange_cc = 0xc9", &[], Desired),
    ("free slots cannot be disabled", "disable_empty_cc = 0xcc\nenable_status = true", &[], Desired),
    (
        "keeps no password, has no test",
        "weak_min = 20\nweak_silent = true\ntest_cc = 0xcc\nenable_status = true",
        &[],
        Kept,
    ),
    ("keeps no password, test accepts any", "test_any = true", &["06 47/**02 cc 00"], Kept),
    ("keeps no password", "enable_status = true", &["06 47/**02 cc 00"], Kept),
    (
        "keeps no password, and disables no new user",
        "enable_status = true",
        &["06 47/**02 cc 00", "06 47/0300 cc CC"],
        Kept,
    ),
    ("keeps 8 bytes of a password", "enable_status = true", &["06 47/**02 shorten 8"], Kept),
    ("refuses any password with C8h", "enable_status = true", &["06 47/**02 cc C8"], Kept),
    ("no test of passwords", "test_cc = 0xc1\nenable_status = true", &[], True),
    ("the test accepts any password", "test_any = true\nenable_status = true", &[], True),
    (
        "refuses : = @ + with CCh",
        "weak_characters = ':=@+'\nweak_cc = 0xcc\nenable_status = true",
        &[],
        Desired,
    ),
    (
        "ignores passwords with : = @ +",
        "weak_characters = ':=@+'\nweak_silent = true\nenable_status = true",
        &[],
        Desired,
    ),
    (
        "takes letters and digits only",
        "weak_characters = '!\"#$%&()*+,-./:;<=>?@[\\\\]^_`{|}~'\nweak_cc = 0xcc\nenable_status = true",
        &[],
        Desired,
    ),
    (
        "needs three classes, and no name in a password",
        "weak_min = 8\nweak_classes = 3\nweak_name = true\nweak_cc = 0xc8\nenable_status = true",
        &[],
        Desired,
    ),
    ("passwords of 20 bytes only", "password_bytes = 20\nenable_status = true", &[], Desired),
    ("passwords of 16 bytes only", "password_bytes = 16\nenable_status = true", &[], Desired),
    ("enabling needs a password", "enable_needs_password_cc = 0xcc\nenable_status = true", &[], Desired),
    ("access needs a name", "access_needs_name_cc = 0xcc\nenable_status = true", &[], Desired),
    ("access needs an enabled user", "access_needs_enabled_cc = 0xd5\nenable_status = true", &[], True),
    ("access needs 4 bytes", "access_length = 4\nenable_status = true", &[], True),
    ("enabling needs 18 bytes", "enable_needs_bytes = true\nenable_status = true", &[], True),
    ("a name takes 0.3 s, C0h", "name_settles = { ms = 300, cc = 0xc0 }\nenable_status = true", &[], Desired),
    ("a name takes 0.3 s, D5h", "name_settles = { ms = 300, cc = 0xd5 }\nenable_status = true", &[], Desired),
    ("enabling is refused twice", "enable_status = true", &["06 47/0301 times 2 cc CC"], True),
    ("a password is refused with D5h twice", "enable_status = true", &["06 47/0302 times 2 cc D5"], Desired),
    ("a password of slot 3 is that of slot 2", "cross_password = [3, 2]\nenable_status = true", &[], Desired),
    ("users may only be read", "enable_status = true", &["06 43 cc D4", "06 45 cc D4", "06 47 cc D4"], Kept),
    ("slot 1 cannot be disabled", "slot1_enable_cc = 0xcc\nenable_status = true", &[], Desired),
    ("nobody can be disabled", "enable_status = true", &["06 47/**00 cc CC"], Incomplete),
    ("answers yes and disables nobody", "enable_status = true", &["06 47/**00 cc 00"], Incomplete),
    ("answers yes and enables nobody", "enable_status = true", &["06 47/**01 cc 00"], Kept),
    ("answers yes and gives no access", "enable_status = true", &["06 43 cc 00"], Kept),
    ("disabling slot 2 disables slot 3", "enable_status = true\ncross_disable = [2, 3]", &[], Incomplete),
    (
        "IPMI over LAN is off and cannot be enabled",
        "enable_status = true",
        &["06 40 cc FF", "06 41 data 0004"],
        Kept,
    ),
    ("no access to the channel settings", "enable_status = true", &["06 40 cc FF", "06 41 cc FF"], True),
];

#[test]
fn somebody_can_log_in_and_the_outcome_is_true() {
    check(CASES, |(name, keys, faults, expected)| {
        let stand = Stand::with(&format!("{}\n[host.bmc.quirks]\n{keys}", users(FACTORY)));
        stand.faults(faults);
        judge(name, &stand, ONLY_STAGE1, &[("root", "factory")], *expected)
    });
}

/// A case with a whole BMC: name, keys, policy, users of before, and what it must come to.
type WholeCase =
    (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)], Expected);

const STATIC: &str = "
unknown_users = 'disable'
[[users]]
name = 'stage1'
password = 'Correct-Horse-1'
[lan]
source = 'static'
address = '10.9.0.77'
prefix = 24
gateway = '10.9.0.1'
";
/// Another password for the factory's user, and nobody else.
const OTHER_PASSWORD: &str =
    "unknown_users = 'disable'\n[[users]]\nname = 'root'\npassword = 'Correct-Horse-1'\n";
const ROOT: &[(&str, &str)] = &[("root", "factory")];
const NULL: &str = "[[user]]\nslot = 1\n[[user]]\nslot = 2\nname = 'root'\npassword = 'factory'\n";
const NULL_AND_ROOT: &[(&str, &str)] = &[("root", "factory"), ("", "")];

const WHOLE_CASES: &[WholeCase] = &[
    (
        "the null user is enabled",
        "USERS NULL\n[host.bmc.quirks]\nenable_status = true",
        ONLY_STAGE1,
        NULL_AND_ROOT,
        Desired,
    ),
    (
        "the null user cannot be disabled",
        "USERS NULL\n[host.bmc.quirks]\nenable_status = true\nslot1_enable_cc = 0xcc",
        ONLY_STAGE1,
        NULL_AND_ROOT,
        Incomplete,
    ),
    (
        "channel 1 has no address",
        "lan_channel = 3\nUSERS ROOT\n[[host.bmc.channel]]\nnumber = 1\n[host.bmc.quirks]\nenable_status = true",
        ONLY_STAGE1,
        ROOT,
        Desired,
    ),
    (
        "channel 1 is the USB host interface",
        "lan_channel = 2\nUSERS ROOT\n[[host.bmc.channel]]\nnumber = 1\naddress = '169.254.3.254'\n\
         [host.bmc.quirks]\nenable_status = true",
        ONLY_STAGE1,
        ROOT,
        Desired,
    ),
    (
        "channels 1 and 8 are not used",
        "lan_channel = 3\nUSERS ROOT\n[[host.bmc.channel]]\nnumber = 1\n[[host.bmc.channel]]\nnumber = 8\n\
         source = 'dhcp'\n[host.bmc.quirks]\nenable_status = true",
        STATIC,
        ROOT,
        Desired,
    ),
    (
        "the LAN is of another medium",
        "medium = 'other-lan'\nUSERS ROOT\n[host.bmc.quirks]\nenable_status = true",
        ONLY_STAGE1,
        ROOT,
        Desired,
    ),
    (
        "the channel is limited to operators",
        "limit = 'operator'\nUSERS ROOT\n[host.bmc.quirks]\nenable_status = true",
        ONLY_STAGE1,
        &[],
        Desired,
    ),
    (
        "the lock of the LAN is refused",
        "source = 'dhcp'\nUSERS ROOT\n[host.bmc.quirks]\nenable_status = true\nset_in_progress_cc = 0xd5",
        STATIC,
        ROOT,
        Desired,
    ),
    (
        "the address is read-only for 0.3 s, D5h",
        "source = 'dhcp'\nUSERS ROOT\n[host.bmc.quirks]\nenable_status = true\n\
         source_settles = { ms = 300, cc = 0xd5 }",
        STATIC,
        ROOT,
        Desired,
    ),
    (
        "the address is read-only for 0.3 s, 82h",
        "source = 'dhcp'\nUSERS ROOT\n[host.bmc.quirks]\nenable_status = true\n\
         source_settles = { ms = 300, cc = 0x82 }",
        STATIC,
        ROOT,
        Desired,
    ),
    (
        "the BMC is silent for 0.5 s after LAN parameters were set",
        "source = 'dhcp'\nUSERS ROOT\n[host.bmc.quirks]\nenable_status = true\nreset_after_lan_ms = 500",
        STATIC,
        ROOT,
        True,
    ),
    (
        "63 slots, each response takes 10 ms",
        "slots = 63\nUSERS ROOT\n[host.bmc.quirks]\nenable_status = true\nlatency_ms = 10",
        ONLY_STAGE1,
        ROOT,
        Desired,
    ),
    (
        "the user exists without messaging",
        "USERS ROOT\n[[host.bmc.user]]\nslot = 3\nname = 'stage1'\npassword = 'old'\nprivilege = 'user'\n\
         messaging = false\n[host.bmc.quirks]\nenable_status = true",
        STATIC,
        ROOT,
        Desired,
    ),
    (
        "two slots have the user's name",
        "USERS ROOT\n[[host.bmc.user]]\nslot = 3\nname = 'stage1'\npassword = 'Correct-Horse-1'\n\
         [[host.bmc.user]]\nslot = 4\nname = 'stage1'\npassword = 'other'\n[host.bmc.quirks]\nenable_status = true",
        STATIC,
        ROOT,
        True,
    ),
    (
        "the factory's user is desired",
        "USERS ROOT\n[host.bmc.quirks]\nenable_status = true",
        OTHER_PASSWORD,
        ROOT,
        Desired,
    ),
    (
        "the factory's user is desired, and its password ignored",
        "USERS ROOT\n[host.bmc.quirks]\nenable_status = true\nweak_min = 20\nweak_silent = true",
        OTHER_PASSWORD,
        ROOT,
        Kept,
    ),
    (
        "the factory's user is desired, its password ignored, and there is no test",
        "USERS ROOT\n[host.bmc.quirks]\nenable_status = true\nweak_min = 20\nweak_silent = true\ntest_cc = 0xcc",
        OTHER_PASSWORD,
        ROOT,
        True,
    ),
    (
        "the factory's user is desired, and its password refused",
        "USERS ROOT\n[host.bmc.quirks]\nenable_status = true\nweak_min = 20\nweak_cc = 0xc8",
        OTHER_PASSWORD,
        ROOT,
        Kept,
    ),
    (
        "the user exists, and its password is refused",
        "USERS ROOT\n[[host.bmc.user]]\nslot = 3\nname = 'stage1'\npassword = 'old'\n\
         [host.bmc.quirks]\nenable_status = true\nweak_min = 20\nweak_cc = 0xcc",
        ONLY_STAGE1,
        &[("root", "factory"), ("stage1", "old")],
        Kept,
    ),
    (
        "the user is disabled, and its password ignored",
        "USERS ROOT\n[[host.bmc.user]]\nslot = 3\nname = 'stage1'\nenabled = false\n\
         [host.bmc.quirks]\nenable_status = true\nweak_min = 20\nweak_silent = true",
        ONLY_STAGE1,
        ROOT,
        Kept,
    ),
    (
        "all slots are taken",
        "slots = 3\nUSERS ROOT\n[[host.bmc.user]]\nslot = 3\nname = 'guest'\npassword = 'guest'\n\
         [host.bmc.quirks]\nenable_status = true\nslot_1_named = true\n\
         [[host.bmc.user]]\nslot = 1\nname = 'ops'\npassword = 'ops'\n",
        ONLY_STAGE1,
        ROOT,
        Kept,
    ),
    (
        "access on the channel with the cable is ignored",
        "lan_channel = 3\nfaults = ['06 43/B3 cc 00']\nUSERS ROOT\n[[host.bmc.channel]]\nnumber = 1\n\
         [host.bmc.quirks]\nenable_status = true",
        ONLY_STAGE1,
        ROOT,
        Kept,
    ),
    (
        "a lease takes 0.3 s",
        "USERS ROOT\n[host.bmc.quirks]\nenable_status = true\ndhcp_ms = 300",
        "unknown_users = 'disable'\n[[users]]\nname = 'stage1'\npassword = 'Correct-Horse-1'\n[lan]\nsource = 'dhcp'\n",
        ROOT,
        True,
    ),
    (
        "a desired password is changed by the next user's",
        "USERS ROOT\n[host.bmc.quirks]\nenable_status = true\ncross_password = [3, 2]",
        "[[users]]\nname = 'root'\npassword = 'Correct-Horse-1'\n\
         [[users]]\nname = 'watch'\nprivilege = 'operator'\npassword = 'Battery-Staple-2'\n",
        ROOT,
        True,
    ),
];

#[test]
fn channels_and_lan_parameters_lock_nobody_out() {
    check(WHOLE_CASES, |(name, keys, policy, before, expected)| {
        let keys = keys.replace("USERS NULL", &users(NULL)).replace("USERS ROOT", &users(FACTORY));
        judge(name, &Stand::with(&keys), policy, before, *expected)
    });
}

/// The tables of users as part of a host's BMC.
fn users(tables: &str) -> String {
    tables.replace("[[user]]", "[[host.bmc.user]]")
}

/// Each write of a whole run: ignored by a BMC that answers yes to it; done without an answer; lost.
#[test]
fn any_write_can_be_ignored_or_lost() {
    let keys = format!("{}\n[host.bmc.quirks]\nenable_status = true", users(FACTORY));
    let stand = Stand::with(&keys);
    let mut wrong = judge("no write is ignored", &stand, ONLY_STAGE1, ROOT, True);
    let writes: BTreeSet<String> = stand
        .bmc
        .proxy()
        .writes()
        .iter()
        .map(|write| {
            let bytes = write.data.iter().take(2).map(|byte| format!("{byte:02X}")).collect::<String>();
            format!("{:02X} {:02X}/{bytes}", write.net_fn, write.code)
        })
        .collect();
    assert!(writes.len() >= 5, "{writes:?}");
    let faults = ["cc 00", "times 1 lose", "times 1 drop"];
    let rules: Vec<String> =
        writes.iter().flat_map(|write| faults.map(|fault| format!("{write} {fault}"))).collect();
    let found = parallel(&rules, |rule| {
        let stand = Stand::with(&keys);
        stand.faults(&[rule]);
        // The agent may find another way, such as the next slot.
        judge(rule, &stand, ONLY_STAGE1, ROOT, True)
    });
    wrong.extend(found.into_iter().flatten());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Four boots with a BMC that keeps another name: slots are not used up, and the user of before can log in.
#[test]
fn boots_do_not_use_up_the_slots() {
    let policy = "unknown_users = 'disable'\n[[users]]\nname = 'sixteen-letters-'\ngenerate = true\n";
    let quirks = ["name_length = 15", "names = 'upper-case'", "names = 'ignored'", "names = 'padded'"];
    check(&quirks, |quirk| {
        let keys = format!("slots = 8\n{}\n[host.bmc.quirks]\nenable_status = true\n{quirk}", users(FACTORY));
        let stand = Stand::with(&keys);
        let boot = || run_patiently(&stand, policy, &|_, _| Ok(())).outcome.is_as_desired;
        let as_desired: Vec<bool> = (0..4).map(|_| boot()).collect();
        let names: Vec<String> = (2..9).filter_map(|slot| stand.name_in(slot)).collect();
        let root = stand.logs_in("root", "factory");
        let is_padded = *quirk == "names = 'padded'";
        let right = as_desired == [is_padded; 4] && names.len() <= 2 && root != is_padded;
        let found = format!("{quirk}: as desired: {as_desired:?}; names: {names:?}; root: {root}");
        if right { Vec::new() } else { vec![found] }
    });
}
