// SPDX-License-Identifier: MIT OR Apache-2.0
//! A detail's interfaces as files of systemd-networkd and systemd-udevd. Pure.
//!
//! The detail was checked ([`Detail::check`]): no value can add a line, and no name leads out of the folder.

use std::fmt::Write;

use stage1_contract::{Bond, Detail, Interface};

/// The systemd.link(5), systemd.netdev(5) and systemd.network(5) files of one interface, with their paths.
pub(crate) fn files(detail: &Detail, interface: &Interface) -> Vec<(String, String)> {
    let [link, netdev, network] = interface.networkd_paths();
    let name = &interface.name;
    let mut files = Vec::new();
    let matched = match &interface.mac {
        Some(mac) => {
            files.push((link, format!("[Match]\nPermanentMACAddress={mac}\n\n[Link]\nName={name}\n")));
            format!("PermanentMACAddress={mac}")
        }
        None => format!("Name={name}"),
    };
    match (&interface.bond, &interface.vlan) {
        (Some(bond), _) => files.push((netdev, bond_file(name, bond))),
        (None, Some(vlan)) => {
            files.push((netdev, format!("[NetDev]\nName={name}\nKind=vlan\n\n[VLAN]\nId={}\n", vlan.id)));
        }
        (None, None) => {}
    }
    files.push((network, network_file(detail, interface, &matched)));
    files
}

fn bond_file(name: &str, bond: &Bond) -> String {
    let mut text =
        format!("[NetDev]\nName={name}\nKind=bond\n\n[Bond]\nMode={}\nMIIMonitorSec=100ms\n", bond.mode);
    let mut line = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = writeln!(text, "{key}={value}");
        }
    };
    line("TransmitHashPolicy", bond.transmit_hash_policy.clone());
    line("LACPTransmitRate", bond.lacp_rate.clone());
    line("MinLinks", bond.min_links.map(|links| links.to_string()));
    text
}

fn network_file(detail: &Detail, interface: &Interface, matched: &str) -> String {
    let mut text = format!("[Match]\n{matched}\n");
    if interface.mtu.is_some() || interface.required_for_online.is_some() {
        text.push_str("\n[Link]\n");
    }
    if let Some(mtu) = interface.mtu {
        let _ = writeln!(text, "MTUBytes={mtu}");
    }
    if let Some(required) = interface.required_for_online {
        let _ = writeln!(text, "RequiredForOnline={}", yes_or_no(required));
    }
    text.push_str("\n[Network]\n");
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(text, "{key}={value}");
    };
    let name = &interface.name;
    for other in &detail.interfaces {
        if let Some(bond) = other.bond.as_ref().filter(|bond| bond.members.contains(name)) {
            line("Bond", &other.name);
            if bond.primary.as_ref() == Some(name) {
                line("PrimarySlave", "yes");
            }
        }
    }
    for vlan in
        detail.interfaces.iter().filter(|other| other.vlan.as_ref().is_some_and(|vlan| vlan.parent == *name))
    {
        line("VLAN", &vlan.name);
    }
    if interface.dhcp {
        line("DHCP", "yes");
    }
    if let Some(accepts) = interface.ipv6_ra {
        line("IPv6AcceptRA", yes_or_no(accepts));
    }
    for address in &interface.addresses {
        line("Address", &address.0);
    }
    if interface.dhcp || interface.ipv6_ra == Some(true) || !interface.addresses.is_empty() {
        for (key, values) in
            [("DNS", &detail.dns.servers), ("Domains", &detail.dns.search), ("NTP", &detail.ntp)]
        {
            values.iter().for_each(|value| line(key, value));
        }
    }
    for route in &interface.routes {
        text.push_str("\n[Route]\n");
        if route.to != "default" {
            let _ = writeln!(text, "Destination={}", route.to);
        }
        let _ = writeln!(text, "Gateway={}", route.via);
        if route.on_link == Some(true) {
            text.push_str("GatewayOnLink=yes\n");
        }
        if let Some(metric) = route.metric {
            let _ = writeln!(text, "Metric={metric}");
        }
    }
    text
}

fn yes_or_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "runs networkd")]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::process::Command;

    const FABRIC: &str = r#"[{ "name": "a", "mac": "ac:1f:6b:00:00:01", "required_for_online": false },
                { "name": "b", "mac": "ac:1f:6b:00:00:02" }, { "name": "c", "mac": "ac:1f:6b:00:00:03" },
                { "name": "bond0", "ipv6_ra": true, "addresses": ["192.0.2.1/32"], "bond": { "mode": "802.3ad",
                  "members": ["a"], "transmit_hash_policy": "layer3+4", "lacp_rate": "fast", "min_links": 1 },
                  "routes": [{ "to": "10.0.0.0/8", "via": "198.51.100.1", "on_link": true, "metric": 7 }] },
                { "name": "bond1", "bond": { "mode": "active-backup", "members": ["b", "c"], "primary": "c" },
                  "ipv6_ra": false, "dhcp": true }]"#;

    /// All files of a detail, by name.
    fn all(interfaces: &str) -> BTreeMap<String, String> {
        let text = format!(
            r#"{{ "version": 1, "hostname": "a", "interfaces": {interfaces}, "dns": {{ "servers": ["10.1.2.1"], "search": ["a_b.example.", "~."] }} }}"#
        );
        let detail: Detail = serde_json::from_str(&text).unwrap();
        assert_eq!(detail.check(), []);
        let files = detail.interfaces.iter().flat_map(|interface| files(&detail, interface));
        files.map(|(path, text)| (path.replace("etc/systemd/network/", ""), text)).collect()
    }

    #[test]
    fn a_bond_with_a_vlan() {
        let files = all(
            r#"[{ "name": "a", "mac": "ac:1f:6b:00:00:01" }, { "name": "b", "mac": "ac:1f:6b:00:00:02" },
                { "name": "bond0", "bond": { "mode": "802.3ad", "members": ["a", "b"] }, "mtu": 9000 },
                { "name": "vlan12", "vlan": { "id": 12, "parent": "bond0" }, "addresses": ["10.1.2.3/24"],
                  "routes": [{ "to": "default", "via": "10.1.2.1" }] }]"#,
        );
        assert_eq!(
            files["30-a.network"],
            "[Match]\nPermanentMACAddress=ac:1f:6b:00:00:01\n\n[Network]\nBond=bond0\n"
        );
        assert_eq!(files["10-a.link"], "[Match]\nPermanentMACAddress=ac:1f:6b:00:00:01\n\n[Link]\nName=a\n");
        assert_eq!(
            files["20-bond0.netdev"],
            "[NetDev]\nName=bond0\nKind=bond\n\n[Bond]\nMode=802.3ad\nMIIMonitorSec=100ms\n"
        );
        assert_eq!(
            files["30-bond0.network"],
            "[Match]\nName=bond0\n\n[Link]\nMTUBytes=9000\n\n[Network]\nVLAN=vlan12\n"
        );
        assert!(files["20-vlan12.netdev"].ends_with("[VLAN]\nId=12\n"));
        assert_eq!(
            files["30-vlan12.network"],
            "[Match]\nName=vlan12\n\n[Network]\nAddress=10.1.2.3/24\nDNS=10.1.2.1\nDomains=a_b.example.\nDomains=~.\n\n[Route]\nGateway=10.1.2.1\n"
        );
    }

    #[test]
    fn the_options_of_a_fabric() {
        let files = all(FABRIC);
        assert!(
            files["20-bond0.netdev"]
                .ends_with("TransmitHashPolicy=layer3+4\nLACPTransmitRate=fast\nMinLinks=1\n")
        );
        assert_eq!(
            files["30-bond0.network"],
            "[Match]\nName=bond0\n\n[Network]\nIPv6AcceptRA=yes\nAddress=192.0.2.1/32\nDNS=10.1.2.1\nDomains=a_b.example.\nDomains=~.\n\n\
             [Route]\nDestination=10.0.0.0/8\nGateway=198.51.100.1\nGatewayOnLink=yes\nMetric=7\n"
        );
        assert!(files["30-a.network"].contains("\n[Link]\nRequiredForOnline=no\n"));
        assert!(files["30-b.network"].ends_with("[Network]\nBond=bond1\n"));
        assert!(files["30-c.network"].ends_with("[Network]\nBond=bond1\nPrimarySlave=yes\n"));
        assert!(files["30-bond1.network"].contains("[Network]\nDHCP=yes\nIPv6AcceptRA=no\n"));
    }

    /// What networkd cannot parse, it ignores with a line in its log.
    #[test]
    fn networkd_itself_accepts_every_line() {
        const NETWORKD: &str = "/usr/lib/systemd/systemd-networkd";
        if !Path::new(NETWORKD).exists() || !nix::unistd::geteuid().is_root() {
            // Unlike println! this is shown although the test passes.
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("SKIPPED: networkd itself: needs root and {NETWORKD}\n").as_bytes(),
            );
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let log_of = |files: &BTreeMap<String, String>| {
            for (name, text) in files {
                std::fs::write(folder.path().join(name), text).unwrap();
            }
            let script = "mount -t tmpfs tmpfs /run && mkdir /run/systemd /run/systemd/network && \
                          mount --bind \"$0\" /run/systemd/network && timeout 2 \"$1\"";
            let mut command = Command::new("unshare");
            command.args(["--net", "--mount", "sh", "-c", script]).arg(folder.path()).arg(NETWORKD);
            String::from_utf8(command.output().unwrap().stderr).unwrap()
        };
        let mut files = all(FABRIC);
        files.extend(all(
            r#"[{ "name": "p_1.-", "mac": "AC-1F-6B-00-00-04", "mtu": 65535, "addresses": ["10.1.1.0/31", "fe80::1/10"],
                  "routes": [{ "to": "::/0", "via": "fe80::2" },
                             { "to": "default", "via": "10.1.1.1", "metric": 4294967295 }] },
                { "name": "v", "vlan": { "id": 4094, "parent": "p_1.-" }, "mtu": 68 }]"#,
        ));
        let log = log_of(&files);
        assert!(log.contains("Enumeration completed") && !log.contains("ignoring"), "{log}");
        let log = log_of(&[("99-bad.network".to_string(), "[Network]\nBogus=1\n".to_string())].into());
        assert!(log.contains("ignoring"), "a bad line is not found: {log}");
    }
}
