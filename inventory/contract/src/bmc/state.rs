// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a BMC is and how it is configured, and the outcome of configuring it.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::bmc::{AddressSource, BmcHealth, BootDevice, PowerRestore, PrivilegeLevel};

/// The BMC of a host ([`crate::Report::bmc`]). Contains no secrets.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcReport {
    /// Device ID and versions.
    pub device: BmcDevice,
    /// The LAN channel that is in use.
    pub lan: Option<BmcLan>,
    /// Further LAN channels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_lans: Vec<BmcLan>,
    /// Users with a name, and users that are enabled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<BmcUser>,
    /// Serial over LAN.
    pub sol: Option<BmcSol>,
    /// What the host boots from, where that was to be configured.
    pub boot: Option<BmcBoot>,
    /// Names that the BMC keeps, where they were to be configured.
    pub dcmi: Option<BmcDcmi>,
    /// Power state and front panel of the host.
    pub chassis: Option<BmcChassis>,
    /// The health of the hardware.
    pub health: BmcHealth,
    /// Seconds by which the BMC's clock is ahead of the host's.
    pub clock_ahead_s: Option<i64>,
    /// Outcome of configuring the BMC; absent if no configuration was desired.
    pub outcome: Option<BmcOutcome>,
}

/// Device ID and versions of a BMC.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcDevice {
    /// IANA enterprise number of the manufacturer (IPMI 2.0, section 20.1).
    pub manufacturer_id: u32,
    /// Name of the manufacturer, if known.
    pub manufacturer: Option<String>,
    /// Product ID, assigned by the manufacturer.
    pub product_id: u16,
    /// Firmware version: major, and minor in two digits.
    pub firmware: String,
    /// Auxiliary firmware revision, four bytes in hexadecimal.
    pub firmware_auxiliary: Option<String>,
    /// IPMI version.
    pub ipmi_version: String,
    /// Device GUID (IPMI 2.0, section 20.8), its bytes in the order of an SMBIOS system UUID.
    pub guid: Option<String>,
    /// Result of the self test, if it did not pass.
    pub self_test: Option<String>,
}

/// The LAN channel of a BMC.
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
    /// IPv4 address; absent if none is set.
    pub address: Option<Ipv4Addr>,
    /// Subnet mask.
    pub mask: Option<Ipv4Addr>,
    /// Default gateway.
    pub gateway: Option<Ipv4Addr>,
    /// VLAN ID; absent if frames are untagged.
    pub vlan: Option<u16>,
    /// IPv6 addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ipv6: Vec<BmcIpv6>,
    /// Access mode: `disabled`, `pre-boot`, `always` or `shared` (IPMI 2.0, section 22.23).
    pub access: Option<String>,
    /// Highest privilege level of the channel.
    pub privilege: Option<PrivilegeLevel>,
    /// Cipher suites that are enabled for at least one privilege level.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cipher_suites: Vec<u8>,
    /// Authentication types of IPMI 1.5 that are enabled for at least one privilege level: `none`, `md2`, `md5`,
    /// `password`, `oem`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authentication_types: Vec<String>,
    /// Whether each message of a session is authenticated.
    pub per_message_authentication: Option<bool>,
    /// Whether messages of the privilege level `user` are authenticated.
    pub user_level_authentication: Option<bool>,
    /// The channel leads to the host itself and not to a network: a USB network interface of the BMC, as for Redfish.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_host_interface: bool,
}

/// An IPv6 address of a BMC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BmcIpv6 {
    /// IPv6 address.
    pub address: std::net::Ipv6Addr,
    /// Prefix length in bits.
    pub prefix: u8,
    /// Where the address comes from.
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
    /// User name; empty for the null user of slot 1.
    pub name: String,
    /// Privilege level on the LAN channel.
    pub privilege: Option<PrivilegeLevel>,
    /// Whether the user is enabled; absent if the BMC does not report it.
    pub enabled: Option<bool>,
    /// Whether IPMI messaging is enabled for the user.
    pub ipmi_messaging: Option<bool>,
    /// The name cannot be changed.
    pub is_fixed: bool,
}

/// Serial over LAN (IPMI 2.0, section 26).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcSol {
    /// Whether serial over LAN is enabled.
    pub is_enabled: bool,
    /// Bit rate in bits per second; absent if the serial port's own rate is used.
    pub bits_per_second: Option<u32>,
    /// Whether sessions must be encrypted.
    pub encryption: Option<bool>,
    /// The lowest privilege level that may use it.
    pub privilege: Option<PrivilegeLevel>,
}

/// What a host boots from (IPMI 2.0, table 28-14, parameter 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BmcBoot {
    /// The device; `none`: the firmware's own order.
    pub device: BootDevice,
    /// For all boots, and not only for the next one.
    pub is_persistent: bool,
    /// UEFI; otherwise legacy BIOS boot.
    pub is_efi: bool,
}

/// Names that a BMC keeps (DCMI 1.5, sections 6.4.2 and 6.4.6).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcDcmi {
    /// Asset tag.
    pub asset_tag: Option<String>,
    /// Management controller ID: the BMC's host name in DHCP requests.
    pub controller_id: Option<String>,
}

/// Power state and front panel of the host (IPMI 2.0, section 28.2).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcChassis {
    /// Whether the host is on.
    pub is_on: bool,
    /// What the host does when power comes back; absent if unknown.
    pub power_restore: Option<PowerRestore>,
    /// Causes of the last power event.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub last_power_event: Vec<String>,
    /// Cause of the host's last start.
    pub restart_cause: Option<String>,
    /// Faults: power overload, power fault, chassis intrusion, drive fault, cooling fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// The identify LED: `off`, `temporary` or `indefinite`.
    pub identify: Option<String>,
    /// Power-on hours of the host.
    pub power_on_hours: Option<u64>,
}

/// Outcome of configuring a BMC.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcOutcome {
    /// The BMC has the desired configuration, verified by reading it back.
    #[serde(rename = "is_as_wanted")]
    pub is_as_desired: bool,
    /// Changes in the order in which they were made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<BmcChange>,
    /// The desired users.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<BmcUserOutcome>,
    /// Enabled users that are not in the desired configuration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown_users: Vec<String>,
    /// Number of requests that were sent to the BMC, retries included.
    pub requests: u32,
    /// Number of retries.
    pub retries: u32,
    /// Duration in milliseconds.
    pub took_ms: u64,
}

/// A change of a BMC's configuration.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcChange {
    /// The change: "user 3: name admin".
    pub what: String,
    /// Why the change failed; absent if it was made.
    pub failure: Option<String>,
}

/// Outcome for a desired user.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcUserOutcome {
    /// User name.
    pub name: String,
    /// User ID; absent if there is no slot for the user.
    pub slot: Option<u8>,
    /// State of the password.
    pub password: PasswordState,
}

/// What is known of a user's password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PasswordState {
    /// No password was desired.
    #[default]
    #[serde(rename = "not-wanted")]
    NotDesired,
    /// Verified: the BMC's own test accepted it, and rejected a wrong one.
    Proven,
    /// Set without an error; the BMC's own test is missing or accepts any password.
    Set,
    /// Not set again, since it is in place according to an earlier report; the BMC's own test is missing or accepts any
    /// password.
    Believed,
    /// Not in place.
    Failed,
    /// A state that this version of the contract does not define.
    #[serde(untagged)]
    Unknown(String),
}
