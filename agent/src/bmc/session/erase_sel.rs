// SPDX-License-Identifier: MIT OR Apache-2.0
//! Erasing the system event log (IPMI 2.0, section 31.9).

use super::records::{RESERVATIONS, is_reservation_cancelled};
use super::{BmcSession, Error};
use ipmi::storage::{ClearSel, ClearSelStatus, Erasure, ReserveSel};

/// Erases the whole log and waits until that is done; `pause` is called between two status requests.
///
/// # Errors
/// If the BMC refuses, or has not finished at the deadline.
pub fn erase_sel(bmc: &mut BmcSession, pause: impl Fn()) -> Result<(), Error> {
    let mut erasure = with_reservation(bmc, |bmc, reservation| bmc.ask(&ClearSel { reservation }))?;
    while erasure == Erasure::InProgress {
        pause();
        erasure = with_reservation(bmc, |bmc, reservation| bmc.ask(&ClearSelStatus { reservation }))?;
    }
    Ok(())
}

/// Reserves and sends a command, and repeats both if the reservation was cancelled: a new event is enough for that.
fn with_reservation(
    bmc: &mut BmcSession,
    send: impl Fn(&mut BmcSession, u16) -> Result<Erasure, Error>,
) -> Result<Erasure, Error> {
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

    #[test]
    fn an_erasure_is_waited_for() {
        let records = [(1, vec![0; 16])];
        let (mut bmc, shared) = Model { erasing: 2, losses: 3, ..Model::linked(records) }.bmc();
        let pauses = Cell::new(0);
        erase_sel(&mut bmc, || pauses.set(pauses.get() + 1)).unwrap();
        assert_eq!(pauses.get(), 2);
        assert!(shared.model().records.is_empty());
        assert_eq!(shared.model().erasing, 0);
    }

    #[test]
    fn a_log_that_keeps_changing_is_not_erased() {
        let (mut bmc, shared) = Model { losses: u32::MAX, ..Model::linked([(1, vec![0; 16])]) }.bmc();
        let error = erase_sel(&mut bmc, || ()).unwrap_err();
        assert!(is_reservation_cancelled(&error));
        assert_eq!(shared.model().records.len(), 1);
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "sets a deadline")]
    fn an_erasure_that_never_ends_costs_the_deadline() {
        let (mut bmc, _) = Model { erasing: u32::MAX, ..Model::default() }.bmc();
        bmc.set_deadline(Instant::now() + Duration::from_millis(20));
        assert!(erase_sel(&mut bmc, || ()).unwrap_err().is_fatal());
    }
}
