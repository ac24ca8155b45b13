// SPDX-License-Identifier: MIT OR Apache-2.0
//! Each fault of a BMC: the outcome, how long it takes, and the first problem.

use std::fmt::Write;
use std::thread;
use std::time::{Duration, Instant};

use stage1::bmc;
use stage1_contract::PasswordState::{self, Failed, Proven};
use stage1_rack::bmc::SOCKET;
use stage1_rack::bmc::wire::Client;

use crate::agent::{run, session};
use crate::{Stand, alone};

/// The desired configuration.
const DESIRED: &str = "
set_clock = true
[[users]]
name = 'boss'
password = 'Correct-Horse-1'
[lan]
gateway = '10.9.0.1'
";

/// The deadline of the session, and what must be left of it if a fault is temporary.
const DEADLINE: Duration = Duration::from_secs(6);
const LEFT: Duration = Duration::from_secs(1);

/// A fault, the rules that make it, the password of the user in the end (`None`: not even its device ID is known),
/// whether [the user logs in, the gateway is set], and how the first problem begins: empty, if all is as desired.
type Case = (&'static str, &'static [&'static str], Option<PasswordState>, [bool; 2], &'static str);

const BOTH: [bool; 2] = [true, true];
const USER: [bool; 2] = [true, false];
const GATEWAY: [bool; 2] = [false, true];
const NOTHING: [bool; 2] = [false, false];

const CASES: [Case; 39] = [
    ("none", &[], Some(Proven), BOTH, ""),
    (
        "busy for a while at each write",
        &["06 45 times 2 cc C0", "06 47/**02 times 2 cc C3", "0C 01 times 2 cc CE", "0A 49 times 2 cc FF"],
        Some(Proven),
        BOTH,
        "",
    ),
    (
        "busy for good at one command",
        &["06 45 cc C0"],
        Some(Failed),
        GATEWAY,
        "user 3: name boss: Set User Name: 0xc0",
    ),
    ("a read is dropped", &["06 46/03 times 1 drop"], Some(Proven), BOTH, ""),
    (
        "a write is dropped",
        &["06 45 times 1 drop"],
        Some(Failed),
        NOTHING,
        "user 3: name boss: outcome unknown",
    ),
    (
        "a write is done, its answer dropped",
        &["06 47/**02 times 1 lose"],
        Some(Failed),
        NOTHING,
        "user 3 boss: password: outcome unknown",
    ),
    ("each answer takes 20 ms", &["* * delay 20"], Some(Proven), BOTH, ""),
    ("each answer comes twice", &["* * twice"], Some(Proven), BOTH, ""),
    ("an answer comes late", &["06 46/02 times 1 late"], Some(Proven), BOTH, ""),
    ("a checksum is wrong", &["06 46/02 times 1 checksum"], Some(Proven), BOTH, ""),
    ("an answer has another's number", &["06 46/02 times 1 sequence"], Some(Proven), BOTH, ""),
    ("a slot's name is cut short", &["06 46/03 cut 3"], Some(Proven), BOTH, ""),
    ("a slot's name is no text", &["06 46/03 data FFFEFDFCFBFAF9F8F7F6F5F4F3F2F1F0"], Some(Proven), BOTH, ""),
    (
        "user access is cut short",
        &["06 44 cut 2"],
        Some(Failed),
        GATEWAY,
        "Get User Access: response truncated",
    ),
    (
        "the LAN's answers are cut short",
        &["0C 02 cut 1"],
        Some(Proven),
        BOTH,
        "LAN parameter 4, IP address source: response truncated",
    ),
    (
        "all answers are empty",
        &["* * cut 0"],
        None,
        NOTHING,
        "identifying the BMC: Get Device ID: response truncated",
    ),
    ("all answers are noise", &[NOISE], Some(Failed), NOTHING, "no LAN channel: none of the BMC's channels"),
    ("hangs at once", &["06 01 hang"], None, NOTHING, HUNG),
    ("hangs while users are read", &["06 46/05 hang"], Some(Failed), NOTHING, HUNG),
    (
        "hangs at a password",
        &["06 47/**02 hang"],
        Some(Failed),
        NOTHING,
        "user 3 boss: password: outcome unknown",
    ),
    (
        "hangs with the LAN's lock held",
        &["0C 01/**0C hang"],
        Some(Proven),
        USER,
        "LAN: gateway 10.9.0.1: outcome unknown",
    ),
    ("the connection breaks", &["06 46/05 times 1 disconnect"], Some(Failed), NOTHING, HUNG),
    (
        "no user may be read",
        &["06 44 cc D4", "06 46 cc D4"],
        Some(Failed),
        GATEWAY,
        "Get User Access: 0xd4, insufficient privilege",
    ),
    (
        "no user may be set",
        &["06 43 cc D4", "06 45 cc D4", "06 47 cc D4"],
        Some(Failed),
        GATEWAY,
        "user 3: name boss: Set User Name: 0xd4",
    ),
    (
        "no password may be set",
        &["06 47 cc D4"],
        Some(Failed),
        GATEWAY,
        "user 3 boss: password: Set User Password: 0xd4",
    ),
    ("accepts a password, not set", &["06 47/**02 cc 00"], Some(Failed), GATEWAY, WRONG),
    (
        "accepts a password, not set, and any in its test",
        &["06 47/**02 cc 00", "06 47/**03 cc 00"],
        Some(Failed),
        GATEWAY,
        "user boss: the BMC has no test that proves its password, so it is disabled again",
    ),
    ("truncates a password", &["06 47/**02 shorten 8"], Some(Failed), GATEWAY, WRONG),
    (
        "free slots read as errors",
        &["06 46 blank D4"],
        Some(Failed),
        GATEWAY,
        "user boss: no slot is known to be free: 8 of 10 cannot be read (slots 3 to 10: Get User Name: 0xd4",
    ),
    ("free slots have no name to read", &["06 46 blank CC"], Some(Proven), BOTH, ""),
    (
        "accepts a name, not set",
        &["06 45 cc 00"],
        Some(Failed),
        GATEWAY,
        "user 3: name boss: accepted by the BMC, but not applied",
    ),
    (
        "accepts a user's access, not set",
        &["06 43 cc 00"],
        Some(Proven),
        BOTH,
        "user 3 boss: administrator with IPMI messaging on",
    ),
    (
        "accepts a gateway, not set",
        &["0C 01/**0C cc 00"],
        Some(Proven),
        USER,
        "LAN: gateway 10.9.0.1: accepted by the BMC, but not applied",
    ),
    (
        "accepts the clock, not set",
        &["0A 49 cc 00"],
        Some(Proven),
        BOTH,
        "clock: set by the host's: accepted by the BMC, but not applied",
    ),
    ("another program holds the LAN's lock", &[LOCKED], Some(Proven), BOTH, ""),
    (
        "no LAN command is known",
        &["0C * cc C1"],
        Some(Proven),
        USER,
        "LAN: gateway 10.9.0.1: LAN parameter 12, default gateway: 0xc1",
    ),
    (
        "in an update for a while",
        &["06 01 times 8 cc D2", "06 45 times 8 cc D1", "0C 01 times 8 cc D2"],
        Some(Proven),
        BOTH,
        "",
    ),
    ("in an update for good", &["* * cc D1"], None, NOTHING, "identifying the BMC: Get Device ID: 0xd1"),
    (
        "takes no write for good, as in an update",
        &["06 43 cc D1", "06 45 cc D1", "0C 01 cc D1", "0A 49 cc D1"],
        Some(Failed),
        NOTHING,
        "user 3: name boss: Set User Name: 0xd1, device in firmware update mode",
    ),
];

const NOISE: &str = "* * data FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF";
/// Not a rule, but an unfinished change of LAN parameters.
const LOCKED: &str = "set in progress";
const HUNG: &str = "the BMC stopped responding, no further requests are sent: ";
const WRONG: &str = "user boss: the BMC accepted the password, but its own test rejects it";

#[test]
fn every_fault_is_reported_and_costs_little() {
    let _alone = alone();
    let mut table = format!("{:<41} {:<7} {:>5}  first problem\n", "fault", "user", "ms");
    let mut wrong = Vec::new();
    // Most of it is waiting: some at once.
    let seen: Vec<Seen> = thread::scope(|scope| {
        let threads: Vec<_> = CASES
            .chunks(CASES.len().div_ceil(4))
            .map(|cases| scope.spawn(|| cases.iter().map(see).collect::<Vec<Seen>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    for (case, seen) in CASES.iter().zip(&seen) {
        let state =
            seen.password.as_ref().map_or("none".to_string(), |state| format!("{state:?}").to_lowercase());
        let problem = seen.problems.first().map_or("", String::as_str);
        let _ = writeln!(table, "{:<41} {state:<7} {:>5}  {problem}", case.0, seen.took.as_millis());
        let context = format!("{}: {:#?}", case.0, seen.problems);
        wrong.extend(judge(case, seen).into_iter().map(|what| format!("{what}: {context}")));
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

struct Seen {
    password: Option<PasswordState>,
    is_as_desired: bool,
    problems: Vec<String>,
    took: Duration,
    /// Number of requests with the fault.
    faulty: usize,
    /// As in [`Case`].
    is_set: [bool; 2],
    /// The next boot, without the fault, applies the whole configuration.
    heals: bool,
}

fn see(&(_, rules, ..): &Case) -> Seen {
    let stand = Stand::up("", "");
    match rules {
        [LOCKED] => assert_eq!(stand.ask(0x0c, 0x01, &[1, 0, 1]), [0]),
        rules => stand.faults(rules),
    }
    let desired = bmc::policy(DESIRED.as_bytes()).unwrap();
    let begin = Instant::now();
    let mut session = session(&stand, DEADLINE);
    let (survey, mut problems) = bmc::survey(&mut session);
    let outcome = survey.and_then(|mut survey| {
        problems.extend(bmc::configure(&mut session, &mut survey, &desired, &|_, _| Ok(())));
        survey.report.outcome
    });
    let took = begin.elapsed();
    // The log has the fault after each response, and the response if the lock is taken.
    let log = std::fs::read_to_string(stand.directory().join("bmc.log")).unwrap();
    let is_faulty = |line: &&str| (line.ends_with(')') && line.contains("-> ")) || line.ends_with("01 -> 81");
    stand.faults(&[]);
    // Existing users can still log in.
    let logs_in = |user, password| stand.bmc.ipmitool(user, password, &["sel", "time", "get"]).is_ok();
    assert!(logs_in("ADMIN", "factory"));
    let is_set = [logs_in("boss", "Correct-Horse-1"), stand.bmc.lan()["default_gw_ip_addr"] == "10.9.0.1"];
    *stand.client() = Client::connect(&stand.directory().join(SOCKET)).unwrap();
    let heals = run(&stand, DESIRED).outcome.is_as_desired && logs_in("boss", "Correct-Horse-1");
    Seen {
        password: outcome.as_ref().map(|outcome| outcome.users[0].password.clone()),
        is_as_desired: outcome.is_some_and(|outcome| outcome.is_as_desired),
        problems,
        took,
        faulty: log.lines().filter(is_faulty).count(),
        is_set,
        heals,
    }
}

/// What is not as expected.
fn judge((fault, rules, password, is_set, expected): &Case, seen: &Seen) -> Vec<String> {
    let problem = seen.problems.first().map_or("", String::as_str);
    let most = if fault.contains("for good") { DEADLINE } else { DEADLINE - LEFT };
    let checks = [
        (seen.faulty == 0, rules.is_empty(), "the fault came"),
        (seen.password == *password, true, "the password"),
        (seen.is_set == *is_set, true, "who logs in, and the gateway"),
        (problem.starts_with(expected), true, "the first problem"),
        (seen.problems.is_empty(), expected.is_empty(), "that there is a problem"),
        (seen.is_as_desired, expected.is_empty(), "whether it is as desired"),
        (seen.took <= most, true, "the time"),
        (seen.heals, true, "the next boot"),
    ];
    let wrong = checks.into_iter().filter(|(is, expected, _)| is != expected);
    wrong.map(|(.., what)| format!("{what} is not as expected")).collect()
}
