// SPDX-License-Identifier: MIT OR Apache-2.0
//! Slots and on-board devices: types 9, 10 and 41.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::words::words;

/// A slot for an expansion card, type 9 (DSP0134 7.10).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Slot {
    /// The structure's handle, by which others refer to it.
    pub handle: u16,
    /// What is printed next to it, offset 04h.
    pub designation: Option<String>,
    /// `PCI Express 3 x16`, `OCP NIC 3.0 Small Form Factor (SFF)`, offset 05h (7.10.1).
    pub slot_type: Option<String>,
    /// `x16`, `32-bit`, offset 06h (7.10.2).
    pub bus_width: Option<String>,
    /// `Available`, `In Use`, offset 07h (7.10.3).
    pub usage: Option<String>,
    /// `Long`, offset 08h (7.10.4).
    pub length: Option<String>,
    /// The slot's number, `3`; of PC Cards `Adapter 0, Socket 1`, offset 09h (7.10.5).
    pub id: Option<String>,
    /// `3.3 V is provided`, offsets 0Bh and 0Ch (7.10.6, 7.10.7).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub characteristics: Vec<String>,
    /// `0000:3b:00.0`, offset 0Dh (7.10.8).
    pub bus_address: Option<String>,
    /// The data bus's width at that address, in lanes, offset 11h.
    pub base_lanes: Option<u8>,
    /// The other addresses of a slot that is divided, offset 13h (7.10.9).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<SlotPeer>,
    /// Of PCI Express slots, after the peers.
    pub pcie_generation: Option<u8>,
    /// `x16`, as wide as the connector is, after the peers.
    pub physical_width: Option<String>,
    /// To the next slot, after the peers.
    pub pitch_micrometers: Option<u32>,
    /// `Full height`, after the peers (7.10.10).
    pub height: Option<String>,
}

/// Another address in a divided slot (DSP0134 7.10.9).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct SlotPeer {
    /// Segment, bus, device and function, `0000:3b:00.1`.
    pub bus_address: String,
    /// The data bus's width there, in lanes.
    pub lanes: u8,
}

/// A device on the board, type 41 and the old type 10 (DSP0134 7.42, 7.11).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct OnboardDevice {
    /// The structure's handle, by which others refer to it.
    pub handle: u16,
    /// What the board calls it, type 41 offset 04h, type 10 offset 05h.
    pub designation: Option<String>,
    /// `Ethernet`, `NVMe Controller`, type 41 offset 05h, type 10 offset 04h (7.11.1).
    pub device_type: Option<OnboardDeviceType>,
    /// Bit 7 of the same.
    pub enabled: Option<bool>,
    /// Which of its type it is, type 41 offset 06h.
    pub instance: Option<u8>,
    /// `0000:02:00.0`, type 41 offset 07h.
    pub bus_address: Option<String>,
}

words! {
    /// What an on-board device is (DSP0134 7.11.1 and 7.42.2).
    pub enum OnboardDeviceType {
        /// 01h.
        Other = "Other",
        /// 02h.
        Unknown = "Unknown",
        /// 03h.
        Video = "Video",
        /// 04h.
        ScsiController = "SCSI Controller",
        /// 05h.
        Ethernet = "Ethernet",
        /// 06h.
        TokenRing = "Token Ring",
        /// 07h.
        Sound = "Sound",
        /// 08h.
        PataController = "PATA Controller",
        /// 09h.
        SataController = "SATA Controller",
        /// 0Ah.
        SasController = "SAS Controller",
        /// 0Bh.
        WirelessLan = "Wireless LAN",
        /// 0Ch.
        Bluetooth = "Bluetooth",
        /// 0Dh.
        Wwan = "WWAN",
        /// 0Eh.
        Emmc = "eMMC",
        /// 0Fh.
        NvmeController = "NVMe Controller",
        /// 10h.
        UfsController = "UFS Controller",
    }
}
