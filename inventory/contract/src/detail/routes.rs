// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules for addresses and routes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::check::Errors;
use super::{Interface, Route};

/// An address with its prefix length.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Errors {
    pub(super) fn addresses(&mut self, interfaces: &[Interface]) {
        let (mut addresses, mut destinations) = (BTreeMap::new(), BTreeMap::new());
        for (i, interface) in interfaces.iter().enumerate() {
            let mut networks = Vec::new();
            for (j, address) in interface.addresses.iter().enumerate() {
                let field = format!("interfaces[{i}].addresses[{j}]");
                match Network::parse(&address.0).and_then(Network::of_host) {
                    Err(error) => self.add(&field, error),
                    Ok(network) => {
                        networks.push(network);
                        if let Some(first) = addresses.insert(network.address, i) {
                            self.add(
                                &field,
                                format!("{} is also an address of interfaces[{first}]", network.address),
                            );
                        }
                    }
                }
            }
            // An address that cannot be read may be the one that makes the routes right.
            let are_known = networks.len() == interface.addresses.len();
            for (j, route) in interface.routes.iter().enumerate() {
                let field = format!("interfaces[{i}].routes[{j}]");
                let Some((destination, gateway)) = self.route(&field, route) else { continue };
                if are_known {
                    self.check(&format!("{field}.via"), check_gateway(interface, route, gateway, &networks));
                }
                let key = (destination, gateway.is_ipv4(), route.metric);
                if let Some(first) = destinations.insert(key, format!("interfaces[{i}].routes[{j}]")) {
                    self.add(
                        &format!("{field}.to"),
                        format!("{:?} is also the destination of {first}; of two routes each needs its own metric", route.to),
                    );
                }
            }
        }
    }

    /// The destination in one spelling, and the gateway.
    fn route(&mut self, field: &str, route: &Route) -> Option<(String, IpAddr)> {
        let gateway = match route.via.parse::<IpAddr>() {
            Ok(gateway) if gateway.is_unspecified() || gateway.is_multicast() || gateway.is_loopback() => {
                self.add(&format!("{field}.via"), format!("{gateway} is not the address of a router"));
                None
            }
            Ok(gateway) => Some(gateway),
            Err(_) => {
                self.add(&format!("{field}.via"), format!("{:?} is not an IP address", route.via));
                None
            }
        };
        if route.to == "default" {
            return Some(("default".to_string(), gateway?));
        }
        let to = format!("{field}.to");
        let network = match Network::parse(&route.to) {
            Ok(network) => network,
            Err(error) => {
                self.add(&to, format!("{error}, nor the word default"));
                return None;
            }
        };
        if network.first() != network.address {
            let right = format!("{}/{}", network.first(), network.prefix);
            self.add(&to, format!("{:?} has bits beyond its prefix: the network is {right}", route.to));
            return None;
        }
        let gateway = gateway?;
        if gateway.is_ipv4() != network.address.is_ipv4() {
            self.add(
                &format!("{field}.via"),
                format!("{gateway} is not of the IP version of {:?}", route.to),
            );
            return None;
        }
        let is_default = network.prefix == 0;
        Some((
            if is_default {
                "default".to_string()
            } else {
                format!("{}/{}", network.address, network.prefix)
            },
            gateway,
        ))
    }
}

/// A gateway must be in one of the interface's networks, as far as they are known: the kernel refuses the route else.
fn check_gateway(
    interface: &Interface,
    route: &Route,
    gateway: IpAddr,
    networks: &[Network],
) -> Result<(), String> {
    if networks.iter().any(|network| network.address == gateway) {
        return Err(format!("{gateway} is this interface's own address"));
    }
    // RFC 4291, section 2.5.6: fe80::/10.
    let is_link_local = matches!(gateway, IpAddr::V6(v6) if v6.segments()[0] & 0xffc0 == 0xfe80);
    let has_others = interface.dhcp || gateway.is_ipv6() && interface.ipv6_ra != Some(false);
    if is_link_local || has_others || route.on_link == Some(true) {
        return Ok(());
    }
    match networks.iter().any(|network| network.contains(gateway)) {
        true => Ok(()),
        false => Err(format!(
            "{gateway} is in none of this interface's networks; if it is on the link, set on_link"
        )),
    }
}

impl Network {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not an IP address with its prefix length, such as 10.9.0.50/24");
        let (address, prefix) = text.split_once('/').ok_or_else(wrong)?;
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        // Without a zero in front, which some programs read as octal.
        let is_number =
            prefix.bytes().all(|byte| byte.is_ascii_digit()) && (prefix == "0" || !prefix.starts_with('0'));
        let prefix = prefix.parse::<u32>().ok().filter(|_| is_number).ok_or_else(wrong)?;
        let network = Self { address, prefix };
        match prefix <= network.bits() {
            true => Ok(network),
            false => Err(format!("{text:?}: the prefix length is at most {}", network.bits())),
        }
    }

    /// Refuses what no host can have as its address.
    fn of_host(self) -> Result<Self, String> {
        let Self { address, prefix } = self;
        let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
        let mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
        if address.is_unspecified()
            || address.is_multicast()
            || address.is_loopback()
            || broadcast
            || mapped
            || prefix == 0
        {
            return Err(format!("{address}/{prefix} is not an address of a host"));
        }
        // RFC 3021: a /31 has no such addresses.
        if address.is_ipv4() && prefix < 31 {
            if address == self.first() {
                return Err(format!("{address}/{prefix} is the address of the network, not of a host"));
            }
            if address == self.last() {
                return Err(format!("{address}/{prefix} is the broadcast address of its network"));
            }
        }
        Ok(self)
    }

    fn bits(self) -> u32 {
        if self.address.is_ipv4() { 32 } else { 128 }
    }

    fn contains(self, other: IpAddr) -> bool {
        other.is_ipv4() == self.address.is_ipv4() && Self { address: other, ..self }.first() == self.first()
    }

    fn first(self) -> IpAddr {
        self.with(|bits, host| bits & !host)
    }

    fn last(self) -> IpAddr {
        self.with(|bits, host| bits | host)
    }

    /// The address whose bits are `change` of this one's and of those beyond the prefix.
    fn with(self, change: fn(u128, u128) -> u128) -> IpAddr {
        let host =
            1_u128.checked_shl(self.bits().saturating_sub(self.prefix)).map_or(u128::MAX, |bit| bit - 1);
        match self.address {
            IpAddr::V4(v4) => IpAddr::V4((change(v4.to_bits().into(), host) as u32).into()),
            IpAddr::V6(v6) => IpAddr::V6(change(v6.to_bits(), host).into()),
        }
    }
}
