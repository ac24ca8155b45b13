// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the bytes of the structure table to structures (DSP0134 6.1). Pure.

use std::collections::HashSet;

use smbioslib::UndefinedStruct;

use super::entry_point::EntryPoint;
use super::warnings::ParseWarnings;

/// The type that marks the table's end (DSP0134 7.47).
const END_OF_TABLE: u8 = 127;

/// The type of structures that are to be ignored (DSP0134 7.46).
const INACTIVE: u8 = 126;

/// A structure's header: type, length, handle.
const HEADER: usize = 4;

/// The lengths that the first version with the type gave it: what is shorter is broken.
const SHORTEST: &[(u8, u8)] = &[
    (0, 0x12),
    (1, 0x08),
    (2, 0x08),
    (3, 0x09),
    (4, 0x1a),
    (7, 0x0f),
    (9, 0x0c),
    (10, 0x06),
    (11, 0x05),
    (12, 0x05),
    (13, 0x16),
    (16, 0x0f),
    (17, 0x15),
    (32, 0x0b),
    (38, 0x10),
    (39, 0x10),
    (41, 0x0b),
    (42, 0x05),
    (43, 0x1b),
];

/// The table's structures in their order, without markers and the broken.
///
/// As the kernel and dmidecode do, it walks as many as a 32-bit entry point announces, past the marker of the
/// end; where no number is announced it stops at the marker.
pub(super) fn walk(table: &[u8], entry: &EntryPoint, warnings: &mut ParseWarnings) -> Vec<UndefinedStruct> {
    let table = announced(table, entry, warnings);
    let mut structures = Vec::new();
    let mut handles = HashSet::new();
    let (mut offset, mut seen, mut marked) = (0, 0, false);
    while entry.count.is_none_or(|count| seen < count) && table.len() - offset >= HEADER {
        let rest = &table[offset..];
        let (kind, length) = (rest[0], rest[1]);
        let handle = u16::from_le_bytes([rest[2], rest[3]]);
        if usize::from(length) < HEADER {
            warnings.structure(kind, handle, "shorter than its header", skipped(rest));
            return structures;
        }
        let Some(size) = size(rest) else {
            warnings.structure(kind, handle, "end not found within the table", skipped(rest));
            return structures;
        };
        offset += size;
        seen += 1;
        if kind == END_OF_TABLE || kind == INACTIVE {
            marked |= kind == END_OF_TABLE;
            if kind == END_OF_TABLE && entry.count.is_none() {
                return structures;
            }
            continue;
        }
        if !handles.insert(handle) {
            warnings.structure(kind, handle, "duplicate handle", "");
        }
        if SHORTEST.iter().any(|(other, least)| kind == *other && length < *least) {
            warnings.structure(kind, handle, "shorter than its type requires", ": skipped");
            continue;
        }
        structures.push(UndefinedStruct::new(&rest[..size].to_vec()));
    }
    check_end(table.len() - offset, seen, marked, entry, warnings);
    structures
}

/// The part of the table that the entry point announces.
fn announced<'a>(table: &'a [u8], entry: &EntryPoint, warnings: &mut ParseWarnings) -> &'a [u8] {
    let Some(length) = entry.length else { return table };
    if table.len() < length && entry.count.is_some() {
        warnings.table(&format!("{} bytes, but the entry point announces {length}", table.len()));
    }
    table.get(..length).map_or(table, |within| {
        if within.len() < table.len() {
            let beyond = table.len() - length;
            warnings.table(&format!("{beyond} bytes beyond the length in the entry point: skipped"));
        }
        within
    })
}

/// How long the structure is that `rest` starts with: its formatted part, and its strings up to two zeros.
fn size(rest: &[u8]) -> Option<usize> {
    let strings = usize::from(rest[1]);
    let end = rest.get(strings..)?.windows(2).position(|pair| pair == [0, 0])?;
    Some(strings + end + 2)
}

fn skipped(rest: &[u8]) -> String {
    format!(": rest of the table skipped, {} bytes", rest.len())
}

/// Checks how the table ended, after all of it was walked.
fn check_end(rest: usize, seen: usize, marked: bool, entry: &EntryPoint, warnings: &mut ParseWarnings) {
    match entry.count {
        Some(count) if seen < count => {
            warnings.table(&format!("{seen} structures, but the entry point announces {count}"));
        }
        Some(count) if rest > 0 => {
            warnings.table(&format!("{rest} bytes after the {count} announced structures: skipped"));
        }
        None if !marked => warnings.table("no end-of-table structure: the table may be truncated"),
        _ => {}
    }
}
