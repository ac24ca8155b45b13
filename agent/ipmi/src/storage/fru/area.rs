// SPDX-License-Identifier: MIT OR Apache-2.0
//! The format that the chassis, board and product areas share (FRU Information Storage Definition, sections 10 to 13).

use thiserror::Error;

use crate::storage::text;

/// A defect of an inventory. Decoding goes on with what is readable.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FruWarning {
    /// All bytes of the header are FFh: an EEPROM that was never written.
    #[error("erased: its first 8 bytes are 0xff")]
    Erased,
    /// All bytes of the header are zero.
    #[error("empty: its first 8 bytes are 0x00")]
    Zeros,
    /// It begins with another format version. Manufacturers store formats of their own where an inventory should be.
    #[error("unknown format: its first byte is {0:#04x}, an IPMI FRU inventory begins with 0x01")]
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

    /// The next of the fields that the area always has; `None` if it is empty or none is left.
    ///
    /// The byte C1h is both the end mark and the type and length of a field of one character, which manufacturers write
    /// although section 13 has no such field. As in ipmitool it is a field here, unless only padding follows.
    pub(super) fn field(&mut self) -> Option<String> {
        let is_end = matches!(self.rest, [END, rest @ ..] if is_padding(rest));
        self.text(is_end).filter(|text| !text.is_empty())
    }

    /// All remaining fields that are not empty, up to the end mark.
    pub(super) fn fields(&mut self) -> Vec<String> {
        let next = || self.text(self.rest.first() == Some(&END));
        std::iter::from_fn(next).filter(|text| !text.is_empty()).collect()
    }

    fn text(&mut self, is_end: bool) -> Option<String> {
        let (kind, rest) = self.rest.split_first()?;
        if is_end {
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

/// Whether nothing was written there.
fn is_padding(bytes: &[u8]) -> bool {
    [0x00, 0xff].iter().any(|padding| bytes.iter().all(|byte| byte == padding))
}

/// The type/length byte after the last field.
const END: u8 = 0xc1;
