// SPDX-License-Identifier: MIT OR Apache-2.0
//! The target's host name and network: `GET BASE/ID/detail`.

mod check;
mod files;
mod interfaces;
mod names;
mod routes;

use serde::{Deserialize, Serialize};

/// A host's own settings. The agent passes them to the target in an overlay initrd.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// [`crate::VERSION`].
    pub version: u32,
    /// The target's host name.
    pub hostname: String,
    /// The target's network interfaces.
    #[serde(default)]
    pub interfaces: Vec<Interface>,
    /// DNS servers and search domains.
    #[serde(default)]
    pub dns: Dns,
    /// NTP servers, names or addresses.
    #[serde(default)]
    pub ntp: Vec<String>,
    /// Extra files for the target.
    #[serde(default)]
    pub files: Vec<ExtraFile>,
}

/// One interface of the target: a port (matched by `mac`), a bond or a VLAN.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Interface {
    /// The interface name in the target; a port that `mac` matches is renamed to it.
    pub name: String,
    /// The port's permanent MAC address; absent for bonds and VLANs.
    pub mac: Option<String>,
    /// Set if this interface is a bond.
    pub bond: Option<Bond>,
    /// Set if this interface is a VLAN.
    pub vlan: Option<Vlan>,
    /// MTU in bytes.
    pub mtu: Option<u32>,
    /// Whether the interface uses DHCP, in addition to static addresses.
    pub dhcp: bool,
    /// Static addresses.
    pub addresses: Vec<Address>,
    /// Static routes.
    pub routes: Vec<Route>,
    /// Whether router advertisements are accepted (RFC 4861); by default as the target's kernel and networkd decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6_ra: Option<bool>,
    /// Whether the target's boot waits for this interface (network-online.target); by default it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_for_online: Option<bool>,
}

/// An address with its prefix length, `10.9.0.50/24`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(pub String);

/// A static route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Destination with prefix length, or `default`.
    pub to: String,
    /// The gateway.
    pub via: String,
    /// Whether the gateway is reached directly although it is in none of the interface's networks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_link: Option<bool>,
    /// The metric: of two routes to the same destination the lower one is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<u32>,
}

/// A bond (link aggregation). The optional fields are the options of Documentation/networking/bonding.rst.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bond {
    /// The bonding mode as the kernel names it: `802.3ad`, `active-backup`, …
    pub mode: String,
    /// Names of the member interfaces.
    pub members: Vec<String>,
    /// What of a packet chooses the member that sends it, `layer3+4`: with `802.3ad`, `balance-xor` and `balance-tlb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transmit_hash_policy: Option<String>,
    /// How often the partner is asked to send LACPDUs, `slow` (30 s) or `fast` (1 s): with `802.3ad`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacp_rate: Option<String>,
    /// Members with carrier that the bond needs for its own carrier: with `802.3ad`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_links: Option<u32>,
    /// The member that is used while it has carrier: with `active-backup`, `balance-tlb` and `balance-alb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<String>,
}

/// A VLAN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vlan {
    /// VLAN identifier, 1 to 4094 (IEEE 802.1Q, 9.6).
    pub id: u16,
    /// Name of the interface that carries the VLAN.
    pub parent: String,
}

/// DNS settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dns {
    /// Addresses of the DNS servers.
    pub servers: Vec<String>,
    /// Search domains.
    pub search: Vec<String>,
}

/// An extra file for the target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraFile {
    /// Absolute path in the target.
    pub path: String,
    /// Permission bits as octal digits, `0644`.
    #[serde(default = "default_mode")]
    pub mode: String,
    /// The content as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The content in base64, instead of `content`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_base64: Option<String>,
    /// The owner in the target; root if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The group in the target; root if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
}

fn default_mode() -> String {
    "0644".to_string()
}
