// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is wrong with the tables: one sentence for each kind, however often it occurs. Pure.

use std::fmt::Display;

/// What was dropped or is doubted, by kind.
#[derive(Debug, Default)]
pub struct Doubts(Vec<Doubt>);

#[derive(Debug)]
struct Doubt {
    what: &'static str,
    sentence: String,
    more: usize,
}

impl Doubts {
    /// Of the entry point, which there is one of.
    pub fn entry_point(&mut self, what: &str) {
        self.0.push(Doubt { what: "", sentence: format!("the SMBIOS entry point {what}"), more: 0 });
    }

    /// Of the table as a whole.
    pub fn table(&mut self, what: &str) {
        self.0.push(Doubt { what: "", sentence: format!("the SMBIOS table {what}"), more: 0 });
    }

    /// Of one structure: told for the first, counted for those that follow. `what` is the kind of doubt.
    pub fn structure(&mut self, kind: u8, handle: u16, what: &'static str, detail: impl Display) {
        match self.0.iter_mut().find(|doubt| doubt.what == what) {
            Some(doubt) => doubt.more += 1,
            None => {
                let sentence = format!("the SMBIOS structure 0x{handle:04X} of type {kind} {what}{detail}");
                self.0.push(Doubt { what, sentence, more: 0 });
            }
        }
    }

    /// The sentences.
    pub fn into_problems(self) -> impl Iterator<Item = String> {
        self.0.into_iter().map(|doubt| match doubt.more {
            0 => doubt.sentence,
            more => format!("{}; so it is with {more} more", doubt.sentence),
        })
    }
}
