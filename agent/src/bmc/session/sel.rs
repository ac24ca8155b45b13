// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading the newest records of the system event log (IPMI 2.0, section 31.5).

use std::collections::VecDeque;

use super::walk::{List, Walk};
use super::{BmcSession, Error, walk::RecordProblem};
use ipmi::storage::{GetSelEntry, GetSelInfo, PieceOf, ReserveSel, SelInfo, SelRecord};

/// The system event log.
#[derive(Debug)]
pub struct Sel {
    /// The answer to Get SEL Info.
    pub info: SelInfo,
    /// The newest records, oldest first.
    pub records: Vec<SelRecord>,
    /// Number of records that were not read.
    pub unread: usize,
    /// Problems in the log.
    pub problems: Vec<RecordProblem>,
    /// Why reading ended early.
    pub ended: Option<Error>,
}

/// Reads the newest `limit` records.
///
/// # Errors
/// If Get SEL Info fails, for example because there is no log.
pub fn read_sel(bmc: &mut BmcSession, limit: usize) -> Result<Sel, Error> {
    let info = bmc.ask(&GetSelInfo)?;
    let total = usize::from(info.records);
    let mut newest = Newest { records: VecDeque::new(), limit };
    let mut problems = Vec::new();
    let ended = match limit.min(total) {
        0 => None,
        _ => newest.read(&mut Walk::new(bmc, &SEL), total, &mut problems).err(),
    };
    let records = Vec::from(newest.records);
    Ok(Sel { info, unread: total.saturating_sub(records.len()), records, problems, ended })
}

/// The newest records of those that were read.
struct Newest {
    records: VecDeque<SelRecord>,
    limit: usize,
}

impl Newest {
    fn read(
        &mut self,
        walk: &mut Walk<'_>,
        total: usize,
        problems: &mut Vec<RecordProblem>,
    ) -> Result<(), Error> {
        if total <= self.limit {
            return self.follow(walk, PieceOf::FIRST, problems);
        }
        let last = record(walk, PieceOf::LAST)?;
        let start = last.as_ref().map_or(Ok(None), |last| self.start(walk, last.id))?;
        let result = self.follow(walk, start.unwrap_or(PieceOf::FIRST), problems);
        // If reading ended early, the last record is known nevertheless.
        if let Some(last) = last.filter(|last| result.is_err() && self.records.back() != Some(last)) {
            self.push(last);
        }
        result
    }

    /// The ID of the first of the newest records, assuming that all IDs have the distance of the first two, as on most
    /// BMCs; `None` if they have not. The log cannot be read backwards.
    fn start(&self, walk: &mut Walk<'_>, last: u16) -> Result<Option<u16>, Error> {
        let first = walk.record(PieceOf::FIRST)?;
        let Ok(SelRecord { id: first_id, .. }) = SelRecord::parse(&first.data) else { return Ok(None) };
        let step = usize::from(first.next.wrapping_sub(first_id));
        let back = step.checked_mul(self.limit - 1).and_then(|back| u16::try_from(back).ok());
        let Some(start) = back.and_then(|back| last.checked_sub(back)).filter(|start| *start > first_id)
        else {
            return Ok(None);
        };
        let found = match walk.record(start) {
            Err(error) if !error.is_hung() => return Ok(None),
            result => SelRecord::parse(&result?.data),
        };
        Ok(found.is_ok_and(|record| record.id == start).then_some(start))
    }

    fn follow(
        &mut self,
        walk: &mut Walk<'_>,
        first: u16,
        problems: &mut Vec<RecordProblem>,
    ) -> Result<(), Error> {
        let mut take = |record: &[u8]| {
            self.push(SelRecord::parse(record)?);
            Ok(())
        };
        walk.follow(first, &mut take, problems)
    }

    fn push(&mut self, record: SelRecord) {
        if self.records.len() == self.limit {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }
}

/// A record; `None` if the BMC does not know the ID, or the record cannot be parsed.
fn record(walk: &mut Walk<'_>, id: u16) -> Result<Option<SelRecord>, Error> {
    match walk.record(id) {
        Err(error) if !error.is_hung() => Ok(None),
        result => Ok(SelRecord::parse(&result?.data).ok()),
    }
}

const SEL: List = List {
    name: "SEL",
    reserve: |bmc| bmc.ask(&ReserveSel),
    piece: |bmc, of| bmc.ask(&GetSelEntry(of)),
    length: |_| SelRecord::LENGTH,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bmc::session::walk::model::Model;

    fn log(ids: impl IntoIterator<Item = u16>) -> Model {
        Model::linked(ids.into_iter().map(|id| {
            let [low, high] = id.to_le_bytes();
            (id, [&[low, high, 0x02], &[0; 13][..]].concat())
        }))
    }

    /// The IDs that were read, the number of unread records, and the number of requests.
    fn read(model: Model, limit: usize) -> (Vec<u16>, usize, usize) {
        let (mut bmc, shared) = model.bmc();
        let sel = read_sel(&mut bmc, limit).unwrap();
        assert!(sel.problems.is_empty() && sel.ended.is_none(), "{sel:?}");
        let requests = shared.model().asked.len();
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
    fn small_pieces_make_whole_records() {
        assert_eq!(read(Model { most: 5, losses: 2, ..log(1..=9) }, 2).0, [8, 9]);
    }

    #[test]
    fn the_last_record_is_known_if_the_bmc_stops_responding() {
        let (mut bmc, _) = Model { silent_after: Some(8), ..log([7, 8, 3, 900, 4, 5, 6, 2, 1]) }.bmc();
        let sel = read_sel(&mut bmc, 4).unwrap();
        assert!(sel.ended.unwrap().is_hung());
        assert_eq!(sel.records.last().unwrap().id, 1);
        assert_eq!((sel.records.len(), sel.unread), (4, 5));
    }

    #[test]
    fn a_circle_is_reported() {
        let mut model = log(1..=4);
        model.records[3].1 = 2;
        let sel = read_sel(&mut model.bmc().0, 9).unwrap();
        assert_eq!(sel.problems, [RecordProblem::Circle { list: "SEL", record: 2 }]);
        assert_eq!(sel.records.len(), 4);
    }
}
