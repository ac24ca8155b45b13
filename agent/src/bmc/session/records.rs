// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading records of which each links to the next: the SEL, the SDR repository.

use std::collections::{HashMap, HashSet};

use thiserror::Error as ThisError;

use super::{BmcSession, Error};
use ipmi::storage::{Piece, PieceOf};
use ipmi::{Completion, Malformed};

/// A defect of records that were read.
#[derive(Clone, Debug, ThisError, PartialEq, Eq)]
pub enum ParseWarning {
    /// The links form a loop. Reading ended there.
    #[error("the {list} has a loop: record {record:#06x} is linked again")]
    Loop {
        /// Name of the list.
        list: &'static str,
        /// ID of the record that is linked again.
        record: u16,
    },
    /// A link leads nowhere, or is missing: records were deleted, or the BMC links them wrongly. The newest ones were read from
    /// the end of the list.
    #[error("the {list} has a gap: no record follows record {record:#06x}, which is not the last")]
    Gap {
        /// Name of the list.
        list: &'static str,
        /// ID of the last record before the gap.
        record: u16,
    },
    /// A record does not decode. It was left out.
    #[error("record {record:#06x} of the {list}: {cause}")]
    Malformed {
        /// Name of the list.
        list: &'static str,
        /// ID of the record, from the link to it.
        record: u16,
        /// What is malformed.
        cause: Malformed,
    },
}

/// A list of records, and the commands that read it.
pub(super) struct RecordList {
    /// Name for messages.
    pub(super) name: &'static str,
    /// Requests a reservation.
    pub(super) reserve: fn(&mut BmcSession) -> Result<u16, Error>,
    /// Requests a part of a record.
    pub(super) piece: fn(&mut BmcSession, PieceOf) -> Result<Piece, Error>,
    /// Length of a record, given the bytes of it that were read so far.
    pub(super) length: fn(&[u8]) -> usize,
}

/// Reads records of a list.
pub(super) struct RecordReader<'a> {
    bmc: &'a mut BmcSession,
    list: &'static RecordList,
    reservation: Option<u16>,
    /// How many bytes the BMC returns at once.
    chunk: u8,
    /// The records that were read, by the ID in the request.
    known: HashMap<u16, Piece>,
}

impl<'a> RecordReader<'a> {
    /// A reader that requests whole records until the BMC refuses that.
    pub(super) fn new(bmc: &'a mut BmcSession, list: &'static RecordList) -> Self {
        Self { bmc, list, reservation: None, chunk: PieceOf::WHOLE, known: HashMap::new() }
    }

    /// A reader that uses this reservation as long as it is valid.
    pub(super) fn with_reservation(
        bmc: &'a mut BmcSession,
        list: &'static RecordList,
        reservation: u16,
    ) -> Self {
        Self { reservation: Some(reservation), ..Self::new(bmc, list) }
    }

    /// Passes the records from `first` to the last to `take`.
    ///
    /// # Errors
    /// That of the first record that the BMC does not return.
    pub(super) fn follow(
        &mut self,
        first: u16,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Malformed>,
        warnings: &mut Vec<ParseWarning>,
    ) -> Result<(), Error> {
        let list = self.list.name;
        let mut seen = HashSet::new();
        let mut record = first;
        while seen.insert(record) {
            let Piece { next, data } = self.record(record)?;
            if let Err(cause) = take(&data) {
                warnings.push(ParseWarning::Malformed { list, record, cause });
            }
            if record == PieceOf::FIRST {
                seen.extend(data.first_chunk().copied().map(u16::from_le_bytes));
            }
            if next == PieceOf::LAST {
                return Ok(());
            }
            record = next;
        }
        warnings.push(ParseWarning::Loop { list, record });
        Ok(())
    }

    /// A record that was read before, or else reads it. It is truncated if the BMC returns no more of it.
    ///
    /// # Errors
    /// If the BMC does not return it, or the records keep changing.
    pub(super) fn record(&mut self, record: u16) -> Result<Piece, Error> {
        if let Some(known) = self.known.get(&record) {
            return Ok(known.clone());
        }
        let piece = self.request(record)?;
        self.known.insert(record, piece.clone());
        Ok(piece)
    }

    fn request(&mut self, record: u16) -> Result<Piece, Error> {
        let mut reservations = 0;
        loop {
            match self.pieces(record) {
                Err(error) if is_reservation_cancelled(&error) && reservations < RESERVATIONS => {
                    reservations += 1;
                    self.reserve()?;
                }
                result => return result,
            }
        }
    }

    fn pieces(&mut self, record: u16) -> Result<Piece, Error> {
        let mut all = Piece { next: PieceOf::LAST, data: Vec::new() };
        loop {
            let missing = (self.list.length)(&all.data).saturating_sub(all.data.len());
            let Ok(offset) = u8::try_from(all.data.len()) else { return Ok(all) };
            if missing == 0 {
                return Ok(all);
            }
            let count = match (self.chunk, offset) {
                (PieceOf::WHOLE, 0) => PieceOf::WHOLE,
                (chunk, _) => chunk.min(CHUNK).min(u8::try_from(missing).unwrap_or(CHUNK)),
            };
            if count != PieceOf::WHOLE && self.reservation.is_none() {
                self.reserve()?;
            }
            let reservation = self.reservation.unwrap_or_default();
            match (self.list.piece)(self.bmc, PieceOf { reservation, record, offset, count }) {
                Ok(piece) if piece.data.is_empty() => return Ok(all),
                Ok(piece) => {
                    all.next = piece.next;
                    all.data.extend(piece.data);
                }
                Err(error) => self.chunk = smaller_chunk(count, error)?,
            }
        }
    }

    /// A BMC without reservations accepts zero.
    fn reserve(&mut self) -> Result<(), Error> {
        self.reservation = Some(match (self.list.reserve)(self.bmc) {
            Err(error) if error.is_absent() => 0,
            result => result?,
        });
        Ok(())
    }
}

/// Whether the reservation was cancelled: another program reserved too, or the records changed.
pub(super) fn is_reservation_cancelled(error: &Error) -> bool {
    error.completion() == Some(Completion::RESERVATION_CANCELLED)
}

/// How many bytes to request after `count` were too many.
///
/// # Errors
/// `error`, if it means something else, or `count` is 1.
pub(super) fn smaller_chunk(count: u8, error: Error) -> Result<u8, Error> {
    match (error.completion().map(|completion| completion.0), count) {
        (Some(0xc7 | 0xc8 | 0xca), PieceOf::WHOLE) => Ok(CHUNK),
        (Some(0xc7 | 0xc8 | 0xca), 2..) => Ok(count / 2),
        _ => Err(error),
    }
}

/// Bytes that most BMCs return at once.
pub(super) const CHUNK: u8 = 0x20;

/// How often a reservation may be cancelled while one record is read.
pub(super) const RESERVATIONS: u32 = 5;

#[cfg(test)]
mod tests;
