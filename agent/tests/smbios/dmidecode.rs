// SPDX-License-Identifier: MIT OR Apache-2.0
//! What dmidecode prints of tables.

use std::process::{Command, Stdio};

use crate::builder::{Tables, entry64};

/// A structure as dmidecode prints it.
#[derive(Debug)]
pub struct Printed {
    pub kind: u8,
    pub handle: u16,
    /// Keys in their order; one that comes again has `#2` and so on after it. The items of a list are lines.
    pub fields: Vec<(String, String)>,
}

/// Whether there is a dmidecode to compare with.
pub fn is_installed() -> bool {
    Command::new("dmidecode").arg("--version").stdout(Stdio::null()).status().is_ok()
}

/// What it prints of these tables; `None` where it accepts no entry point in them.
pub fn print(tables: &Tables) -> Option<Vec<Printed>> {
    let dir = tempfile::tempdir().unwrap();
    let dump = dir.path().join("dump");
    std::fs::write(&dump, self::dump(tables)).unwrap();
    let output = Command::new("dmidecode").arg("--from-dump").arg(&dump).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    (!text.contains("No SMBIOS nor DMI entry point found")).then(|| parse(&text))
}

/// A file that is a raw structure table, of a version that nobody kept, or what `--dump-bin` writes.
pub fn undump(file: &[u8]) -> Tables {
    let whole = |length: usize| Tables { entry_point: file[..length].to_vec(), table: file[0x20..].to_vec() };
    match file {
        [b'_', b'S', b'M', b'3', b'_', ..] => whole(0x18),
        [b'_', b'S', b'M', b'_', ..] => whole(0x1f),
        [b'_', b'D', b'M', b'I', b'_', ..] => whole(0x0f),
        table => {
            let entry_point = entry64(3, 0, u32::try_from(table.len()).unwrap());
            Tables { entry_point, table: table.to_vec() }
        }
    }
}

/// The format of `--dump-bin`: the entry point, which is made to point there, and at 20h the table.
fn dump(tables: &Tables) -> Vec<u8> {
    let mut dump = tables.entry_point.clone();
    let address = match dump.get(..5) {
        Some(b"_SM3_") => Some((5, 0x10, 8)),
        Some(b"_DMI_") => Some((5, 0x08, 4)),
        Some([b'_', b'S', b'M', b'_', _]) => Some((0x15, 0x18, 4)),
        _ => None,
    };
    if let Some((checksum, at, width)) = address
        && dump.len() >= at + width
    {
        // What the address changes the checksum makes good, so a wrong one stays as wrong.
        let before = sum(&dump[at..at + width]);
        dump[at..at + width].fill(0);
        dump[at] = 0x20;
        dump[checksum] = dump[checksum].wrapping_add(before).wrapping_sub(0x20);
    }
    dump.resize(0x20, 0);
    dump.extend_from_slice(&tables.table);
    dump
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

fn parse(text: &str) -> Vec<Printed> {
    let mut structures: Vec<Printed> = Vec::new();
    for line in text.lines() {
        if let Some(header) = line.strip_prefix("Handle 0x") {
            let handle = u16::from_str_radix(&header[..4], 16).unwrap();
            let kind = header.split(", ").nth(1).and_then(|kind| kind.strip_prefix("DMI type ")).unwrap();
            structures.push(Printed { kind: kind.parse().unwrap(), handle, fields: Vec::new() });
        } else if let Some(item) = line.strip_prefix("\t\t") {
            if let Some((_, value)) = structures.last_mut().and_then(|last| last.fields.last_mut()) {
                if !value.is_empty() {
                    value.push('\n');
                }
                value.push_str(item.trim());
            }
        } else if let Some(field) = line.strip_prefix('\t')
            && let Some(last) = structures.last_mut()
        {
            let (key, value) = field.split_once(':').unwrap_or((field, ""));
            last.fields.push((numbered(key, &last.fields), value.trim().to_string()));
        }
    }
    structures
}

/// The key, which is to be the only one of its name.
pub fn numbered<T>(key: &str, before: &[(String, T)]) -> String {
    let again = before.iter().filter(|(other, _)| other.split(" #").next() == Some(key)).count();
    if again == 0 { key.to_string() } else { format!("{key} #{}", again + 1) }
}

#[test]
fn what_was_dumped_can_be_read_again() {
    for (name, tables) in crate::machines::all() {
        assert_eq!(undump(&dump(&tables)), tables, "{name}");
        assert_eq!(undump(&tables.table).table, tables.table, "{name}");
    }
}
