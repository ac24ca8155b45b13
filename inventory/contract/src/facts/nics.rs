// SPDX-License-Identifier: MIT OR Apache-2.0
//! Physical network ports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::words::words;

/// A physical network port. Virtual functions and the representors of a switch in the adapter are none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Nic {
    /// The kernel's name in this boot.
    pub name: String,
    /// The MAC address in use; it can differ from the permanent one, as in a bond.
    pub mac: Option<String>,
    /// The permanent address, where the driver reports it.
    pub permanent_mac: Option<String>,
    /// The kernel driver, `mlx5_core`.
    pub driver: Option<String>,
    /// The PCI address, `0000:00:02.0`; of a USB adapter that of its USB controller.
    pub pci_address: Option<String>,
    /// Whether the port has carrier; absent while it is down.
    pub carrier: Option<bool>,
    /// Link speed in Mbit/s; absent if the driver does not report it.
    pub speed_mbps: Option<u32>,
    /// Whether the host was booted from this port: the boot loader's `BOOTIF=`, else UEFI's boot entry. Absent if it was not,
    /// or if nobody reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot: Option<bool>,
    /// `ethernet` or `infiniband`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The kernel's name of the bus it is on: `pci`, `virtio`, `usb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bus: Option<String>,
    /// The NUMA node of its PCI function; absent on a machine with one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numa_node: Option<u32>,
    /// What the firmware calls it, an on-board one mostly: ACPI's `_DSM`, else SMBIOS type 41.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The firmware's number of it, from 1 (PCI Firmware 3.1 4.6.7, by ACPI's `_DSM`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acpi_index: Option<u32>,
    /// Which of the ports behind one PCI function, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dev_port: Option<u32>,
    /// The driver's name of the port, `p0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_name: Option<String>,
    /// The id of the switch in the adapter, in hexadecimal, which its ports share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub switch_id: Option<String>,
    /// The bond, bridge or other link that it is a member of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master: Option<String>,
    /// The largest payload of a frame, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// `up`, `down`, `dormant` and so on (RFC 2863, `ifOperStatus`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operstate: Option<String>,
    /// The driver's version; that of the kernel where the driver has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver_version: Option<String>,
    /// The firmware's version as the driver reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware_version: Option<String>,
    /// `Half` or `Full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplex: Option<Duplex>,
    /// Whether the port negotiates its speed and duplex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autonegotiation: Option<bool>,
    /// The connector in use: `Twisted Pair`, `FIBRE`, `Direct Attach Copper` and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// The highest speed that the port supports with what is plugged in, in Mbit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed_max_mbps: Option<u32>,
    /// What can wake the machine: letters as ethtool(8) has them, `pumbg`; `d` is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wake_on_lan_supported: Option<String>,
    /// What is enabled to wake the machine: letters as above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wake_on_lan: Option<String>,
    /// How many virtual functions the port can have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sriov_max: Option<u32>,
    /// How many virtual functions are enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sriov_enabled: Option<u32>,
    /// The RDMA devices of its PCI function.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rdma: Vec<String>,
    /// The module or cable that is plugged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<NicModule>,
    /// What devlink reports of its PCI function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub devlink: Option<Devlink>,
}

words! {
    /// Whether a link sends and receives at the same time.
    pub enum Duplex {
        /// One direction at a time: mostly a failed autonegotiation.
        Half = "Half",
        /// Both directions at the same time.
        Full = "Full",
    }
}

/// A transceiver, or a cable with its ends (SFF-8472, SFF-8636, CMIS).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct NicModule {
    /// What it is, `SFP`, `QSFP28` (SFF-8024 table 4-1).
    pub kind: String,
    /// The vendor's name in the module's memory, `FINISAR CORP.`.
    pub vendor: Option<String>,
    /// The vendor's IEEE OUI, `00176a`.
    pub oui: Option<String>,
    /// The vendor's part number, `FTLX8571D3BCL`.
    pub part_number: Option<String>,
    /// The revision of the part, as the vendor writes it.
    pub revision: Option<String>,
    /// The vendor's serial number of this module.
    pub serial: Option<String>,
}

/// What devlink reports of a device; versions by the names that the kernel's devlink-info page lists, or the driver's own.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Devlink {
    /// The driver that answers, `ice`.
    pub driver: Option<String>,
    /// The device's serial number.
    pub serial: Option<String>,
    /// The board's serial number.
    pub board_serial: Option<String>,
    /// Versions that do not change, such as the board's.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fixed: BTreeMap<String, String>,
    /// Versions that are running now.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub running: BTreeMap<String, String>,
    /// Versions that are stored in flash, and run after the next activation or reset.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stored: BTreeMap<String, String>,
}
