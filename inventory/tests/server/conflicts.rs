// SPDX-License-Identifier: MIT OR Apache-2.0
//! One machine under two identities, and two machines under one.

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::running::{Server, prints};
use crate::{ID, OTHER, report_of};

/// The report of a machine with one port, and its serial number by a digit.
fn report(id: &str, mac: &str, serial: u8) -> String {
    let mut report: Value = serde_json::from_str(&report_of(id)).unwrap();
    report["facts"]["nics"] = json!([{ "name": "eth0", "permanent_mac": mac }]);
    report["identity"]["candidates"][1]["value"] =
        format!("6c1b7c58-5d0e-5d0a-9c6c-00000000000{serial}").into();
    report.to_string()
}

fn action(server: &Server, id: &str, mac: &str, serial: u8) -> String {
    let registration = server.agent("PUT", id, Some(&report(id, mac, serial))).json();
    registration["action"].as_str().unwrap().to_string()
}

const MAC: &str = "ac:1f:6b:00:00:01";
const OTHER_MAC: &str = "ac:1f:6b:00:00:02";

#[test]
fn one_machine_under_two_identities_is_held_until_one_is_removed() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    let uki = dir.path().join("c1.efi");
    std::fs::write(&uki, "uki").unwrap();
    prints(dir.path(), &["profile", "add", "c1", "--uki", uki.to_str().unwrap()]);
    prints(dir.path(), &["host", "assign", OTHER, "c1"]);
    let bmc = dir.path().join("own.toml");
    std::fs::write(&bmc, "[lan]\nsource = \"dhcp\"\n").unwrap();
    prints(dir.path(), &["host", "bmc", OTHER, bmc.to_str().unwrap()]);

    assert_eq!(action(&server, ID, MAC, 1), "shutdown");
    let held = server.agent("PUT", OTHER, Some(&report(OTHER, MAC, 2))).json();
    assert_eq!((&held["action"], &held["bmc"]), (&"wait".into(), &Value::Null));
    assert_eq!(server.agent("GET", &format!("{OTHER}/profile"), None).status, 204);
    assert_eq!(action(&server, ID, MAC, 1), "wait");

    let list = prints(dir.path(), &["host", "list"]);
    assert_eq!(list.matches("wait (conflict)").count(), 2, "{list}");
    let show = prints(dir.path(), &["host", "show", OTHER]);
    let words = format!("host {ID} may be the same machine: both have MAC address {MAC}");
    assert!(show.contains(&words) && show.contains("`host accept`"), "{show}");
    let shown = server.operator("GET", &format!("hosts/{OTHER}"), None).json();
    assert_eq!(shown["conflicting"], json!([{ "host": ID, "marks": [format!("MAC address {MAC}")] }]));

    prints(dir.path(), &["host", "remove", ID]);
    let registered = server.agent("PUT", OTHER, Some(&report(OTHER, MAC, 2))).json();
    assert_eq!(registered["action"], "boot");
    assert_eq!(registered["bmc"]["lan"]["source"], "dhcp", "{registered}");
    assert_eq!(server.agent("GET", &format!("{OTHER}/profile"), None).status, 200);
}

#[test]
fn two_machines_under_one_identity_are_both_held() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    assert_eq!(action(&server, ID, MAC, 1), "shutdown");
    for _ in 0..2 {
        assert_eq!(action(&server, ID, OTHER_MAC, 2), "wait");
    }
    assert_eq!(action(&server, ID, MAC, 1), "wait");
    let show = prints(dir.path(), &["host", "show", ID]);
    assert!(show.contains("another machine has the same identity: MAC address ac:1f:6b:00:00:02"), "{show}");

    // The other one was switched off; if it comes again, both are held again.
    prints(dir.path(), &["host", "accept", ID]);
    assert_eq!(action(&server, ID, MAC, 1), "shutdown");
    assert_eq!(action(&server, ID, OTHER_MAC, 2), "wait");
}

#[test]
fn a_replaced_adapter_is_no_other_machine() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    assert_eq!(action(&server, ID, MAC, 1), "shutdown");
    assert_eq!(action(&server, ID, OTHER_MAC, 1), "shutdown");
}

#[test]
fn hosts_that_share_a_serial_number_or_a_byte_order_are_held_until_accepted() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path());
    assert_eq!(action(&server, ID, MAC, 1), "shutdown");
    assert_eq!(action(&server, OTHER, OTHER_MAC, 1), "wait");
    assert_eq!(server.operator("POST", &format!("hosts/{OTHER}/accept"), None).status, 204);
    assert_eq!(action(&server, OTHER, OTHER_MAC, 1), "shutdown");
    assert_eq!(action(&server, ID, MAC, 1), "shutdown");

    let swapped = "44454c4c-4200-1035-8052-b4c04f4a4b32";
    assert_eq!(action(&server, swapped, "ac:1f:6b:00:00:03", 3), "wait");
    let show = prints(dir.path(), &["host", "show", swapped]);
    assert!(show.contains(&format!("host {ID} may be the same machine: both have system UUID")), "{show}");
}
