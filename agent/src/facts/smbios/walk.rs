// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the bytes of the structure table to structures (DSP0134 6.1). Pure.

use std::collections::HashSet;

use smbioslib::UndefinedStruct;

use super::doubts::Doubts;
use super::entry_point::EntryPoint;

/// The type that marks the table's end.
const END_OF_TABLE: u8 = 127;

/// The type of structures that say nothing.
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
pub fn walk(table: &[u8], entry: &EntryPoint, doubts: &mut Doubts) -> Vec<UndefinedStruct> {
    let table = announced(table, entry, doubts);
    let mut structures = Vec::new();
    let mut handles = HashSet::new();
    let (mut offset, mut seen, mut marked) = (0, 0, false);
    while entry.count.is_none_or(|count| seen < count) && table.len() - offset >= HEADER {
        let rest = &table[offset..];
        let (kind, length) = (rest[0], rest[1]);
        let handle = u16::from_le_bytes([rest[2], rest[3]]);
        if usize::from(length) < HEADER {
            doubts.structure(kind, handle, "is shorter than its own header", left_out(rest));
            return structures;
        }
        let Some(size) = size(rest) else {
            doubts.structure(kind, handle, "does not end within the table", left_out(rest));
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
            doubts.structure(kind, handle, "has the handle of another one", "");
        }
        if SHORTEST.iter().any(|(other, least)| kind == *other && length < *least) {
            doubts.structure(kind, handle, "is shorter than its type can be", ": it is left out");
            continue;
        }
        structures.push(UndefinedStruct::new(&rest[..size].to_vec()));
    }
    ended(table.len() - offset, seen, marked, entry, doubts);
    structures
}

/// The part of the table that the entry point announces.
fn announced<'a>(table: &'a [u8], entry: &EntryPoint, doubts: &mut Doubts) -> &'a [u8] {
    let Some(length) = entry.length else { return table };
    if table.len() < length && entry.count.is_some() {
        doubts.table(&format!("is {} bytes, the entry point says {length}", table.len()));
    }
    table.get(..length).map_or(table, |within| {
        if within.len() < table.len() {
            let beyond = table.len() - length;
            doubts.table(&format!("is {beyond} bytes longer than the entry point says: they are left out"));
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

fn left_out(rest: &[u8]) -> String {
    format!(": it and the {} bytes from there on are left out", rest.len())
}

/// Doubts about how the table ended, after all of it was walked.
fn ended(rest: usize, seen: usize, marked: bool, entry: &EntryPoint, doubts: &mut Doubts) {
    match entry.count {
        Some(count) if seen < count => {
            doubts.table(&format!("has {seen} structures, the entry point says {count}"));
        }
        Some(count) if rest > 0 => {
            doubts.table(&format!(
                "has {rest} bytes after the {count} structures announced: they are left out"
            ));
        }
        None if !marked => doubts.table("has no marker of its end: it may not be whole"),
        _ => {}
    }
}
