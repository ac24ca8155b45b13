// SPDX-License-Identifier: MIT OR Apache-2.0
//! One structure: its fields by smbios-lib, its texts and what it refers to. Pure.

use std::cell::RefCell;
use std::collections::HashSet;

use smbioslib::{Handle, SMBiosString, SMBiosStringError, UndefinedStruct};

use super::warnings::ParseWarnings;

/// A version of SMBIOS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    /// The 3 of 3.2.
    pub major: u8,
    /// The 2 of 3.2.
    pub minor: u8,
}

/// What the structures of a table share.
pub(super) struct Table {
    /// The table's version.
    pub version: Version,
    /// Whether the entry point has it; else it is assumed.
    pub has_version: bool,
    /// Type and handle of every structure.
    pub handles: HashSet<(u8, u16)>,
    /// What is wrong with it.
    pub warnings: RefCell<ParseWarnings>,
}

/// A structure and the table that it is part of.
#[derive(Clone, Copy)]
pub(super) struct Structure<'a> {
    /// Its fields and strings.
    pub parts: &'a UndefinedStruct,
    /// The table.
    pub table: &'a Table,
}

impl Structure<'_> {
    /// The structure's type.
    pub(super) fn kind(&self) -> u8 {
        self.parts.header.struct_type()
    }

    /// The structure's handle.
    pub(super) fn handle(&self) -> u16 {
        *self.parts.header.handle()
    }

    /// How long its formatted part is.
    pub(super) fn length(&self) -> usize {
        self.parts.fields.len()
    }

    /// The field's text without white space around it; what is no text in it is shown as U+FFFD.
    pub(super) fn text(&self, string: SMBiosString) -> Option<String> {
        match string.as_ref() {
            Err(SMBiosStringError::InvalidStringNumber(number)) => {
                self.warn("refers to a missing string", &format!(", number {number}"));
            }
            Err(SMBiosStringError::Utf8(_)) => {
                self.warn("string is not UTF-8", ": invalid bytes replaced with U+FFFD");
            }
            _ => {}
        }
        let text = string.to_utf8_lossy()?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.replace(char::is_control, "\u{fffd}"))
    }

    /// The texts 1 to `count` of a structure whose strings have no fields of their own.
    pub(super) fn texts(&self, count: Option<u8>) -> Vec<Option<String>> {
        let there = self.parts.strings.iter().count();
        let numbers = (1..=count.unwrap_or(0)).take(there + 1);
        let mut texts: Vec<_> =
            numbers.map(|number| self.text(self.parts.strings.get_string(number))).collect();
        texts.truncate(there);
        texts
    }

    /// A handle of another structure; FFFFh is none.
    pub(super) fn reference(&self, handle: Option<Handle>) -> Option<u16> {
        handle.map(|handle| *handle).filter(|handle| *handle != 0xffff)
    }

    /// The same, of a structure that is to be of type `kind`. 0 is what firmware leaves that has not set it.
    pub(super) fn reference_to(&self, kind: u8, handle: Option<Handle>) -> Option<u16> {
        let handle = self.reference(handle)?;
        if handle != 0 && !self.table.handles.contains(&(kind, handle)) {
            let detail = format!(", type {kind} handle 0x{handle:04X}");
            self.warn("refers to a missing structure", &detail);
        }
        Some(handle)
    }

    /// A byte of the formatted part.
    pub(super) fn byte(&self, offset: usize) -> Option<u8> {
        self.parts.get_field_byte(offset)
    }

    /// A word of the formatted part.
    pub(super) fn word(&self, offset: usize) -> Option<u16> {
        self.parts.get_field_word(offset)
    }

    /// How many items of `size` bytes follow the byte at `offset` that counts them; none where not all are there.
    pub(super) fn announced(&self, offset: usize, size: usize) -> usize {
        let count = usize::from(self.byte(offset).unwrap_or(0));
        if count * size < self.length().saturating_sub(offset) {
            return count;
        }
        if count > 0 {
            self.warn("too short for its list of items", ": items skipped");
        }
        0
    }

    /// Two bytes as `major.minor`; FFh in either is none (DSP0134 7.1).
    pub(super) fn release(&self, offset: usize) -> Option<String> {
        let (major, minor) = (self.byte(offset)?, self.byte(offset + 1)?);
        (major != 0xff && minor != 0xff).then(|| format!("{major}.{minor}"))
    }

    /// Segment, bus, device and function as `0000:3b:00.0`; all ones are none (DSP0134 7.10.8).
    pub(super) fn bus_address(&self, offset: usize) -> Option<String> {
        let (segment, bus) = (self.word(offset)?, self.byte(offset + 2)?);
        let function = self.byte(offset + 3)?;
        let none = (segment, bus, function) == (0xffff, 0xff, 0xff);
        (!none).then(|| bus_address(segment, bus, function))
    }

    /// Records a fault of this structure; see [`ParseWarnings::structure`].
    pub(crate) fn warn(&self, fault: &'static str, detail: &str) {
        self.table.warnings.borrow_mut().structure(self.kind(), self.handle(), fault, detail);
    }
}

/// `0000:3b:00.0`; device and function are one byte.
pub(super) fn bus_address(segment: u16, bus: u8, function: u8) -> String {
    format!("{segment:04x}:{bus:02x}:{:02x}.{:x}", function >> 3, function & 7)
}
