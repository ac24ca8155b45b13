// SPDX-License-Identifier: MIT OR Apache-2.0
//! `ip=`, in its three forms (dracut.cmdline(7), "Network"):
//!
//! - `METHOD`
//! - `PORT:METHOD[:MTU[:MAC]]`
//! - `ADDRESS:PEER:GATEWAY:NETMASK:HOSTNAME:PORT:METHOD[:MTU[:MAC]]` or `[:DNS1[:DNS2]]`, of which the peer (the
//!   kernel's server address) and the host name are not used.

use std::net::IpAddr;

use super::words::{Prefix, address, device, fields, mac, prefix};

/// RFC 791: every host takes 576 bytes.
const MTU_MIN: u32 = 576;
const MTU_MAX: u32 = 65535;
const METHODS: &str = "none, dhcp, dhcp6, auto6, either6 and link6";

/// How an interface gets its addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ip {
    /// The port, bond or VLAN; `None`: every port, and for a static address the port of `BOOTIF=` or the only one.
    pub device: Option<String>,
    /// DHCPv4.
    pub dhcp4: bool,
    /// IPv6 as router advertisements say: addresses made of prefixes, name servers, DHCPv6.
    pub router: bool,
    /// DHCPv6, whatever router advertisements say.
    pub dhcp6: bool,
    /// Static addresses.
    pub addresses: Vec<Prefix>,
    /// Gateways of default routes.
    pub gateways: Vec<IpAddr>,
    /// Name servers.
    pub name_servers: Vec<IpAddr>,
    /// MTU in bytes.
    pub mtu: Option<u32>,
    /// The MAC address that it gets.
    pub mac: Option<[u8; 6]>,
}

impl Ip {
    /// DHCPv4 and IPv6 as router advertisements say: what every port gets without settings.
    pub fn automatic() -> Self {
        Self { dhcp4: true, router: true, ..Self::default() }
    }

    /// Whether it can only be for one interface.
    pub(super) fn is_for_one(&self) -> bool {
        !self.addresses.is_empty() || self.mac.is_some()
    }

    /// Both, of which one may be for IPv4 and the other for IPv6.
    pub(super) fn with(self, other: &Self) -> Self {
        let Self { device, dhcp4, router, dhcp6, mut addresses, mut gateways, mut name_servers, mtu, mac } =
            self;
        addresses.extend(&other.addresses);
        gateways.extend(&other.gateways);
        name_servers.extend(&other.name_servers);
        Self {
            device,
            dhcp4: dhcp4 || other.dhcp4,
            router: router || other.router,
            dhcp6: dhcp6 || other.dhcp6,
            addresses,
            gateways,
            name_servers,
            mtu: mtu.or(other.mtu),
            mac: mac.or(other.mac),
        }
    }
}

/// Parses one value of `ip=`.
///
/// # Errors
/// Why it is none.
pub fn parse(value: &str) -> Result<Ip, String> {
    let fields = fields(value)?;
    match fields[..] {
        [word] => method(word)?.ok_or_else(|| unknown(word)),
        [name, word, ref rest @ ..] if is_method(word) => {
            let mut ip = method(word)?.ok_or_else(|| unknown(word))?;
            ip.device = Some(device(name)?);
            link(&mut ip, rest)?;
            Ok(ip)
        }
        [client, _peer, gateway, netmask, _host, ref rest @ ..] => full(client, gateway, netmask, rest),
        _ => Err(format!(
            "{value:?} is neither METHOD nor PORT:METHOD nor ADDRESS::GATEWAY:NETMASK::PORT:none; methods are {METHODS}"
        )),
    }
}

fn full(client: &str, gateway: &str, netmask: &str, rest: &[&str]) -> Result<Ip, String> {
    let (name, word, rest) = match *rest {
        [] => ("", "", &[][..]),
        [name] => (name, "", &[][..]),
        [name, word, ref rest @ ..] => (name, word, rest),
    };
    let word = if word.is_empty() && !client.is_empty() { "none" } else { word };
    let mut ip = method(word)?.ok_or_else(|| unknown(word))?;
    ip.device = if name.is_empty() { None } else { Some(device(name)?) };
    if !client.is_empty() {
        let (client, length) = client.split_once('/').unwrap_or((client, netmask));
        let (client, length) = match client.starts_with('[') {
            true => (client.trim_matches(['[', ']']), length.trim_end_matches(']')),
            false => (client, length),
        };
        ip.addresses.push(prefix(address(client)?, length)?);
    }
    if !gateway.is_empty() {
        let gateway = address(gateway)?;
        if ip.addresses.iter().any(|own| own.address.is_ipv4() != gateway.is_ipv4()) {
            return Err(format!("the gateway {gateway} is of another family than the address"));
        }
        ip.gateways.push(gateway);
    }
    if ip.addresses.is_empty() && word == "none" && !ip.gateways.is_empty() {
        return Err("there is a gateway, but no address".to_string());
    }
    // After the method: name servers as the kernel has them, or MTU and MAC address.
    let is_address = |text: &&&str| address(text).is_ok();
    match rest.first().filter(is_address) {
        Some(_) => {
            for server in rest.iter().take(2).filter(|text| !text.is_empty()) {
                ip.name_servers.push(address(server)?);
            }
        }
        None => link(&mut ip, rest)?,
    }
    Ok(ip)
}

fn link(ip: &mut Ip, rest: &[&str]) -> Result<(), String> {
    let Some((size, address)) = rest.split_first() else { return Ok(()) };
    ip.mtu = mtu(size)?;
    if !address.is_empty() && address != [""] {
        ip.mac = Some(mac(&address.join(":"))?);
    }
    Ok(())
}

/// An MTU in bytes; `None` where the text is empty.
pub(super) fn mtu(text: &str) -> Result<Option<u32>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let mtu = text.parse().ok().filter(|mtu| (MTU_MIN..=MTU_MAX).contains(mtu));
    mtu.map(Some).ok_or_else(|| format!("{text:?} is not an MTU from {MTU_MIN} to {MTU_MAX} bytes"))
}

fn is_method(word: &str) -> bool {
    !matches!(method(word), Ok(None))
}

/// What a method does; `None` if there is none of this name. Several are separated by commas: `dhcp,dhcp6`.
fn method(word: &str) -> Result<Option<Ip>, String> {
    let mut all: Option<Ip> = None;
    for word in word.split(',') {
        let one = match word {
            "dhcp" | "on" | "any" | "single-dhcp" => Ip::automatic(),
            "dhcp6" => Ip { router: true, dhcp6: true, ..Ip::default() },
            "auto6" | "either6" => Ip { router: true, ..Ip::default() },
            "none" | "off" | "static" | "link6" | "link-local" => Ip::default(),
            "ibft" => return Err("\"ibft\" is not supported: write the address".to_string()),
            _ => return Ok(None),
        };
        all = Some(all.map_or(one.clone(), |all| all.with(&one)));
    }
    Ok(all)
}

fn unknown(word: &str) -> String {
    format!("{word:?} is not a method; methods are {METHODS}")
}
