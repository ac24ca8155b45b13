// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory as the kernel sees it.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Memory, as the kernel sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Memory {
    /// What the kernel can use, in bytes.
    pub usable_bytes: u64,
    /// The memory blocks that the kernel has, online or not, in bytes. Blocks are counted whole, so this can be a
    /// little more than what is installed (`/sys/devices/system/memory`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocks_bytes: Option<u64>,
    /// The sizes of huge pages that there can be, in bytes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub huge_page_sizes_bytes: Vec<u64>,
    /// What the kernel has taken out of use because it is broken, in bytes; absent if that is nothing
    /// (`HardwareCorrupted` of `/proc/meminfo`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrupted_bytes: Option<u64>,
    /// Memory controllers with their error counters, where the kernel has an EDAC driver for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub controllers: Vec<MemoryController>,
}

/// A memory controller that checks for errors, `/sys/devices/system/edac/mc/mc0`. The counts begin when its
/// driver is loaded.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct MemoryController {
    /// The kernel's name, `mc0`.
    pub name: String,
    /// The driver's name of it, `Skylake Socket#0 IMC#0`.
    pub kind: Option<String>,
    /// The memory behind it, in bytes.
    pub size_bytes: Option<u64>,
    /// Errors that were corrected, those of unknown modules included.
    pub corrected_errors: u64,
    /// Errors that could not be corrected, those of unknown modules included.
    pub uncorrected_errors: u64,
    /// Its modules; ranks if the controller does not report modules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<MemoryModule>,
}

/// A module, or a rank where the controller reports no more, with its error counters.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct MemoryModule {
    /// The kernel's name, `dimm0` or `rank0`.
    pub name: String,
    /// The label of its slot, `CPU_SrcID#0_MC#0_Chan#0_DIMM#0` or what the platform calls it.
    pub label: Option<String>,
    /// Its location, `channel 0 slot 0`.
    pub location: Option<String>,
    /// Its size in bytes.
    pub size_bytes: Option<u64>,
    /// The type of memory, `Registered-DDR4`.
    pub memory_type: Option<String>,
    /// How errors are found and corrected, `SECDED`, `S4ECD4ED`.
    pub edac_mode: Option<String>,
    /// Errors that were corrected, since the driver was loaded.
    pub corrected_errors: u64,
    /// Errors that could not be corrected, since the driver was loaded.
    pub uncorrected_errors: u64,
}
