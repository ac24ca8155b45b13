// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads and parses the tables that the kernel exports.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::io;

use stage1_contract::SystemInformation;
use stage1_contract::facts::Smbios;

use super::{parse as tables, placeholders};
use crate::host::Machine;

const ENTRY_POINT: &str = "/sys/firmware/dmi/tables/smbios_entry_point";
const TABLE: &str = "/sys/firmware/dmi/tables/DMI";

/// What was read from the tables.
#[derive(Debug, Default)]
pub struct Found {
    /// System information.
    pub system: Option<SystemInformation>,
    /// The other structures.
    pub smbios: Option<Smbios>,
    /// JSON pointers to the strings that are placeholders.
    pub placeholders: Vec<String>,
}

/// Whether the kernel exports tables.
pub(crate) fn present(machine: &Machine) -> bool {
    machine.has(TABLE)
}

/// Reads the tables; `Found` is empty where the machine has none.
pub fn discover(machine: &Machine, problems: &mut Vec<String>) -> Found {
    let table = match machine.read(TABLE) {
        Ok(table) => table,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::default(),
        Err(error) => {
            problems.push(format!("reading the SMBIOS table (needs root): {TABLE}: {error}"));
            return Found::default();
        }
    };
    let entry_point = machine.read(ENTRY_POINT).unwrap_or_else(|error| {
        problems.push(format!("reading the SMBIOS entry point: {ENTRY_POINT}: {error}"));
        Vec::new()
    });
    parse(&entry_point, &table, problems)
}

/// Parses entry point and structure table; faults go to `problems`, one message for each kind.
pub fn parse(entry_point: &[u8], table: &[u8], problems: &mut Vec<String>) -> Found {
    let (system, smbios) = tables::parse(entry_point, table, problems);
    let placeholders = placeholders::placeholders(system.as_ref(), &smbios);
    Found { system, smbios: Some(smbios), placeholders }
}
