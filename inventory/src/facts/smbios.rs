// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the SMBIOS tables say (DSP0134).

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

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

/// The SMBIOS structures beside system information.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Smbios {
    /// The version of the tables as the entry point gives it, `3.2` or `3.2.0`.
    pub version: Option<String>,
    /// BIOS information.
    pub bios: Option<Bios>,
}

/// BIOS information, type 0 (DSP0134 7.1).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bios {
    /// Offset 04h.
    pub vendor: Option<String>,
    /// Offset 05h.
    pub version: Option<String>,
}
