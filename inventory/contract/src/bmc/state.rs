// SPDX-License-Identifier: MIT OR Apache-2.0
//! A BMC's identity and settings as read from it, and the outcome of applying the desired configuration.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::bmc::{AddressSource, BmcHealth, PowerRestore};

/// A host's BMC ([`crate::Report::bmc`]). Never a secret.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcReport {
    /// Manufacturer, product and firmware.
    pub device: BmcDevice,
    /// Its LAN channel.
    pub lan: Option<BmcLan>,
    /// Its users: those with a name, and those that are enabled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<BmcUser>,
    /// Serial over LAN.
    pub sol: Option<BmcSol>,
    /// The host's power and front panel.
    pub chassis: Option<BmcChassis>,
    /// The hardware's health.
    pub health: BmcHealth,
    /// Seconds by which its clock is ahead of the host's; negative if it is behind.
    pub clock_ahead_s: Option<i64>,
    /// The outcome of applying the desired configuration; absent if there was none.
    pub outcome: Option<BmcOutcome>,
}

/// A BMC's identity (IPMI 2.0, section 20.1).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcDevice {
    /// IANA enterprise number of the manufacturer.
    pub manufacturer_id: u32,
    /// Name of the manufacturer, if the agent knows its number.
    pub manufacturer: Option<String>,
    /// Product ID, assigned by the manufacturer.
    pub product_id: u16,
    /// Firmware version: major, and minor in two digits.
    pub firmware: String,
    /// Auxiliary firmware revision, defined by the manufacturer, in hex.
    pub firmware_auxiliary: Option<String>,
    /// Supported IPMI version.
    pub ipmi_version: String,
    /// Device GUID, in SMBIOS byte order (IPMI 2.0, section 20.8).
    pub guid: Option<String>,
    /// Result of the self test; absent if it passed or is not implemented.
    pub self_test: Option<String>,
}

/// A BMC's LAN channel.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcLan {
    /// Channel number, 1 to 11.
    pub channel: u8,
    /// MAC address.
    pub mac: Option<String>,
    /// Source of the address.
    pub source: Option<AddressSource>,
    /// IPv4 address; absent if there is none.
    pub address: Option<Ipv4Addr>,
    /// Subnet mask.
    pub mask: Option<Ipv4Addr>,
    /// Default gateway.
    pub gateway: Option<Ipv4Addr>,
    /// VLAN; absent if frames are untagged.
    pub vlan: Option<u16>,
    /// IPv6 addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ipv6: Vec<BmcIpv6>,
    /// Access mode: `disabled`, `pre-boot`, `always` or `shared` (IPMI 2.0, section 22.23).
    pub access: Option<String>,
    /// Highest privilege level of the channel.
    pub privilege: Option<String>,
    /// Enabled cipher suites.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cipher_suites: Vec<u8>,
}

/// An IPv6 address of a BMC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BmcIpv6 {
    /// The address.
    pub address: std::net::Ipv6Addr,
    /// Prefix length in bits.
    pub prefix: u8,
    /// Source of the address.
    pub source: AddressSource,
}

/// A user of a BMC.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcUser {
    /// User ID, 1 to 63.
    pub slot: u8,
    /// Name; empty is the null user of slot 1.
    pub name: String,
    /// Privilege level on the LAN channel.
    pub privilege: Option<String>,
    /// Whether the user is enabled; absent if the BMC does not report it.
    pub enabled: Option<bool>,
    /// Whether IPMI messaging is enabled, which a login needs.
    pub ipmi_messaging: Option<bool>,
    /// Whether the name cannot be changed.
    pub is_fixed: bool,
}

/// Serial over LAN (IPMI 2.0, section 26).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcSol {
    /// Whether it is on.
    pub is_enabled: bool,
    /// Bit rate in bits per second; absent if it is the serial port's own.
    pub bits_per_second: Option<u32>,
}

/// The host's power and front panel (IPMI 2.0, section 28.2).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcChassis {
    /// Whether the host is on.
    pub is_on: bool,
    /// What the host does when power returns; absent if unknown.
    pub power_restore: Option<PowerRestore>,
    /// Causes of the last power event.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub last_power_event: Vec<String>,
    /// Why the host started the last time.
    pub restart_cause: Option<String>,
    /// Faults: power overload, power fault, intrusion, drive fault, cooling fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// The identify LED: `off`, `temporary` or `indefinite`.
    pub identify: Option<String>,
    /// Hours the host has been on.
    pub power_on_hours: Option<u64>,
}

/// The outcome of applying the desired configuration.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcOutcome {
    /// Whether the BMC has the desired configuration, verified by reading it back.
    #[serde(rename = "is_as_wanted")]
    pub is_as_desired: bool,
    /// The writes, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<BmcChange>,
    /// The desired users.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<BmcUserOutcome>,
    /// Enabled users that are not in the configuration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown_users: Vec<String>,
    /// Number of requests sent to the BMC.
    pub requests: u32,
    /// Number of requests that were retries.
    pub retries: u32,
    /// Duration in milliseconds.
    pub took_ms: u64,
}

/// A write to a BMC.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcChange {
    /// The setting: "user 3: name admin".
    pub what: String,
    /// Why it failed; absent if it succeeded.
    pub failure: Option<String>,
}

/// The outcome for a desired user.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcUserOutcome {
    /// User name.
    pub name: String,
    /// User ID; absent if no slot was free.
    pub slot: Option<u8>,
    /// State of the password.
    pub password: PasswordState,
}

/// State of a user's password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PasswordState {
    /// No password is desired.
    #[default]
    #[serde(rename = "not-wanted")]
    NotDesired,
    /// Verified: the BMC's password test accepts it and rejects a wrong one.
    Proven,
    /// The BMC accepted it, but its password test is missing or unreliable.
    Set,
    /// Not set, since an earlier report had it in place; the BMC's password test is missing or unreliable.
    Believed,
    /// Not in place.
    Failed,
    /// A state this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}
