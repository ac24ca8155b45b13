// SPDX-License-Identifier: MIT OR Apache-2.0
//! The words in network settings: addresses, prefixes, names.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// Longest interface name: `IFNAMSIZ` without the NUL.
const NAME_MAX: usize = 15;

/// An address and its prefix length in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The address.
    pub address: IpAddr,
    /// The length.
    pub length: u8,
}

/// A static route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where to.
    pub to: Prefix,
    /// The gateway; `None`: on the link.
    pub via: Option<IpAddr>,
    /// The interface; `None`: the one that reaches the gateway.
    pub device: Option<String>,
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl Prefix {
    /// Whether an address is in this network.
    pub fn contains(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.length)).unwrap_or(0);
                (a.to_bits() ^ b.to_bits()) & mask == 0
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.length)).unwrap_or(0);
                (a.to_bits() ^ b.to_bits()) & mask == 0
            }
            _ => false,
        }
    }
}

/// Parses `rd.route=NET/LENGTH:GATEWAY:INTERFACE`.
pub(super) fn route(value: &str) -> Result<Route, String> {
    let fields = fields(value)?;
    let (network, via, interface) = match fields[..] {
        [network, via] => (network, via, ""),
        [network, via, interface] => (network, via, interface),
        _ => return Err(format!("{value:?} is not NET/LENGTH:GATEWAY:PORT")),
    };
    let network = network.replace(['[', ']'], "");
    let (net, length) = network
        .split_once('/')
        .ok_or_else(|| format!("{network:?} is not NET/LENGTH, such as 10.0.0.0/8"))?;
    let to = prefix(address(net)?, length)?;
    let via = if via.is_empty() { None } else { Some(address(via)?) };
    if via.is_some_and(|via| via.is_ipv4() != to.address.is_ipv4()) {
        return Err(format!("{value:?}: the gateway is of another family than the destination"));
    }
    let device = if interface.is_empty() { None } else { Some(device(interface)?) };
    if via.is_none() && device.is_none() {
        return Err(format!("{value:?} has neither a gateway nor a port"));
    }
    Ok(Route { to, via, device })
}

/// The fields between colons; those in brackets belong to an IPv6 address.
pub(super) fn fields(value: &str) -> Result<Vec<&str>, String> {
    let mut depth = 0_i32;
    let fields = value
        .split(|c: char| {
            depth += i32::from(c == '[') - i32::from(c == ']');
            c == ':' && depth == 0
        })
        .collect();
    match value.matches('[').count() == value.matches(']').count() {
        true => Ok(fields),
        false => Err(format!("{value:?} has a bracket without its other half")),
    }
}

/// An address; an IPv6 address may be in brackets.
pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let parsed: IpAddr = bare.parse().map_err(|_| match bare.is_empty() {
        true => "an address is missing".to_string(),
        false => format!("{text:?} is not an address, such as 10.0.0.5 or [fd00::5]"),
    })?;
    match parsed.is_unspecified() || parsed.is_multicast() {
        true => Err(format!("{text:?} is not the address of a host")),
        false => Ok(parsed),
    }
}

/// An address with a netmask, `255.255.255.0`, or a prefix length.
pub(super) fn prefix(address: IpAddr, mask: &str) -> Result<Prefix, String> {
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = match (mask.parse::<u8>(), mask.parse::<Ipv4Addr>()) {
        (Ok(length), _) if length <= most => length,
        (_, Ok(mask))
            if address.is_ipv4() && mask.to_bits().leading_ones() == mask.to_bits().count_ones() =>
        {
            mask.to_bits().count_ones() as u8
        }
        _ if mask.is_empty() => return Err(format!("{address} has no netmask: add 24 or 255.255.255.0")),
        _ => return Err(format!("{mask:?} is neither a prefix length up to {most} nor a netmask")),
    };
    Ok(Prefix { address, length })
}

/// A name that an interface may have.
pub(super) fn device(name: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_graphic() && !"/:%[]\\\"'*?".contains(c);
    match !name.is_empty() && name.len() <= NAME_MAX && name.chars().all(good) && name != "." && name != ".."
    {
        true => Ok(name.to_string()),
        false => Err(format!(
            "{name:?} is not the name of a port: 1 to {NAME_MAX} characters without blanks and slashes"
        )),
    }
}

/// A MAC address with colons or hyphens.
pub(super) fn mac(text: &str) -> Result<[u8; 6], String> {
    let octets: Option<Vec<u8>> = text
        .split(['-', ':'])
        .map(|octet| u8::from_str_radix(octet, 16).ok().filter(|_| octet.len() == 2))
        .collect();
    let octets: Option<[u8; 6]> = octets.and_then(|octets| octets.try_into().ok());
    octets
        .filter(|mac| mac[0] & 1 == 0 && *mac != [0; 6])
        .ok_or_else(|| format!("{text:?} is not the MAC address of a port"))
}
