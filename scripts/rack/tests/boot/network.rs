// SPDX-License-Identifier: MIT OR Apache-2.0
//! Networks without IPv4, and without DHCP.

use stage1_rack::progress::Progress;
use stage1_rack::rack::Rack;
use stage1_rack::scenario;
use stage1_rack::spec::INVENTORY_NAME;

use crate::{NIC, clock, known, rack_on};

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

/// The inventory is behind the gateway of the second port's network. At the first port there is a DHCP server too, whose
/// answer comes first, a gateway that forwards nothing, and a name server that does not know the inventory. The clock is wrong,
/// and the NTP server is in the second network.
fn two_networks(name: &str, image: &str) {
    let append = format!("stage1.inventory=https://{INVENTORY_NAME}:8443/ipxe");
    let (rtc, begun) = (clock::LATE, clock::now());
    let keys = format!("boot = 'kernel'\nimage = '{image}'\nrtc = '{}'\nappend = '{append}'", rtc.0);
    let nics = "[[host.nic]]\nmac = '52:54:00:09:00:01'\nforeign = true\n\
                [[host.nic]]\nmac = '52:54:00:09:00:02'\n";
    let rack = rack_on(&format!("dhcp_delay = 2\n{}\naddress = '10.7.0.1'", clock::NTP), name, &keys, nics);
    scenario::register_all(&rack, Progress::start()).unwrap();
    assert_eq!(known(&rack, "/state"), "registered");
    let note = note(&rack, "network");
    let has_both = note.contains(" 10.8.0.") && note.contains(" 10.9.0.");
    assert!(has_both && note.contains(&format!(" reaches {INVENTORY_NAME}:8443")), "{note}");
    clock::was_corrected(rack.host("a").unwrap(), rtc, begun);
}

/// The port is named by its MAC address, as its own name differs between the images. The bond's only member has frames of one
/// VLAN, all tagged; the bond itself has an address, and nobody at its other end.
fn static_addresses(name: &str, image: &str) {
    let append = "ifname=boot:52:54:00:09:00:01 bond=bond0:boot:mode=active-backup vlan=bond0.120:bond0 \
                  ip=10.8.0.50:::24::bond0:none ip=10.9.0.50::10.9.0.1:24::bond0.120:none";
    let keys = format!("boot = 'kernel'\nimage = '{image}'\nappend = '{append}'");
    let rack = rack_on("dhcp = false", name, &keys, &format!("{NIC}\nvlan = 120"));
    scenario::register_all(&rack, Progress::start()).unwrap();
    assert_eq!(known(&rack, "/state"), "registered");
    let note = note(&rack, "network");
    assert!(note.contains("bond0.120 10.9.0.50/24"), "{note}");
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
fn init_registers_with_a_static_address_on_a_tagged_vlan_of_a_bond() {
    static_addresses("test-static-init", "init");
}

#[test]
fn systemd_registers_with_a_static_address_on_a_tagged_vlan_of_a_bond() {
    static_addresses("test-static-systemd", "systemd");
}

#[test]
fn init_registers_in_the_second_of_two_networks() {
    two_networks("test-two-networks-init", "init");
}

#[test]
fn systemd_registers_in_the_second_of_two_networks() {
    two_networks("test-two-networks-systemd", "systemd");
}
