// SPDX-License-Identifier: MIT OR Apache-2.0
//! Disks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// A disk: a block device that is hardware. Optical and floppy drives are none, nor is a drive without its medium;
/// nor what is only another view of a disk: a path of NVMe multipath, the boot partitions of an eMMC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// Whether it has spinning platters, as the kernel reports.
    pub rotational: Option<bool>,
    /// The maker as the device gives it, which SCSI disks do (SPC-5 6.7.2, INQUIRY).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// The firmware's revision as the device gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware: Option<String>,
    /// The world-wide name in hexadecimal, `5000c500a1b2c3d4`: NAA, EUI-64 or NGUID; or an NVMe namespace's UUID. Absent
    /// where the kernel knows that the model has the same in each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wwn: Option<String>,
    /// The transport: `nvme`, `nvme-tcp` and its like, `sata`, `ide`, `ata` where it is not known which of the two,
    /// `sas`, `fc`, `iscsi`, `scsi` where none of these or behind a RAID controller, `usb`, `virtio`, `mmc`; or the
    /// kernel's name of its bus. A SATA disk behind a SAS controller is `sata`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// The unit in which it is addressed, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logical_block_bytes: Option<u32>,
    /// The unit in which it writes, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physical_block_bytes: Option<u32>,
    /// Revolutions a minute (ACS-4 word 217; SBC-4 6.6.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_rpm: Option<u16>,
    /// `3.5 inches`, `2.5 inches`, `M.2` and so on (ACS-4 word 168; SBC-4 6.6.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form_factor: Option<String>,
    /// Whether the kernel treats it as read-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// Whether its medium can be removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removable: Option<bool>,
    /// The PCI address of its controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pci_address: Option<String>,
    /// The NUMA node of its controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numa_node: Option<u32>,
    /// Whether the disk itself reports that it is failing: an NVMe critical warning (NVMe 1.4 5.14.1.2), or ATA's SMART
    /// status (ACS-4 7.44.4). Absent if the disk was not asked, such as one in standby.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing: Option<bool>,
    /// The kernel's names of the same disk by its other paths.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_names: Vec<String>,
    /// SCSI host, channel, target and LUN, `0:0:3:0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hctl: Option<String>,
    /// The bay, as the enclosure names or counts it (SES-4, SAS), or the hot-plug slot of an NVMe disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bay: Option<String>,
    /// Fields of NVMe disks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nvme: Option<Nvme>,
    /// Fields of ATA disks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ata: Option<Ata>,
}

/// An NVMe namespace, and the controller that it was reached by.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Nvme {
    /// The kernel's name of the controller, `nvme0`.
    pub controller: String,
    /// The PCI vendor, `0x144d` (NVMe 1.4 5.15.2.2, bytes 0-1).
    pub vendor_id: Option<String>,
    /// The PCI subsystem vendor (bytes 2-3).
    pub subsystem_vendor_id: Option<String>,
    /// The maker's IEEE OUI, `002538` (bytes 73-75).
    pub oui: Option<String>,
    /// The controller's number within its NVM subsystem (bytes 78-79).
    pub controller_id: Option<u16>,
    /// The version of NVMe, `1.4.0` (bytes 80-83).
    pub version: Option<String>,
    /// All the capacity of the NVM subsystem (bytes 280-295).
    pub total_capacity_bytes: Option<u64>,
    /// What of it is in no namespace (bytes 296-311).
    pub unallocated_capacity_bytes: Option<u64>,
    /// How many namespaces it can have (bytes 516-519).
    pub namespaces_max: Option<u32>,
    /// The NVM subsystem's NVMe qualified name (bytes 768-1023).
    pub subsystem_nqn: Option<String>,
    /// The firmware slots of the controller.
    pub firmware: Option<NvmeFirmware>,
    /// The namespace that this disk is.
    pub namespace: Option<NvmeNamespace>,
    /// The health of the whole NVM subsystem.
    pub health: Option<NvmeHealth>,
}

/// An NVMe controller's firmware (NVMe 1.4 5.15.2.2, byte 260; 5.14.1.3).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct NvmeFirmware {
    /// How many firmware slots there are, 1 to 7.
    pub slots: u8,
    /// Whether slot 1 cannot be written.
    pub first_slot_read_only: bool,
    /// Whether firmware can be activated without a reset.
    pub activates_without_reset: bool,
    /// The slot of the running firmware.
    pub active_slot: Option<u8>,
    /// The slot that the next reset activates, where that has been decided.
    pub next_slot: Option<u8>,
    /// The revisions in the slots, by the slot's number.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub revisions: BTreeMap<String, String>,
}

/// An NVMe namespace (NVMe 1.4 5.15.2.1).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct NvmeNamespace {
    /// The namespace identifier.
    pub id: u32,
    /// How large it is (bytes 0-7).
    pub size_bytes: u64,
    /// How much of that can be in use at one time (bytes 8-15).
    pub capacity_bytes: u64,
    /// How much is in use (bytes 16-23).
    pub used_bytes: u64,
    /// Its NGUID in hexadecimal (bytes 104-119).
    pub nguid: Option<String>,
    /// Its EUI-64 in hexadecimal (bytes 120-127).
    pub eui64: Option<String>,
    /// The formats it can be given (bytes 128-383).
    pub formats: Vec<LbaFormat>,
}

/// A format of an NVMe namespace's blocks (NVMe 1.4 figure 246).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct LbaFormat {
    /// Data in a block, in bytes.
    pub data_bytes: u64,
    /// Metadata with a block, in bytes.
    pub metadata_bytes: u16,
    /// How it compares with the others: `Best`, `Better`, `Good`, `Degraded`.
    pub performance: String,
    /// Whether the namespace has this one.
    pub in_use: bool,
}

/// The SMART / Health Information log (NVMe 1.4 5.14.1.2).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct NvmeHealth {
    /// What is critical: `available_spare`, `temp_threshold`, `reliability_degraded`, `ro`, `vmbu_failed`, `pmr_ro`;
    /// any other bit is `0x40`.
    pub critical_warnings: Vec<String>,
    /// The composite temperature in degrees Celsius.
    pub temperature_celsius: Option<i32>,
    /// Spare capacity that is left, in percent.
    pub available_spare_percent: u8,
    /// Where that becomes critical, in percent.
    pub available_spare_threshold_percent: u8,
    /// How much of its life is used up, in percent; can be over 100.
    pub used_percent: u8,
    /// What the host has read, in bytes.
    pub read_bytes: u64,
    /// What the host has written, in bytes.
    pub written_bytes: u64,
    /// How often it was powered up.
    pub power_cycles: u64,
    /// How long it has been powered, in hours.
    pub power_on_hours: u64,
    /// How often power was lost without notice.
    pub unsafe_shutdowns: u64,
    /// Errors of the medium or of data integrity that could not be corrected.
    pub media_errors: u64,
    /// Entries in the error log over its life.
    pub error_log_entries: u64,
}

/// What an ATA disk reports (ACS-4 9.11, IDENTIFY DEVICE data).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Ata {
    /// The SATA speed in use, in Mbit/s (word 77).
    pub link_speed_mbps: Option<u32>,
    /// The highest SATA speed it has, in Mbit/s (word 76).
    pub link_speed_max_mbps: Option<u32>,
    /// Whether it takes TRIM (word 169).
    pub trim: bool,
    /// Its security, where it has the feature set (word 128).
    pub security: Option<AtaSecurity>,
    /// Whether SMART is enabled; absent without it (words 82, 85).
    pub smart_enabled: Option<bool>,
    /// `active/idle`, `idle`, `standby` and so on (ACS-4 7.3, CHECK POWER MODE).
    pub power_mode: Option<String>,
}

/// The ATA security feature set (ACS-4 word 128).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct AtaSecurity {
    /// A user password is set.
    pub enabled: bool,
    /// The disk gives no data until it is unlocked.
    pub locked: bool,
    /// Security cannot be changed until the next power cycle.
    pub frozen: bool,
    /// Too many wrong passwords have been tried.
    pub attempts_exceeded: bool,
    /// It can erase itself in the enhanced way.
    pub enhanced_erase: bool,
}
