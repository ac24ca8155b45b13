// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changes of LAN channels.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipmi::app::Privilege;
use ipmi::transport::{AuthenticationTypes, Ipv6Enables, Ipv6RouterControl};

use super::lan::type_names;
use super::privilege;

/// A LAN channel: its number, which is printed only if it is not the one in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Channel {
    pub(crate) number: u8,
    pub(crate) is_in_use: bool,
}

/// New LAN configuration parameters, in the order in which they are set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LanChange {
    pub(crate) channel: u8,
    pub(crate) steps: Vec<LanStep>,
}

/// A LAN configuration parameter: its new value, and the one to put back if a later one is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LanStep {
    pub(crate) to: LanParameter,
    pub(crate) from: Option<LanParameter>,
}

/// A LAN configuration parameter (IPMI 2.0, table 23-4) and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LanParameter {
    /// Address source: DHCP, or static.
    Dhcp(bool),
    Address([u8; 4]),
    Mask([u8; 4]),
    Gateway([u8; 4]),
    /// VLAN ID; 0: untagged.
    Vlan(u16),
    /// IPv4, IPv6 or both.
    Ipv6Enables(Ipv6Enables),
    /// An entry of the static IPv6 addresses.
    Ipv6Address {
        set: u8,
        is_enabled: bool,
        address: Ipv6Addr,
        prefix: u8,
    },
    Ipv6Routers(Ipv6RouterControl),
    /// The static IPv6 router.
    Ipv6Router(Ipv6Addr),
}

/// Who may use a channel. `None`: not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccessChange {
    pub(crate) channel: Channel,
    /// IPMI over LAN is always available, or never.
    pub(crate) is_available: Option<bool>,
    /// The privilege level to which the channel's limit is raised.
    pub(crate) limit: Option<Privilege>,
    /// Every message of a session is authenticated.
    pub(crate) is_authenticated: bool,
}

/// New privilege levels of cipher suites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CipherChange {
    pub(crate) channel: Channel,
    pub(crate) disabled: Vec<u8>,
    /// These can be used up to `level`.
    pub(crate) enabled: Vec<u8>,
    pub(crate) level: Privilege,
}

/// The authentication types of IPMI 1.5 that stay enabled, for each privilege level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AuthenticationChange {
    pub(crate) channel: Channel,
    pub(crate) disabled: AuthenticationTypes,
    pub(crate) levels: [AuthenticationTypes; 5],
}

impl LanChange {
    /// Whether the BMC gets an address from a server or a router afterwards.
    pub(crate) fn is_dynamic(&self) -> bool {
        self.steps.iter().any(|step| step.to == LanParameter::Dhcp(true))
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_in_use { Ok(()) } else { write!(formatter, " on channel {}", self.number) }
    }
}

impl fmt::Display for LanChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.steps.iter().map(|step| step.to.to_string()).collect();
        write!(formatter, "LAN: {}", words.join(", "))
    }
}

impl fmt::Display for LanParameter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dhcp(true) => write!(formatter, "address source DHCP"),
            Self::Dhcp(false) => write!(formatter, "address source static"),
            Self::Address(address) => write!(formatter, "address {}", Ipv4Addr::from(*address)),
            Self::Mask(mask) => write!(formatter, "mask {}", Ipv4Addr::from(*mask)),
            Self::Gateway(gateway) => write!(formatter, "gateway {}", Ipv4Addr::from(*gateway)),
            Self::Vlan(0) => write!(formatter, "no VLAN"),
            Self::Vlan(vlan) => write!(formatter, "VLAN {vlan}"),
            Self::Ipv6Enables(Ipv6Enables::Ipv4) => write!(formatter, "IPv6 off"),
            Self::Ipv6Enables(_) => write!(formatter, "IPv6 on"),
            Self::Ipv6Address { is_enabled: true, address, prefix, .. } => {
                write!(formatter, "IPv6 address {address}/{prefix}")
            }
            Self::Ipv6Address { address, .. } => write!(formatter, "no static IPv6 address {address}"),
            Self::Ipv6Routers(Ipv6RouterControl { is_static: true, .. }) => {
                write!(formatter, "static IPv6 router")
            }
            Self::Ipv6Routers(_) => write!(formatter, "IPv6 routers by advertisement"),
            Self::Ipv6Router(router) => write!(formatter, "IPv6 router {router}"),
        }
    }
}

impl fmt::Display for AccessChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let available = self.is_available.map(|is| if is { "always available" } else { "disabled" });
        let limit = self.limit.map(|limit| format!("up to {}", privilege::reported(limit)));
        let authenticated = self.is_authenticated.then_some("every message authenticated");
        let words: Vec<&str> = available.into_iter().chain(limit.as_deref()).chain(authenticated).collect();
        write!(formatter, "IPMI over LAN{}: {}", self.channel, words.join(", "))
    }
}

impl fmt::Display for CipherChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |suites: &[u8], end: &str| {
            let noun = if suites.len() == 1 { "cipher suite" } else { "cipher suites" };
            let numbers: Vec<String> = suites.iter().map(u8::to_string).collect();
            (!suites.is_empty()).then(|| format!("{noun} {}{}: {end}", numbers.join(", "), self.channel))
        };
        let level = format!("up to {}", privilege::reported(self.level));
        let parts: Vec<String> =
            part(&self.disabled, "disabled").into_iter().chain(part(&self.enabled, &level)).collect();
        formatter.write_str(&parts.join("; "))
    }
}

impl fmt::Display for AuthenticationChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = type_names(self.disabled).collect();
        write!(formatter, "IPMI 1.5 authentication {}{}: disabled", names.join(", "), self.channel)
    }
}
