// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent applies a desired configuration, which is verified from outside.

use std::cell::RefCell;
use std::net::Ipv4Addr;

use anyhow::bail;
use stage1_contract::{PasswordState, Secret};

use crate::Stand;
use crate::agent::{Run, run, run_with};

/// Users, their passwords, and every setting.
pub const FULL: &str = "
ipmi_over_lan = true
cipher_suite_0 = false
serial_over_lan = true
set_clock = true
identify_off = true
watchdog = { action = 'reset', seconds = 300 }
[[users]]
name = 'boss'
password = 'Correct-Horse-1'
[[users]]
name = 'ops'
privilege = 'operator'
password = 'Battery-Staple-2'
[lan]
source = 'static'
address = '10.9.0.77'
prefix = 20
gateway = '10.9.0.1'
vlan = 12
";

/// What ipmi_sim lacks: cipher suite 0, enabled for every level (LAN parameter 23); channel access that is disabled until
/// it is set; an identify LED, which is on; and that its watchdog is reported as running once it is set.
const LACKING: [&str; 4] =
    [SUITES, "06 41 times 4 data 0004", "00 01 times 1 data 000060", "06 25 after 1 data 44010010B80BB80B"];
/// See [`LACKING`].
const SUITES: &str = "0C 02/**17 data 11000001020304050607080910111213141516";
/// See [`LACKING`].
const RUNS: &str = "06 25 data 44010010B80BB80B";

/// A BMC of which no setting is that of [`FULL`].
pub fn different() -> Stand {
    let stand = Stand::up("source = 'dhcp'", "");
    stand.faults(&LACKING);
    // Serial over LAN: off.
    assert_eq!(stand.ask(0x0c, 0x21, &[1, 1, 0]), [0]);
    stand.bmc.proxy().reset_counts();
    stand
}

/// The requests that changed something.
fn writes(stand: &Stand) -> Vec<String> {
    stand.bmc.proxy().writes().iter().map(ToString::to_string).collect()
}

fn done(run: &Run) -> Vec<&str> {
    run.outcome
        .changes
        .iter()
        .filter(|change| change.failure.is_none())
        .map(|change| change.what.as_str())
        .collect()
}

fn passwords(run: &Run) -> Vec<PasswordState> {
    run.outcome.users.iter().map(|user| user.password.clone()).collect()
}

fn logs_in(stand: &Stand, user: &str, password: &str) -> bool {
    stand.bmc.ipmitool(user, password, &["chassis", "status"]).is_ok()
}

fn user(name: &str, password: &str) -> String {
    format!("[[users]]\nname = '{name}'\npassword = '{password}'\n")
}

#[test]
fn applies_every_setting_and_then_changes_nothing() {
    let stand = different();
    let first = run(&stand, FULL);
    assert!(first.problems.is_empty() && first.outcome.is_as_desired, "{:#?}", first.problems);
    assert_eq!(passwords(&first), [PasswordState::Proven, PasswordState::Proven]);
    assert_eq!(first.outcome.unknown_users, ["2 ADMIN"]);
    assert_eq!(
        done(&first),
        [
            "user 3: name boss",
            "user 3 boss: password",
            "user 3 boss: administrator with IPMI messaging on the LAN channel",
            "user 3 boss: enabled",
            "user 4: name ops",
            "user 4 ops: password",
            "user 4 ops: operator with IPMI messaging on the LAN channel",
            "user 4 ops: enabled",
            "IPMI over LAN: always available",
            "cipher suite 0: disabled",
            "serial over LAN: enabled",
            "clock: set by the host's",
            "identify LED: off",
            "watchdog: reset after 300 s",
            "LAN: address source static, address 10.9.0.77, mask 255.255.240.0, gateway 10.9.0.1, VLAN 12",
        ]
    );
    assert!(first.outcome.took_ms < 2000, "{} ms", first.outcome.took_ms);
    assert_eq!(stand.bmc.address().unwrap(), Ipv4Addr::new(10, 9, 0, 77));
    let see = |words: &[&str], expected: &[&str]| {
        let printed = stand.bmc.ipmitool("boss", "Correct-Horse-1", words).unwrap();
        // Without its columns.
        let plain = printed.split_whitespace().collect::<Vec<_>>().join(" ");
        for line in expected {
            assert!(plain.contains(line), "{line}: {printed}");
        }
    };
    see(&["user", "list", "1"], &["3 boss true true true ADMINISTRATOR 4 ops true true true OPERATOR 5 "]);
    see(
        &["lan", "print", "1"],
        &[
            "IP Address Source : Static Address",
            "Subnet Mask : 255.255.240.0",
            "Default Gateway IP : 10.9.0.1",
            "802.1q VLAN ID : 12",
            "Cipher Suite Priv Max : Xaaaaaaaaaaaaaa",
        ],
    );
    see(
        &["channel", "info", "1"],
        &["Access Mode : always available Non-Volatile", "Access Mode : always available"],
    );
    see(&["sol", "info", "1"], &["Enabled : true"]);
    see(&["mc", "watchdog", "get"], &["Watchdog Timer Action: Hard Reset", "Initial Countdown: 300.0 sec"]);
    assert!(first.survey.config.clock_ahead_s.is_some_and(|ahead| ahead.abs() <= 2));

    for (user, password) in [("boss", "Battery-Staple-2"), ("boss", ""), ("ADMIN", "wrong")] {
        assert!(!logs_in(&stand, user, password), "{user}");
    }
    // Without the LED, and with the watchdog running.
    stand.faults(&[SUITES, RUNS]);
    stand.bmc.proxy().reset_counts();
    let second = run(&stand, FULL);
    assert_eq!((writes(&stand), second.outcome.changes, second.problems), (vec![], vec![], vec![]));
    assert!(second.outcome.is_as_desired);
}

/// A test of its own: with cipher suite 0 disabled, ipmi_sim applies its level to operators.
#[test]
fn an_operator_logs_in_as_operator_and_no_more() {
    let stand = Stand::up("", "");
    let ops = "[[users]]\nname = 'ops'\nprivilege = 'operator'\npassword = 'Battery-Staple-2'\n";
    assert!(run(&stand, ops).outcome.is_as_desired);
    let act = |password: &str, words: &[&str]| {
        let words = [&["-L", "OPERATOR"], words].concat();
        stand.bmc.ipmitool("ops", password, &words).map_err(|error| error.to_string())
    };
    act("Battery-Staple-2", &["chassis", "identify", "0"]).unwrap();
    let error = act("Battery-Staple-2", &["user", "disable", "2"]).unwrap_err();
    assert!(error.contains("nsufficient privilege"), "{error}");
    let error = act("Battery-Staple", &["chassis", "identify", "0"]).unwrap_err();
    assert!(error.contains("Unable to establish"), "{error}");
}

#[test]
fn after_a_refusal_the_rest_is_applied() {
    let stand = Stand::up("", "");
    let desired = format!(
        "power_restore = 'previous'\nset_clock = true\nwatchdog = {{ action = 'bark', seconds = 9 }}\n\
         {}[[users]]\nname = 'root'\nprivilege = 'god'\npassword = 'Battery-Staple-2'\n{}[lan]\nvlan = 4095\n",
        user("much-too-long-name", "Battery-Staple-2"),
        user("boss", "Correct-Horse-1"),
    );
    let run = run(&stand, &desired);
    let mut expected = [
        "user 3: name much-too-long-name: user much-too-long-name: a name must have 1 to 16 printable ASCII",
        "user root: unknown privilege level \"god\"; use one of callback, user, operator, administrator, oem",
        "LAN: VLAN 4095 is not within 0 to 4094",
        "watchdog: bark after 9 s: unknown action; use stop, reset, power-off or power-cycle",
        "power restore policy: previous: Set Power Restore Policy: 0xc1, invalid command",
    ]
    .to_vec();
    expected.retain(|expected| !run.problems.iter().any(|problem| problem.starts_with(expected)));
    assert!(expected.is_empty() && run.problems.len() == 5, "{expected:#?} {:#?}", run.problems);
    assert!(!run.outcome.is_as_desired);
    assert_eq!(passwords(&run), [PasswordState::Failed, PasswordState::Failed, PasswordState::Proven]);
    assert!(logs_in(&stand, "boss", "Correct-Horse-1") && done(&run).contains(&"clock: set by the host's"));
}

#[test]
fn unknown_users_are_reported_or_disabled_after_the_desired_ones_are_in_place() {
    let others = "[[host.bmc.user]]\nslot = 1\npassword = 'null'\n\
                  [[host.bmc.user]]\nslot = 4\nname = 'guest'\npassword = 'guest'\n";
    let stand = Stand::up("", others);
    let boss = user("boss", "Correct-Horse-1");
    assert_eq!(run(&stand, &boss).outcome.unknown_users, ["1 (no name)", "2 ADMIN", "4 guest"]);
    assert!(logs_in(&stand, "guest", "guest"));

    let both = format!("unknown_users = 'disable'\n{boss}{}", user("ops", "Battery-Staple-2"));
    stand.faults(&["06 47/**02 cc CC"]);
    let hindered = run(&stand, &both);
    let expected = "unknown users stay enabled until all desired users can log in";
    assert!(hindered.problems.iter().any(|problem| problem == expected), "{:#?}", hindered.problems);
    assert!(logs_in(&stand, "guest", "guest") && logs_in(&stand, "ADMIN", "factory"));

    stand.faults(&[]);
    stand.bmc.proxy().reset_counts();
    let done_at_last = run(&stand, &both);
    assert!(done_at_last.problems.is_empty(), "{:#?}", done_at_last.problems);
    let disabled = ["user 1 (no name): disabled", "user 2 ADMIN: disabled", "user 4 guest: disabled"];
    assert_eq!(done(&done_at_last)[4 - 1..], disabled);
    let written = writes(&stand);
    let is_disabling = |write: &&String| write.starts_with("06 47 0") && write[9..].starts_with("00");
    let disabling = written.iter().position(|write| is_disabling(&write)).unwrap();
    let enabling =
        written.iter().rposition(|write| write.starts_with("06 47 0") && write[9..].starts_with("01"));
    assert!(enabling.is_some_and(|enabling| enabling < disabling), "{written:#?}");
    assert!(!logs_in(&stand, "guest", "guest") && !logs_in(&stand, "ADMIN", "factory"));
    assert!(logs_in(&stand, "boss", "Correct-Horse-1") && logs_in(&stand, "ops", "Battery-Staple-2"));
    assert!(!written.iter().any(|write| write.starts_with("06 45 01")), "the null user gets no name");
    stand.bmc.proxy().reset_counts();
    run(&stand, &both);
    assert_eq!(writes(&stand), Vec::<String>::new());

    // Desired after all.
    assert!(run(&stand, &user("guest", "Battery-Staple-2")).outcome.is_as_desired);
    assert!(logs_in(&stand, "guest", "Battery-Staple-2"));
}

#[test]
fn another_password_is_set_if_the_bmc_can_verify_it() {
    let stand = Stand::up("", "");
    // Regardless of an earlier report.
    let rotated = run(&stand, &format!("{}in_place = true\n", user("ADMIN", "Correct-Horse-1")));
    assert_eq!(done(&rotated), ["user 2 ADMIN: password", "user 2 ADMIN: enabled"]);
    assert_eq!(passwords(&rotated), [PasswordState::Proven]);
    assert!(logs_in(&stand, "ADMIN", "Correct-Horse-1") && !logs_in(&stand, "ADMIN", "factory"));
}

#[test]
fn a_password_in_place_is_not_set_again_if_the_bmc_cannot_verify_it() {
    // It accepts any password, as ipmi_sim itself does; it has no test.
    for answer in ["00", "C1"] {
        let stand = Stand::up("", "");
        stand.faults(&[&format!("06 47/**03 cc {answer}")]);
        let desired = user("ADMIN", "Correct-Horse-1");
        for _ in 0..2 {
            stand.bmc.proxy().reset_counts();
            let rotated = run(&stand, &desired);
            assert_eq!(passwords(&rotated), [PasswordState::Set], "{answer}");
            let expected = "user ADMIN: the password was set, but the BMC cannot prove it: log in from outside to verify it";
            assert_eq!(rotated.problems, [expected]);
            assert!(writes(&stand).contains(&"06 47 02 02 (16 secret bytes) -> 00".to_string()));
            assert!(logs_in(&stand, "ADMIN", "Correct-Horse-1") && !logs_in(&stand, "ADMIN", "factory"));
        }
        stand.bmc.proxy().reset_counts();
        let second = run(&stand, &format!("{desired}in_place = true\n"));
        assert_eq!((writes(&stand), passwords(&second)), (vec![], vec![PasswordState::Believed]), "{answer}");
    }
}

#[test]
fn a_new_user_whose_password_cannot_be_proven_stays_disabled_and_the_others_enabled() {
    // The BMC keeps no new password, and has no test of passwords or one that accepts any.
    for answer in ["C1", "00"] {
        let stand = Stand::up("", "");
        stand.faults(&["06 47/0302 cc 00", &format!("06 47/**03 cc {answer}")]);
        let run = run(&stand, &format!("unknown_users = 'disable'\n{}", user("boss", "Correct-Horse-1")));
        assert_eq!(passwords(&run), [PasswordState::Failed]);
        assert!(!run.outcome.is_as_desired && logs_in(&stand, "ADMIN", "factory"), "{:#?}", run.problems);
        assert!(!logs_in(&stand, "boss", "") && !logs_in(&stand, "boss", "Correct-Horse-1"));
        assert!(
            run.problems
                .iter()
                .any(|problem| problem.starts_with("user boss: the BMC has no test that proves")),
            "{:#?}",
            run.problems
        );
        assert!(
            run.problems
                .contains(&"unknown users stay enabled until all desired users can log in".to_string())
        );
    }
}

#[test]
fn a_name_that_the_bmc_does_not_keep_locks_nobody_out() {
    let stand = Stand::up("", "");
    stand.faults(&["06 45 cc 00"]);
    let desired = format!("unknown_users = 'disable'\n{}", user("boss", "Correct-Horse-1"));
    let failed = run(&stand, &desired);
    assert_eq!(done(&failed), Vec::<&str>::new());
    assert!(!failed.outcome.is_as_desired && logs_in(&stand, "ADMIN", "factory"), "{:#?}", failed.problems);
    let written = writes(&stand);
    assert!(written.iter().all(|write| write.starts_with("06 45")), "{written:#?}");

    // Three slots are reserved: the next one is taken.
    stand.faults(&["06 45/03 cc CC", "06 45/04 cc CC", "06 45/05 cc 00"]);
    let run = run(&stand, &desired);
    assert!(run.outcome.is_as_desired, "{:#?}", run.problems);
    assert_eq!(run.outcome.users[0].slot, Some(6));
    assert!(logs_in(&stand, "boss", "Correct-Horse-1") && !logs_in(&stand, "ADMIN", "factory"));
}

#[test]
fn a_made_up_password_that_is_refused_is_followed_by_another() {
    let stand = Stand::up("", "");
    stand.faults(&["06 47/0302 times 1 cc CC", "06 47/8302 times 1 cc CC", "06 47/0302 times 1 cc 00"]);
    let kept: RefCell<Vec<Secret>> = RefCell::default();
    let escrow = |_: &str, secret: &Secret| {
        kept.borrow_mut().push(secret.clone());
        Ok(())
    };
    let made = run_with(&stand, "[[users]]\nname = 'boss'\ngenerate = true\n", &escrow);
    assert_eq!((passwords(&made), &made.problems), (vec![PasswordState::Proven], &vec![]));
    let kept = kept.borrow();
    let plain = |secret: &Secret| secret.reveal().chars().all(|c| c.is_ascii_alphanumeric());
    assert!(!plain(&kept[0]) && plain(&kept[1]));
    // Two of 20 bytes, of which ipmi_sim keeps 16, and one of 12.
    assert_eq!(kept.iter().map(|secret| secret.reveal().len()).collect::<Vec<_>>(), [16, 16, 20, 20, 12]);
    assert!(logs_in(&stand, "boss", kept[4].reveal()));
}

#[test]
fn a_user_with_the_password_of_its_maker_is_a_problem() {
    let stand = Stand::up("", "[[host.bmc.user]]\nslot = 4\nname = 'root'\npassword = 'calvin'\n");
    let run = run(&stand, &user("boss", "Correct-Horse-1"));
    assert_eq!(
        run.problems,
        [
            "baseline: user 4 root can log in with the password of its maker: set another one, or disable the user"
        ]
    );
    assert!(!run.outcome.is_as_desired && logs_in(&stand, "root", "calvin"));
}

#[test]
fn a_generated_password_is_stored_before_it_is_set() {
    let stand = Stand::up("", "");
    let desired = "[[users]]\nname = 'boss'\ngenerate = true\n";
    let kept: RefCell<Vec<Secret>> = RefCell::default();
    let escrow = |user: &str, secret: &Secret| {
        assert_eq!((user, writes(&stand)), ("boss", vec![]));
        kept.borrow_mut().push(secret.clone());
        Ok(())
    };
    let made = run_with(&stand, desired, &escrow);
    assert_eq!((passwords(&made), &made.problems), (vec![PasswordState::Proven], &vec![]));
    let first = kept.borrow()[0].reveal().to_string();
    assert!(first.len() == 16 && logs_in(&stand, "boss", &first));

    stand.bmc.proxy().reset_counts();
    let again = run(&stand, &format!("{desired}in_place = true\n"));
    assert_eq!((writes(&stand), passwords(&again)), (vec![], vec![PasswordState::Believed]));
    assert!(logs_in(&stand, "boss", &first));

    run_with(&stand, desired, &escrow);
    let second = kept.borrow()[1].reveal().to_string();
    assert!(first != second && logs_in(&stand, "boss", &second) && !logs_in(&stand, "boss", &first));
}

#[test]
fn a_password_that_cannot_be_stored_is_not_set() {
    let stand = Stand::up("", "");
    let desired = format!("[[users]]\nname = 'boss'\ngenerate = true\n{}", user("ops", "Battery-Staple-2"));
    let run = run_with(&stand, &desired, &|_, _| bail!("the inventory is unreachable"));
    assert_eq!(run.problems, ["user boss: generating a password: the inventory is unreachable"]);
    assert_eq!(passwords(&run), [PasswordState::Failed, PasswordState::Proven]);
    let written = writes(&stand);
    assert!(
        !written.is_empty() && written.iter().all(|write| !write.starts_with("06 45 03")),
        "{written:#?}"
    );
    assert!(!written.iter().any(|write| write.starts_with("06 47 03")), "{written:#?}");
    assert!(logs_in(&stand, "ops", "Battery-Staple-2"));
}

#[test]
fn a_password_has_as_many_bytes_as_the_bmc_requires() {
    // A BMC that stores 20 bytes, and rejects 16.
    let stand = Stand::up("", "");
    stand.faults(&["06 47/0302 cc C7", "06 47/0303 cc 81"]);
    let short = run(&stand, &user("boss", "Correct-Horse-1"));
    assert_eq!(passwords(&short), [PasswordState::Proven], "{:#?}", short.problems);
    let written = writes(&stand);
    let sent = |write: &str| written.iter().any(|written| written == write);
    assert!(
        sent("06 47 03 02 (16 secret bytes) -> c7") && sent("06 47 83 02 (20 secret bytes) -> 00"),
        "{written:#?}"
    );
    assert!(logs_in(&stand, "boss", "Correct-Horse-1"));

    // ipmi_sim, which accepts 20 bytes and stores 16.
    let stand = Stand::up("", "");
    let long = run(&stand, &user("boss", "0123456789abcdefghij"));
    let expected = "user boss: the BMC accepted the password, but its own test rejects it";
    assert_eq!((passwords(&long), long.problems), (vec![PasswordState::Failed], vec![expected.to_string()]));
    assert!(!logs_in(&stand, "boss", "0123456789abcdefghij"));

    let stand = Stand::up("", "");
    let longer = run(&stand, &user("boss", "0123456789abcdefghijk"));
    assert_eq!(longer.problems, ["user 3 boss: password: a password must have 1 to 20 bytes"]);
    assert_eq!(passwords(&longer), [PasswordState::Failed]);
}

#[test]
fn the_lan_can_be_another_channel_with_dhcp() {
    let stand = Stand::up("lan_channel = 8", "");
    let desired = "[lan]\nsource = 'dhcp'\naddress = '10.9.0.77'\nvlan = 0\n";
    let leased = run(&stand, desired);
    assert!(leased.outcome.is_as_desired, "{:#?}", leased.problems);
    assert_eq!(done(&leased), ["LAN: address source DHCP"]);
    assert_eq!(
        writes(&stand),
        ["0c 01 08 00 01 -> 00", "0c 01 08 04 02 -> 00", "0c 01 08 00 02 -> 00", "0c 01 08 00 00 -> 00"]
    );
    let printed = stand.bmc.ipmitool("ADMIN", "factory", &["lan", "print", "8"]).unwrap();
    assert!(printed.contains("IP Address Source       : DHCP Address"), "{printed}");
    stand.bmc.proxy().reset_counts();
    run(&stand, desired);
    assert_eq!(writes(&stand), Vec::<String>::new());
}

#[test]
fn a_running_watchdog_is_stopped() {
    let stand = Stand::up("", "");
    stand.faults(&["06 25 times 1 data 44010010B80BB80B"]);
    let desired = "watchdog = { action = 'stop', seconds = 0 }\n";
    let stopped = run(&stand, desired);
    assert!(stopped.outcome.is_as_desired, "{:#?}", stopped.problems);
    assert_eq!(done(&stopped), ["watchdog: stopped"]);
    // Set Watchdog Timer, and no Reset Watchdog Timer, which would start it.
    let counts = stand.bmc.proxy().counts();
    assert_eq!((counts.get(&(6, 0x24)), counts.get(&(6, 0x22))), (Some(&1), None));
    assert!(done(&run(&stand, desired)).is_empty());
}

#[test]
fn a_new_user_can_use_serial_over_lan_at_once() {
    let stand = Stand::up("", "");
    // Get User Payload Access, which ipmi_sim does not have, reports no access, and access after Set User Payload Access.
    stand.faults(&["06 4D times 1 answer 0000000000", "06 4D answer 0002000000", "06 4C answer 00"]);
    let desired = format!("serial_over_lan = true\n{}", user("boss", "Correct-Horse-1"));
    let made = run(&stand, &desired);
    assert!(made.outcome.is_as_desired, "{:#?}", made.problems);
    assert_eq!(done(&made).last(), Some(&"user 3 boss: serial over LAN"));
    assert!(done(&run(&stand, &desired)).is_empty());
}
