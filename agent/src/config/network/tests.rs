// SPDX-License-Identifier: MIT OR Apache-2.0
//! Examples of dracut.cmdline(7), and what fleets write.

use super::*;
use proptest::prelude::proptest;

const MAC: [u8; 6] = [0x52, 0x54, 0, 9, 1, 1];

fn prefixes(ip: &Ip) -> Vec<String> {
    ip.addresses.iter().map(ToString::to_string).collect()
}

/// The network configuration of a command line.
fn config(line: &str) -> NetworkConfig {
    let (settings, errors) = crate::config::Settings::merge(None, line, &[]);
    assert_eq!(errors, [], "{line}");
    settings.network
}

fn errors(line: &str) -> Vec<String> {
    let (_, errors) = crate::config::Settings::merge(None, line, &[]);
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn a_static_address_has_gateway_netmask_and_port() {
    for mask in ["255.255.255.0", "24"] {
        let ip = ip(&format!("10.0.0.5::10.0.0.1:{mask}:host1:eth0:none")).unwrap();
        assert_eq!((ip.device.as_deref(), prefixes(&ip)), (Some("eth0"), vec!["10.0.0.5/24".to_string()]));
        assert_eq!(ip.gateways, ["10.0.0.1".parse::<IpAddr>().unwrap()]);
        assert!(!ip.dhcp4 && !ip.router && ip.mtu.is_none());
    }
    let ip = ip("[fd00:9::5]::[fd00:9::1]:64::bond0.120:none:9000:52:54:00:09:01:01").unwrap();
    assert_eq!((prefixes(&ip), ip.mtu, ip.mac), (vec!["fd00:9::5/64".to_string()], Some(9000), Some(MAC)));
}

#[test]
fn the_kernels_form_has_name_servers_at_its_end() {
    let ip = ip("10.0.0.5:10.0.0.9:10.0.0.1:255.255.0.0:host1:eth0:off:10.0.0.2:10.0.0.3").unwrap();
    assert_eq!(prefixes(&ip), ["10.0.0.5/16"]);
    let servers: Vec<String> = ip.name_servers.iter().map(ToString::to_string).collect();
    assert_eq!(servers, ["10.0.0.2", "10.0.0.3"]);
    assert_eq!(super::ip("10.0.0.5/22::10.0.0.1:::eth0").unwrap().addresses[0].length, 22);
    assert_eq!(prefixes(&super::ip("[fd00::5/64]:::::eth0:none").unwrap()), ["fd00::5/64"]);
}

#[test]
fn methods_say_what_is_asked_for() {
    for (text, device, dhcp4, router, dhcp6) in [
        ("dhcp", None, true, true, false),
        ("on", None, true, true, false),
        ("eth1:dhcp", Some("eth1"), true, true, false),
        ("eth1:dhcp6", Some("eth1"), false, true, true),
        ("eth1:auto6", Some("eth1"), false, true, false),
        ("eth1:dhcp,dhcp6", Some("eth1"), true, true, true),
        ("eth1:off", Some("eth1"), false, false, false),
        (":::::eth1:dhcp", Some("eth1"), true, true, false),
    ] {
        let ip = ip(text).unwrap();
        assert_eq!(
            (ip.device.as_deref(), ip.dhcp4, ip.router, ip.dhcp6),
            (device, dhcp4, router, dhcp6),
            "{text}"
        );
    }
    assert_eq!(ip("eth1:dhcp:1400").unwrap().mtu, Some(1400));
}

#[test]
fn a_vlans_id_is_in_its_name() {
    for (text, id) in [("vlan0005:eth0", 5), ("vlan5:eth0", 5), ("eth0.0005:eth0", 5), ("eth0.120:eth0", 120)]
    {
        let vlan = vlan(text).unwrap();
        assert_eq!((vlan.id, vlan.parent.as_str()), (id, "eth0"), "{text}");
    }
}

#[test]
fn a_bond_has_members_and_options() {
    let bond = bond("bond0:eth0,eth1:mode=802.3ad,lacp_rate=fast,xmit_hash_policy=layer3+4,min_links=1:9000")
        .unwrap();
    assert_eq!(
        (bond.name.as_str(), bond.members, bond.mtu),
        ("bond0", vec!["eth0".to_string(), "eth1".to_string()], Some(9000))
    );
    let expected = Parameters {
        mode: 4,
        miimon: Some(100),
        lacp_rate: Some(1),
        xmit_hash_policy: Some(1),
        min_links: Some(1),
        ..Parameters::default()
    };
    assert_eq!(bond.parameters, expected);
    let backup = super::bond("bond0:eth0,eth1:mode=1,miimon=50,fail_over_mac=active").unwrap().parameters;
    assert_eq!((backup.mode, backup.miimon, backup.fail_over_mac), (1, Some(50), Some(1)));
}

#[test]
fn the_command_line_overrides_the_file() {
    let file = "ip = [\"10.0.0.5::10.0.0.1:24::eth0.120:none\", \"eth1:dhcp\"]\nvlan = \"eth0.120:eth0\"\nnameserver = \"10.0.0.2\"\n";
    let (settings, found) = crate::config::Settings::merge(Some(file), "quiet", &[]);
    assert_eq!(found, []);
    assert_eq!((settings.network.ip.len(), settings.network.vlans.len()), (2, 1));
    let line = "ip=eth0:dhcp nameserver=[fd00::2] nameserver=10.0.0.3 stage1.vlan=eth0.7:eth0 BOOTIF=01-52-54-00-09-01-01";
    let (settings, found) = crate::config::Settings::merge(Some(file), line, &[]);
    assert_eq!(found, []);
    let network = settings.network;
    assert_eq!((network.ip.len(), network.vlans[0].id, network.name_servers.len()), (1, 7, 2));
    assert_eq!(network.boot_port, Some(MAC));
}

#[test]
fn ports_that_are_not_named_get_no_address() {
    let network = config("ip=10.0.0.5::10.0.0.1:24::eth0.120:none vlan=eth0.120:eth0");
    assert!(network.ip_of("eth0.120", Some(MAC)).is_some_and(|ip| !ip.addresses.is_empty()));
    assert!(["eth0", "eth1"].iter().all(|name| network.ip_of(name, Some(MAC)).is_none()));
    assert_eq!(config("").ip_of("eth1", None), Some(Ip::automatic()));
    assert_eq!(config("ip=dhcp").ip_of("eth1", None), Some(Ip::automatic()));
    let network = config("bond=bond0:eth0,eth1:mode=802.3ad");
    assert_eq!((network.ip_of("eth0", None), network.ip_of("bond0", None)), (None, Some(Ip::automatic())));
    assert!(!network.is_automatic() && config("ip=dhcp BOOTIF=52:54:00:09:01:01").is_automatic());
}

#[test]
fn an_interface_may_have_several_addresses() {
    let network = config("ip=10.0.0.5::10.0.0.1:24::eth0:none ip=[fd00::5]::[fd00::1]:64::eth0:none ip=dhcp");
    let ip = network.ip_of("eth0", None).unwrap();
    assert_eq!((prefixes(&ip).len(), ip.gateways.len(), ip.dhcp4), (2, 2, false));
    assert!(network.ip_of("eth1", None).unwrap().dhcp4);
}

#[test]
fn a_port_may_be_named_by_its_mac_address() {
    let network = config("ifname=boot:52:54:00:09:01:01 ip=10.0.0.5::10.0.0.1:24::boot:none");
    assert!(network.ip_of("enp3s0", Some(MAC)).is_some());
    assert!(network.ip_of("enp4s0", Some([2; 6])).is_none());
    let network = config("ip=10.0.0.5::10.0.0.1:24:::none BOOTIF=01-52-54-00-09-01-01");
    assert!(network.ip_of("enp3s0", Some(MAC)).is_some());
    assert!(network.ip_of("enp4s0", Some([2; 6])).is_none());
}

#[test]
fn routes_are_those_of_a_port_or_of_its_gateway() {
    let network = config(
        "ip=10.0.0.5::10.0.0.1:24::eth0:none rd.route=10.8.0.0/16:10.0.0.9 rd.route=[2001:db8::/32]:[fe80::1]:eth1",
    );
    let addresses = network.ip[0].addresses.clone();
    assert_eq!(network.routes_of("eth0", &addresses).len(), 1);
    assert_eq!(network.routes_of("eth1", &[])[0].to.to_string(), "2001:db8::/32");
}

#[test]
fn what_is_wrong_is_named() {
    for (line, expected) in [
        ("ip=10.0.0.5::10.0.0.1:::eth0:none", "10.0.0.5 has no netmask: add 24 or 255.255.255.0"),
        (
            "ip=10.0.0.5::10.0.0.1:255.0.255.0::eth0:none",
            "\"255.0.255.0\" is neither a prefix length up to 32",
        ),
        ("ip=10.0.0.500::10.0.0.1:24::eth0:none", "\"10.0.0.500\" is not an address"),
        ("ip=10.0.0.5::[fd00::1]:24::eth0:none", "the gateway fd00::1 is of another family"),
        ("ip=10.0.0.5::10.0.0.1:24::eth0:dhpc", "\"dhpc\" is not a method; methods are none, dhcp,"),
        ("ip=dhpc", "\"dhpc\" is not a method"),
        ("ip=ibft", "\"ibft\" is not supported"),
        ("ip=[fd00::5::[fd00::1]:64::eth0:none", "a bracket without its other half"),
        ("ip=10.0.0.5::10.0.0.1:24:::none", "an address is for no port: write the port's name"),
        ("ip=10.0.0.5::10.0.0.1:24::eth0:none:99999", "\"99999\" is not an MTU from 576 to 65535 bytes"),
        ("ip=10.0.0.5::10.0.0.1:24::eth0.120:none", "there is no VLAN eth0.120: add vlan=eth0.120:eth0"),
        ("vlan=storage:eth0", "\"storage\" does not end in a VLAN ID from 1 to 4094"),
        ("vlan=eth0.4095:eth0", "VLAN ID from 1 to 4094"),
        ("bond=bond0", "\"bond0\" is not NAME:PORT,PORT:OPTIONS"),
        ("bond=bond0:eth0:mode=lacp", "\"lacp\" is none of balance-rr, active-backup"),
        ("bond=bond0:eth0:colour=1", "unknown option \"colour\"; known are mode,"),
        ("bond=bond0:eth0:lacp_rate=fast", "need mode=802.3ad"),
        ("bond=bond0:eth0 bond=bond1:eth0", "eth0 is already a member of a bond"),
        ("bond=bond0:eth0 ip=eth0:dhcp", "eth0 is a member of bond0: give the address to bond0"),
        ("nameserver=ns1", "\"ns1\" is not an address"),
        ("ifname=eth0", "\"eth0\" is not NAME:MAC"),
        ("BOOTIF=eth0", "\"eth0\" is not the MAC address of a port"),
        ("rd.route=10.0.0.0/8", "is not NET/LENGTH:GATEWAY:PORT"),
        ("rd.route=10.0.0.0/8:10.1.0.1", "no static address is in the network of 10.1.0.1"),
        ("bridge=br0:eth0", "not supported"),
    ] {
        let found = errors(line);
        assert!(
            found.iter().any(|error| error.starts_with("kernel command line") && error.contains(expected)),
            "{line}: {found:?}"
        );
    }
}

proptest! {
    #[test]
    fn no_value_panics(value in "[-0-9a-z.:/\\[\\],=+]{0,60}") {
        let _ = (ip(&value), vlan(&value), bond(&value), name_server(&value), port_name(&value), route(&value), boot_port(&value));
        let line = format!("ip={value} vlan={value} bond={value} BOOTIF={value} rd.route={value}");
        let (settings, _) = crate::config::Settings::merge(None, &line, &[]);
        let _ = (settings.network.ip_of("eth0", Some(MAC)), settings.network.conflicts());
    }
}
