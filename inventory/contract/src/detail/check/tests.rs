// SPDX-License-Identifier: MIT OR Apache-2.0
//! One mistake at a time in a detail that is right else.

use serde_json::{Value, json};

use crate::Detail;

/// A bond of two ports with two VLANs, both IP versions, and files.
fn good() -> Value {
    json!({
        "version": 1,
        "hostname": "node-1.rack7.example.com",
        "interfaces": [
            { "name": "eno1", "mac": "52:54:00:aa:00:01" },
            { "name": "eno2", "mac": "52-54-00-AA-00-02" },
            { "name": "bond0", "mtu": 9000, "bond": {
                "mode": "802.3ad", "members": ["eno1", "eno2"],
                "transmit_hash_policy": "layer3+4", "lacp_rate": "fast", "min_links": 1
            } },
            { "name": "bond0.12", "vlan": { "id": 12, "parent": "bond0" }, "mtu": 9000, "ipv6_ra": false,
              "addresses": ["10.1.2.3/24", "fd00:12::3/64", "10.7.7.7/31"],
              "routes": [
                  { "to": "default", "via": "10.1.2.1" },
                  { "to": "default", "via": "10.1.2.2", "metric": 2000 },
                  { "to": "::/0", "via": "fd00:12::1" },
                  { "to": "10.9.0.0/16", "via": "10.1.2.254" },
                  { "to": "10.8.0.0/16", "via": "192.0.2.1", "on_link": true },
                  { "to": "fd00:99::/48", "via": "fe80::1" }
              ] },
            { "name": "v13", "vlan": { "id": 13, "parent": "bond0" }, "dhcp": true, "required_for_online": false,
              "routes": [{ "to": "10.10.0.0/16", "via": "10.5.0.1" }] }
        ],
        "dns": { "servers": ["10.1.2.1", "fd00:12::1"], "search": ["a.example", "~example.com", "~."] },
        "ntp": ["10.9.0.3", "ntp.example.com"],
        "files": [
            { "path": "/etc/motd", "content": "hello\n" },
            { "path": "/lib/firmware/x/a.bin", "mode": "0600", "content_base64": "AAECAw==", "uid": 0, "gid": 42 },
            { "path": "/lib/firmware/x/b.bin", "mode": "4755", "content_base64": "" },
            { "path": "/etc/systemd/network/50-other.network", "content": "" }
        ]
    })
}

fn errors(detail: &Value) -> Vec<String> {
    let detail: Detail = serde_json::from_value(detail.clone()).unwrap();
    detail.check().iter().map(ToString::to_string).collect()
}

#[test]
fn a_detail_that_a_target_can_use_has_no_error() {
    assert_eq!(errors(&good()), [""; 0]);
    for text in [
        include_str!("../../../tests/wire/detail.json"),
        include_str!("../../../tests/wire/detail-hostname.json"),
        include_str!("../../../tests/wire/detail-options.json"),
    ] {
        assert_eq!(errors(&serde_json::from_str(text).unwrap()), [""; 0], "{text}");
    }
    assert_eq!(errors(&json!({ "version": 1, "hostname": "" })), [""; 0]);
}

/// Sets one field of the good detail, and returns the errors.
fn with(pointer: &str, value: &Value) -> Vec<String> {
    let mut detail = good();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match detail.pointer_mut(parent).unwrap() {
        Value::Array(values) if key == "-" => values.push(value.clone()),
        parent => match key.parse::<usize>() {
            Ok(index) => parent[index] = value.clone(),
            Err(_) => parent[key] = value.clone(),
        },
    }
    errors(&detail)
}

#[test]
fn each_mistake_is_reported_once_with_its_field() {
    let mut wrong: Vec<String> = Vec::new();
    let long = "a".repeat(256);
    let interface = |name: &str| json!({ "name": name, "mac": "52:54:00:aa:00:99" });
    let file = |path: &str| json!({ "path": path, "content": "" });
    for (pointer, value, expected) in [
        ("/interfaces/3/addresses/0", json!("10.1.2.3/024"), "interfaces[3].addresses[0]: "),
        ("/hostname", json!("a b"), "hostname: \"a b\" is not a host name"),
        ("/hostname", json!("10.0.0.1"), "hostname: \"10.0.0.1\" is an address, not a host name"),
        ("/hostname", json!("a\nb"), "hostname: \"a\\nb\" is not"),
        ("/hostname", json!("-a"), "hostname: "),
        ("/hostname", json!("a..b"), "hostname: "),
        ("/hostname", json!(long), "hostname: 256 characters long, Linux takes at most 64"),
        ("/interfaces/-", interface("eth0"), "interfaces[5].name: \"eth0\" is a name that the kernel gives"),
        ("/interfaces/-", interface("lo"), "interfaces[5].name: \"lo\" has another meaning"),
        ("/interfaces/-", interface("en*"), "interfaces[5].name: \"en*\" is not an interface name"),
        ("/interfaces/-", interface("a/b"), "interfaces[5].name: "),
        ("/interfaces/-", interface("12"), "interfaces[5].name: \"12\" is not"),
        ("/interfaces/-", interface("sixteen-letters-"), "interfaces[5].name: "),
        (
            "/interfaces/-",
            interface("eno1"),
            "interfaces[5].name: \"eno1\" is also the name of interfaces[0]",
        ),
        (
            "/interfaces/-",
            json!({ "name": "x" }),
            "interfaces[5].mac: missing: give the port's permanent MAC",
        ),
        ("/interfaces/0/mac", json!("52:54:00:aa:00"), "interfaces[0].mac: \"52:54:00:aa:00\" is not a MAC"),
        ("/interfaces/0/mac", json!("52:54:00:aa:00:0g"), "interfaces[0].mac: "),
        (
            "/interfaces/0/mac",
            json!("53:54:00:aa:00:01"),
            "interfaces[0].mac: 53:54:00:aa:00:01 is a multicast",
        ),
        ("/interfaces/0/mac", json!("00:00:00:00:00:00"), "interfaces[0].mac: "),
        ("/interfaces/1/mac", json!("52:54:00:AA:00:01"), "interfaces[1].mac: 52:54:00:AA:00:01 is also"),
        ("/interfaces/2/mac", json!("52:54:00:aa:00:09"), "interfaces[2].mac: a bond has none of its own"),
        ("/interfaces/3/mac", json!("52:54:00:aa:00:09"), "interfaces[3].mac: a VLAN has that of its parent"),
        ("/interfaces/0/mtu", json!(67), "interfaces[0].mtu: 67 is not between 68 and 65535"),
        ("/interfaces/0/mtu", json!(4_000_000_000_u32), "interfaces[0].mtu: 4000000000 is not between"),
        ("/interfaces/3/mtu", json!(1279), "interfaces[3].mtu: 1279 is below 1280, the minimum of IPv6"),
        ("/interfaces/3/mtu", json!(9001), "interfaces[3].mtu: 9001 is more than the 9000 of its parent"),
        ("/interfaces/2/bond/mode", json!("lacp"), "interfaces[2].bond.mode: \"lacp\" is none of balance-rr"),
        (
            "/interfaces/2/bond/members",
            json!(["eno1", "x"]),
            "interfaces[2].bond.members[1]: \"x\" is not an interf",
        ),
        (
            "/interfaces/2/bond/members",
            json!(["eno1", "eno1"]),
            "interfaces[2].bond.members[1]: \"eno1\" is listed",
        ),
        (
            "/interfaces/2/bond/members",
            json!(["v13"]),
            "interfaces[2].bond.members[0]: \"v13\" is not a port",
        ),
        (
            "/interfaces/-",
            json!({ "name": "b1", "bond": { "mode": "balance-alb", "members": ["eno2"] } }),
            "interfaces[5].bond.members[0]: \"eno2\" is also a member of \"bond0\"",
        ),
        (
            "/interfaces/2/bond/transmit_hash_policy",
            json!("layer4"),
            "interfaces[2].bond.transmit_hash_policy: \"layer4\" is none of layer2",
        ),
        (
            "/interfaces/2/bond/lacp_rate",
            json!("1"),
            "interfaces[2].bond.lacp_rate: \"1\" is none of slow, fast",
        ),
        (
            "/interfaces/2/bond/min_links",
            json!(3),
            "interfaces[2].bond.min_links: 3 is more than the bond's 2",
        ),
        ("/interfaces/2/bond/primary", json!("eno1"), "interfaces[2].bond.primary: needs mode active-backup"),
        ("/interfaces/3/vlan/id", json!(4095), "interfaces[3].vlan.id: 4095 is not between 1 and 4094"),
        ("/interfaces/4/vlan/id", json!(12), "interfaces[4].vlan.id: 12 on bond0 is also \"bond0.12\""),
        (
            "/interfaces/4/vlan/parent",
            json!("nope"),
            "interfaces[4].vlan.parent: \"nope\" is not an interface",
        ),
        ("/interfaces/4/vlan/parent", json!("v13"), "interfaces[4].vlan.parent: \"v13\" is on top of itself"),
        ("/interfaces/0/dhcp", json!(true), "interfaces[0].dhcp: this port is a member of \"bond0\""),
        ("/interfaces/0/addresses", json!(["10.3.3.3/24"]), "interfaces[0].addresses: this port is a member"),
        (
            "/interfaces/3/addresses/0",
            json!("10.0.0.999/24"),
            "interfaces[3].addresses[0]: \"10.0.0.999/24\" is not",
        ),
        (
            "/interfaces/3/addresses/0",
            json!("10.1.2.3"),
            "interfaces[3].addresses[0]: \"10.1.2.3\" is not an IP addr",
        ),
        (
            "/interfaces/3/addresses/0",
            json!("10.1.2.3/33"),
            "interfaces[3].addresses[0]: \"10.1.2.3/33\": the prefix",
        ),
        (
            "/interfaces/3/addresses/0",
            json!("10.1.2.0/24"),
            "interfaces[3].addresses[0]: 10.1.2.0/24 is the address",
        ),
        (
            "/interfaces/3/addresses/0",
            json!("10.1.2.255/24"),
            "interfaces[3].addresses[0]: 10.1.2.255/24 is the broad",
        ),
        (
            "/interfaces/3/addresses/1",
            json!("::ffff:10.1.2.3/120"),
            "interfaces[3].addresses[1]: ::ffff:10.1.2.3/120 is not an address",
        ),
        (
            "/interfaces/3/addresses/1",
            json!("ff02::1/64"),
            "interfaces[3].addresses[1]: ff02::1/64 is not an address",
        ),
        (
            "/interfaces/4/addresses",
            json!(["10.1.2.3/24"]),
            "interfaces[4].addresses[0]: 10.1.2.3 is also an address",
        ),
        (
            "/interfaces/3/routes/0/via",
            json!("10.1.2.1 # x"),
            "interfaces[3].routes[0].via: \"10.1.2.1 # x\" is not",
        ),
        (
            "/interfaces/3/routes/0/via",
            json!("10.1.3.1"),
            "interfaces[3].routes[0].via: 10.1.3.1 is in none of",
        ),
        (
            "/interfaces/3/routes/0/via",
            json!("10.1.2.3"),
            "interfaces[3].routes[0].via: 10.1.2.3 is this interface's",
        ),
        (
            "/interfaces/3/routes/2/via",
            json!("10.1.2.1"),
            "interfaces[3].routes[2].via: 10.1.2.1 is not of the IP",
        ),
        (
            "/interfaces/3/routes/2/via",
            json!("fd00:13::1"),
            "interfaces[3].routes[2].via: fd00:13::1 is in none",
        ),
        (
            "/interfaces/3/routes/3/to",
            json!("10.9.0.1/16"),
            "interfaces[3].routes[3].to: \"10.9.0.1/16\" has bits",
        ),
        (
            "/interfaces/3/routes/3/to",
            json!("10.9.0.1"),
            "interfaces[3].routes[3].to: \"10.9.0.1\" is not an IP",
        ),
        (
            "/interfaces/3/routes/3/to",
            json!("0.0.0.0/0"),
            "interfaces[3].routes[3].to: \"0.0.0.0/0\" is also",
        ),
        ("/dns/servers/0", json!("dns.example"), "dns.servers[0]: \"dns.example\" is not an IP address"),
        ("/dns/servers/1", json!("10.1.2.1"), "dns.servers[1]: 10.1.2.1 is listed twice"),
        ("/dns/search/0", json!("a b"), "dns.search[0]: \"a b\" is not a domain"),
        ("/ntp/1", json!("ntp server"), "ntp[1]: \"ntp server\" is not an IP address or a host name"),
        ("/files/-", file("etc/x"), "files[4].path: \"etc/x\" is not an absolute path"),
        ("/files/-", file("/etc/../x"), "files[4].path: \"/etc/../x\" is not an absolute path"),
        ("/files/-", file("/etc/"), "files[4].path: \"/etc/\" is not"),
        ("/files/-", file("/etc/a\nb"), "files[4].path: \"/etc/a\\nb\" has a control character"),
        ("/files/-", file("/TRAILER!!!"), "files[4].path: "),
        ("/files/-", file("/tmp/x"), "files[4].path: \"/tmp/x\" would be hidden"),
        ("/files/-", file("/run/stage1/x"), "files[4].path: \"/run/stage1/x\" would be hidden"),
        (
            "/files/-",
            file("/var/run/x"),
            "files[4].path: \"/var/run/x\" would be hidden: the target mounts /run",
        ),
        ("/files/-", file("/proc/sys/x"), "files[4].path: "),
        ("/files/-", file("/lib"), "files[4].path: \"/lib\" is a directory of the target"),
        ("/files/-", file("/etc/motd"), "files[4].path: /etc/motd is also written by files[0]"),
        (
            "/files/-",
            file("/usr/lib/firmware/x/a.bin"),
            "files[4].path: /usr/lib/firmware/x/a.bin is also written by files[1]",
        ),
        ("/files/-", file("/etc/motd/x"), "files[4].path: /etc/motd is a file of files[0], not a directory"),
        ("/files/-", file("/lib/firmware/x"), "files[4].path: /usr/lib/firmware/x is the directory of"),
        (
            "/files/-",
            file("/etc/hostname"),
            "files[4].path: /etc/hostname is also written by the field hostname",
        ),
        (
            "/files/-",
            file("/etc/stage1/nonce"),
            "files[4].path: /etc/stage1/nonce is also written by the agent",
        ),
        ("/files/-", file("/etc/systemd/network/30-eno1.network"), "files[4].path: "),
        ("/files/-", file(&format!("/etc/{long}")), "files[4].path: a name in \"/etc/aaaa"),
        ("/files/-", file(&"/a".repeat(2100)), "files[4].path: \"/a/a"),
        ("/files/0/mode", json!("0999"), "files[0].mode: \"0999\" is not octal permission bits"),
        ("/files/0/mode", json!("+644"), "files[0].mode: "),
        ("/files/0/mode", json!("17777"), "files[0].mode: "),
        ("/files/0/content_base64", json!("AA=="), "files[0].content: exactly one of"),
        ("/files/0/content", json!(null), "files[0].content: exactly one of"),
        ("/files/1/content_base64", json!("AAEC Aw=="), "files[1].content_base64: not base64"),
        ("/files/1/content_base64", json!("AAECAx=="), "files[1].content_base64: not base64"),
        ("/files/1/uid", json!(u32::MAX), "files[1].uid: 4294967295 is not an identity"),
    ] {
        let found = with(pointer, &value);
        if !matches!(found.as_slice(), [one] if one.starts_with(expected)) {
            wrong.push(format!("{pointer} {value}: {found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_far_too_much_is_not_compared() {
    let interface = |i: usize| json!({ "name": format!("p{i}"), "mac": "0a:00:00:00:00:01" });
    let many: Vec<Value> = (0..10_000).map(interface).collect();
    let members: Vec<String> = (0..10_000).map(|i| format!("p{i}")).collect();
    let bond = json!([{ "name": "b", "bond": { "mode": "broadcast", "members": members } }]);
    for (interfaces, expected) in [
        (json!(many), "interfaces: 10000 entries, at most 1000"),
        (bond, "interfaces[0].bond.members: more members than interfaces"),
    ] {
        assert_eq!(errors(&json!({ "version": 1, "hostname": "a", "interfaces": interfaces })), [expected]);
    }
}

/// A mistake may be one of several, or have several.
#[test]
fn all_mistakes_are_reported_at_once() {
    let found = errors(&json!({
        "version": 1, "hostname": "a b",
        "interfaces": [
            { "name": "v", "vlan": { "id": 5, "parent": "x" }, "bond": { "mode": "802.3ad", "members": [] } },
            { "name": "eth1", "mac": "52:54:00:aa:00:02", "addresses": ["10.0.0.7"], "mtu": 66_000 },
        ],
        "files": [{ "path": "/tmp/x" }]
    }));
    let fields: Vec<&str> = found.iter().map(|error| error.split_once(": ").unwrap().0).collect();
    assert_eq!(
        fields,
        [
            "hostname",
            "interfaces[0].vlan",
            "interfaces[1].name",
            "interfaces[1].mtu",
            "interfaces[0].bond.members",
            "interfaces[0].vlan.parent",
            "interfaces[1].addresses[0]",
            "files[0].path",
            "files[0].content"
        ]
    );
}

#[test]
fn vlans_in_a_circle_end() {
    let found = errors(&json!({ "version": 1, "hostname": "a", "interfaces": [
        { "name": "a", "vlan": { "id": 5, "parent": "b" }, "mtu": 1400 },
        { "name": "b", "vlan": { "id": 6, "parent": "a" } },
        { "name": "c", "vlan": { "id": 7, "parent": "b" }, "mtu": 1400 },
    ] }));
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found.iter().all(|error| error.contains("on top of itself")), "{found:#?}");
}

#[test]
fn a_field_is_a_json_pointer_on_the_wire() {
    let detail: Detail = serde_json::from_value(json!({ "version": 1, "hostname": "a", "interfaces": [
        { "name": "b", "bond": { "mode": "broadcast", "members": ["x"] } }
    ] }))
    .unwrap();
    let errors = detail.check();
    assert_eq!(errors[0].pointer, "#/interfaces/0/bond/members/0");
    assert_eq!(errors[0].field(), "interfaces[0].bond.members[0]");
}
