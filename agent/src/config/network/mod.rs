// SPDX-License-Identifier: MIT OR Apache-2.0
//! The network configuration that settings give, in dracut's syntax (dracut.cmdline(7)): `ip=`, `vlan=`, `bond=`,
//! `nameserver=`, `ifname=`, `rd.route=` and `BOOTIF=`.

mod bond;
mod ip;
mod networkd;
mod words;

use std::net::IpAddr;

pub use ip::Ip;
pub use words::{Prefix, Route};

use netlink::link::Bond as Parameters;
use words::{device, fields, mac};

/// The network configuration of the settings. Empty: DHCP and IPv6 autoconfiguration on every port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkConfig {
    /// How ports, bonds and VLANs get their addresses. Where one names a port, the ports that none names get no address.
    pub ip: Vec<Ip>,
    /// VLANs.
    pub vlans: Vec<Vlan>,
    /// Bonds.
    pub bonds: Vec<Bond>,
    /// Name servers, which come before those of DHCP.
    pub name_servers: Vec<IpAddr>,
    /// Names for ports, by their MAC addresses.
    pub names: Vec<PortName>,
    /// Static routes.
    pub routes: Vec<Route>,
    /// The MAC address of the port that the boot loader used.
    pub boot_port: Option<[u8; 6]>,
}

/// A tagged VLAN (IEEE 802.1Q).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vlan {
    /// Its interface name.
    pub name: String,
    /// Its identifier, 1 to 4094.
    pub id: u16,
    /// The port or bond that carries it.
    pub parent: String,
}

/// A bond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bond {
    /// Its interface name.
    pub name: String,
    /// Its ports.
    pub members: Vec<String>,
    /// Mode and other parameters.
    pub parameters: Parameters,
    /// MTU in bytes.
    pub mtu: Option<u32>,
}

/// A name for the port that has a MAC address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortName {
    /// The name that other settings have for it.
    pub name: String,
    /// Its MAC address.
    pub mac: [u8; 6],
}

impl NetworkConfig {
    /// Whether it leaves every port to DHCP and IPv6 autoconfiguration.
    pub fn is_automatic(&self) -> bool {
        self.vlans.is_empty() && self.bonds.is_empty() && self.ip.iter().all(|ip| *ip == Ip::automatic())
    }

    /// How the port, bond or VLAN of this name gets its addresses; `None`: not at all.
    pub fn ip_of(&self, name: &str, mac: Option<[u8; 6]>) -> Option<Ip> {
        let name = self.name_of(name, mac);
        if self.bond_of(name).is_some() {
            return None;
        }
        // A VLAN has the MAC address of its port.
        let is_boot_port = self.boot_port.is_some() && self.boot_port == mac && !self.is_vlan(name);
        let is_named = |ip: &&Ip| match &ip.device {
            Some(device) => device == name,
            None => is_boot_port && ip.is_for_one(),
        };
        let mut found: Vec<&Ip> = self.ip.iter().filter(is_named).collect();
        let is_parent = self.vlans.iter().any(|vlan| vlan.parent == name);
        if found.is_empty() && !is_parent {
            found = self.ip.iter().filter(|ip| ip.device.is_none() && !ip.is_for_one()).collect();
        }
        match found.split_first() {
            Some((first, rest)) => Some(rest.iter().fold((*first).clone(), |all, ip| all.with(ip))),
            None if self.ip.is_empty() && !is_parent => Some(Ip::automatic()),
            None => None,
        }
    }

    /// The name that the settings have for a port.
    pub fn name_of<'a>(&'a self, name: &'a str, mac: Option<[u8; 6]>) -> &'a str {
        let is_made = self.is_vlan(name) || self.bonds.iter().any(|bond| bond.name == name);
        let named = self.names.iter().find(|port| !is_made && Some(port.mac) == mac);
        named.map_or(name, |port| &port.name)
    }

    /// The bond that has the port of this name as a member.
    pub fn bond_of(&self, name: &str) -> Option<&Bond> {
        self.bonds.iter().find(|bond| bond.members.iter().any(|member| member == name))
    }

    /// The static routes of an interface that has these addresses.
    pub fn routes_of(&self, name: &str, addresses: &[Prefix]) -> Vec<&Route> {
        let is_here = |route: &&Route| match (&route.device, route.via) {
            (Some(device), _) => device == name,
            (None, Some(via)) => addresses.iter().any(|prefix| prefix.contains(via)),
            (None, None) => false,
        };
        self.routes.iter().filter(is_here).collect()
    }

    fn is_vlan(&self, name: &str) -> bool {
        self.vlans.iter().any(|vlan| vlan.name == name)
    }

    /// What does not fit together: errors in the words of the settings.
    pub fn conflicts(&self) -> Vec<String> {
        let mut errors = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for name in self.vlans.iter().map(|vlan| &vlan.name).chain(self.bonds.iter().map(|bond| &bond.name)) {
            if seen.contains(&name.as_str()) {
                errors.push(format!("{name}: two VLANs or bonds have this name"));
            }
            seen.push(name);
        }
        let members: Vec<(&str, &str)> = self
            .bonds
            .iter()
            .flat_map(|bond| bond.members.iter().map(|m| (m.as_str(), bond.name.as_str())))
            .collect();
        for (at, (member, bond)) in members.iter().enumerate() {
            if members[..at].iter().any(|(other, _)| other == member) {
                errors.push(format!("bond={bond}: {member} is already a member of a bond"));
            }
            if self.ip.iter().any(|ip| ip.device.as_deref() == Some(member)) {
                errors.push(format!("ip: {member} is a member of {bond}: give the address to {bond}"));
            }
            if self.vlans.iter().any(|vlan| vlan.parent == *member) {
                errors.push(format!("vlan: {member} is a member of {bond}: make the VLAN on {bond}"));
            }
        }
        for ip in &self.ip {
            let Some(name) = ip.device.as_deref() else {
                if ip.is_for_one() && self.boot_port.is_none() {
                    errors.push("ip: an address is for no port: write the port's name before the method, or add BOOTIF=MAC".to_string());
                }
                continue;
            };
            let made = seen.contains(&name);
            if let (false, Some((parent, _))) = (made, name.rsplit_once('.')) {
                errors.push(format!("ip: there is no VLAN {name}: add vlan={name}:{parent}"));
            }
        }
        for route in self.routes.iter().filter(|route| route.device.is_none()) {
            let via = route.via.map_or_else(String::new, |via| via.to_string());
            let reached = |ip: &Ip| route.via.is_some_and(|via| ip.addresses.iter().any(|p| p.contains(via)));
            if !self.ip.iter().any(reached) {
                errors.push(format!("rd.route: no static address is in the network of {via}: add the port, as in {}:{via}:eth0", route.to));
            }
        }
        errors
    }
}

/// Parses `ip=`.
///
/// # Errors
/// Why it is none.
pub fn ip(value: &str) -> Result<Ip, String> {
    ip::parse(value)
}

/// Parses `rd.route=NET/LENGTH:GATEWAY:PORT`.
///
/// # Errors
/// Why it is none.
pub fn route(value: &str) -> Result<Route, String> {
    words::route(value)
}

/// Parses `vlan=NAME:PARENT`.
///
/// # Errors
/// Why it is none.
pub fn vlan(value: &str) -> Result<Vlan, String> {
    let [name, parent] = fields(value)?[..] else {
        return Err(format!("{value:?} is not NAME:PORT, such as eth0.120:eth0"));
    };
    let digits = name.rsplit_once('.').map(|(_, digits)| digits).or_else(|| name.strip_prefix("vlan"));
    let id = digits.and_then(|digits| digits.parse().ok()).filter(|id| (1..=4094).contains(id));
    let id = id.ok_or_else(|| {
        format!("{name:?} does not end in a VLAN ID from 1 to 4094: write it like vlan120 or eth0.120")
    })?;
    Ok(Vlan { name: device(name)?, id, parent: device(parent)? })
}

/// Parses `bond=NAME:PORTS:OPTIONS:MTU`.
///
/// # Errors
/// Why it is none.
pub fn bond(value: &str) -> Result<Bond, String> {
    bond::parse(value)
}

/// Parses `nameserver=ADDRESS`.
///
/// # Errors
/// Why it is none.
pub fn name_server(value: &str) -> Result<IpAddr, String> {
    words::address(value)
}

/// Parses `ifname=NAME:MAC`.
///
/// # Errors
/// Why it is none.
pub fn port_name(value: &str) -> Result<PortName, String> {
    let (name, address) = value.split_once(':').ok_or_else(|| format!("{value:?} is not NAME:MAC"))?;
    Ok(PortName { name: device(name)?, mac: mac(address)? })
}

/// Parses `BOOTIF=MAC`, which pxelinux and iPXE write with the hardware type before it: `01-52-54-00-09-01-01`.
///
/// # Errors
/// Why it is none.
pub fn boot_port(value: &str) -> Result<[u8; 6], String> {
    let address =
        value.strip_prefix("01-").or_else(|| value.strip_prefix("01:").filter(|rest| rest.len() == 17));
    mac(address.unwrap_or(value))
}

#[cfg(test)]
mod tests;
