// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading the newest records of the system event log (IPMI 2.0, section 31.5).

use std::collections::VecDeque;

use super::records::{RecordList, RecordReader};
use super::{BmcSession, Error, ParseWarning};
use ipmi::storage::{GetSelEntry, GetSelInfo, PieceOf, ReserveSel, SelInfo, SelRecord};

/// The system event log.
#[derive(Debug)]
pub struct Sel {
    /// Get SEL Info.
    pub info: SelInfo,
    /// The newest records, the oldest of them first.
    pub records: Vec<SelRecord>,
    /// How many records were not read, by the count in `info`.
    pub unread: usize,
    /// Defects of the log.
    pub warnings: Vec<ParseWarning>,
    /// Why reading ended early.
    pub ended: Option<Error>,
}

/// Reads the newest `limit` records.
///
/// # Errors
/// If there is no log.
pub fn read_sel(bmc: &mut BmcSession, limit: usize) -> Result<Sel, Error> {
    let info = bmc.ask(&GetSelInfo)?;
    let total = usize::from(info.records);
    let mut newest = Newest { records: VecDeque::new(), limit };
    let mut warnings = Vec::new();
    let ended = match limit.min(total) {
        0 => None,
        _ => newest.read(&mut RecordReader::new(bmc, &SEL), total, &mut warnings).err(),
    };
    let records = Vec::from(newest.records);
    Ok(Sel { info, unread: total.saturating_sub(records.len()), records, warnings, ended })
}

/// The newest of the records that were read.
struct Newest {
    records: VecDeque<SelRecord>,
    limit: usize,
}

impl Newest {
    fn read(
        &mut self,
        reader: &mut RecordReader<'_>,
        total: usize,
        warnings: &mut Vec<ParseWarning>,
    ) -> Result<(), Error> {
        if total <= self.limit {
            return self.follow(reader, PieceOf::FIRST, warnings);
        }
        let last = record(reader, PieceOf::LAST)?;
        let start = last.as_ref().map_or(Ok(None), |last| self.start(reader, last.id))?;
        let result = self.follow(reader, start.unwrap_or(PieceOf::FIRST), warnings);
        // If reading did not get so far, the last record is known nevertheless.
        if let Some(last) = last.filter(|last| result.is_err() && self.records.back() != Some(last)) {
            self.push(last);
        }
        result
    }

    /// ID of the first of the newest records, if all IDs are as far apart as the first two, which is so for most BMCs. The
    /// log cannot be read backwards.
    fn start(&self, reader: &mut RecordReader<'_>, last: u16) -> Result<Option<u16>, Error> {
        let first = reader.record(PieceOf::FIRST)?;
        let Ok(SelRecord { id: first_id, .. }) = SelRecord::parse(&first.data) else { return Ok(None) };
        let step = usize::from(first.next.wrapping_sub(first_id));
        let back = step.checked_mul(self.limit - 1).and_then(|back| u16::try_from(back).ok());
        let Some(start) = back.and_then(|back| last.checked_sub(back)).filter(|start| *start > first_id)
        else {
            return Ok(None);
        };
        let found = match reader.record(start) {
            Err(error) if !error.is_fatal() => return Ok(None),
            result => SelRecord::parse(&result?.data),
        };
        Ok(found.is_ok_and(|record| record.id == start).then_some(start))
    }

    fn follow(
        &mut self,
        reader: &mut RecordReader<'_>,
        first: u16,
        warnings: &mut Vec<ParseWarning>,
    ) -> Result<(), Error> {
        let mut take = |record: &[u8]| {
            self.push(SelRecord::parse(record)?);
            Ok(())
        };
        reader.follow(first, &mut take, warnings)
    }

    fn push(&mut self, record: SelRecord) {
        if self.records.len() == self.limit {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }
}

/// A record; `None` if the BMC does not have this ID, or the record does not decode.
fn record(reader: &mut RecordReader<'_>, id: u16) -> Result<Option<SelRecord>, Error> {
    match reader.record(id) {
        Err(error) if !error.is_fatal() => Ok(None),
        result => Ok(SelRecord::parse(&result?.data).ok()),
    }
}

const SEL: RecordList = RecordList {
    name: "SEL",
    reserve: |bmc| bmc.ask(&ReserveSel),
    piece: |bmc, of| bmc.ask(&GetSelEntry(of)),
    length: |_| SelRecord::LENGTH,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bmc::session::model::Model;

    fn log(ids: impl IntoIterator<Item = u16>) -> Model {
        Model::linked(ids.into_iter().map(|id| {
            let [low, high] = id.to_le_bytes();
            (id, [&[low, high, 0x02], &[0; 13][..]].concat())
        }))
    }

    /// The IDs of the records that were read, how many were not, and the number of requests.
    fn read(model: Model, limit: usize) -> (Vec<u16>, usize, usize) {
        let (mut bmc, shared) = model.bmc();
        let sel = read_sel(&mut bmc, limit).unwrap();
        assert!(sel.warnings.is_empty() && sel.ended.is_none(), "{sel:?}");
        let requests = shared.model().received.len();
        (sel.records.iter().map(|record| record.id).collect(), sel.unread, requests)
    }

    #[test]
    fn a_short_log_is_read_from_the_first() {
        assert_eq!(read(log(1..=5), 5), (vec![1, 2, 3, 4, 5], 0, 6));
        assert_eq!(read(log([]), 5), (vec![], 0, 1));
        assert_eq!(read(log(1..=5), 0), (vec![], 5, 1));
    }

    #[test]
    fn of_a_long_log_only_the_newest_are_read() {
        let (ids, unread, requests) = read(log(1..=5000), 3);
        assert_eq!((ids, unread), (vec![4998, 4999, 5000], 4997));
        assert!(requests < 10, "{requests} requests");
        let (ids, unread, requests) = read(log((0..400).map(|at| 0x14 + at * 0x14)), 2);
        assert_eq!((ids, unread), (vec![0x14 * 399, 0x14 * 400], 398));
        assert!(requests < 10, "{requests} requests");
    }

    #[test]
    fn with_irregular_ids_all_are_read() {
        let ids = [7, 8, 3, 900, 4, 5];
        assert_eq!(read(log(ids), 3).0, [900, 4, 5]);
        // The log has wrapped around.
        assert_eq!(read(log([65533, 65534, 1, 2, 3, 4]), 2).0, [3, 4]);
    }

    #[test]
    fn small_chunks_make_whole_records() {
        assert_eq!(read(Model { most: 5, losses: 2, ..log(1..=9) }, 2).0, [8, 9]);
    }

    #[test]
    fn a_bmc_that_stops_responding_has_returned_the_last() {
        let (mut bmc, _) = Model { stops_after: Some(8), ..log([7, 8, 3, 900, 4, 5, 6, 2, 1]) }.bmc();
        let sel = read_sel(&mut bmc, 4).unwrap();
        assert!(sel.ended.unwrap().is_fatal());
        assert_eq!(sel.records.last().unwrap().id, 1);
        assert_eq!((sel.records.len(), sel.unread), (4, 5));
    }

    #[test]
    fn a_loop_is_a_warning() {
        let mut model = log(1..=4);
        model.records[3].1 = 2;
        let sel = read_sel(&mut model.bmc().0, 9).unwrap();
        assert_eq!(sel.warnings, [ParseWarning::Loop { list: "SEL", record: 2 }]);
        assert_eq!(sel.records.len(), 4);
    }
}
