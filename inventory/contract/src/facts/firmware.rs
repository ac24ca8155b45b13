// SPDX-License-Identifier: MIT OR Apache-2.0
//! The firmware that started the kernel.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::words::words;

/// How the firmware started the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BootFirmware {
    /// The interface that the kernel was started through.
    pub kind: FirmwareKind,
    /// SMBIOS BIOS information, vendor (DSP0134 7.1, offset 04h).
    pub vendor: Option<String>,
    /// SMBIOS BIOS information, version (DSP0134 7.1, offset 05h).
    pub version: Option<String>,
    /// The word size of the UEFI firmware, 64 or 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_bits: Option<u32>,
    /// Whether Secure Boot is enforced (UEFI 3.3, `SecureBoot`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secure_boot: Option<bool>,
    /// Whether anyone may enrol Secure Boot keys, since there is no platform key (UEFI 3.3, `SetupMode`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup_mode: Option<bool>,
    /// The number of the boot entry that was started, `0003` (UEFI 3.3, `BootCurrent`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_current: Option<String>,
    /// The number of the entry that the next boot tries first, once (UEFI 3.3, `BootNext`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_next: Option<String>,
    /// The numbers of the entries that are tried, in order (UEFI 3.3, `BootOrder`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boot_order: Vec<String>,
    /// The boot entries by number, in the boot order or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boot_entries: Vec<BootEntry>,
    /// What can be updated by capsules: the EFI System Resource Table (UEFI 23.4).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub esrt: Vec<EsrtEntry>,
}

/// The firmware interface the kernel was started through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FirmwareKind {
    /// UEFI, with its run-time services.
    Uefi,
    /// A legacy BIOS, or a kernel that was started without UEFI's run-time services.
    Bios,
    /// A kind this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// A boot entry: a `Boot####` variable (UEFI 3.1.3, `EFI_LOAD_OPTION`).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BootEntry {
    /// The four hexadecimal digits of `Boot####`, `0003`.
    pub number: String,
    /// The description in the boot menu.
    pub description: String,
    /// Whether the firmware tries it by itself (`LOAD_OPTION_ACTIVE`).
    pub active: bool,
    /// What it starts, in the text form of UEFI 10.6:
    /// `HD(1,GPT,6e2c4a0b-…,0x800,0x100000)/\EFI\debian\shimx64.efi`. A node of an unknown type is its numbers,
    /// `Path(4,8,0102)`.
    pub device_path: Option<String>,
}

/// A firmware that capsules can update (UEFI 23.4, `EFI_SYSTEM_RESOURCE_ENTRY`).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct EsrtEntry {
    /// The GUID of what the firmware is for; capsules carry the same.
    pub fw_class: String,
    /// `unknown`, `system-firmware`, `device-firmware` or `uefi-driver`, else its number.
    pub fw_type: Option<String>,
    /// The running version; the vendor defines its bits.
    pub fw_version: Option<u32>,
    /// The lowest version that may be installed.
    pub lowest_supported_fw_version: Option<u32>,
    /// The flags that a capsule has to carry, `0x10000`.
    pub capsule_flags: Option<String>,
    /// The version of the last update that was tried; 0 if none was.
    pub last_attempt_version: Option<u32>,
    /// Its result: `success`, `unsuccessful`, `insufficient resources`, `incorrect version`,
    /// `invalid format`, `authentication error`, `AC power not connected`, `insufficient battery`,
    /// `unsatisfied dependencies`, else its number.
    pub last_attempt_status: Option<LastAttemptStatus>,
}

words! {
    /// The result of the last capsule update (UEFI 23.4, `LastAttemptStatus`).
    pub enum LastAttemptStatus {
        /// 0.
        Success = "success",
        /// 1.
        Unsuccessful = "unsuccessful",
        /// 2.
        InsufficientResources = "insufficient resources",
        /// 3.
        IncorrectVersion = "incorrect version",
        /// 4.
        InvalidFormat = "invalid format",
        /// 5.
        AuthenticationError = "authentication error",
        /// 6.
        AcPowerNotConnected = "AC power not connected",
        /// 7.
        InsufficientBattery = "insufficient battery",
        /// 8.
        UnsatisfiedDependencies = "unsatisfied dependencies",
    }
}
