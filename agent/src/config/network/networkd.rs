// SPDX-License-Identifier: MIT OR Apache-2.0
//! The network configuration as files for systemd-networkd (systemd.network(5), systemd.netdev(5)).

use std::collections::BTreeMap;
use std::fmt::Write;

use super::bond::{AD_SELECT, FAIL_OVER_MAC, HASH_POLICIES, LACP_RATES, MODES};
use super::{Bond, Ip, NetworkConfig, PortName};

/// What [`Ip::automatic`] is to systemd-networkd is in the image's 80-physical.network; ours come before it.
const PREFIX: &str = "70-stage1-";
/// For the ports that the settings do not name: after those that they name.
const OTHERS: &str = "75-stage1-others.network";

impl NetworkConfig {
    /// The files by their names. None if the settings leave all to DHCP and IPv6 autoconfiguration.
    pub fn networkd_files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for bond in &self.bonds {
            files.insert(format!("{PREFIX}{}.netdev", bond.name), bond_device(bond));
        }
        for vlan in &self.vlans {
            let text = format!("[NetDev]\nName={}\nKind=vlan\n\n[VLAN]\nId={}\n", vlan.name, vlan.id);
            files.insert(format!("{PREFIX}{}.netdev", vlan.name), text);
        }
        for name in self.named() {
            files.insert(format!("{PREFIX}{name}.network"), self.interface(name));
        }
        for ip in self.ip.iter().filter(|ip| ip.device.is_none() && ip.is_for_one()) {
            if let Some(mac) = self.boot_port {
                let text = self.network(&format!("PermanentMACAddress={}", mac_text(mac)), "", Some(ip));
                files.insert(format!("{PREFIX}BOOTIF.network"), text);
            }
        }
        if !self.is_automatic() || !self.name_servers.is_empty() {
            // A name that no interface has, so that only what is for every port counts.
            let general = self.ip_of("", None);
            files.insert(OTHERS.to_string(), self.network("Type=ether\nKind=!*", "", general.as_ref()));
        }
        files
    }

    /// The names of all interfaces in the settings.
    fn named(&self) -> Vec<&str> {
        let ports = self.ip.iter().filter_map(|ip| ip.device.as_deref());
        let bonds = self.bonds.iter().flat_map(|bond| std::iter::once(&bond.name).chain(&bond.members));
        let vlans = self.vlans.iter().flat_map(|vlan| [&vlan.name, &vlan.parent]);
        let routes = self.routes.iter().filter_map(|route| route.device.as_deref());
        let mut names: Vec<&str> =
            ports.chain(bonds.chain(vlans).map(String::as_str)).chain(routes).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn interface(&self, name: &str) -> String {
        let mut select = format!("Name={name}");
        if let Some(PortName { mac, .. }) = self.names.iter().find(|port| port.name == name) {
            select = format!("PermanentMACAddress={}", mac_text(*mac));
        }
        self.network(&select, name, self.ip_of(name, None).as_ref())
    }

    fn network(&self, select: &str, name: &str, ip: Option<&Ip>) -> String {
        let mut text = format!("[Match]\n{select}\n");
        let bond = self.bonds.iter().find(|bond| bond.name == name);
        let mtu = ip.and_then(|ip| ip.mtu).or(bond.and_then(|bond| bond.mtu));
        let mac = ip.and_then(|ip| ip.mac);
        if mtu.is_some() || mac.is_some() {
            text.push_str("\n[Link]\n");
            let _ = mtu.map(|mtu| writeln!(text, "MTUBytes={mtu}"));
            let _ = mac.map(|mac| writeln!(text, "MACAddress={}", mac_text(mac)));
        }
        text.push_str("\n[Network]\nLLDP=no\nLLMNR=no\nMulticastDNS=no\n");
        if let Some(bond) = self.bond_of(name) {
            let _ = writeln!(text, "Bond={}", bond.name);
        }
        for vlan in self.vlans.iter().filter(|vlan| vlan.parent == name) {
            let _ = writeln!(text, "VLAN={}", vlan.name);
        }
        let Some(ip) = ip else {
            text.push_str("DHCP=no\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n");
            return text;
        };
        let dhcp = match (ip.dhcp4, ip.router || ip.dhcp6) {
            (true, true) => "yes",
            (true, false) => "ipv4",
            (false, true) => "ipv6",
            (false, false) => "no",
        };
        let router = if ip.router { "yes" } else { "no" };
        let _ = writeln!(text, "DHCP={dhcp}\nIPv6AcceptRA={router}");
        for server in self.name_servers.iter().chain(&ip.name_servers) {
            let _ = writeln!(text, "DNS={server}");
        }
        for address in &ip.addresses {
            let _ = writeln!(text, "Address={address}");
        }
        for gateway in &ip.gateways {
            let _ = writeln!(text, "\n[Route]\nGateway={gateway}\nGatewayOnLink=yes");
        }
        for route in self.routes_of(name, &ip.addresses) {
            let _ = writeln!(text, "\n[Route]\nDestination={}", route.to);
            let _ = route.via.map(|via| writeln!(text, "Gateway={via}\nGatewayOnLink=yes"));
        }
        text.push_str(&dhcp_options(ip));
        text
    }
}

/// The same identity as in 80-physical.network.
fn dhcp_options(ip: &Ip) -> String {
    let mut text = String::new();
    if ip.dhcp4 {
        text.push_str("\n[DHCPv4]\nClientIdentifier=mac\nUseDomains=yes\n");
    }
    if ip.router || ip.dhcp6 {
        text.push_str("\n[IPv6AcceptRA]\nUseDomains=yes\n");
        text.push_str("\n[DHCPv6]\nDUIDType=uuid\nUseDomains=yes\nUserClass=stage1\nVendorClass=stage1\n");
        if ip.dhcp6 {
            text.push_str("WithoutRA=solicit\n");
        }
    }
    text
}

fn bond_device(bond: &Bond) -> String {
    let mut text = format!("[NetDev]\nName={}\nKind=bond\n\n[Bond]\n", bond.name);
    let parameters = &bond.parameters;
    let word = |words: &[&'static str], at: u8| words.get(usize::from(at)).copied().unwrap_or_default();
    let _ = writeln!(text, "Mode={}", word(&MODES, parameters.mode));
    for (key, number, unit) in [
        ("MIIMonitorSec", parameters.miimon, "ms"),
        ("UpDelaySec", parameters.updelay, "ms"),
        ("DownDelaySec", parameters.downdelay, "ms"),
        ("MinLinks", parameters.min_links, ""),
    ] {
        let _ = number.map(|number| writeln!(text, "{key}={number}{unit}"));
    }
    for (key, words, at) in [
        ("LACPTransmitRate", &LACP_RATES[..], parameters.lacp_rate),
        ("TransmitHashPolicy", &HASH_POLICIES[..], parameters.xmit_hash_policy),
        ("AdSelect", &AD_SELECT[..], parameters.ad_select),
        ("FailOverMACPolicy", &FAIL_OVER_MAC[..], parameters.fail_over_mac),
    ] {
        let _ = at.map(|at| writeln!(text, "{key}={}", word(words, at)));
    }
    text
}

fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|octet| format!("{octet:02x}")).join(":")
}

#[cfg(test)]
mod tests {
    use crate::config::Settings;
    use std::collections::BTreeMap;

    fn files(line: &str) -> BTreeMap<String, String> {
        Settings::merge(None, line, &[]).0.network.networkd_files()
    }

    #[test]
    fn without_settings_the_images_own_file_is_enough() {
        assert_eq!(files("quiet"), BTreeMap::new());
        assert_eq!(files("ip=dhcp BOOTIF=01-52-54-00-09-01-01"), BTreeMap::new());
    }

    #[test]
    fn a_static_address_on_a_vlan_of_a_bond() {
        let files = files(
            "bond=bond0:eth0,eth1:mode=802.3ad,lacp_rate=fast vlan=bond0.120:bond0 \
             ip=10.0.0.5::10.0.0.1:24::bond0.120:none:1400 nameserver=10.0.0.2",
        );
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "70-stage1-bond0.120.netdev",
                "70-stage1-bond0.120.network",
                "70-stage1-bond0.netdev",
                "70-stage1-bond0.network",
                "70-stage1-eth0.network",
                "70-stage1-eth1.network",
                "75-stage1-others.network",
            ]
        );
        let expected = "[Match]\nName=bond0.120\n\n[Link]\nMTUBytes=1400\n\n[Network]\nLLDP=no\nLLMNR=no\nMulticastDNS=no\n\
             DHCP=no\nIPv6AcceptRA=no\nDNS=10.0.0.2\nAddress=10.0.0.5/24\n\n[Route]\nGateway=10.0.0.1\nGatewayOnLink=yes\n";
        assert_eq!(files["70-stage1-bond0.120.network"], expected);
        assert!(
            files["70-stage1-bond0.netdev"]
                .ends_with("[Bond]\nMode=802.3ad\nMIIMonitorSec=100ms\nLACPTransmitRate=fast\n")
        );
        assert!(files["70-stage1-bond0.120.netdev"].ends_with("Kind=vlan\n\n[VLAN]\nId=120\n"));
        assert!(files["70-stage1-bond0.network"].contains("VLAN=bond0.120\nDHCP=no\n"));
        assert!(files["70-stage1-eth1.network"].contains("Bond=bond0\n"));
        assert!(files["75-stage1-others.network"].contains("DHCP=no\nIPv6AcceptRA=no\n"));
    }

    #[test]
    fn a_port_is_matched_by_its_mac_address_where_it_has_a_name() {
        let files = files("ifname=boot:52:54:00:09:01:01 ip=[fd00::5]::[fd00::1]:64::boot:none ip=dhcp");
        assert!(
            files["70-stage1-boot.network"].starts_with("[Match]\nPermanentMACAddress=52:54:00:09:01:01\n")
        );
        assert!(files["75-stage1-others.network"].contains("DHCP=yes\nIPv6AcceptRA=yes\n"));
    }

    #[test]
    fn dhcpv6_does_not_wait_for_a_router_where_it_is_named() {
        assert!(
            files("ip=eth0:dhcp6")["70-stage1-eth0.network"]
                .ends_with("VendorClass=stage1\nWithoutRA=solicit\n")
        );
    }
}
