// SPDX-License-Identifier: MIT OR Apache-2.0
//! The target's host name and network: `GET BASE/ID/detail`.

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
}

/// An address with its prefix length, `10.9.0.50/24`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(pub String);

/// A static route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Destination with prefix length, or `default`.
    pub to: String,
    /// The gateway.
    pub via: String,
}

/// A bond (link aggregation).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bond {
    /// The bonding mode as the kernel names it: `802.3ad`, `active-backup`, …
    pub mode: String,
    /// Names of the member interfaces.
    pub members: Vec<String>,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

fn default_mode() -> String {
    "0644".to_string()
}
