// SPDX-License-Identifier: MIT OR Apache-2.0
//! Networks without IPv4, and without DHCP.

use stage1_rack::progress::Progress;
use stage1_rack::rack::Rack;
use stage1_rack::scenario;

use crate::{NIC, known, rack_on};

/// The note of a stage in the host's report.
fn note(rack: &Rack, stage: &str) -> String {
    let host = rack.inventory().host(crate::UUID).unwrap();
    let stages = host.pointer("/report/timeline/stages").and_then(|stages| stages.as_array()).cloned();
    let found = stages.unwrap_or_default().into_iter().find(|found| found["name"] == stage);
    found.map(|found| found["note"].as_str().unwrap_or_default().to_string()).unwrap_or_default()
}

/// The inventory is known by its name only, so that its registration proves the name server.
fn ipv6_only(name: &str, image: &str) {
    let keys = format!("boot = 'kernel'\nimage = '{image}'");
    let rack = rack_on("ipv6_only = true", name, &keys, NIC);
    scenario::register_all(&rack, Progress::start()).unwrap();
    assert_eq!(known(&rack, "/state"), "registered");
    let note = note(&rack, "network");
    assert!(note.contains(" fd00:9::"), "{note}");
}

/// The port is named by its MAC address, as its own name differs between the images. The bond's only member is untagged; the
/// VLAN has an address, and nobody at its other end.
fn static_addresses(name: &str, image: &str) {
    let append = "ifname=boot:52:54:00:09:00:01 bond=bond0:boot:mode=active-backup vlan=bond0.120:bond0 \
                  ip=10.9.0.50::10.9.0.1:24::bond0:none ip=10.8.0.50:::24::bond0.120:none";
    let keys = format!("boot = 'kernel'\nimage = '{image}'\nappend = '{append}'");
    let rack = rack_on("dhcp = false", name, &keys, NIC);
    scenario::register_all(&rack, Progress::start()).unwrap();
    assert_eq!(known(&rack, "/state"), "registered");
    let note = note(&rack, "network");
    assert!(note.contains("bond0 10.9.0.50/24"), "{note}");
}

#[test]
fn init_registers_over_ipv6_only() {
    ipv6_only("test-ipv6-init", "init");
}

#[test]
fn systemd_registers_over_ipv6_only() {
    ipv6_only("test-ipv6-systemd", "systemd");
}

#[test]
fn init_registers_with_a_static_address_on_a_bond() {
    static_addresses("test-static-init", "init");
}

#[test]
fn systemd_registers_with_a_static_address_on_a_bond() {
    static_addresses("test-static-systemd", "systemd");
}
