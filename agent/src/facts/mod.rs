// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the machine is.

mod disks;
pub mod identity;
mod nics;
mod processors;
mod smbios;
mod summary;

use stage1_inventory::{BootFirmware, Facts, FirmwareKind};

use crate::machine::Machine;

pub use nics::{nics, physical_ports};
pub use processors::available_bytes;
pub use summary::{one_line, table};

/// Everything that can be found out without changing anything, and what could not be.
pub fn discover(machine: &Machine) -> (Facts, Vec<String>) {
    let mut problems = Vec::new();
    let tables = smbios::Tables::read(machine).unwrap_or_else(|error| {
        problems.push(format!("{error:#}"));
        None
    });
    let (vendor, version) = tables.as_ref().map(smbios::Tables::bios).unwrap_or_default();
    let kind = if machine.has("/sys/firmware/efi") { FirmwareKind::Uefi } else { FirmwareKind::Bios };
    let facts = Facts {
        system: tables.as_ref().and_then(smbios::Tables::system),
        firmware: Some(BootFirmware { kind, vendor, version }),
        cpus: processors::cpus(machine),
        memory: processors::memory(machine),
        nics: nics(machine),
        disks: disks::disks(machine),
        kernel: machine.attribute("/proc/sys/kernel/osrelease"),
    };
    (facts, problems)
}
