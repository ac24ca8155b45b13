// SPDX-License-Identifier: MIT OR Apache-2.0
//! A host's SMBIOS tables.

use serde::Deserialize;

/// A host's SMBIOS tables. Absent values are QEMU's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmbiosSpec {
    /// The kind of entry point.
    pub entry_point: EntryPoint,
    /// BIOS information.
    pub bios: BiosInformation,
    /// System information.
    pub system: SystemInformation,
    /// Baseboard information.
    pub baseboard: BaseboardInformation,
    /// System enclosure or chassis.
    pub chassis: ChassisInformation,
    /// Values of all processors.
    pub processor: ProcessorInformation,
    /// Port connectors.
    #[serde(rename = "port")]
    pub ports: Vec<PortConnector>,
    /// OEM strings, type 11 (DSP0134 7.12).
    pub oem_strings: Vec<String>,
    /// Values of all memory devices; there is one per 16 GiB of memory or part of it.
    pub memory_device: MemoryDevice,
    /// On-board devices.
    #[serde(rename = "onboard")]
    pub onboard_devices: Vec<OnboardDevice>,
}

/// A kind of entry point (DSP0134 5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum EntryPoint {
    /// SMBIOS 2.1, 32 bits: tables of version 2.8.
    #[default]
    #[serde(rename = "2.1")]
    Version2,
    /// SMBIOS 3.0, 64 bits: tables of version 3.0.
    #[serde(rename = "3.0")]
    Version3,
}

/// SMBIOS type 0 (DSP0134 7.1).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BiosInformation {
    /// Offset 04h.
    pub vendor: Option<String>,
    /// Offset 05h.
    pub version: Option<String>,
    /// Offset 08h.
    pub date: Option<String>,
    /// Offsets 14h and 15h, `5.14`.
    pub release: Option<String>,
}

/// SMBIOS type 1 (DSP0134 7.2).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SystemInformation {
    /// Offset 04h.
    pub manufacturer: Option<String>,
    /// Offset 05h.
    pub product: Option<String>,
    /// Offset 06h.
    pub version: Option<String>,
    /// Offset 07h.
    pub serial: Option<String>,
    /// Offset 08h.
    pub uuid: Option<String>,
    /// Offset 19h.
    pub sku: Option<String>,
    /// Offset 1Ah.
    pub family: Option<String>,
}

/// SMBIOS type 2 (DSP0134 7.3).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BaseboardInformation {
    /// Offset 04h.
    pub manufacturer: Option<String>,
    /// Offset 05h.
    pub product: Option<String>,
    /// Offset 06h.
    pub version: Option<String>,
    /// Offset 07h.
    pub serial: Option<String>,
    /// Offset 08h.
    pub asset: Option<String>,
    /// Offset 0Ah.
    pub location: Option<String>,
}

/// SMBIOS type 3 (DSP0134 7.4).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChassisInformation {
    /// Offset 04h.
    pub manufacturer: Option<String>,
    /// Offset 06h.
    pub version: Option<String>,
    /// Offset 07h.
    pub serial: Option<String>,
    /// Offset 08h.
    pub asset: Option<String>,
    /// Offset 15h, after the contained elements.
    pub sku: Option<String>,
}

/// SMBIOS type 4 (DSP0134 7.5).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProcessorInformation {
    /// Offset 04h, before the socket's number.
    pub socket_prefix: Option<String>,
    /// Offset 07h.
    pub manufacturer: Option<String>,
    /// Offset 10h.
    pub version: Option<String>,
    /// Offset 14h.
    pub max_speed_mhz: Option<u16>,
    /// Offset 16h.
    pub current_speed_mhz: Option<u16>,
    /// Offset 20h.
    pub serial: Option<String>,
    /// Offset 21h.
    pub asset: Option<String>,
    /// Offset 22h.
    pub part: Option<String>,
}

/// SMBIOS type 8 (DSP0134 7.9).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PortConnector {
    /// Offset 04h.
    pub internal: Option<String>,
    /// Offset 06h.
    pub external: Option<String>,
    /// Offset 07h.
    pub connector_type: Option<u8>,
    /// Offset 08h.
    pub port_type: Option<u8>,
}

/// SMBIOS type 17 (DSP0134 7.18).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemoryDevice {
    /// Offset 10h, before the device's number.
    pub locator_prefix: Option<String>,
    /// Offset 11h.
    pub bank: Option<String>,
    /// Offsets 15h and 20h.
    pub speed_mts: Option<u16>,
    /// Offset 17h.
    pub manufacturer: Option<String>,
    /// Offset 18h.
    pub serial: Option<String>,
    /// Offset 19h.
    pub asset: Option<String>,
    /// Offset 1Ah.
    pub part: Option<String>,
}

/// SMBIOS type 41 (DSP0134 7.42).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnboardDevice {
    /// Offset 04h.
    pub designation: String,
    /// Offset 05h, by QEMU's name: `ethernet`, `video`, `sata`, ...
    pub kind: String,
    /// Offset 06h.
    pub instance: u8,
    /// Number of the host's NIC, counted from 0.
    pub nic: usize,
}
