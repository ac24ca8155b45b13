// SPDX-License-Identifier: MIT OR Apache-2.0
//! A BMC that stores records, FRU data and sensors, and has the defects that BMCs have with them.

use std::collections::HashMap;

use ipmi::NetFn;
use ipmi::storage::PieceOf;

use crate::bmc::session::shared::{Respond, Shared};
use crate::bmc::session::{BmcSession, TransportError};

/// What the BMC stores, and how it behaves.
#[derive(Default)]
pub(crate) struct Model {
    /// The records, in their order: ID, the next one's ID, bytes.
    pub(crate) records: Vec<(u16, u16, Vec<u8>)>,
    /// Only Get Device SDR knows the records.
    pub(crate) has_device_sdrs: bool,
    /// How many bytes it returns at most, and refuses to return more; 0: no limit.
    pub(crate) most: usize,
    /// It returns at most so many bytes, without an error.
    pub(crate) short: Option<usize>,
    /// How many reservations will be cancelled.
    pub(crate) losses: u32,
    /// After so many requests it stops responding.
    pub(crate) stops_after: Option<usize>,
    /// Free space of the log in bytes.
    pub(crate) sel_free: u16,
    /// FRU data.
    pub(crate) fru: Vec<u8>,
    /// The size that it reports for the FRU data.
    pub(crate) fru_size: u16,
    /// The FRU data is read by words.
    pub(crate) is_by_words: bool,
    /// It does not know the ID that means the last record.
    pub(crate) has_no_last: bool,
    /// Before it responds to the request of this number, counted from 0, this record is added.
    pub(crate) arrives: Option<(usize, (u16, Vec<u8>))>,
    /// How many more times it reports that an erasure is in progress.
    pub(crate) erasing: u32,
    /// The responses to Get Sensor Reading, completion code and data.
    pub(crate) readings: HashMap<u8, Vec<u8>>,
    /// The response to Get Sensor Thresholds.
    pub(crate) thresholds: Vec<u8>,
    /// The commands that it received.
    pub(crate) received: Vec<u8>,
    /// The last reservation.
    pub(crate) reservation: u16,
}

impl Model {
    /// Records, each linked to the next.
    pub(crate) fn linked(records: impl IntoIterator<Item = (u16, Vec<u8>)>) -> Self {
        let records: Vec<_> = records.into_iter().collect();
        let nexts = records.iter().skip(1).map(|(id, _)| *id).chain([PieceOf::LAST]).collect::<Vec<_>>();
        let records = records.into_iter().zip(nexts).map(|((id, bytes), next)| (id, next, bytes)).collect();
        Self { records, ..Self::default() }
    }

    /// A session with it.
    pub(crate) fn bmc(self) -> (BmcSession, Shared<Self>) {
        let shared = Shared::new(self);
        (shared.session(), shared)
    }

    /// A new record cancels the reservation.
    fn arrive(&mut self) {
        let requests = self.received.len();
        let Some((_, (id, bytes))) = self.arrives.take_if(|(at, _)| *at == requests) else { return };
        self.records.iter_mut().last().into_iter().for_each(|(_, next, _)| *next = id);
        self.records.push((id, PieceOf::LAST, bytes));
        self.reservation += 1;
    }

    fn answer(&mut self, net_fn: NetFn, code: u8, data: &[u8]) -> Vec<u8> {
        let count = if self.has_device_sdrs { [0; 2] } else { (self.records.len() as u16).to_le_bytes() };
        match (net_fn, code) {
            (NetFn::Storage, 0x20 | 0x40) => {
                [&[0, 0x51], &count[..], &self.sel_free.to_le_bytes(), &[0; 9]].concat()
            }
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
            (NetFn::Storage, 0x11) => self.fru_data(data),
            (NetFn::Sensor, 0x2d) => self.readings.get(&data[0]).cloned().unwrap_or(vec![0xcb]),
            (NetFn::Sensor, 0x27) => self.thresholds.clone(),
            _ => vec![0xc1],
        }
    }

    fn piece(&mut self, data: &[u8]) -> Vec<u8> {
        let [low, high, id_low, id_high, offset, count] = *data else { return vec![0xc7] };
        let found = match u16::from_le_bytes([id_low, id_high]) {
            PieceOf::FIRST => self.records.first(),
            PieceOf::LAST => self.records.last().filter(|_| !self.has_no_last),
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

    fn fru_data(&self, data: &[u8]) -> Vec<u8> {
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

impl Respond for Model {
    fn respond(&mut self, net_fn: NetFn, code: u8, data: &[u8]) -> Result<Vec<u8>, TransportError> {
        if self.stops_after.is_some_and(|requests| self.received.len() >= requests) {
            return Err(TransportError::Timeout);
        }
        self.arrive();
        self.received.push(code);
        Ok(self.answer(net_fn, code, data))
    }
}
