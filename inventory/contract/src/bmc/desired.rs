// SPDX-License-Identifier: MIT OR Apache-2.0
//! The desired BMC configuration, from the inventory or from the image's policy.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::Secret;

/// The desired settings of a BMC ([`crate::Registration::bmc`]). An absent setting is not changed.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct DesiredBmcConfig {
    /// The users that must exist.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<DesiredUser>,
    /// What to do about enabled users that are not in `users`.
    pub unknown_users: UnknownUsers,
    /// The BMC's own network address.
    pub lan: Option<DesiredLan>,
    /// Whether IPMI over LAN is always available on the LAN channel.
    pub ipmi_over_lan: Option<bool>,
    /// `false` disables cipher suite 0, which needs no password.
    pub cipher_suite_0: Option<bool>,
    /// Whether serial over LAN is on.
    pub serial_over_lan: Option<bool>,
    /// Whether the BMC's clock is set to the host's time if they differ by more than ten seconds.
    pub set_clock: bool,
    /// Whether the identify LED is turned off.
    pub identify_off: bool,
    /// The BMC's watchdog.
    pub watchdog: Option<DesiredWatchdog>,
    /// What the host does when power returns.
    pub power_restore: Option<PowerRestore>,
}

/// A user that must exist.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DesiredUser {
    /// User name, 1 to 16 bytes of ASCII (IPMI 2.0, section 22.28).
    pub name: String,
    /// Privilege level on the LAN channel: `callback`, `user`, `operator`, `administrator` or `oem`.
    #[serde(default = "administrator")]
    pub privilege: String,
    /// Password, up to 20 bytes; absent: not changed, or generated.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Whether the agent generates a password and sends it to the inventory, unless one is in place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub generate: bool,
    /// Whether an earlier report of this host had this password, or a generated one, in place. The agent relies on that
    /// if the BMC cannot test passwords.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_place: bool,
}

/// What to do about enabled users that are not in the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum UnknownUsers {
    /// Report them.
    #[default]
    Report,
    /// Disable them.
    Disable,
    /// A policy this version of the contract does not know: report them.
    #[serde(untagged)]
    Unknown(String),
}

/// The BMC's own IPv4 address.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct DesiredLan {
    /// Source of the address.
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

/// Source of a BMC's address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AddressSource {
    /// Static address.
    Static,
    /// DHCP.
    Dhcp,
    /// The firmware or another protocol; in a configuration, a source this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// The BMC's watchdog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DesiredWatchdog {
    /// Timeout action.
    pub action: WatchdogAction,
    /// Countdown in seconds, up to 6553; 0 stops the watchdog.
    pub seconds: u16,
}

/// The timeout action of a watchdog (IPMI 2.0, table 27-4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum WatchdogAction {
    /// None: the watchdog is stopped.
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

/// What a host does when power returns (IPMI 2.0, section 28.8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PowerRestore {
    /// It stays off.
    AlwaysOff,
    /// As before the loss of power.
    Previous,
    /// It turns on.
    AlwaysOn,
    /// A policy this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// `PUT BASE/ID/bmc-credentials`: a generated password, sent before it is set. Over https only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BmcCredentials {
    /// [`crate::VERSION`].
    pub version: u32,
    /// User name.
    pub user: String,
    /// The generated password.
    pub password: Secret,
}

fn administrator() -> String {
    "administrator".to_string()
}
