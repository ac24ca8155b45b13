// SPDX-License-Identifier: MIT OR Apache-2.0
//! The network against real routers and servers: radvd, dnsmasq and Kea. They need root.

mod lab;

use std::sync::mpsc::channel;

use super::wait_for;
use lab::{ROUTER_PORT, has_kind, with_router};

#[test]
fn a_wait_for_the_network_can_be_cancelled() {
    let (sender, result) = channel();
    let error = wait_for(&result, &|| true).unwrap_err();
    assert_eq!(error.to_string(), "cancelled");
    sender.send(Ok("eth0 10.0.0.2/24".to_string())).unwrap();
    assert_eq!(wait_for(&result, &|| true).unwrap(), "eth0 10.0.0.2/24");
    drop(sender);
    assert!(wait_for(&result, &|| false).is_err());
}

/// dnsmasq as a router of fd00:9::/64, with these further options.
fn dnsmasq(lab: &mut lab::Lab, options: &[&str]) {
    let log = format!("--log-facility={}", lab.path("dns.log").display());
    let leases = format!("--dhcp-leasefile={}", lab.path("leases").display());
    let interface = format!("--interface={ROUTER_PORT}");
    let all = [
        "-k",
        "-C",
        "/dev/null",
        "--no-resolv",
        "--no-hosts",
        "--user=root",
        &interface,
        "--bind-interfaces",
        "--enable-ra",
        "--log-dhcp",
        &log,
        &leases,
    ];
    lab.serve("dnsmasq", &[&all[..], options].concat());
}

/// radvd with these lines for its interface, and for the prefix.
fn radvd(lab: &mut lab::Lab, lines: &str) {
    lab.router("sh", &["-c", "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding"]);
    let text = format!(
        "interface {ROUTER_PORT} {{ AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; {lines} }};\n"
    );
    let config = lab.file("radvd.conf", &text);
    let pid = lab.path("radvd.pid").display().to_string();
    lab.serve("radvd", &["--nodaemon", "--config", &config, "--pidfile", &pid, "--logmethod", "stderr"]);
}

#[test]
fn name_servers_and_search_domains_of_a_router() {
    with_router(&["radvd"], |lab| {
        radvd(lab, "prefix fd00:9::/64 { }; RDNSS fd00:9::1 fe80::1 { }; DNSSL fleet.test lab.test { };");
        let text = lab.bring_up("", 30).unwrap();
        assert!(text.starts_with("eth0 fd00:9::"), "{text}");
        lab.wait_for_resolv_conf(
            "nameserver fd00:9::1\nnameserver fe80::1%eth0\nsearch fleet.test lab.test\n",
        );
    });
}

#[test]
fn stateless_dhcpv6() {
    with_router(&["dnsmasq"], |lab| {
        // Without RDNSS: ra-stateless sets the flag O.
        dnsmasq(
            lab,
            &[
                "--dhcp-range=fd00:9::,ra-stateless,64",
                "--dhcp-option=option6:dns-server,[fd00:9::53]",
                "--dhcp-option=option6:domain-search,fleet.test",
            ],
        );
        let text = lab.bring_up("", 30).unwrap();
        assert!(text.starts_with("eth0 fd00:9::"), "{text}");
        lab.wait_for_resolv_conf("nameserver fd00:9::53\nsearch fleet.test\n");
        let log = std::fs::read_to_string(lab.path("dns.log")).unwrap();
        assert!(log.contains("DHCPINFORMATION-REQUEST"), "{log}");
    });
}

#[test]
fn stateful_dhcpv6() {
    with_router(&["dnsmasq"], |lab| {
        dnsmasq(
            lab,
            &["--dhcp-range=fd00:9::100,fd00:9::1ff,64,2m", "--dhcp-option=option6:dns-server,[fd00:9::53]"],
        );
        let text = lab.bring_up("", 30).unwrap();
        assert!(text.starts_with("eth0 fd00:9::1") && text.contains("/128"), "{text}");
        lab.wait_for_resolv_conf("nameserver fd00:9::53\n");
        lab.wait_for_answer("fd00:9::1".parse().unwrap());
    });
}

#[test]
fn stateful_dhcpv6_of_kea() {
    with_router(&["radvd", "kea-dhcp6"], |lab| {
        radvd(lab, "AdvManagedFlag on; prefix fd00:9::/64 { AdvAutonomous off; };");
        let config = lab.file(
            "kea6.json",
            &format!(
                r#"{{ "Dhcp6": {{
                    "interfaces-config": {{ "interfaces": ["{ROUTER_PORT}"], "service-sockets-max-retries": 100,
                        "service-sockets-retry-wait-time": 100 }},
                    "lease-database": {{ "type": "memfile", "persist": false }},
                    "server-id": {{ "type": "EN", "enterprise-id": 2495, "identifier": "0123456789", "persist": false }},
                    "client-classes": [ {{ "name": "fleet", "test": "option[15].exists and option[16].exists" }} ],
                    "subnet6": [ {{ "subnet": "fd00:9::/64", "interface": "{ROUTER_PORT}",
                        "pools": [ {{ "pool": "fd00:9::200-fd00:9::2ff", "client-class": "fleet" }} ],
                        "option-data": [ {{ "name": "dns-servers", "data": "fd00:9::53" }},
                            {{ "name": "domain-search", "data": "fleet.test" }} ] }} ] }} }}"#
            ),
        );
        lab.serve("kea-dhcp6", &["-c", &config]);
        let text = lab.bring_up("", 40).unwrap_or_else(|error| {
            panic!("{error}\n{}", std::fs::read_to_string(lab.path("kea-dhcp6.log")).unwrap_or_default())
        });
        assert!(text.starts_with("eth0 fd00:9::2") && text.contains("/128"), "{text}");
        lab.wait_for_resolv_conf("nameserver fd00:9::53\nsearch fleet.test\n");
    });
}

#[test]
fn a_static_address_on_a_vlan() {
    with_router(&["ip"], |lab| {
        if !has_kind(&["type", "vlan", "id", "9"]) {
            return;
        }
        lab.router(
            "ip",
            &["link", "add", "link", ROUTER_PORT, "name", "s0.120", "type", "vlan", "id", "120"],
        );
        lab.router("ip", &["address", "add", "10.0.0.1/24", "dev", "s0.120"]);
        lab.router("ip", &["address", "add", "10.8.0.1/24", "dev", "lo"]);
        lab.router("ip", &["link", "set", "s0.120", "up"]);
        let line = "ip=10.0.0.5::10.0.0.1:24::eth0.120:none:1400 vlan=eth0.120:eth0 nameserver=10.0.0.2";
        assert_eq!(lab.bring_up(line, 20).as_deref(), Ok("eth0.120 10.0.0.5/24"));
        lab.wait_for_resolv_conf("nameserver 10.0.0.2\n");
        // Through the gateway.
        lab.wait_for_answer("10.8.0.1".parse().unwrap());
        assert!(lab.state().contains("mtu 1400"), "{}", lab.state());
    });
}

#[test]
fn static_addresses_of_both_families_on_a_bond() {
    with_router(&["ip"], |lab| {
        if !has_kind(&["type", "bond"]) {
            return;
        }
        lab.router("ip", &["address", "add", "10.0.0.1/24", "dev", ROUTER_PORT]);
        let line = "bond=bond0:eth0:mode=active-backup ip=10.0.0.5::10.0.0.1:24::bond0:none \
                    ip=[fd00:9::5]::[fd00:9::1]:64::bond0:none";
        let text = lab.bring_up(line, 20).unwrap();
        assert!(text.contains("bond0 10.0.0.5/24"), "{text}");
        lab.wait_for_answer("10.0.0.1".parse().unwrap());
        lab.wait_for_answer("fd00:9::1".parse().unwrap());
        let state = lab.state();
        assert!(state.contains("default via fd00:9::1 dev bond0"), "{state}");
        assert!(state.contains("eth0") && state.contains("master bond0"), "{state}");
    });
}

#[test]
fn static_addresses_of_both_families() {
    with_router(&["ip"], |lab| {
        lab.router("ip", &["address", "add", "10.0.0.1/24", "dev", ROUTER_PORT]);
        let line = "ifname=boot:02:00:00:00:00:07 ip=10.0.0.5::10.0.0.1:24::boot:none nameserver=[fd00:9::53] \
                    ip=[fd00:9::5]::[fd00:9::1]:64::boot:none:1400";
        let text = lab.bring_up(line, 20).unwrap();
        assert!(text.contains("eth0 10.0.0.5/24"), "{text}");
        lab.wait_for_resolv_conf("nameserver fd00:9::53\n");
        lab.wait_for_answer("10.0.0.1".parse().unwrap());
        lab.wait_for_answer("fd00:9::1".parse().unwrap());
        let state = lab.state();
        assert!(state.contains("default via fd00:9::1 dev eth0") && state.contains("mtu 1400"), "{state}");
    });
}

#[test]
fn what_the_network_lacks_is_named() {
    with_router(&["ip"], |lab| {
        let error = lab.bring_up("ip=10.0.0.5::10.0.0.1:24::eth9:none", 2).unwrap_err();
        let words =
            "eth0: no address in the settings; eth9: named in the settings, but there is no such port";
        assert!(error.ends_with(words), "{error}");
        let error = lab.bring_up("ip=eth0:auto6", 8).unwrap_err();
        assert!(error.ends_with("eth0: carrier, no IPv6 router"), "{error}");
    });
}
