// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading the newest records of the system event log (IPMI 2.0, section 31.5).

use std::collections::{HashSet, VecDeque};

use super::records::{RecordList, RecordReader};
use super::{BmcSession, Error, ParseWarning};
use ipmi::storage::{GetSelEntry, GetSelInfo, Piece, PieceOf, ReserveSel, SelInfo, SelRecord};

/// The system event log.
#[derive(Clone, Debug)]
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
/// Records link forward only, so the log cannot be followed from its end. Where it is long, reading begins at an ID that is so
/// far before the last one as `limit` records are, and earlier if records were deleted there.
///
/// # Errors
/// If there is no log.
pub fn read_sel(bmc: &mut BmcSession, limit: usize) -> Result<Sel, Error> {
    let info = bmc.ask(&GetSelInfo)?;
    let total = usize::from(info.records);
    let reader = RecordReader::new(bmc, &SEL);
    let mut newest = Newest { reader, records: VecDeque::new(), limit, step: 1, warnings: Vec::new() };
    let ended = match limit.min(total) {
        0 => None,
        _ => newest.read(total).err(),
    };
    let Newest { records, warnings, .. } = newest;
    Ok(Sel { info, unread: total.saturating_sub(records.len()), records: records.into(), warnings, ended })
}

/// Whether `last` is the last record of the log as it is now, read with a reservation; `None`: whether the log is empty. False if
/// that is not certain.
///
/// # Errors
/// If the BMC stops responding.
pub(super) fn is_last(
    bmc: &mut BmcSession,
    reservation: u16,
    last: Option<&SelRecord>,
) -> Result<bool, Error> {
    let mut reader = RecordReader::with_reservation(bmc, &SEL, reservation);
    let Some(last) = last else {
        return match reader.record(PieceOf::FIRST) {
            Err(error) if error.is_fatal() => Err(error),
            result => Ok(result.is_err_and(|error| error.is_absent())),
        };
    };
    if let Some(found) = record(&mut reader, PieceOf::LAST)? {
        return Ok(found == *last);
    }
    // Some BMCs know no last record, but its ID.
    match reader.record(last.id) {
        Err(error) if !error.is_fatal() => Ok(false),
        result => result.map(|Piece { next, data }| {
            next == PieceOf::LAST && SelRecord::parse(&data).is_ok_and(|found| found == *last)
        }),
    }
}

/// The newest of the records that were read.
struct Newest<'a> {
    reader: RecordReader<'a>,
    records: VecDeque<SelRecord>,
    limit: usize,
    /// How far the IDs of two records are apart.
    step: usize,
    warnings: Vec<ParseWarning>,
}

/// Where following the links ended.
enum End {
    /// At a record without a next one.
    Last,
    /// At this record, for the second time.
    Loop(u16),
    /// At a record that the BMC does not return.
    Missing(Error),
}

impl Newest<'_> {
    fn read(&mut self, total: usize) -> Result<(), Error> {
        let mut last = None;
        if total > self.limit {
            last = record(&mut self.reader, PieceOf::LAST)?;
        }
        let result = match &last {
            Some(last) => self.follow_near(last.id),
            None => self.follow(PieceOf::FIRST),
        };
        let end = match result {
            Ok(end) => end,
            Err(error) => {
                // If reading did not get so far, the last record is known nevertheless.
                last.filter(|last| self.records.back() != Some(last))
                    .into_iter()
                    .for_each(|last| self.push(last));
                return Err(error);
            }
        };
        match end {
            End::Last
                if self.records.len() >= self.limit.min(total)
                    && last.as_ref().is_none_or(|last| self.ends_with(last.id)) =>
            {
                Ok(())
            }
            End::Missing(error) if self.records.is_empty() && last.is_none() => Err(error),
            end => self.complete(&end),
        }
    }

    /// Follows the links from about `limit` records before the last one.
    fn follow_near(&mut self, last: u16) -> Result<End, Error> {
        let mut back = self.limit - 1;
        for _ in 0..ATTEMPTS {
            let Some(start) = self.start(last, back)? else { break };
            self.records.clear();
            self.warnings.clear();
            match self.follow(start)? {
                End::Last if self.records.len() < self.limit && self.ends_with(last) => {
                    back = back * self.limit / self.records.len().max(1) + 1;
                }
                end => return Ok(end),
            }
        }
        self.records.clear();
        self.warnings.clear();
        self.follow(PieceOf::FIRST)
    }

    /// ID of a record that is about `back` records before the last, or more, if all IDs are as far apart as the first two,
    /// which is so for most BMCs.
    fn start(&mut self, last: u16, back: usize) -> Result<Option<u16>, Error> {
        let first = match self.reader.record(PieceOf::FIRST) {
            Err(error) if !error.is_fatal() => return Ok(None),
            result => result?,
        };
        let Ok(SelRecord { id: first_id, .. }) = SelRecord::parse(&first.data) else { return Ok(None) };
        self.step = match distance(first_id, first.next) {
            step if first.next != PieceOf::LAST && (1..=LARGEST_STEP).contains(&step) => step,
            _ => 1,
        };
        // Records may be missing there: the distance to the next try is doubled each time.
        for further in (0..TRIES).map(|at| (1 << at) - 1) {
            let Some(back) = (back + further).checked_mul(self.step) else { break };
            if back >= distance(first_id, last) {
                break;
            }
            let id = before(last, back);
            if record(&mut self.reader, id)?.is_some_and(|record| record.id == id) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    fn follow(&mut self, first: u16) -> Result<End, Error> {
        let mut seen = HashSet::new();
        let mut id = first;
        while seen.insert(id) {
            let Piece { next, data } = match self.reader.record(id) {
                Err(error) if !error.is_fatal() => return Ok(End::Missing(error)),
                result => result?,
            };
            match SelRecord::parse(&data) {
                Ok(record) => {
                    seen.insert(record.id);
                    self.push(record);
                }
                Err(cause) => {
                    self.warnings.push(ParseWarning::Malformed { list: SEL.name, record: id, cause });
                }
            }
            match next {
                PieceOf::LAST => return Ok(End::Last),
                PieceOf::FIRST => return Ok(End::Loop(next)),
                next => id = next,
            }
        }
        Ok(End::Loop(id))
    }

    /// Adds the records between the end of the links and the last record, by their IDs.
    fn complete(&mut self, end: &End) -> Result<(), Error> {
        let list = SEL.name;
        let known: HashSet<u16> = self.records.iter().map(|record| record.id).collect();
        let end_id = self.records.back().map_or(PieceOf::FIRST, |record| record.id);
        let last = record(&mut self.reader, PieceOf::LAST)?;
        if let Some(at) = self.records.iter().position(|record| Some(record) == last.as_ref()) {
            // A link leads back from the last one.
            self.records.rotate_left(at + 1);
        }
        let last = last.filter(|last| !known.contains(&last.id));
        match end {
            End::Loop(record) => self.warnings.push(ParseWarning::Loop { list, record: *record }),
            End::Last if last.is_none() => {}
            End::Last | End::Missing(_) => self.warnings.push(ParseWarning::Gap { list, record: end_id }),
        }
        let Some(last) = last else { return Ok(()) };
        let mut id = last.id;
        let mut newer = VecDeque::from([last]);
        let mut ended = Ok(());
        // As many records as are missing, and as many gaps.
        for _ in 0..self.limit.saturating_mul(2).min(MOST_RECORDS) {
            id = before(id, self.step);
            if newer.len() >= self.limit
                || known.contains(&id)
                || newer.back().is_some_and(|last| last.id == id)
            {
                break;
            }
            match record(&mut self.reader, id) {
                Ok(record) => {
                    record.into_iter().filter(|record| record.id == id).for_each(|r| newer.push_front(r));
                }
                Err(error) => {
                    ended = Err(error);
                    break;
                }
            }
        }
        newer.into_iter().for_each(|record| self.push(record));
        ended
    }

    fn ends_with(&self, last: u16) -> bool {
        self.records.back().is_some_and(|record| record.id == last)
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

/// The ID that is `back` before `id`: IDs are 0001h to FFFEh, and begin again after the last.
fn before(id: u16, back: usize) -> u16 {
    let back = (back % IDS) as u16;
    match id.checked_sub(back) {
        Some(id) if id > 0 => id,
        _ => id.wrapping_sub(back).wrapping_sub(2),
    }
}

/// How far `to` is after `from`.
fn distance(from: u16, to: u16) -> usize {
    (usize::from(to) + IDS - usize::from(from)) % IDS
}

/// How many IDs there are.
const IDS: usize = 0xfffe;

/// No log has more.
const MOST_RECORDS: usize = 0xfffe;

/// How often a start is looked for, each time earlier.
const ATTEMPTS: usize = 4;

/// How many IDs are tried for a start.
const TRIES: usize = 12;

/// IDs that are further apart are no steps: they are 1 apart in most logs, 16 or 20 in some.
const LARGEST_STEP: usize = 0x100;

const SEL: RecordList = RecordList {
    name: "SEL",
    reserve: |bmc| bmc.ask(&ReserveSel),
    piece: |bmc, of| bmc.ask(&GetSelEntry(of)),
    length: |_| SelRecord::LENGTH,
};

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

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
    fn with_holes_reading_begins_earlier() {
        // Every fifth record was deleted, and IDs are two apart.
        let ids: Vec<u16> = (100..6100).step_by(2).filter(|id| id % 10 != 0).collect();
        let (read_ids, unread, requests) = read(log(ids.clone()), 50);
        assert_eq!((read_ids.as_slice(), unread), (&ids[ids.len() - 50..], ids.len() - 50));
        assert!(requests < 90, "{requests} requests");
        // A block of 200 was deleted before the last 30, in a log that began again at ID 1.
        let ids: Vec<u16> = (60_000..65_535).chain(1..500).chain(700..730).collect();
        let (read_ids, _, requests) = read(log(ids.clone()), 64);
        assert_eq!(read_ids, ids[ids.len() - 64..]);
        assert!(requests < 500, "{requests} requests");
    }

    #[test]
    fn a_bmc_that_stops_responding_has_returned_the_last() {
        let (mut bmc, _) = Model { stops_after: Some(19), ..log([7, 8, 3, 900, 4, 5, 6, 2, 1]) }.bmc();
        let sel = read_sel(&mut bmc, 4).unwrap();
        assert!(sel.ended.unwrap().is_fatal());
        assert_eq!(sel.records.last().unwrap().id, 1);
        assert_eq!((sel.records.len(), sel.unread), (4, 5));
    }

    #[test]
    fn a_loop_is_a_warning() {
        for back_to in [0, 2, 4] {
            let mut model = log(1..=4);
            model.records[3].1 = back_to;
            let sel = read_sel(&mut model.bmc().0, 9).unwrap();
            assert_eq!(sel.warnings, [ParseWarning::Loop { list: "SEL", record: back_to }]);
            assert_eq!(sel.records.len(), 4);
        }
    }

    /// Whatever its links are, the newest record is read, and those before it.
    #[test]
    fn behind_wrong_links_the_newest_are_read_from_the_end() {
        for next in [3000, 1, 0, 0xffff] {
            for (count, limit) in [(40, 100), (40, 5), (400, 64)] {
                let mut model = log(1..=count);
                let at = usize::from(count) - 3;
                model.records[at].1 = next;
                let sel = read_sel(&mut model.bmc().0, limit).unwrap();
                let newest: Vec<u16> = sel.records.iter().rev().take(4).map(|record| record.id).collect();
                assert_eq!(newest, [count, count - 1, count - 2, count - 3], "{next} {count} {limit}");
                assert_eq!(sel.records.len(), limit.min(count.into()));
                assert_eq!(sel.warnings.len(), 1, "{:?}", sel.warnings);
                assert!(sel.ended.is_none());
            }
        }
    }

    #[test]
    fn a_log_that_returns_no_record_is_an_error() {
        let mut model = log([1]);
        model.records[0].2.clear();
        let sel = read_sel(&mut model.bmc().0, 9).unwrap();
        assert!(sel.records.is_empty() && (sel.ended.is_some() || !sel.warnings.is_empty()), "{sel:?}");
    }

    proptest! {
        #[test]
        fn of_any_log_the_newest_are_read(
            ids in prop::collection::btree_set(1..0xffffu16, 1..80),
            start in any::<prop::sample::Index>(),
            limit in 1..90usize,
        ) {
            let mut ids: Vec<u16> = ids.into_iter().collect();
            let start = start.index(ids.len());
            ids.rotate_left(start);
            let (read_ids, unread, _) = read(log(ids.clone()), limit);
            let newest = &ids[ids.len().saturating_sub(limit)..];
            assert_eq!((read_ids.as_slice(), unread), (newest, ids.len() - newest.len()));
        }

        #[test]
        fn with_any_links_reading_ends(
            links in prop::collection::vec(any::<prop::sample::Index>(), 1..40),
            limit in 1..50usize,
        ) {
            let mut model = log(1..=links.len() as u16);
            for (record, link) in model.records.iter_mut().zip(&links) {
                record.1 = link.index(links.len() + 2) as u16;
            }
            let sel = read_sel(&mut model.bmc().0, limit).unwrap();
            assert!(sel.ended.is_none());
            assert_eq!(sel.records.last().unwrap().id, links.len() as u16);
        }

        #[test]
        fn ids_are_counted_in_a_circle(id in 1..0xffffu16, back in 0..IDS) {
            let earlier = before(id, back);
            assert!((1..=0xfffe).contains(&earlier));
            assert_eq!(distance(earlier, id), back);
        }
    }
}
