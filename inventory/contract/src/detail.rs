// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the target is to be called and how it is connected: `GET BASE/ID/detail`.

use serde::{Deserialize, Serialize};

/// A host's own settings, handed to the target in one more initrd segment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// [`crate::VERSION`].
    pub version: u32,
    /// The target's host name.
    pub hostname: String,
    /// Network interfaces.
    #[serde(default)]
    pub interfaces: Vec<Interface>,
    /// Name resolution.
    #[serde(default)]
    pub dns: Dns,
    /// NTP servers, names or addresses.
    #[serde(default)]
    pub ntp: Vec<String>,
    /// Further files for the target.
    #[serde(default)]
    pub files: Vec<ExtraFile>,
}

/// One interface of the target: a port (matched by `mac`), a bond or a VLAN.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Interface {
    /// Its name in the target. A port with this name is renamed to it.
    pub name: String,
    /// The port's permanent MAC address; absent for bonds and VLANs.
    pub mac: Option<String>,
    /// Makes this interface a bond.
    pub bond: Option<Bond>,
    /// Makes this interface a VLAN.
    pub vlan: Option<Vlan>,
    /// MTU in bytes.
    pub mtu: Option<u32>,
    /// Whether DHCP is used as well.
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

/// A link aggregation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bond {
    /// The kernel's name of the mode: `802.3ad`, `active-backup`, …
    pub mode: String,
    /// Names of the member interfaces.
    pub members: Vec<String>,
}

/// A VLAN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vlan {
    /// VLAN identifier, 1 to 4094 (IEEE 802.1Q, 9.6).
    pub id: u16,
    /// Name of the interface below.
    pub parent: String,
}

/// Name resolution.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dns {
    /// Server addresses.
    pub servers: Vec<String>,
    /// Search domains.
    pub search: Vec<String>,
}

/// A file for the target.
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
    /// The content in base64, in place of `content`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_base64: Option<String>,
}

fn default_mode() -> String {
    "0644".to_string()
}
