// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading linked records, each with the ID of the next: the SEL, the SDR repository.

use std::collections::HashSet;

use thiserror::Error as ThisError;

use super::{BmcSession, Error};
use ipmi::storage::{Piece, PieceOf};
use ipmi::{Completion, Malformed};

/// A problem in linked records.
#[derive(Clone, Debug, ThisError, PartialEq, Eq)]
pub enum RecordProblem {
    /// The records form a circle; reading stopped there.
    #[error("the {list} leads in a circle: record {record:#06x} comes again")]
    Circle {
        /// Name of the list.
        list: &'static str,
        /// The record that was repeated.
        record: u16,
    },
    /// A record cannot be parsed; it was skipped.
    #[error("record {record:#06x} of the {list}: {why}")]
    Malformed {
        /// Name of the list.
        list: &'static str,
        /// ID of the record, as the previous record has it.
        record: u16,
        /// The parse error.
        why: Malformed,
    },
}

/// A list of records, and the commands that read it.
pub struct List {
    /// Name in messages.
    pub name: &'static str,
    /// Asks for a reservation.
    pub reserve: fn(&mut BmcSession) -> Result<u16, Error>,
    /// Asks for a piece.
    pub piece: fn(&mut BmcSession, PieceOf) -> Result<Piece, Error>,
    /// Length of a record in bytes, as far as its first bytes show it.
    pub length: fn(&[u8]) -> usize,
}

/// A reader of records.
pub struct Walk<'a> {
    bmc: &'a mut BmcSession,
    list: &'static List,
    reservation: Option<u16>,
    /// Bytes per request that the BMC accepts.
    chunk: u8,
}

impl<'a> Walk<'a> {
    /// A reader that requests whole records until the BMC refuses.
    pub fn new(bmc: &'a mut BmcSession, list: &'static List) -> Self {
        Self { bmc, list, reservation: None, chunk: PieceOf::WHOLE }
    }

    /// Passes the records from `first` to the last to `take`.
    ///
    /// # Errors
    /// That of the first record that cannot be read.
    pub fn follow(
        &mut self,
        first: u16,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Malformed>,
        problems: &mut Vec<RecordProblem>,
    ) -> Result<(), Error> {
        let list = self.list.name;
        let mut seen = HashSet::new();
        let mut record = first;
        while seen.insert(record) {
            let Piece { next, data } = self.record(record)?;
            if let Err(why) = take(&data) {
                problems.push(RecordProblem::Malformed { list, record, why });
            }
            if record == PieceOf::FIRST {
                seen.extend(data.first_chunk().copied().map(u16::from_le_bytes));
            }
            if next == PieceOf::LAST {
                return Ok(());
            }
            record = next;
        }
        problems.push(RecordProblem::Circle { list, record });
        Ok(())
    }

    /// Reads a record. It is too short if the BMC returns no more bytes.
    ///
    /// # Errors
    /// If the BMC refuses, or the reservation is lost again and again.
    pub fn record(&mut self, record: u16) -> Result<Piece, Error> {
        let mut reservations = 0;
        loop {
            match self.pieces(record) {
                Err(error) if is_lost(&error) && reservations < RESERVATIONS => {
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
                Err(error) => self.chunk = less(count, error)?,
            }
        }
    }

    /// Reservation 0 if the BMC does not support reservations.
    fn reserve(&mut self) -> Result<(), Error> {
        self.reservation = Some(match (self.list.reserve)(self.bmc) {
            Err(error) if error.is_absent() => 0,
            result => result?,
        });
        Ok(())
    }
}

/// Whether the reservation was lost: another program reserved, or the records changed.
pub fn is_lost(error: &Error) -> bool {
    error.completion() == Some(Completion::RESERVATION_CANCELLED)
}

/// Number of bytes to request after `count` were too many.
///
/// # Errors
/// `error`, if it has another cause, or `count` cannot be reduced.
pub fn less(count: u8, error: Error) -> Result<u8, Error> {
    match (error.completion().map(|completion| completion.0), count) {
        (Some(0xc7 | 0xc8 | 0xca), PieceOf::WHOLE) => Ok(CHUNK),
        (Some(0xc7 | 0xc8 | 0xca), 2..) => Ok(count / 2),
        _ => Err(error),
    }
}

/// Bytes per request that most BMCs accept.
pub const CHUNK: u8 = 0x20;

/// Limit of lost reservations per record.
pub const RESERVATIONS: u32 = 5;

/// A model of a BMC with records, a FRU inventory and sensors, and with the faults of real BMCs.
#[cfg(test)]
pub mod model {
    use std::collections::HashMap;
    use std::sync::{Arc, Mutex, MutexGuard};
    use std::time::{Duration, Instant};

    use ipmi::NetFn;
    use ipmi::storage::PieceOf;

    use crate::bmc::session::{BmcSession, RetryPolicy, Transport, TransportError};

    /// What the BMC stores, and how it behaves.
    #[derive(Default)]
    pub struct Model {
        /// The records, in their order: ID, the next one's ID, bytes.
        pub records: Vec<(u16, u16, Vec<u8>)>,
        /// Only Get Device SDR knows the records.
        pub has_device_sdrs: bool,
        /// Most bytes per request, more are refused; 0 is no limit.
        pub most: usize,
        /// Longer pieces are cut to so many bytes without an error.
        pub short: Option<usize>,
        /// How many more reservations will be lost.
        pub losses: u32,
        /// It stops responding after so many requests.
        pub silent_after: Option<usize>,
        /// A FRU's inventory.
        pub fru: Vec<u8>,
        /// The size of that inventory that it reports.
        pub fru_size: u16,
        /// The inventory is accessed by words.
        pub is_by_words: bool,
        /// How often an erasure is still in progress.
        pub erasing: u32,
        /// The answers to Get Sensor Reading, completion code and data.
        pub readings: HashMap<u8, Vec<u8>>,
        /// The answer to Get Sensor Thresholds.
        pub thresholds: Vec<u8>,
        /// The commands that were received.
        pub asked: Vec<u8>,
        /// The last reservation that it issued.
        pub reservation: u16,
    }

    /// A model that the test and the session share.
    #[derive(Clone)]
    pub struct Shared(Arc<Mutex<Model>>);

    impl Shared {
        /// The model, to look at or to change.
        pub fn model(&self) -> MutexGuard<'_, Model> {
            self.0.lock().unwrap()
        }
    }

    impl Model {
        /// Records that are linked in their order.
        pub fn linked(records: impl IntoIterator<Item = (u16, Vec<u8>)>) -> Self {
            let records: Vec<_> = records.into_iter().collect();
            let nexts = records.iter().skip(1).map(|(id, _)| *id).chain([PieceOf::LAST]).collect::<Vec<_>>();
            let records =
                records.into_iter().zip(nexts).map(|((id, bytes), next)| (id, next, bytes)).collect();
            Self { records, ..Self::default() }
        }

        /// A session with the model.
        pub fn bmc(self) -> (BmcSession, Shared) {
            let shared = Shared(Arc::new(Mutex::new(self)));
            let policy = RetryPolicy { pause: Duration::from_millis(1), ..RetryPolicy::default() };
            let deadline = Instant::now() + Duration::from_secs(60);
            (BmcSession::new(Box::new(shared.clone()), policy, deadline), shared)
        }

        fn answer(&mut self, net_fn: NetFn, code: u8, data: &[u8]) -> Vec<u8> {
            let count = if self.has_device_sdrs { [0; 2] } else { (self.records.len() as u16).to_le_bytes() };
            match (net_fn, code) {
                (NetFn::Storage, 0x20 | 0x40) => [&[0, 0x51], &count[..], &[0; 11]].concat(),
                (NetFn::Storage, 0x22 | 0x42) | (NetFn::Sensor, 0x22) => {
                    self.reservation += 1;
                    [&[0], &self.reservation.to_le_bytes()[..]].concat()
                }
                (NetFn::Storage, 0x23 | 0x43) => self.piece(data),
                (NetFn::Sensor, 0x21) if self.has_device_sdrs => self.piece(data),
                (NetFn::Storage, 0x47) => self.erase(data),
                (NetFn::Storage, 0x10) => {
                    [&[0], &self.fru_size.to_le_bytes()[..], &[u8::from(self.is_by_words)]].concat()
                }
                (NetFn::Storage, 0x11) => self.inventory(data),
                (NetFn::Sensor, 0x2d) => self.readings.get(&data[0]).cloned().unwrap_or(vec![0xcb]),
                (NetFn::Sensor, 0x27) => self.thresholds.clone(),
                _ => vec![0xc1],
            }
        }

        fn piece(&mut self, data: &[u8]) -> Vec<u8> {
            let [low, high, id_low, id_high, offset, count] = *data else { return vec![0xc7] };
            let found = match u16::from_le_bytes([id_low, id_high]) {
                PieceOf::FIRST => self.records.first(),
                PieceOf::LAST => self.records.last(),
                id => self.records.iter().find(|record| record.0 == id),
            };
            let Some((_, next, bytes)) = found else { return vec![0xcb] };
            let rest = &bytes[bytes.len().min(usize::from(offset))..];
            let requested = if count == PieceOf::WHOLE { rest.len() } else { usize::from(count) };
            if self.most != 0 && requested > self.most {
                return vec![0xca];
            }
            if offset != 0 && !self.holds(u16::from_le_bytes([low, high])) {
                return vec![0xc5];
            }
            let rest = &rest[..rest.len().min(requested).min(self.short.unwrap_or(usize::MAX))];
            [&[0], &next.to_le_bytes()[..], rest].concat()
        }

        fn holds(&self, reservation: u16) -> bool {
            reservation == self.reservation && u32::from(reservation) > self.losses
        }

        fn erase(&mut self, data: &[u8]) -> Vec<u8> {
            let [low, high, b'C', b'L', b'R', action] = *data else { return vec![0xcc] };
            if !self.holds(u16::from_le_bytes([low, high])) {
                return vec![0xc5];
            }
            if action == 0xaa {
                self.records.clear();
            } else {
                self.erasing -= 1;
            }
            vec![0, u8::from(self.erasing == 0)]
        }

        fn inventory(&self, data: &[u8]) -> Vec<u8> {
            let [_, low, high, count] = *data else { return vec![0xc7] };
            let unit = 1 + usize::from(self.is_by_words);
            let requested = usize::from(count) * unit;
            if self.most != 0 && requested > self.most {
                return vec![0xc8];
            }
            let offset = usize::from(u16::from_le_bytes([low, high])) * unit;
            if offset >= self.fru.len() {
                return vec![0xc9];
            }
            let rest = &self.fru[offset..];
            let rest = &rest[..rest.len().min(requested)];
            [&[0, (rest.len() / unit) as u8], rest].concat()
        }
    }

    impl Transport for Shared {
        fn exchange(
            &mut self,
            net_fn: NetFn,
            code: u8,
            data: &[u8],
            _: Duration,
        ) -> Result<Vec<u8>, TransportError> {
            let mut model = self.model();
            if model.silent_after.is_some_and(|requests| model.asked.len() >= requests) {
                return Err(TransportError::Silent);
            }
            model.asked.push(code);
            Ok(model.answer(net_fn, code, data))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::model::Model;
    use super::*;
    use ipmi::storage::SdrContent;

    use crate::bmc::session::read_sdrs;

    /// OEM records: the first of one byte, each further one ten bytes longer.
    fn records(count: u8) -> impl Iterator<Item = (u16, Vec<u8>)> {
        (1..=count).map(|id| {
            let length = id * 10 - 9;
            let body = (0..length).map(move |at| at ^ id);
            (id.into(), [id, 0, 0x51, 0xc0, length].into_iter().chain(body).collect())
        })
    }

    /// The lengths of what was read, and the number of requests.
    fn read(model: Model) -> (Vec<usize>, Vec<RecordProblem>, Option<Error>, usize) {
        let (mut bmc, shared) = model.bmc();
        let sdrs = read_sdrs(&mut bmc);
        let lengths = sdrs.records.iter().map(|sdr| match &sdr.content {
            SdrContent::Other { kind: 0xc0, data } => {
                assert!(data.iter().zip(0..).all(|(byte, at)| *byte == at ^ sdr.id as u8), "{sdr:?}");
                data.len()
            }
            other => panic!("{other:?}"),
        });
        let requests = shared.model().asked.len();
        (lengths.collect(), sdrs.problems, sdrs.ended, requests)
    }

    #[test]
    fn whole_records_cost_a_request_each() {
        let (lengths, problems, ended, requests) = read(Model::linked(records(9)));
        assert!(lengths.iter().eq((1..90).step_by(10).collect::<Vec<_>>().iter()));
        assert!(problems.is_empty() && ended.is_none());
        assert_eq!(requests, 10);
    }

    #[test]
    fn a_bmc_gives_as_much_as_it_can() {
        for most in [1, 4, 5, 16, 32, 200] {
            let (lengths, problems, ended, _) = read(Model { most, ..Model::linked(records(9)) });
            assert!(
                lengths.len() == 9 && problems.is_empty() && ended.is_none(),
                "{most}: {lengths:?} {ended:?}"
            );
        }
        let (lengths, ..) = read(Model { short: Some(7), ..Model::linked(records(9)) });
        assert_eq!(lengths.len(), 9, "the rest of a piece that was cut without an error is requested");
    }

    #[test]
    fn a_lost_reservation_is_renewed_and_not_for_ever() {
        let (lengths, _, ended, _) = read(Model { most: 16, losses: 4, ..Model::linked(records(9)) });
        assert!(lengths.len() == 9 && ended.is_none());
        let (lengths, _, ended, _) = read(Model { most: 16, losses: u32::MAX, ..Model::linked(records(9)) });
        assert_eq!(ended.unwrap().completion(), Some(Completion::RESERVATION_CANCELLED));
        assert!(lengths.len() < 3, "what needed no reservation was read: {lengths:?}");
    }

    #[test]
    fn a_circle_is_left() {
        for back_to in [0, 1, 2, 4] {
            let mut model = Model::linked(records(4));
            model.records[3].1 = back_to;
            let (lengths, problems, ended, _) = read(model);
            assert!(lengths.len() == 4 && ended.is_none());
            assert_eq!(problems, [RecordProblem::Circle { list: "SDR repository", record: back_to }]);
        }
    }

    #[test]
    fn a_record_that_ends_too_soon_is_left_out() {
        let mut model = Model::linked(records(3));
        model.records[1].2.truncate(3);
        let (lengths, problems, ended, _) = read(model);
        assert!(lengths == [1, 21] && ended.is_none());
        assert_eq!(
            problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["record 0x0002 of the SDR repository: response truncated: record type: needs 4 bytes, has 3"]
        );
    }

    #[test]
    fn a_bmc_that_falls_silent_ends_it() {
        let (lengths, _, ended, _) = read(Model { silent_after: Some(4), ..Model::linked(records(9)) });
        assert_eq!(lengths.len(), 3);
        assert!(ended.unwrap().is_hung());
    }

    #[test]
    fn the_bmcs_own_sensors_stand_in_for_a_repository() {
        let (lengths, _, ended, _) =
            read(Model { has_device_sdrs: true, most: 9, ..Model::linked(records(3)) });
        assert!(lengths == [1, 11, 21] && ended.is_none());
        let (lengths, _, ended, _) = read(Model::default());
        assert!(lengths.is_empty() && ended.unwrap().is_absent());
    }
}
