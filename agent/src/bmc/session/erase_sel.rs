// SPDX-License-Identifier: MIT OR Apache-2.0
//! Erasing the system event log (IPMI 2.0, section 31.9).

use super::records::{RESERVATIONS, is_reservation_cancelled};
use super::sel::is_last;
use super::{BmcSession, Error};
use ipmi::storage::{ClearSel, ClearSelStatus, Erasure, ReserveSel, SelRecord};

/// Erases the whole log and waits until that is done; `pause` is called between two status requests. Returns false, and erases
/// nothing, if the last record is not `last` any more: events came that the caller does not know. `None`: the log was empty.
///
/// The last record is read after the reservation, and an event that comes after that cancels the reservation: no event is
/// erased unseen, unless the BMC has no reservations.
///
/// # Errors
/// If the BMC refuses, or has not finished at the deadline.
pub fn erase_sel(bmc: &mut BmcSession, last: Option<&SelRecord>, pause: impl Fn()) -> Result<bool, Error> {
    let begun = with_reservation(bmc, |bmc, reservation| match is_last(bmc, reservation, last)? {
        true => bmc.ask(&ClearSel { reservation }).map(Some),
        false => Ok(None),
    })?;
    let Some(mut erasure) = begun else { return Ok(false) };
    while erasure == Erasure::InProgress {
        pause();
        erasure = with_reservation(bmc, |bmc, reservation| bmc.ask(&ClearSelStatus { reservation }))?;
    }
    Ok(true)
}

/// Reserves and sends a command, and repeats both if the reservation was cancelled: a new event is enough for that.
fn with_reservation<T>(
    bmc: &mut BmcSession,
    send: impl Fn(&mut BmcSession, u16) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut reservations = 0;
    loop {
        let reservation = match bmc.ask(&ReserveSel) {
            Err(error) if error.is_absent() => 0,
            result => result?,
        };
        reservations += 1;
        match send(bmc, reservation) {
            Err(error) if is_reservation_cancelled(&error) && reservations <= RESERVATIONS => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::bmc::session::model::Model;

    fn record(id: u8) -> (u16, Vec<u8>) {
        (id.into(), [&[id, 0, 0x02], &[id; 13][..]].concat())
    }

    fn parsed(id: u8) -> Option<SelRecord> {
        Some(SelRecord::parse(&record(id).1).unwrap())
    }

    #[test]
    fn an_erasure_is_waited_for() {
        let (mut bmc, shared) =
            Model { erasing: 2, losses: 3, ..Model::linked([record(1), record(2)]) }.bmc();
        let pauses = Cell::new(0);
        assert!(erase_sel(&mut bmc, parsed(2).as_ref(), || pauses.set(pauses.get() + 1)).unwrap());
        assert_eq!(pauses.get(), 2);
        assert!(shared.model().records.is_empty());
        assert_eq!(shared.model().erasing, 0);
    }

    /// Whenever it comes, an event that the caller does not know is not erased.
    #[test]
    fn a_new_event_is_never_erased() {
        for requests in 0..8 {
            for most in [0, 5] {
                let arrives = Some((requests, record(3)));
                let (mut bmc, shared) =
                    Model { arrives, most, ..Model::linked([record(1), record(2)]) }.bmc();
                let erased = erase_sel(&mut bmc, parsed(2).as_ref(), || ()).unwrap();
                let model = shared.model();
                let is_new_there = model.records.iter().any(|(id, ..)| *id == 3);
                assert!(is_new_there || model.arrives.is_some(), "erased at {requests}");
                assert_eq!(erased, !model.records.iter().any(|(id, ..)| *id == 2), "at {requests}");
            }
        }
        for last in [None, parsed(2)] {
            let (mut bmc, shared) = Model::linked([record(1)]).bmc();
            assert!(!erase_sel(&mut bmc, last.as_ref(), || ()).unwrap());
            assert_eq!(shared.model().records.len(), 1);
        }
    }

    #[test]
    fn a_bmc_that_knows_no_last_record_is_asked_for_its_id() {
        for arrives in [None, Some((1, record(3)))] {
            let is_new = arrives.is_some();
            let model = Model { has_no_last: true, arrives, ..Model::linked([record(1), record(2)]) };
            assert_eq!(erase_sel(&mut model.bmc().0, parsed(2).as_ref(), || ()).unwrap(), !is_new);
        }
    }

    #[test]
    fn a_log_that_keeps_changing_is_not_erased() {
        let (mut bmc, shared) = Model { losses: u32::MAX, ..Model::linked([record(1)]) }.bmc();
        let error = erase_sel(&mut bmc, parsed(1).as_ref(), || ()).unwrap_err();
        assert!(is_reservation_cancelled(&error));
        assert_eq!(shared.model().records.len(), 1);
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "sets a deadline")]
    fn an_erasure_that_never_ends_costs_the_deadline() {
        let (mut bmc, _) = Model { erasing: u32::MAX, ..Model::default() }.bmc();
        bmc.set_deadline(Instant::now() + Duration::from_millis(20));
        assert!(erase_sel(&mut bmc, None, || ()).unwrap_err().is_fatal());
    }
}
