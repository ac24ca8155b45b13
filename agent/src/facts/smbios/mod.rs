// SPDX-License-Identifier: MIT OR Apache-2.0
//! SMBIOS (DSP0134) through the tables that the kernel exports.
//!
//! The walk over the table is our own, since it says what is wrong with the table; the fields of a structure are
//! read by smbios-lib. What a code or a special value means follows dmidecode, which the tests compare with.

mod devices;
mod doubts;
mod entry_point;
mod host_interface;
mod management;
mod memory;
mod memory_names;
mod names;
mod placeholders;
mod processor_names;
mod processors;
mod signature;
mod slot_names;
mod structure;
mod system;
mod tables;
mod walk;

use std::io;

use stage1_contract::SystemInformation;
use stage1_contract::facts::Smbios;

use crate::host::Machine;

const ENTRY_POINT: &str = "/sys/firmware/dmi/tables/smbios_entry_point";
const TABLE: &str = "/sys/firmware/dmi/tables/DMI";

/// What the tables say.
#[derive(Debug, Default)]
pub struct Found {
    /// System information.
    pub system: Option<SystemInformation>,
    /// The other structures.
    pub smbios: Option<Smbios>,
    /// JSON pointers to the strings that are placeholders.
    pub placeholders: Vec<String>,
}

/// Whether the machine has tables.
pub fn present(machine: &Machine) -> bool {
    machine.has(TABLE)
}

/// Reads the tables and what they say; nothing where the machine has none.
pub fn discover(machine: &Machine, problems: &mut Vec<String>) -> Found {
    let table = match machine.read(TABLE) {
        Ok(table) => table,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::default(),
        Err(error) => {
            problems.push(format!("reading the SMBIOS table, which is root's: {error}"));
            return Found::default();
        }
    };
    let entry_point = machine.read(ENTRY_POINT).unwrap_or_else(|error| {
        problems.push(format!("reading the SMBIOS entry point: {error}"));
        Vec::new()
    });
    parse(&entry_point, &table, problems)
}

/// Reads entry point and structure table from their bytes.
pub fn parse(entry_point: &[u8], table: &[u8], problems: &mut Vec<String>) -> Found {
    let (system, smbios) = tables::parse(entry_point, table, problems);
    let placeholders = placeholders::placeholders(system.as_ref(), &smbios);
    Found { system, smbios: Some(smbios), placeholders }
}
