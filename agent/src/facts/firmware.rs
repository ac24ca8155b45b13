// SPDX-License-Identifier: MIT OR Apache-2.0
//! The firmware that started the kernel.

use stage1_inventory::{BootFirmware, FirmwareKind};

use crate::machine::Machine;

/// From `/sys/firmware/efi`. Vendor and version are in the SMBIOS tables.
pub fn discover(machine: &Machine, _problems: &mut Vec<String>) -> BootFirmware {
    let kind = if machine.has("/sys/firmware/efi") { FirmwareKind::Uefi } else { FirmwareKind::Bios };
    BootFirmware { kind, vendor: None, version: None }
}
