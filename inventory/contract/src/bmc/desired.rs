// SPDX-License-Identifier: MIT OR Apache-2.0
//! The desired configuration of a BMC, from the inventory or from an image's policy.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::options::{Baseline, DesiredBoot, DesiredDcmi, DesiredIpv6, DesiredSol};
use crate::{PrivilegeLevel, Secret};

/// The desired configuration of a BMC ([`crate::Registration::bmc`]). A setting that is absent is not changed.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct DesiredBmcConfig {
    /// The users that must exist.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<DesiredUser>,
    /// What to do with enabled users that are not in `users`.
    pub unknown_users: UnknownUsers,
    /// The BMC's own addresses.
    pub lan: Option<DesiredLan>,
    /// How strictly the LAN channels are closed: `strict`.
    pub baseline: Option<Baseline>,
    /// Whether IPMI over LAN is always available on the LAN channels.
    pub ipmi_over_lan: Option<bool>,
    /// Whether cipher suite 0, which logs in without a password, can be used. `false` disables it; `true` changes
    /// nothing.
    pub cipher_suite_0: Option<bool>,
    /// The cipher suites that can be used on the LAN channels; all others are disabled.
    pub cipher_suites: Option<Vec<u8>>,
    /// File of the host's image with the key K_G: 40 hexadecimal digits, or up to 20 printable characters.
    pub k_g_file: Option<String>,
    /// The key of `k_g_file` in hexadecimal digits, once it was read. Never on the wire.
    #[serde(skip)]
    pub k_g: Option<Secret>,
    /// How many sessions a user may have at once, 1 to 15. No command reads it, so it is set in each run.
    pub session_limit: Option<u8>,
    /// Whether serial over LAN is enabled.
    pub serial_over_lan: Option<bool>,
    /// Serial over LAN's bit rate and protection.
    pub sol: Option<DesiredSol>,
    /// What the host boots from.
    pub boot: Option<DesiredBoot>,
    /// Names that the BMC keeps.
    pub dcmi: Option<DesiredDcmi>,
    /// Erase the system event log where more than so many percent of it are used, 1 to 99. It is reported first.
    pub clear_sel_above: Option<u8>,
    /// Set the BMC's clock by the host's if they differ by more than ten seconds.
    pub set_clock: bool,
    /// Turn the identify LED off.
    pub identify_off: bool,
    /// The BMC's watchdog timer.
    pub watchdog: Option<DesiredWatchdog>,
    /// What the host does when power comes back.
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
    pub privilege: PrivilegeLevel,
    /// Password, up to 20 bytes. Absent: it is not changed, or it is generated.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Generate a password and send it to the inventory, unless one is in place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub generate: bool,
    /// According to an earlier report of this host, this password, or a generated one, is in place. Used where the
    /// BMC cannot verify a password.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_place: bool,
}

/// What to do with enabled users that are not in the desired configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum UnknownUsers {
    /// Report them.
    #[default]
    Report,
    /// Disable them, after all desired users are in place.
    Disable,
    /// A value that this version of the contract does not define: they are reported.
    #[serde(untagged)]
    Unknown(String),
}

/// The BMC's own addresses.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct DesiredLan {
    /// The channel number, 1 to 11, where the BMC has several LAN channels. Absent: the one that has an address.
    pub channel: Option<u8>,
    /// Where the IPv4 address comes from.
    pub source: Option<AddressSource>,
    /// The address, with [`AddressSource::Static`].
    pub address: Option<Ipv4Addr>,
    /// Prefix length of the network in bits, 0 to 32.
    pub prefix: Option<u8>,
    /// The default gateway.
    pub gateway: Option<Ipv4Addr>,
    /// VLAN ID, 1 to 4094; 0: untagged.
    pub vlan: Option<u16>,
    /// IPv6.
    pub ipv6: Option<DesiredIpv6>,
}

/// Where a BMC's address comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AddressSource {
    /// It is configured.
    Static,
    /// DHCP.
    Dhcp,
    /// The firmware or another protocol. In a desired configuration: a value that this version of the contract does
    /// not define.
    #[serde(untagged)]
    Unknown(String),
}

/// The BMC's watchdog timer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DesiredWatchdog {
    /// What the BMC does when the timer expires.
    pub action: WatchdogAction,
    /// Seconds until the timer expires, at most 6553; 0 stops it.
    pub seconds: u16,
}

/// What a BMC does when its watchdog timer expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum WatchdogAction {
    /// Nothing: the timer is stopped.
    Stop,
    /// Hard reset.
    Reset,
    /// Power off.
    PowerOff,
    /// Power off, then on.
    PowerCycle,
    /// An action that this version of the contract does not define.
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
    /// It returns to the state before the power loss.
    Previous,
    /// It turns on.
    AlwaysOn,
    /// A policy that this version of the contract does not define.
    #[serde(untagged)]
    Unknown(String),
}

/// `PUT BASE/ID/bmc-credentials`: a generated password, before it is set in the BMC. Over https only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BmcCredentials {
    /// [`crate::VERSION`].
    pub version: u32,
    /// Name of the BMC user.
    pub user: String,
    /// The generated password.
    pub password: Secret,
}

fn administrator() -> PrivilegeLevel {
    PrivilegeLevel::Administrator
}
