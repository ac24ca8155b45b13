// SPDX-License-Identifier: MIT OR Apache-2.0
//! The firmware that started the kernel.

use serde::{Deserialize, Serialize};

/// How the firmware started the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootFirmware {
    /// UEFI or BIOS.
    pub kind: FirmwareKind,
    /// SMBIOS BIOS information, vendor (DSP0134 7.1, offset 04h).
    pub vendor: Option<String>,
    /// SMBIOS BIOS information, version (DSP0134 7.1, offset 05h).
    pub version: Option<String>,
}

/// The firmware interface the kernel was started through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirmwareKind {
    /// UEFI run-time services are there.
    Uefi,
    /// They are not: a legacy BIOS, or a kernel started without them.
    Bios,
    /// A kind this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}
