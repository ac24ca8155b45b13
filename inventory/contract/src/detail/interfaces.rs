// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules for interfaces: what each is, its MAC address and MTU, and how they are stacked.

use std::collections::BTreeMap;

use super::check::Errors;
use super::names::check_interface_name;
use super::{Bond, Interface, Vlan};

/// Far more than a host has; each is compared with the others.
const MAX_INTERFACES: usize = 1000;
/// `ETH_MIN_MTU` (linux/if_ether.h), and the minimum of IPv6 (RFC 8200, section 5).
const MIN_MTU: u32 = 68;
const MIN_MTU_IPV6: u32 = 1280;
/// `ETH_MAX_MTU`.
const MAX_MTU: u32 = 65535;
/// What a port has if nobody sets it.
const DEFAULT_MTU: u32 = 1500;

const ACTIVE_BACKUP: &str = "active-backup";
const BALANCE_XOR: &str = "balance-xor";
const LACP: &str = "802.3ad";
const BALANCE_TLB: &str = "balance-tlb";
const BALANCE_ALB: &str = "balance-alb";
const MODES: [&str; 7] =
    ["balance-rr", ACTIVE_BACKUP, BALANCE_XOR, "broadcast", LACP, BALANCE_TLB, BALANCE_ALB];
/// Those of networkd; the kernel also has `vlan+srcmac`, which systemd 252 ignores.
const HASH_POLICIES: [&str; 5] = ["layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4"];

impl Errors {
    pub(super) fn interfaces(&mut self, interfaces: &[Interface]) {
        if interfaces.len() > MAX_INTERFACES {
            return self.add("interfaces", format!("{} entries, at most {MAX_INTERFACES}", interfaces.len()));
        }
        let (mut names, mut macs) = (BTreeMap::new(), BTreeMap::new());
        for (i, interface) in interfaces.iter().enumerate() {
            let field = format!("interfaces[{i}]");
            self.check(&format!("{field}.name"), check_interface_name(&interface.name));
            if let Some(first) = names.insert(&interface.name, i) {
                self.add(
                    &format!("{field}.name"),
                    format!("{:?} is also the name of interfaces[{first}]", interface.name),
                );
            }
            self.kind(&field, interface);
            if let Some(mac) = &interface.mac {
                let field = format!("{field}.mac");
                match parse_mac(mac) {
                    Err(error) => self.add(&field, error),
                    Ok(address) => {
                        if let Some(first) = macs.insert(address, i) {
                            self.add(&field, format!("{mac} is also the MAC address of interfaces[{first}]"));
                        }
                    }
                }
            }
            self.check(&format!("{field}.mtu"), check_mtu(interface));
        }
        let all = Stack(interfaces);
        for (i, interface) in interfaces.iter().enumerate() {
            let field = format!("interfaces[{i}]");
            if let Some(bond) = &interface.bond {
                self.bond(&format!("{field}.bond"), interface, bond, all);
            }
            if let Some(vlan) = &interface.vlan {
                self.vlan(&field, interface, vlan, all);
            }
            self.member(&field, interface, all);
        }
        self.addresses(interfaces);
    }

    /// A port, a bond or a VLAN.
    fn kind(&mut self, field: &str, interface: &Interface) {
        match (&interface.mac, &interface.bond, &interface.vlan) {
            (None, None, None) => {
                self.add(
                    &format!("{field}.mac"),
                    "missing: give the port's permanent MAC address, or bond, or vlan",
                );
            }
            (_, Some(_), Some(_)) => {
                self.add(&format!("{field}.vlan"), "a bond cannot be a VLAN: make two interfaces of it");
            }
            (Some(_), Some(_), None) => {
                self.add(
                    &format!("{field}.mac"),
                    "a bond has none of its own: give each member's interface its MAC address",
                );
            }
            (Some(_), None, Some(_)) => {
                self.add(&format!("{field}.mac"), "a VLAN has that of its parent: remove it");
            }
            _ => {}
        }
    }

    fn bond(&mut self, field: &str, interface: &Interface, bond: &Bond, all: Stack) {
        let mode = bond.mode.as_str();
        if !MODES.contains(&mode) {
            let hint =
                if mode.eq_ignore_ascii_case("lacp") || mode == "4" { "; LACP is 802.3ad" } else { "" };
            self.add(&format!("{field}.mode"), format!("{mode:?} is none of {}{hint}", MODES.join(", ")));
            return self.members(field, interface, bond, all);
        }
        let mut needs = |option: &str, is_set: bool, modes: &[&str]| {
            if is_set && !modes.contains(&mode) {
                self.add(
                    &format!("{field}.{option}"),
                    format!("needs mode {}, not {mode}", modes.join(" or ")),
                );
            }
        };
        needs("transmit_hash_policy", bond.transmit_hash_policy.is_some(), &[LACP, BALANCE_XOR, BALANCE_TLB]);
        needs("lacp_rate", bond.lacp_rate.is_some(), &[LACP]);
        needs("min_links", bond.min_links.is_some(), &[LACP]);
        needs("primary", bond.primary.is_some(), &[ACTIVE_BACKUP, BALANCE_TLB, BALANCE_ALB]);
        let choices: [(&str, &Option<String>, &[&str]); 2] = [
            ("transmit_hash_policy", &bond.transmit_hash_policy, &HASH_POLICIES),
            ("lacp_rate", &bond.lacp_rate, &["slow", "fast"]),
        ];
        for (option, value, choices) in choices {
            if let Some(value) = value.as_deref().filter(|value| !choices.contains(value)) {
                self.add(
                    &format!("{field}.{option}"),
                    format!("{value:?} is none of {}", choices.join(", ")),
                );
            }
        }
        if let Some(links) = bond.min_links.filter(|links| *links as usize > bond.members.len()) {
            let members = bond.members.len();
            self.add(
                &format!("{field}.min_links"),
                format!("{links} is more than the bond's {members} members"),
            );
        }
        if let Some(primary) = bond.primary.as_ref().filter(|primary| !bond.members.contains(primary)) {
            self.add(&format!("{field}.primary"), format!("{primary:?} is not a member of this bond"));
        }
        self.members(field, interface, bond, all);
    }

    fn members(&mut self, field: &str, interface: &Interface, bond: &Bond, all: Stack) {
        let wrong = match bond.members.len() {
            0 => Some("a bond needs at least one member"),
            count if count > all.0.len() => Some("more members than interfaces"),
            _ => None,
        };
        if let Some(wrong) = wrong {
            return self.add(&format!("{field}.members"), wrong);
        }
        for (i, member) in bond.members.iter().enumerate() {
            let field = format!("{field}.members[{i}]");
            let other = all.bond_of(member).filter(|other| other.name != interface.name);
            match (all.named(member), other) {
                _ if bond.members[..i].contains(member) => {
                    self.add(&field, format!("{member:?} is listed twice"));
                }
                (None, _) => self.add(&field, format!("{member:?} is not an interface of this detail")),
                (Some(port), _) if port.bond.is_some() || port.vlan.is_some() => {
                    self.add(&field, format!("{member:?} is not a port"));
                }
                (_, Some(other)) => {
                    self.add(&field, format!("{member:?} is also a member of {:?}", other.name));
                }
                _ => {}
            }
        }
    }

    fn vlan(&mut self, field: &str, interface: &Interface, vlan: &Vlan, all: Stack) {
        if !(1..=4094).contains(&vlan.id) {
            self.add(&format!("{field}.vlan.id"), format!("{} is not between 1 and 4094", vlan.id));
        }
        let parent_field = format!("{field}.vlan.parent");
        let Some(parent) = all.named(&vlan.parent) else {
            return self.add(&parent_field, format!("{:?} is not an interface of this detail", vlan.parent));
        };
        if all.is_circle(interface) {
            return self.add(&parent_field, format!("{:?} is on top of itself", interface.name));
        }
        if let Some(twin) = all.twin(interface, vlan) {
            self.add(
                &format!("{field}.vlan.id"),
                format!("{} on {} is also {:?}", vlan.id, vlan.parent, twin.name),
            );
        }
        let limit = all.mtu(parent);
        if let Some(mtu) = interface.mtu.filter(|mtu| *mtu > limit) {
            self.add(
                &format!("{field}.mtu"),
                format!("{mtu} is more than the {limit} of its parent {:?}", vlan.parent),
            );
        }
    }

    /// What a port that is a member of a bond cannot have.
    fn member(&mut self, field: &str, interface: &Interface, all: Stack) {
        let is_port = interface.bond.is_none() && interface.vlan.is_none();
        let Some(bond) = all.bond_of(&interface.name).filter(|_| is_port) else { return };
        let name = &bond.name;
        for (option, is_set) in [
            ("addresses", !interface.addresses.is_empty()),
            ("routes", !interface.routes.is_empty()),
            ("dhcp", interface.dhcp),
            ("ipv6_ra", interface.ipv6_ra == Some(true)),
        ] {
            if is_set {
                self.add(
                    &format!("{field}.{option}"),
                    format!("this port is a member of {name:?}: put it there"),
                );
            }
        }
    }
}

/// The interfaces, as they refer to each other.
#[derive(Clone, Copy)]
struct Stack<'a>(&'a [Interface]);

impl<'a> Stack<'a> {
    fn named(self, name: &str) -> Option<&'a Interface> {
        self.0.iter().find(|interface| interface.name == name)
    }

    /// The first bond that has this member.
    fn bond_of(self, name: &str) -> Option<&'a Interface> {
        let has = |bond: &Bond| bond.members.iter().any(|member| member == name);
        self.0.iter().find(|interface| interface.bond.as_ref().is_some_and(has))
    }

    fn is_circle(self, interface: &Interface) -> bool {
        let mut next = Some(interface);
        for _ in 0..=self.0.len() {
            let Some(vlan) = next.and_then(|interface| interface.vlan.as_ref()) else { return false };
            next = self.named(&vlan.parent);
        }
        true
    }

    /// An earlier interface of the same VLAN on the same parent.
    fn twin(self, interface: &Interface, vlan: &Vlan) -> Option<&'a Interface> {
        let before = self.0.iter().take_while(|other| !std::ptr::eq(*other, interface));
        before.into_iter().find(|other| other.vlan.as_ref() == Some(vlan))
    }

    /// The MTU that an interface will have: a VLAN without one takes its parent's. There must be no circle.
    fn mtu(self, interface: &Interface) -> u32 {
        let mut next = interface;
        loop {
            match (next.mtu, &next.vlan) {
                (Some(mtu), _) => return mtu,
                (None, Some(vlan)) => match self.named(&vlan.parent) {
                    Some(parent) => next = parent,
                    None => return DEFAULT_MTU,
                },
                // A port takes that of its bond.
                (None, None) => {
                    return self.bond_of(&next.name).and_then(|bond| bond.mtu).unwrap_or(DEFAULT_MTU);
                }
            }
        }
    }
}

fn check_mtu(interface: &Interface) -> Result<(), String> {
    let Some(mtu) = interface.mtu else { return Ok(()) };
    let has_ipv6 =
        interface.ipv6_ra == Some(true) || interface.addresses.iter().any(|address| address.0.contains(':'));
    let min = if has_ipv6 { MIN_MTU_IPV6 } else { MIN_MTU };
    match (min..=MAX_MTU).contains(&mtu) {
        true => Ok(()),
        false if has_ipv6 && mtu < min => Err(format!("{mtu} is below {min}, the minimum of IPv6")),
        false => Err(format!("{mtu} is not between {min} and {MAX_MTU}")),
    }
}

/// A unicast address of a port, six octets in hexadecimal.
fn parse_mac(text: &str) -> Result<[u8; 6], String> {
    let wrong = || format!("{text:?} is not a MAC address such as 0a:00:27:00:00:01");
    let separator = if text.contains('-') { '-' } else { ':' };
    let octet = |part: &str| {
        let is_hex = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        u8::from_str_radix(part, 16).ok().filter(|_| is_hex)
    };
    let octets: Option<Vec<u8>> = text.split(separator).map(octet).collect();
    let address: [u8; 6] = octets.and_then(|octets| octets.try_into().ok()).ok_or_else(wrong)?;
    match address {
        [0, 0, 0, 0, 0, 0] => Err(format!("{text} is no port's MAC address")),
        // The group bit (IEEE 802, section 8.2.2).
        [first, ..] if first & 1 != 0 => Err(format!("{text} is a multicast address, not a port's")),
        _ => Ok(address),
    }
}
