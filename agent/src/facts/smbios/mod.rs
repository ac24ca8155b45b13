// SPDX-License-Identifier: MIT OR Apache-2.0
//! SMBIOS (DSP0134) through the tables that the kernel exports.

use std::panic::catch_unwind;

use anyhow::{Result, anyhow, bail};
use smbioslib::{
    SMBiosData, SMBiosInformation, SMBiosString, SMBiosStruct, SMBiosSystemInformation, SMBiosVersion,
};
use stage1_inventory::SystemInformation;
use stage1_inventory::facts::{Bios, Smbios};

use crate::machine::Machine;

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

/// Reads the tables and what they say.
pub fn discover(machine: &Machine, problems: &mut Vec<String>) -> Found {
    let tables = Tables::read(machine).unwrap_or_else(|error| {
        problems.push(format!("{error:#}"));
        None
    });
    let Some(tables) = tables else { return Found::default() };
    let (vendor, version) = tables.bios();
    let bios = Bios { vendor, version };
    Found {
        system: tables.system(),
        smbios: Some(Smbios { version: None, bios: Some(bios) }),
        placeholders: Vec::new(),
    }
}

/// The structure table, parsed.
pub struct Tables {
    data: SMBiosData,
    version: SMBiosVersion,
}

impl Tables {
    /// Reads the tables; `None` where the machine has none.
    ///
    /// # Errors
    /// Where they are there but unreadable (they are root's), or no SMBIOS.
    pub fn read(machine: &Machine) -> Result<Option<Self>> {
        if !machine.has(TABLE) {
            return Ok(None);
        }
        let (major, minor) = version(&machine.read(ENTRY_POINT)?)
            .ok_or_else(|| anyhow!("{ENTRY_POINT}: neither _SM3_ nor _SM_ nor _DMI_"))?;
        let table = machine.read(TABLE)?;
        if table.len() < 4 {
            bail!("{TABLE}: {} bytes, less than one structure", table.len());
        }
        let version = SMBiosVersion::new(major, minor, 0);
        let parse = || SMBiosData::from_vec_and_version(table, Some(SMBiosVersion::new(major, minor, 0)));
        let data =
            catch_unwind(parse).map_err(|_| anyhow!("{TABLE}: malformed beyond what can be parsed"))?;
        Ok(Some(Self { data, version }))
    }

    /// System information, type 1.
    pub fn system(&self) -> Option<SystemInformation> {
        let system = self.data.first::<SMBiosSystemInformation>()?;
        let raw = system.parts().get_field_data(0x08, 0x18).and_then(|raw| <[u8; 16]>::try_from(raw).ok());
        Some(SystemInformation {
            manufacturer: text(&system.manufacturer()),
            product: text(&system.product_name()),
            version: text(&system.version()),
            serial: text(&system.serial_number()),
            uuid: raw.map(|raw| uuid_text(raw, &self.version)),
            sku: text(&system.sku_number()),
            family: text(&system.family()),
        })
    }

    /// BIOS information, type 0: vendor and version.
    pub fn bios(&self) -> (Option<String>, Option<String>) {
        match self.data.first::<SMBiosInformation>() {
            Some(bios) => (text(&bios.vendor()), text(&bios.version())),
            None => (None, None),
        }
    }
}

/// Version by the entry point (DSP0134 5.2.1 offset 06h, 5.2.2 offset 07h; the old `_DMI_` one has it
/// as BCD at 0Eh).
fn version(entry_point: &[u8]) -> Option<(u8, u8)> {
    match entry_point {
        [b'_', b'S', b'M', b'3', b'_', _, _, major, minor, ..] => Some((*major, *minor)),
        [b'_', b'S', b'M', b'_', _, _, major, minor, ..] => Some((*major, *minor)),
        [b'_', b'D', b'M', b'I', b'_', ..] => entry_point.get(14).map(|bcd| (bcd >> 4, bcd & 15)),
        _ => None,
    }
}

/// The first three fields are little-endian since version 2.6 and were big-endian before
/// (DSP0134 7.2.1; dmidecode does the same).
fn uuid_text(raw: [u8; 16], version: &SMBiosVersion) -> String {
    let little_endian = (version.major, version.minor) >= (2, 6);
    let uuid = if little_endian { uuid::Uuid::from_bytes_le(raw) } else { uuid::Uuid::from_bytes(raw) };
    uuid.to_string()
}

fn text(string: &SMBiosString) -> Option<String> {
    let text = string.to_utf8_lossy()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    /// A machine whose table holds one type 1 structure.
    fn machine(version: (u8, u8), uuid: [u8; 16]) -> (tempfile::TempDir, Machine) {
        let mut table = vec![1, 27, 1, 0, 1, 2, 0, 3];
        table.extend_from_slice(&uuid);
        table.extend_from_slice(&[6, 0, 0]);
        table.extend_from_slice(b"ACME\0R1\0S-1 \0\0");
        table.extend_from_slice(&[127, 4, 2, 0, 0, 0]);
        let entry = [b'_', b'S', b'M', b'3', b'_', 0, 24, version.0, version.1];
        tree(&entry, &table)
    }

    fn tree(entry: &[u8], table: &[u8]) -> (tempfile::TempDir, Machine) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("sys/firmware/dmi/tables")).unwrap();
        std::fs::write(dir.path().join(&ENTRY_POINT[1..]), entry).unwrap();
        std::fs::write(dir.path().join(&TABLE[1..]), table).unwrap();
        let machine = Machine::at(dir.path());
        (dir, machine)
    }

    const UUID: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    #[test]
    fn the_uuid_changed_its_byte_order_with_2_6() {
        let uuid = |version| {
            let (_dir, machine) = machine(version, UUID);
            Tables::read(&machine).unwrap().unwrap().system().unwrap().uuid.unwrap()
        };
        assert_eq!(uuid((2, 5)), "00010203-0405-0607-0809-0a0b0c0d0e0f");
        assert_eq!(uuid((2, 6)), "03020100-0504-0706-0809-0a0b0c0d0e0f");
        assert_eq!(uuid((3, 5)), "03020100-0504-0706-0809-0a0b0c0d0e0f");
    }

    #[test]
    fn strings_are_trimmed_and_absent_ones_are_absent() {
        let (_dir, machine) = machine((3, 0), UUID);
        let system = Tables::read(&machine).unwrap().unwrap().system().unwrap();
        assert_eq!(system.manufacturer.as_deref(), Some("ACME"));
        assert_eq!(system.serial.as_deref(), Some("S-1"));
        assert_eq!(system.version, None);
        assert_eq!(system.sku, None);
    }

    #[test]
    fn no_tables_are_no_error_and_other_bytes_are() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Tables::read(&Machine::at(dir.path())).unwrap().is_none());
        let (_dir, machine) = tree(b"garbage", &[0; 64]);
        let error = Tables::read(&machine).err().unwrap().to_string();
        assert!(error.contains("smbios_entry_point: neither _SM3_"), "{error}");
    }

    proptest! {
        #[test]
        fn no_table_brings_it_down(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let (_dir, machine) = tree(b"_SM3_\0\x18\x03\x05", &bytes);
            if let Ok(Some(tables)) = Tables::read(&machine) {
                let _ = (tables.system(), tables.bios());
            }
        }
    }
}
