// SPDX-License-Identifier: MIT OR Apache-2.0
//! The system and what it stands in: types 0 to 3, 13, 32 and 39.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::words::words;

/// SMBIOS system information, type 1 (DSP0134 7.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// What woke it up, `Power Switch`, offset 18h (7.2.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wake_up_type: Option<String>,
}

/// BIOS information, type 0 (DSP0134 7.1).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Bios {
    /// Offset 04h.
    pub vendor: Option<String>,
    /// Offset 05h.
    pub version: Option<String>,
    /// As the firmware gives it, most often `mm/dd/yyyy`, offset 08h.
    pub release_date: Option<String>,
    /// Major and minor release of the BIOS, `5.13`, offsets 14h and 15h.
    pub release: Option<String>,
    /// Major and minor release of the embedded controller's firmware, offsets 16h and 17h.
    pub embedded_controller_release: Option<String>,
    /// Size of the ROM that holds it, offsets 09h and 18h.
    pub rom_bytes: Option<u64>,
    /// Where a BIOS of old lies in memory, `0xf0000`, offset 06h; absent on UEFI machines that give none.
    pub address: Option<String>,
    /// Size of what lies there, up to 1 MiB (7.1, offset 06h).
    pub runtime_bytes: Option<u32>,
    /// Whether UEFI is supported, offset 13h bit 3 (7.1.2.2).
    pub uefi: Option<bool>,
    /// Whether the system is a virtual machine, offset 13h bit 4.
    pub virtual_machine: Option<bool>,
    /// Its features, `BIOS is upgradeable`, offsets 0Ah, 12h and 13h (7.1.1, 7.1.2).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub characteristics: Vec<String>,
}

/// A board of the machine, type 2 (DSP0134 7.3).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Baseboard {
    /// The structure's handle, by which others refer to it.
    pub handle: u16,
    /// Offset 04h.
    pub manufacturer: Option<String>,
    /// Offset 05h.
    pub product: Option<String>,
    /// Offset 06h.
    pub version: Option<String>,
    /// Offset 07h.
    pub serial: Option<String>,
    /// Offset 08h.
    pub asset_tag: Option<String>,
    /// `Board is replaceable`, offset 09h (7.3.1).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<BoardFeature>,
    /// Where in the chassis, offset 0Ah.
    pub location: Option<String>,
    /// The chassis that it is in, offset 0Bh.
    pub chassis_handle: Option<u16>,
    /// `Motherboard`, `Server Blade`, offset 0Dh (7.3.2).
    pub board_type: Option<BoardType>,
    /// What is on it: processors, slots, ports, offset 0Fh.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contained_handles: Vec<u16>,
}

words! {
    /// What a board is (DSP0134 7.3.2).
    pub enum BoardType {
        /// 01h.
        Unknown = "Unknown",
        /// 02h.
        Other = "Other",
        /// 03h.
        ServerBlade = "Server Blade",
        /// 04h.
        ConnectivitySwitch = "Connectivity Switch",
        /// 05h.
        SystemManagementModule = "System Management Module",
        /// 06h.
        ProcessorModule = "Processor Module",
        /// 07h.
        IoModule = "I/O Module",
        /// 08h.
        MemoryModule = "Memory Module",
        /// 09h.
        DaughterBoard = "Daughter Board",
        /// 0Ah.
        Motherboard = "Motherboard",
        /// 0Bh.
        ProcessorMemoryModule = "Processor+Memory Module",
        /// 0Ch.
        ProcessorIoModule = "Processor+I/O Module",
        /// 0Dh.
        InterconnectBoard = "Interconnect Board",
    }
}

words! {
    /// A feature of a board (DSP0134 7.3.1).
    pub enum BoardFeature {
        /// Bit 0.
        HostingBoard = "Board is a hosting board",
        /// Bit 1.
        RequiresDaughterBoard = "Board requires at least one daughter board",
        /// Bit 2.
        Removable = "Board is removable",
        /// Bit 3.
        Replaceable = "Board is replaceable",
        /// Bit 4.
        HotSwappable = "Board is hot swappable",
    }
}

/// A chassis or enclosure, type 3 (DSP0134 7.4).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Chassis {
    /// The structure's handle, by which others refer to it.
    pub handle: u16,
    /// Offset 04h.
    pub manufacturer: Option<String>,
    /// `Rack Mount Chassis`, `Blade`, offset 05h (7.4.1).
    pub chassis_type: Option<String>,
    /// Whether it has a lock, offset 05h bit 7.
    pub lock: Option<bool>,
    /// Offset 06h.
    pub version: Option<String>,
    /// Offset 07h.
    pub serial: Option<String>,
    /// Offset 08h.
    pub asset_tag: Option<String>,
    /// Its state when it was last started, `Safe`, offset 09h (7.4.2).
    pub boot_up_state: Option<ChassisState>,
    /// Of its power supplies, when it was last started, offset 0Ah.
    pub power_supply_state: Option<ChassisState>,
    /// When it was last started, offset 0Bh.
    pub thermal_state: Option<ChassisState>,
    /// Offset 0Ch (7.4.3).
    pub security_status: Option<String>,
    /// Height in rack units of 1.75 inches, offset 11h.
    pub height_units: Option<u8>,
    /// Offset 12h.
    pub power_cords: Option<u8>,
    /// Offset 15h after the contained elements.
    pub sku: Option<String>,
}

/// A power supply, type 39 (DSP0134 7.40).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PowerSupply {
    /// The structure's handle, by which others refer to it.
    pub handle: u16,
    /// The power unit group, where it is redundant to others of it, offset 04h.
    pub group: Option<u8>,
    /// Offset 05h.
    pub location: Option<String>,
    /// Offset 06h.
    pub name: Option<String>,
    /// Offset 07h.
    pub manufacturer: Option<String>,
    /// Offset 08h.
    pub serial: Option<String>,
    /// Offset 09h.
    pub asset_tag: Option<String>,
    /// Offset 0Ah.
    pub part_number: Option<String>,
    /// Offset 0Bh.
    pub revision: Option<String>,
    /// Offset 0Ch.
    pub max_power_watts: Option<u16>,
    /// Offset 0Eh bit 1 (7.40.1).
    pub present: Option<bool>,
    /// `OK`, where it is present, offset 0Eh bits 7 to 9.
    pub status: Option<PowerSupplyStatus>,
    /// `Switching`, offset 0Eh bits 10 to 13.
    pub supply_type: Option<String>,
    /// How it adapts to the input voltage, `Auto-switch`, offset 0Eh bits 3 to 6.
    pub range_switching: Option<String>,
    /// Whether it is plugged into the wall, offset 0Eh bit 2.
    pub plugged: Option<bool>,
    /// Offset 0Eh bit 0.
    pub hot_replaceable: Option<bool>,
    /// Offset 10h.
    pub input_voltage_probe_handle: Option<u16>,
    /// Offset 12h.
    pub cooling_device_handle: Option<u16>,
    /// Offset 14h.
    pub input_current_probe_handle: Option<u16>,
}

words! {
    /// The state of a chassis or of a part of it when it was last started (DSP0134 7.4.2).
    pub enum ChassisState {
        /// 01h.
        Other = "Other",
        /// 02h: the firmware does not know.
        Unknown = "Unknown",
        /// 03h.
        Safe = "Safe",
        /// 04h.
        Warning = "Warning",
        /// 05h.
        Critical = "Critical",
        /// 06h.
        NonRecoverable = "Non-recoverable",
    }
}

words! {
    /// The status of a power supply (DSP0134 7.40.1, bits 7 to 9).
    pub enum PowerSupplyStatus {
        /// 1.
        Other = "Other",
        /// 2: the firmware does not know.
        Unknown = "Unknown",
        /// 3.
        Ok = "OK",
        /// 4: it works, but something is wrong with it.
        NonCritical = "Non-critical",
        /// 5: it has failed and must be taken off-line.
        Critical = "Critical",
    }
}

words! {
    /// How the last boot went (DSP0134 7.33.1).
    pub enum BootStatus {
        /// 0.
        NoErrors = "No errors detected",
        /// 1.
        NoBootableMedia = "No bootable media",
        /// 2.
        OperatingSystemNotLoaded = "Operating system failed to load",
        /// 3.
        FirmwareDetectedHardwareFailure = "Firmware-detected hardware failure",
        /// 4.
        OsDetectedHardwareFailure = "Operating system-detected hardware failure",
        /// 5.
        UserRequested = "User-requested boot",
        /// 6.
        SecurityViolation = "System security violation",
        /// 7.
        PreviouslyRequestedImage = "Previously-requested image",
        /// 8.
        WatchdogExpired = "System watchdog timer expired",
        /// 128 to 191.
        OemSpecific = "OEM-specific",
        /// 192 to 255.
        ProductSpecific = "Product-specific",
    }
}

/// The languages of the firmware's own screens, type 13 (DSP0134 7.14).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BiosLanguage {
    /// The structure's handle, by which others refer to it.
    pub handle: u16,
    /// The one in use, `en|US|iso8859-1`, offset 15h.
    pub current: Option<String>,
    /// Those it has, offset 04h; null for one that has no text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub installable: Vec<Option<String>>,
    /// `Long` or `Abbreviated`, offset 05h; there since version 2.1.
    pub format: Option<String>,
}

/// Strings without further meaning: OEM strings, type 11, and system configuration options, type 12 (DSP0134
/// 7.12, 7.13).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct StringList {
    /// The structure's handle, by which others refer to it.
    pub handle: u16,
    /// In order; null for one that has no text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strings: Vec<Option<String>>,
}
