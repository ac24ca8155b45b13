// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is wrong with the tables: one message for each kind of fault, however often it occurs. Pure.

use std::fmt::Display;

/// The faults that were found while parsing, by kind.
#[derive(Debug, Default)]
pub(crate) struct ParseWarnings(Vec<ParseWarning>);

#[derive(Debug)]
struct ParseWarning {
    /// The kind of fault; empty where there can be but one.
    fault: &'static str,
    message: String,
    /// How many structures with the same fault follow the one in the message.
    more: usize,
}

impl ParseWarnings {
    /// Of the entry point, of which there is one.
    pub(crate) fn entry_point(&mut self, fault: &str) {
        self.0.push(ParseWarning { fault: "", message: format!("SMBIOS entry point: {fault}"), more: 0 });
    }

    /// Of the table as a whole.
    pub(crate) fn table(&mut self, fault: &str) {
        self.0.push(ParseWarning { fault: "", message: format!("SMBIOS table: {fault}"), more: 0 });
    }

    /// Of one structure: a message for the first with this fault; those that follow are counted.
    pub(crate) fn structure(&mut self, kind: u8, handle: u16, fault: &'static str, detail: impl Display) {
        match self.0.iter_mut().find(|warning| warning.fault == fault) {
            Some(warning) => warning.more += 1,
            None => {
                let message = format!("SMBIOS structure 0x{handle:04X} (type {kind}): {fault}{detail}");
                self.0.push(ParseWarning { fault, message, more: 0 });
            }
        }
    }

    /// The messages, in the order of the first occurrences.
    pub(crate) fn into_messages(self) -> impl Iterator<Item = String> {
        self.0.into_iter().map(|warning| match warning.more {
            0 => warning.message,
            more => format!("{} (and {more} more)", warning.message),
        })
    }
}
