// SPDX-License-Identifier: MIT OR Apache-2.0
//! How an inventory, or an image's policy, wants a BMC to be.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::Secret;

/// The wanted settings of a BMC ([`crate::Registration::bmc`]). What is absent is left as it is.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct DesiredBmcConfig {
    /// The users that must be there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<DesiredUser>,
    /// What becomes of enabled users that are not among them.
    pub unknown_users: UnknownUsers,
    /// The BMC's own address.
    pub lan: Option<DesiredLan>,
    /// Whether IPMI over LAN is always available on the LAN channel.
    pub ipmi_over_lan: Option<bool>,
    /// Whether cipher suite 0, which lets in without a password, may be used by anybody. `false` turns it off.
    pub cipher_suite_0: Option<bool>,
    /// Whether serial over LAN is on.
    pub serial_over_lan: Option<bool>,
    /// Whether the BMC's clock is set by the host's where they differ by more than ten seconds.
    pub set_clock: bool,
    /// Whether the identify LED is turned off.
    pub identify_off: bool,
    /// The BMC's watchdog.
    pub watchdog: Option<DesiredWatchdog>,
    /// What the host does when power comes back.
    pub power_restore: Option<PowerRestore>,
}

/// A user that must be there.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DesiredUser {
    /// Its name, 1 to 16 bytes of ASCII (IPMI 2.0, section 22.28).
    pub name: String,
    /// Its privilege level on the LAN channel: `callback`, `user`, `operator`, `administrator` or `oem`.
    #[serde(default = "administrator")]
    pub privilege: String,
    /// Its password, up to 20 bytes; absent: left as it is, or generated.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Make up a password and tell the inventory, unless one is in place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub generate: bool,
    /// A report of this host has said that this password, or a generated one, is in place. Believed where the BMC cannot
    /// prove it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_place: bool,
}

/// What becomes of enabled users that nobody wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum UnknownUsers {
    /// They are reported.
    #[default]
    Report,
    /// They are disabled.
    Disable,
    /// A policy this version of the contract does not know: they are reported.
    #[serde(untagged)]
    Unknown(String),
}

/// The BMC's own address, IPv4.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct DesiredLan {
    /// Where it comes from.
    pub source: Option<AddressSource>,
    /// With [`AddressSource::Static`]: the address.
    pub address: Option<Ipv4Addr>,
    /// Length of the network's prefix in bits, 0 to 32.
    pub prefix: Option<u8>,
    /// The default gateway.
    pub gateway: Option<Ipv4Addr>,
    /// The VLAN, 1 to 4094; 0 is untagged.
    pub vlan: Option<u16>,
}

/// Where a BMC's address comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AddressSource {
    /// It is set.
    Static,
    /// DHCP.
    Dhcp,
    /// The firmware or another protocol; as a wish, one that this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// The BMC's watchdog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DesiredWatchdog {
    /// What it does when it runs out.
    pub action: WatchdogAction,
    /// When it runs out, in seconds, up to 6553; 0 stops it.
    pub seconds: u16,
}

/// What a watchdog does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum WatchdogAction {
    /// Nothing; with no seconds it is stopped.
    Stop,
    /// A hard reset.
    Reset,
    /// Power off.
    PowerOff,
    /// Power off, then on.
    PowerCycle,
    /// An action this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// What a host does when power comes back (IPMI 2.0, section 28.8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PowerRestore {
    /// It stays off.
    AlwaysOff,
    /// What it did before.
    Previous,
    /// It turns on.
    AlwaysOn,
    /// A policy this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// `PUT BASE/ID/bmc-credentials`: a password that was made up, before it is set. Over https only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BmcCredentials {
    /// [`crate::VERSION`].
    pub version: u32,
    /// Whose it is.
    pub user: String,
    /// What it is.
    pub password: Secret,
}

fn administrator() -> String {
    "administrator".to_string()
}
