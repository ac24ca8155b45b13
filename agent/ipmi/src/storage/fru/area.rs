// SPDX-License-Identifier: MIT OR Apache-2.0
//! The format that the chassis, board and product areas share (FRU Information Storage Definition, sections 10 to 13).

use thiserror::Error;

use crate::storage::text;

/// A defect of an inventory. Decoding goes on with what is readable.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FruWarning {
    /// The inventory is empty or has an unknown format version.
    #[error("unknown header format {0:#04x}: expected 1")]
    Format(u8),
    /// The part with this name ends before its declared length.
    #[error("{0} truncated")]
    Truncated(&'static str),
    /// The zero checksum of the part with this name is wrong.
    #[error("{0}: wrong checksum")]
    Checksum(&'static str),
}

/// Whether bytes that include their zero checksum add up to 0.
pub(super) fn adds_up(bytes: &[u8]) -> bool {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)) == 0
}

/// An area, whose fields are taken in order.
pub(super) struct Area<'a> {
    name: &'static str,
    rest: &'a [u8],
    /// Language code of its text.
    pub(super) language: u8,
    warnings: &'a mut Vec<FruWarning>,
}

impl<'a> Area<'a> {
    /// The area at `offset`, in multiples of 8 bytes, after its version and length; `None` if the offset is 0 or beyond
    /// the end, or the length is 0.
    pub(super) fn find(
        name: &'static str,
        inventory: &'a [u8],
        offset: u8,
        warnings: &'a mut Vec<FruWarning>,
    ) -> Option<Self> {
        if offset == 0 {
            return None;
        }
        let start = inventory.get(usize::from(offset) * 8..).unwrap_or_default();
        let [_, eights, rest @ ..] = start else {
            warnings.push(FruWarning::Truncated(name));
            return None;
        };
        let rest = match start.get(..usize::from(*eights) * 8) {
            Some(area @ [_, _, fields @ .., _]) => {
                if !adds_up(area) {
                    warnings.push(FruWarning::Checksum(name));
                }
                fields
            }
            Some(_) => {
                warnings.push(FruWarning::Truncated(name));
                return None;
            }
            None => {
                warnings.push(FruWarning::Truncated(name));
                rest
            }
        };
        Some(Self { name, rest, language: 0, warnings })
    }

    /// The next `N` bytes, zeros if they are missing.
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let Some((bytes, rest)) = self.rest.split_first_chunk() else {
            self.truncated();
            return [0; N];
        };
        self.rest = rest;
        *bytes
    }

    /// The next field; `None` if it is empty or none is left.
    pub(super) fn field(&mut self) -> Option<String> {
        self.text().filter(|text| !text.is_empty())
    }

    /// All remaining fields that are not empty.
    pub(super) fn fields(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.text()).filter(|text| !text.is_empty()).collect()
    }

    fn text(&mut self) -> Option<String> {
        let (kind, rest) = self.rest.split_first()?;
        if *kind == END {
            self.rest = &[];
            return None;
        }
        let Some((bytes, rest)) = rest.split_at_checked(usize::from(kind & 0x3f)) else {
            self.truncated();
            return None;
        };
        self.rest = rest;
        Some(text::of_fru(*kind, bytes, self.language))
    }

    fn truncated(&mut self) {
        self.rest = &[];
        let warning = FruWarning::Truncated(self.name);
        if self.warnings.last() != Some(&warning) {
            self.warnings.push(warning);
        }
    }
}

/// The type/length byte after the last field.
const END: u8 = 0xc1;
