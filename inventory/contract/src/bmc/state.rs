// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a BMC is and how it is set, as it was read from it, and what became of configuring it.

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
    /// What it is.
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
    /// By how many seconds its clock is ahead of the host's.
    pub clock_ahead_s: Option<i64>,
    /// What became of configuring it; absent where nothing was wanted.
    pub outcome: Option<BmcOutcome>,
}

/// What a BMC is.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcDevice {
    /// IANA enterprise number of its maker (IPMI 2.0, section 20.1).
    pub manufacturer_id: u32,
    /// Its maker, where the number is that of a known one.
    pub manufacturer: Option<String>,
    /// The maker's number of the product.
    pub product_id: u16,
    /// Firmware version: major, and minor in two digits.
    pub firmware: String,
    /// The maker's auxiliary firmware bytes, in hex.
    pub firmware_auxiliary: Option<String>,
    /// The IPMI version it speaks.
    pub ipmi_version: String,
    /// Device GUID, in the order of its bytes as text (IPMI 2.0, section 20.8).
    pub guid: Option<String>,
    /// Result of its own test, where that is not "passed".
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
    /// Where the address comes from.
    pub source: Option<AddressSource>,
    /// IPv4 address; absent where it has none.
    pub address: Option<Ipv4Addr>,
    /// Subnet mask.
    pub mask: Option<Ipv4Addr>,
    /// Default gateway.
    pub gateway: Option<Ipv4Addr>,
    /// VLAN; absent where frames are untagged.
    pub vlan: Option<u16>,
    /// IPv6 addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ipv6: Vec<BmcIpv6>,
    /// Access mode: `disabled`, `pre-boot`, `always` or `shared` (IPMI 2.0, section 22.23).
    pub access: Option<String>,
    /// Highest privilege level of the channel.
    pub privilege: Option<String>,
    /// Cipher suites that somebody may use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cipher_suites: Vec<u8>,
}

/// An IPv6 address of a BMC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BmcIpv6 {
    /// The address.
    pub address: std::net::Ipv6Addr,
    /// Length of its prefix in bits.
    pub prefix: u8,
    /// Where it comes from.
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
    /// Whether it is enabled; absent where the BMC does not tell.
    pub enabled: Option<bool>,
    /// Whether IPMI messaging is on for it.
    pub ipmi_messaging: Option<bool>,
    /// Its name cannot be changed.
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
    /// Bit rate in bits per second; absent where it is the serial port's own.
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
    /// What it does when power comes back; absent where that is not known.
    pub power_restore: Option<PowerRestore>,
    /// What happened at the last power event.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub last_power_event: Vec<String>,
    /// Why the host started the last time.
    pub restart_cause: Option<String>,
    /// What is wrong: power overload, power fault, intrusion, drive fault, cooling fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// The identify LED: `off`, `temporary` or `indefinite`.
    pub identify: Option<String>,
    /// Hours the host has been on.
    pub power_on_hours: Option<u64>,
}

/// What became of configuring a BMC.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcOutcome {
    /// It is as it was wanted, proven by reading it back.
    #[serde(rename = "is_as_wanted")]
    pub is_as_desired: bool,
    /// What was changed, in the order in which it was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<BmcChange>,
    /// The wanted users.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<BmcUserOutcome>,
    /// Enabled users that nobody wants.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown_users: Vec<String>,
    /// Requests that the BMC was sent, in all.
    pub requests: u32,
    /// How many of them were a second or later try.
    pub retries: u32,
    /// How long it was spoken with, in milliseconds.
    pub took_ms: u64,
}

/// A change of a BMC.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcChange {
    /// What was to be changed: "user 3: name admin".
    pub what: String,
    /// Why it could not be; absent where it was.
    pub failure: Option<String>,
}

/// What became of a wanted user.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcUserOutcome {
    /// Its name.
    pub name: String,
    /// Its user ID; absent where it got none.
    pub slot: Option<u8>,
    /// Its password.
    pub password: PasswordState,
}

/// What is known of a user's password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PasswordState {
    /// Nothing was wanted of it.
    #[default]
    #[serde(rename = "not-wanted")]
    NotDesired,
    /// The BMC took it for right and a wrong one for wrong.
    Proven,
    /// It was set, and the BMC did not refuse; its own test cannot be believed or is not there.
    Set,
    /// It was not set since an earlier report said that it is in place; the BMC's own test cannot be believed.
    Believed,
    /// It is not in place.
    Failed,
    /// A state this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}
