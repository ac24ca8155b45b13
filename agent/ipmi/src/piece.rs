// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pieces of records: the common part of Get SEL Entry, Get SDR and Get Device SDR (IPMI 2.0, sections 31.5, 33.12 and
//! 35.3).

use crate::{Malformed, Reader};

/// Selects a piece of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PieceOf {
    /// The reservation ID; may be zero if the offset is zero.
    pub reservation: u16,
    /// The record's ID, [`PieceOf::FIRST`] or [`PieceOf::LAST`].
    pub record: u16,
    /// The first byte.
    pub offset: u8,
    /// The number of bytes, or [`PieceOf::WHOLE`].
    pub count: u8,
}

impl PieceOf {
    /// The ID that means the first record.
    pub const FIRST: u16 = 0x0000;
    /// The ID that means the last record; as a next record's ID it means that there is none.
    pub const LAST: u16 = 0xffff;
    /// The count that means the rest of the record.
    pub const WHOLE: u8 = 0xff;

    /// The request's data bytes.
    pub fn data(self) -> Vec<u8> {
        let [low, high] = self.reservation.to_le_bytes();
        let [record_low, record_high] = self.record.to_le_bytes();
        vec![low, high, record_low, record_high, self.offset, self.count]
    }
}

/// A piece of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The ID of the record that follows; [`PieceOf::LAST`] if none does.
    pub next: u16,
    /// The requested bytes, or fewer.
    pub data: Vec<u8>,
}

impl Piece {
    /// Reads the answer's data bytes.
    ///
    /// # Errors
    /// [`Malformed::Short`] if the next record's ID is not there.
    pub fn parse(data: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(data);
        Ok(Self { next: reader.word("next record ID")?, data: reader.rest().to_vec() })
    }
}
