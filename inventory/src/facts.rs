// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a machine is: identity and hardware, as the report carries them.

use serde::{Deserialize, Serialize};

/// Who the host is, and how that was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The `ID` of every call: a lower-case UUID.
    pub id: String,
    /// Which candidate was chosen.
    pub source: IdentitySource,
    /// Why that one, in words for an operator.
    pub reason: String,
    /// Every candidate that was looked at, in order of preference.
    pub candidates: Vec<Candidate>,
}

/// Where an identity comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentitySource {
    /// The SMBIOS system UUID (DSP0134 7.2, offset 08h).
    SystemUuid,
    /// A UUIDv5 of manufacturer, product and serial numbers.
    Serials,
    /// A UUIDv5 of the permanent MAC addresses.
    MacAddresses,
    /// A source this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// One possible identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Where it comes from.
    pub source: IdentitySource,
    /// The UUID it gives, where it gives one.
    pub value: Option<String>,
    /// Whether it may be used.
    pub usable: bool,
    /// What it was made of, or why it may not be used.
    pub reason: String,
}

/// What the machine is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// SMBIOS system information; absent where the firmware has no tables.
    pub system: Option<SystemInformation>,
    /// How the machine was started.
    pub firmware: Option<BootFirmware>,
    /// Processors as the kernel sees them.
    pub cpus: Option<Cpus>,
    /// Memory as the kernel sees it.
    pub memory: Option<Memory>,
    /// Physical network ports.
    pub nics: Vec<Nic>,
    /// Block devices that are hardware.
    pub disks: Vec<Disk>,
    /// The running kernel's release.
    pub kernel: Option<String>,
}

/// SMBIOS system information, type 1 (DSP0134 7.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SystemInformation {
    /// Offset 04h.
    pub manufacturer: Option<String>,
    /// Offset 05h.
    pub product: Option<String>,
    /// Offset 06h.
    pub version: Option<String>,
    /// Offset 07h.
    pub serial: Option<String>,
    /// Offset 08h, in the byte order of the table's version, lower case.
    pub uuid: Option<String>,
    /// Offset 19h.
    pub sku: Option<String>,
    /// Offset 1Ah.
    pub family: Option<String>,
}

/// How the firmware started the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootFirmware {
    /// UEFI or BIOS.
    pub kind: FirmwareKind,
    /// SMBIOS BIOS information, vendor (DSP0134 7.1, offset 04h).
    pub vendor: Option<String>,
    /// SMBIOS BIOS information, version (DSP0134 7.1, offset 05h).
    pub version: Option<String>,
}

/// The firmware interface the kernel was started through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirmwareKind {
    /// UEFI run-time services are there.
    Uefi,
    /// They are not: a legacy BIOS, or a kernel started without them.
    Bios,
    /// A kind this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// Processors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cpus {
    /// The first processor's model name.
    pub model: Option<String>,
    /// Physical packages.
    pub sockets: u32,
    /// Cores in all packages.
    pub cores: u32,
    /// Logical processors.
    pub threads: u32,
}

/// Memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// What the kernel can use, in bytes.
    pub usable_bytes: u64,
}

/// A physical network port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Nic {
    /// The kernel's name in this boot.
    pub name: String,
    /// The address in use.
    pub mac: Option<String>,
    /// The address burnt in, where the driver tells.
    pub permanent_mac: Option<String>,
    /// The kernel driver.
    pub driver: Option<String>,
    /// The PCI address, `0000:00:02.0`.
    pub pci_address: Option<String>,
    /// Whether the port has carrier; absent while it is down.
    pub carrier: Option<bool>,
    /// Link speed in Mbit/s; absent where the driver does not tell.
    pub speed_mbps: Option<u32>,
}

/// A disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disk {
    /// The kernel's name in this boot.
    pub name: String,
    /// Capacity in bytes.
    pub size_bytes: u64,
    /// The model as the device gives it.
    pub model: Option<String>,
    /// The serial number as the device gives it.
    pub serial: Option<String>,
    /// Whether it has spinning platters.
    pub rotational: Option<bool>,
}
