// SPDX-License-Identifier: MIT OR Apache-2.0
//! The options of a message, wherever they are.

use std::collections::BTreeMap;

use super::{END, OPTIONS_AT, OVERLOAD, PAD};

/// Where `sname` and `file` are (RFC 2131 2).
const SNAME: std::ops::Range<usize> = 44..108;
const FILE: std::ops::Range<usize> = 108..236;
/// RFC 2132 9.3: what else has options.
const OVERLOAD_FILE: u8 = 1;
const OVERLOAD_SNAME: u8 = 2;

/// The options by code. The parts of an option that occurs several times are joined (RFC 3396), also those in the overloaded
/// fields, in the order options, `file`, `sname`.
pub(super) struct Options(BTreeMap<u8, Vec<u8>>);

impl Options {
    /// The options of a message.
    pub(super) fn of(message: &[u8]) -> Self {
        let mut options = Self(BTreeMap::new());
        options.read(message.get(OPTIONS_AT..).unwrap_or_default());
        let overload = options.first::<1>(OVERLOAD).map_or(0, |[bits]| bits);
        for (bit, field) in [(OVERLOAD_FILE, FILE), (OVERLOAD_SNAME, SNAME)] {
            if overload & bit != 0 {
                options.read(message.get(field).unwrap_or_default());
            }
        }
        options
    }

    /// The value of an option.
    pub(super) fn get(&self, code: u8) -> Option<&[u8]> {
        self.0.get(&code).map(Vec::as_slice)
    }

    /// The first bytes of an option of a fixed length: servers that send it twice mean the first.
    pub(super) fn first<const N: usize>(&self, code: u8) -> Option<[u8; N]> {
        self.get(code)?.first_chunk().copied()
    }

    /// Reads up to the end, or to an option that is cut short.
    fn read(&mut self, mut bytes: &[u8]) {
        while let [code, rest @ ..] = bytes {
            match (*code, rest) {
                (END, _) => break,
                (PAD, _) => bytes = rest,
                (code, [length, rest @ ..]) => {
                    let Some((value, next)) = rest.split_at_checked(usize::from(*length)) else { break };
                    self.0.entry(code).or_default().extend_from_slice(value);
                    bytes = next;
                }
                _ => break,
            }
        }
    }
}
