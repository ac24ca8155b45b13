// SPDX-License-Identifier: MIT OR Apache-2.0
//! PCI devices.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// A PCI function, bridges included.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PciDevice {
    /// Domain, bus, device and function, `0000:3b:00.0`.
    pub address: String,
    /// Base class, sub-class and programming interface, `0x020000` (PCI Code and ID Assignment, 1).
    pub class: Option<String>,
    /// The class in the words of `lspci`, `Ethernet controller`, where it is a common one.
    pub class_name: Option<String>,
    /// The vendor, `0x8086`.
    pub vendor: Option<String>,
    /// The vendor's number for the device, `0x1521`.
    pub device: Option<String>,
    /// The vendor of the board that it is on, `0x15d9`.
    pub subsystem_vendor: Option<String>,
    /// That vendor's number for the board, `0x0000`.
    pub subsystem_device: Option<String>,
    /// The revision, `0x01`.
    pub revision: Option<String>,
    /// The kernel driver that is bound to it.
    pub driver: Option<String>,
    /// The link's transfer rate now, in MT/s per lane: 2500, 5000, 8000, 16000, 32000, 64000.
    pub link_speed_mtps: Option<u32>,
    /// The lanes that the link uses now.
    pub link_width: Option<u32>,
    /// The highest transfer rate that this end of the link can do, in MT/s per lane.
    pub max_link_speed_mtps: Option<u32>,
    /// The most lanes that this end of the link can use.
    pub max_link_width: Option<u32>,
    /// The NUMA node that it is closest to, where the firmware reports it.
    pub numa_node: Option<u32>,
    /// The slot that it is in, by the platform's number or name.
    pub slot: Option<String>,
    /// The name of an on-board device (ACPI _DSM, else SMBIOS type 41).
    pub label: Option<String>,
    /// The firmware's number of an on-board device (ACPI _DSM).
    pub acpi_index: Option<u32>,
    /// How many virtual functions it can have.
    pub sriov_max_vfs: Option<u32>,
    /// How many virtual functions it has.
    pub sriov_vfs: Option<u32>,
    /// The function that this is a virtual function of.
    pub physical_function: Option<String>,
    /// Its IOMMU group; absent if no IOMMU is in use.
    pub iommu_group: Option<u32>,
    /// What its maker wrote into it. Of a device with several functions the first one has it.
    pub vpd: Option<PciVpd>,
}

/// Vital product data of a PCI device (PCI Local Bus 3.0, appendix I).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PciVpd {
    /// The product (identifier string).
    pub product: Option<String>,
    /// The part number (PN).
    pub part_number: Option<String>,
    /// The serial number (SN).
    pub serial: Option<String>,
    /// The level of engineering changes (EC).
    pub engineering_changes: Option<String>,
    /// The maker's id (MN).
    pub manufacturer: Option<String>,
}

/// A GPU or another processor in addition to the CPUs, known by its PCI class. Virtual functions are left out.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Accelerator {
    /// Its PCI address, which is one of [`super::Facts::pci`].
    pub pci_address: String,
    /// `gpu`; `display` for one that only drives a console, such as a BMC's; `processing-accelerator`;
    /// `co-processor`.
    pub kind: String,
    /// The vendor, `0x10de`.
    pub vendor: Option<String>,
    /// The vendor's number for the device.
    pub device: Option<String>,
    /// The kernel driver that is bound to it.
    pub driver: Option<String>,
    /// The NUMA node that it is closest to, where the firmware reports it.
    pub numa_node: Option<u32>,
}
