// SPDX-License-Identifier: MIT OR Apache-2.0
//! Each fault, as the host sees it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use stage1_rack::bmc::SOCKET;
use stage1_rack::bmc::codec::Frame;
use stage1_rack::bmc::wire::Client;

use crate::{SET_USER_PASSWORD, Stand, TIME};

const SHORT: Duration = Duration::from_millis(50);
/// Get Device ID.
const ID: u8 = 0x01;
/// Get User Name.
const NAME: u8 = 0x46;

fn name(name: &str) -> Vec<u8> {
    let mut answer = vec![0];
    answer.extend(name.bytes());
    answer.resize(17, 0);
    answer
}

#[test]
fn responds_in_place_of_the_bmc() {
    let stand = Stand::up("faults = ['06 46/02 after 1 times 2 cc C0']", "");
    let answers: Vec<Vec<u8>> = (0..4).map(|_| stand.ask(6, NAME, &[2])).collect();
    assert_eq!(answers, [name("ADMIN"), vec![0xc0], vec![0xc0], name("ADMIN")]);
    assert_eq!(stand.ask(6, NAME, &[3]), name(""));
    stand.faults(&["06 04 answer 00 55 00"]);
    assert_eq!(stand.ask(6, 0x04, &[]), [0, 0x55, 0]);
    stand.faults(&[]);
    assert_eq!(stand.ask(6, 0x04, &[]), [0xc1]);
}

#[test]
fn corrupts_the_response() {
    let stand = Stand::up("", "");
    stand.faults(&["06 01 data FF00", "06 46/02 cut 3", "06 46/03 blank CC"]);
    assert_eq!(stand.ask(6, ID, &[]), [0, 0xff, 0]);
    assert_eq!(stand.ask(6, NAME, &[2]), *b"\0ADM");
    assert_eq!(stand.ask(6, NAME, &[3]), [0xcc]);
    for fault in ["checksum", "sequence"] {
        stand.faults(&[&format!("06 01 times 1 {fault}")]);
        assert!(stand.is_silent(6, ID, &[], SHORT), "{fault}");
        let is_as_declared = match stand.client().ignored().as_slice() {
            [Frame::Broken(_)] => fault == "checksum",
            [Frame::Message(answer)] => fault == "sequence" && answer.data[0] == 0,
            _ => false,
        };
        assert!(is_as_declared, "{fault}");
        assert_eq!(stand.ask(6, ID, &[])[0], 0, "{fault}");
    }
}

#[test]
fn responds_late_or_twice() {
    let stand = Stand::up("", "");
    stand.faults(&["06 01 times 1 delay 200"]);
    let begin = Instant::now();
    assert_eq!(stand.ask(6, ID, &[])[0], 0);
    assert!(begin.elapsed() >= Duration::from_millis(200), "{:?}", begin.elapsed());

    stand.faults(&["06 46 times 1 late"]);
    assert!(stand.is_silent(6, NAME, &[2], SHORT));
    assert!(stand.client().ignored().is_empty());
    assert_eq!(stand.ask(6, ID, &[])[0], 0);
    let ignored = stand.client().ignored();
    assert!(
        matches!(ignored.as_slice(), [Frame::Message(late)] if late.data == name("ADMIN")),
        "{ignored:?}"
    );

    stand.faults(&["06 46 times 1 twice"]);
    assert_eq!(stand.ask(6, NAME, &[2]), name("ADMIN"));
    assert_eq!(stand.ask(6, ID, &[])[0], 0);
    let ignored = stand.client().ignored();
    assert!(
        matches!(ignored.as_slice(), [Frame::Message(again)] if again.data == name("ADMIN")),
        "{ignored:?}"
    );
}

#[test]
fn does_not_respond_whether_executed_or_not() {
    let stand = Stand::up("", "");
    let set = |new: &str| [&[3], &name(new)[1..]].concat();
    for (fault, expected) in [("drop", ""), ("lose", "new")] {
        stand.faults(&[&format!("06 45 {fault}")]);
        assert!(stand.is_silent(6, 0x45, &set("new"), SHORT));
        assert_eq!(stand.ask(6, NAME, &[3]), name(expected), "{fault}");
    }
}

#[test]
fn hangs_until_the_fault_is_removed() {
    let stand = Stand::up("", "");
    stand.faults(&["06 46 hang"]);
    assert_eq!(stand.ask(6, ID, &[])[0], 0);
    assert!(stand.is_silent(6, NAME, &[2], SHORT));
    assert!(stand.is_silent(6, ID, &[], SHORT));
    stand.faults(&[]);
    assert_eq!(stand.ask(6, ID, &[])[0], 0);
}

#[test]
fn breaks_the_connection_and_accepts_the_next() {
    let stand = Stand::up("", "");
    stand.faults(&["06 01 times 1 disconnect"]);
    assert!(stand.client().exchange(6, ID, &[], TIME).is_err());
    *stand.client() = Client::connect(&stand.directory().join(SOCKET)).unwrap();
    assert_eq!(stand.ask(6, ID, &[])[0], 0);
}

#[test]
fn counts_and_records_requests_but_no_passwords() {
    let stand = Stand::up("faults = ['06 01 drop']", "");
    assert!(stand.is_silent(6, ID, &[], SHORT));
    stand.ask(6, NAME, &[2]);
    stand.ask(6, NAME, &[11]);
    assert_eq!((stand.password(2, "SECRET"), stand.password(3, "SECRET")), (0, 0));
    let proxy = stand.bmc.proxy();
    assert_eq!(proxy.counts(), BTreeMap::from([((6, ID), 1), ((6, NAME), 2), ((6, SET_USER_PASSWORD), 2)]));
    let lines = |exchanges: Vec<_>| exchanges.iter().map(ToString::to_string).collect::<Vec<String>>();
    let all = lines(proxy.exchanges());
    assert_eq!(all[0], "06 01 -> nothing");
    assert_eq!(
        all[2..],
        ["06 46 0b -> cc", "06 47 02 02 (16 secret bytes) -> 00", "06 47 02 03 (16 secret bytes) -> 00",]
    );
    assert_eq!(lines(proxy.writes()), ["06 47 02 02 (16 secret bytes) -> 00"]);
    proxy.reset_counts();
    assert!(proxy.exchanges().is_empty());
    let log = std::fs::read_to_string(stand.directory().join("bmc.log")).unwrap();
    assert!(log.contains("06 01 -> nothing (drop)") && !log.contains("SECRET"), "{log}");
    // S, E, C.
    assert!(!log.contains("53 45 43"), "{log}");
}
