// SPDX-License-Identifier: MIT OR Apache-2.0
//! Erasing an event log that is nearly full, once its critical events are in the report: a full log loses what comes.

#![allow(clippy::disallowed_methods, reason = "pauses")]

use std::thread;
use std::time::Duration;

use anyhow::Result;
use stage1_contract::{BmcChange, BmcReport, BmcSel};

use super::health::{events, is_critical};
use super::session::{BmcSession, erase_sel};
use super::survey::Survey;

/// Pause between two requests for the status of an erasure.
const POLL: Duration = Duration::from_millis(50);

/// The bytes of an event (IPMI 2.0, section 32.1).
const EVENT: u32 = 16;

/// Erases the log if more of it is in use than is desired, once `report` has sent all critical events to the inventory. An event
/// that comes in between stays, and the log too, until the next run. Returns the problems.
pub(crate) fn clear_full_sel(
    bmc: &mut BmcSession,
    survey: &mut Survey,
    report: &dyn Fn(&BmcReport) -> Result<()>,
) -> Vec<String> {
    let Some(limit) = survey.config.options.clear_sel_above else { return Vec::new() };
    let Some(used) = survey.report.health.sel.as_ref().and_then(percent_used) else { return Vec::new() };
    if used <= limit {
        return Vec::new();
    }
    let (whole, records, problems) = events(bmc, usize::MAX);
    let sel = whole.sel.filter(|sel| sel.not_read == 0 && problems.is_empty());
    let Some(mut sel) = sel else {
        let cause = "not all of it could be read: look at 'stage1 bmc sel'";
        return not_erased(survey, used, cause);
    };
    let entries = sel.entries;
    sel.events.retain(is_critical);
    survey.report.health.sel = Some(sel);
    if let Err(error) = report(&survey.report) {
        return not_erased(survey, used, &format!("it is not reported: {error:#}"));
    }
    // Once begun it is waited for.
    bmc.end_with(|| false);
    let failure = match erase_sel(bmc, records.last(), || thread::sleep(POLL)) {
        Ok(true) => None,
        Ok(false) => return Vec::new(),
        Err(error) => Some(error.to_string()),
    };
    let what = format!("event log: erased, {used} % were in use ({entries} events)");
    let problem = failure.as_ref().map(|failure| format!("{what}: {failure}"));
    if let Some(outcome) = &mut survey.report.outcome {
        outcome.is_as_desired &= failure.is_none();
        outcome.changes.push(BmcChange { what, failure });
    }
    let unreported = report(&survey.report).err().map(|error| format!("{error:#}"));
    problem.into_iter().chain(unreported).collect()
}

fn not_erased(survey: &mut Survey, used: u8, cause: &str) -> Vec<String> {
    if let Some(outcome) = &mut survey.report.outcome {
        outcome.is_as_desired = false;
    }
    vec![format!("event log: {used} % in use, not erased, since {cause}")]
}

/// How much of the log is in use, in percent; `None` if the BMC does not report its size.
fn percent_used(sel: &BmcSel) -> Option<u8> {
    let used = u32::from(sel.entries) * EVENT;
    let size = used + u32::from(sel.free_bytes);
    (used * 100).checked_div(size).and_then(|percent| u8::try_from(percent).ok())
}

#[cfg(test)]
mod tests {
    use stage1_contract::BmcOutcome;

    use super::*;
    use crate::bmc::session::model::Model;

    /// A log of so many events, of which one can be no more.
    fn clear(limit: u8, free: u16, unreadable: bool) -> (usize, Vec<String>, BmcOutcome) {
        clear_with(limit, free, unreadable, &|_| Ok(()))
    }

    fn clear_with(
        limit: u8,
        free: u16,
        unreadable: bool,
        report: &dyn Fn(&BmcReport) -> Result<()>,
    ) -> (usize, Vec<String>, BmcOutcome) {
        let record = |id: u16| (id, [&id.to_le_bytes()[..], &[2], &[0; 13]].concat());
        let model = Model { sel_free: free, ..Model::linked((1..=9).map(record)) };
        let stops_after = unreadable.then_some(4);
        let (mut bmc, shared) = Model { stops_after, ..model }.bmc();
        let mut survey = Survey::default();
        survey.config.options.clear_sel_above = Some(limit);
        let sel = BmcSel { entries: 9, free_bytes: free, ..BmcSel::default() };
        survey.report.health.sel = Some(sel);
        survey.report.outcome = Some(BmcOutcome { is_as_desired: true, ..BmcOutcome::default() });
        let problems = clear_full_sel(&mut bmc, &mut survey, report);
        let left = shared.model().records.len();
        (left, problems, survey.report.outcome.unwrap())
    }

    #[test]
    fn a_log_that_is_nearly_full_is_erased() {
        let (left, problems, outcome) = clear(89, 16, false);
        assert_eq!((left, problems), (0, vec![]));
        assert_eq!(outcome.changes[0].what, "event log: erased, 90 % were in use (9 events)");
        assert!(outcome.is_as_desired);
    }

    #[test]
    fn a_log_with_space_or_that_cannot_be_read_stays() {
        assert_eq!(
            clear(90, 16, false),
            (9, vec![], BmcOutcome { is_as_desired: true, ..BmcOutcome::default() })
        );
        assert_eq!(clear(50, 0xffff, false).0, 9);
        let (left, problems, _) = clear(89, 16, true);
        assert_eq!(left, 9);
        assert!(problems[0].starts_with("event log: 90 % in use, not erased"), "{problems:?}");
    }

    #[test]
    fn a_log_that_is_not_reported_stays() {
        let (left, problems, _) = clear_with(89, 16, false, &|_| anyhow::bail!("no inventory"));
        assert_eq!(left, 9);
        assert_eq!(problems, ["event log: 90 % in use, not erased, since it is not reported: no inventory"]);
    }
}
