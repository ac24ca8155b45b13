// SPDX-License-Identifier: MIT OR Apache-2.0
//! Processors and their caches: types 4 and 7.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// A processor or an empty socket, type 4 (DSP0134 7.5).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Processor {
    /// The structure's handle, by which others refer to it.
    pub handle: u16,
    /// What is printed next to the socket, offset 04h.
    pub socket: Option<String>,
    /// `Central Processor`, offset 05h (7.5.1).
    pub processor_type: Option<String>,
    /// `Xeon`, `Zen`, `ARMv8`, offset 06h or 28h (7.5.2).
    pub family: Option<String>,
    /// Offset 07h.
    pub manufacturer: Option<String>,
    /// Raw, `57 06 05 00 FF FB EB BF`, offset 08h (7.5.3): CPUID's EAX and EDX on x86, MIDR or the SoC ID on ARM.
    pub id: Option<String>,
    /// The same decoded, `Type 0, Family 6, Model 85, Stepping 7`.
    pub signature: Option<String>,
    /// The processor's name, offset 10h.
    pub version: Option<String>,
    /// The voltage it has or, on old machines, those it can have, offset 11h (7.5.4).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub voltages_millivolts: Vec<u16>,
    /// Offset 12h.
    pub external_clock_mhz: Option<u16>,
    /// What the system can take, offset 14h.
    pub max_speed_mhz: Option<u16>,
    /// At boot, offset 16h.
    pub current_speed_mhz: Option<u16>,
    /// Whether the socket has a processor, offset 18h bit 6.
    pub populated: Option<bool>,
    /// `Enabled`, `Disabled By BIOS`, where it has one, offset 18h bits 0 to 2.
    pub status: Option<String>,
    /// The kind of socket, `Socket LGA3647-1`, offset 19h (7.5.5).
    pub upgrade: Option<String>,
    /// The kind of socket as the firmware spells it, offset 32h; there since version 3.8.
    pub socket_type: Option<String>,
    /// Offset 1Ah.
    pub l1_cache_handle: Option<u16>,
    /// Offset 1Ch.
    pub l2_cache_handle: Option<u16>,
    /// Offset 1Eh.
    pub l3_cache_handle: Option<u16>,
    /// Offset 20h.
    pub serial: Option<String>,
    /// Offset 21h.
    pub asset_tag: Option<String>,
    /// Offset 22h.
    pub part_number: Option<String>,
    /// Offset 23h or 2Ah.
    pub cores: Option<u16>,
    /// Offset 24h or 2Ch.
    pub cores_enabled: Option<u16>,
    /// Offset 25h or 2Eh.
    pub threads: Option<u16>,
    /// Offset 30h.
    pub threads_enabled: Option<u16>,
    /// `64-bit capable`, `Multi-Core`, offset 26h (7.5.9).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub characteristics: Vec<String>,
}

/// A cache, type 7 (DSP0134 7.8).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Cache {
    /// The structure's handle, by which others refer to it.
    pub handle: u16,
    /// Offset 04h.
    pub socket: Option<String>,
    /// 1 to 8, offset 05h bits 0 to 2.
    pub level: Option<u8>,
    /// Offset 05h bit 7.
    pub enabled: Option<bool>,
    /// Offset 05h bit 3.
    pub socketed: Option<bool>,
    /// `Write Back`, offset 05h bits 8 and 9.
    pub mode: Option<String>,
    /// `Internal` or `External` to the processor, offset 05h bits 5 and 6.
    pub location: Option<String>,
    /// Offset 09h or 17h; 0 if there is none.
    pub installed_bytes: Option<u64>,
    /// Offset 07h or 13h.
    pub max_bytes: Option<u64>,
    /// `Synchronous`, offset 0Bh (7.8.2).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supported_sram_types: Vec<String>,
    /// Of what is installed, offset 0Dh.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sram_types: Vec<String>,
    /// Offset 0Fh.
    pub speed_nanoseconds: Option<u8>,
    /// `Single-bit ECC`, offset 10h (7.8.3).
    pub error_correction: Option<String>,
    /// `Unified`, `Data`, offset 11h (7.8.4).
    pub cache_type: Option<String>,
    /// `8-way Set-associative`, offset 12h (7.8.5).
    pub associativity: Option<String>,
}
