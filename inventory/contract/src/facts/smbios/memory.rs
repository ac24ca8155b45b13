// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory arrays and the DIMM slots in them: types 16 and 17.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// A set of memory devices that work together, type 16 (DSP0134 7.17).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct MemoryArray {
    /// The structure's handle, by which others refer to it.
    pub handle: u16,
    /// `System Board Or Motherboard`, offset 04h (7.17.1).
    pub location: Option<String>,
    /// `System Memory`, offset 05h (7.17.2).
    pub usage: Option<String>,
    /// `Multi-bit ECC`, offset 06h (7.17.3).
    pub error_correction: Option<String>,
    /// How much it can take, offset 07h or 0Fh.
    pub max_bytes: Option<u64>,
    /// The error that was found, offset 0Bh.
    pub error_handle: Option<u16>,
    /// How many memory devices or slots it has, offset 0Dh.
    pub devices: Option<u16>,
}

/// A memory device, or the empty slot for one, type 17 (DSP0134 7.18).
///
/// Of an empty slot what follows `type_detail` is left out, since it has no meaning.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct MemoryDevice {
    /// The structure's handle, by which others refer to it.
    pub handle: u16,
    /// The array that it is part of, offset 04h.
    pub array_handle: Option<u16>,
    /// The error that was found, offset 06h.
    pub error_handle: Option<u16>,
    /// With the bits for error correction, offset 08h.
    pub total_width_bits: Option<u16>,
    /// Without them, offset 0Ah.
    pub data_width_bits: Option<u16>,
    /// Whether it has bits for error correction: the total width is more than that of the data.
    pub ecc: Option<bool>,
    /// Offset 0Ch or 1Ch; 0 if the slot is empty, absent if that is unknown.
    pub size_bytes: Option<u64>,
    /// `DIMM`, `SODIMM`, offset 0Eh (7.18.1).
    pub form_factor: Option<String>,
    /// The set of devices that must be populated together, offset 0Fh.
    pub set: Option<u8>,
    /// What is printed next to the slot, `DIMM_A1`, offset 10h.
    pub locator: Option<String>,
    /// Offset 11h.
    pub bank_locator: Option<String>,
    /// `DDR4`, offset 12h (7.18.2).
    pub memory_type: Option<String>,
    /// `Registered (Buffered)`, offset 13h (7.18.3).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub type_detail: Vec<String>,
    /// The most that it can do, in million transfers per second, offset 15h or 54h.
    pub speed_mtps: Option<u32>,
    /// Offset 17h.
    pub manufacturer: Option<String>,
    /// Offset 18h.
    pub serial: Option<String>,
    /// Offset 19h.
    pub asset_tag: Option<String>,
    /// Offset 1Ah.
    pub part_number: Option<String>,
    /// Offset 1Bh bits 0 to 3.
    pub rank: Option<u8>,
    /// What it does, in million transfers per second, offset 20h or 58h.
    pub configured_speed_mtps: Option<u32>,
    /// Offset 22h.
    pub min_millivolts: Option<u16>,
    /// Offset 24h.
    pub max_millivolts: Option<u16>,
    /// Offset 26h.
    pub configured_millivolts: Option<u16>,
    /// `DRAM`, `NVDIMM-N`, offset 28h (7.18.6).
    pub technology: Option<String>,
    /// Those it can do, `Volatile memory`, offset 29h (7.18.7).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operating_modes: Vec<String>,
    /// Offset 2Bh.
    pub firmware_version: Option<String>,
    /// JEP-106 bank and code, `Bank 1, Hex 0xCE`, offset 2Ch (7.18.8).
    pub module_manufacturer_id: Option<String>,
    /// `0x0100`, offset 2Eh.
    pub module_product_id: Option<String>,
    /// Of the memory subsystem's controller, offset 30h.
    pub controller_manufacturer_id: Option<String>,
    /// Offset 32h.
    pub controller_product_id: Option<String>,
    /// How much of it keeps its content, offset 34h.
    pub non_volatile_bytes: Option<u64>,
    /// How much of it does not, offset 3Ch.
    pub volatile_bytes: Option<u64>,
    /// How much of it is cache, offset 44h.
    pub cache_bytes: Option<u64>,
    /// Of a logical device, offset 4Ch.
    pub logical_bytes: Option<u64>,
}
