// SPDX-License-Identifier: MIT OR Apache-2.0
//! Flashing by a plan: carries out the acts of [`crate::firmware::state`], one after the other.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use stage1_contract::Facts;
use stage1_contract::firmware::manifest::Activation;
use stage1_contract::firmware::{AttemptOutcome, FirmwareReport, Journal, ManifestSet};

use super::job::Job;
use crate::firmware::check::{self, CheckContext, CheckResult};
use crate::firmware::plan::{Conditions, Plan, Verdict, plan};
use crate::firmware::set::VerifiedManifest;
use crate::firmware::state::{Flashes, Next, State, Traits};
use crate::host::{Cancellation, critical_section};
use crate::inventory::Transport;

/// What flashing runs on.
#[derive(Clone, Copy)]
pub(crate) struct ApplyContext<'a> {
    /// The machine, and the inventory, where every attempt is recorded before it is made.
    pub check: CheckContext<'a>,
    /// Downloads the images.
    pub transport: &'a Transport,
    /// Called with each progress message.
    pub progress: &'a dyn Fn(String),
    /// Ends the flashing before the next component; what is being written is finished.
    pub cancellation: &'a Cancellation,
}

/// The result of flashing.
#[derive(Debug)]
pub(crate) struct Applied {
    /// For the inventory.
    pub report: FirmwareReport,
    /// What failed.
    pub problems: Vec<String>,
    /// The reset that activates what was written.
    pub reset: Option<Activation>,
    /// Whether a port lost its link meanwhile, and possibly its address.
    pub lost_link: bool,
    /// Whether a component holds neither its old firmware nor the new one. The host must not be reset then.
    pub broken: bool,
}

impl Applied {
    fn not_done(report: FirmwareReport, problem: String) -> Self {
        Self { report, problems: vec![problem], reset: None, lost_link: false, broken: false }
    }
}

/// Flashes what is outdated. The reset, if one is needed, is up to the caller.
pub(crate) fn apply(context: &ApplyContext, facts: &Facts, checked: CheckResult) -> Applied {
    let CheckResult { set, journal: mut attempts, conditions, .. } = checked;
    let _turn = match critical_section::Turn::take(context.check.machine) {
        Ok(turn) => turn,
        Err(error) => {
            let report = report_afterwards(context, &set, &conditions, &attempts.unwrap_or_default());
            return Applied::not_done(report, format!("{error:#}"));
        }
    };
    let plan = plan(context.check.find(facts, &set.set), attempts.as_ref(), &conditions);
    // Without a journal nothing is planned.
    let mut empty = Journal::default();
    let journal = attempts.as_mut().unwrap_or(&mut empty);
    let mut flashes = Flashes::default();
    let mut jobs = jobs(context, &plan, (&set.set, &conditions.boot_id), &mut flashes);
    let reset = loop {
        if context.cancellation.is_cancelled() && !jobs.iter().any(Job::is_armed) {
            break None;
        }
        match flashes.due() {
            Next::Act(index, state) => {
                let Some(job) = jobs.get_mut(index) else { break None };
                let event = job.act(&state, journal);
                flashes.advance(index, event);
            }
            Next::Reset(by) => break Some(by),
            Next::Nothing => break None,
        }
    };
    let states: Vec<State> = flashes.states().cloned().collect();
    let is_broken = |state: &State| matches!(state, State::Over(Some(AttemptOutcome::Broken), _));
    let mut applied = Applied {
        report: report_afterwards(context, &set, &conditions, journal),
        problems: Vec::new(),
        reset,
        lost_link: jobs.iter().any(Job::lost_link),
        broken: states.iter().any(is_broken),
    };
    jobs.iter().zip(states).for_each(|(job, state)| job.conclude(state, &mut applied));
    applied
}

/// A job for each component that is to be flashed or activated.
fn jobs<'a>(
    context: &'a ApplyContext,
    plan: &'a Plan,
    (set, boot_id): (&'a ManifestSet, &'a str),
    flashes: &mut Flashes,
) -> Vec<Job<'a>> {
    let mut jobs = Vec::new();
    for planned in &plan.components {
        let (recorded, stored) = match &planned.verdict {
            Verdict::Update(_) => (false, false),
            Verdict::PendingActivation { recorded, .. } => (*recorded, true),
            Verdict::Current(_) | Verdict::Refused(_) | Verdict::Exhausted(_) => continue,
        };
        flashes.add(Traits::of(planned.matched.entry, recorded), stored);
        jobs.push(Job::new(context, planned, set, boot_id));
    }
    jobs
}

/// The report after flashing, from the versions that the machine reports now.
fn report_afterwards(
    context: &ApplyContext,
    set: &VerifiedManifest,
    conditions: &Conditions,
    journal: &Journal,
) -> FirmwareReport {
    let (facts, _) = check::facts(context.check.machine);
    let found = context.check.find(&facts, &set.set);
    check::report(&plan(found, Some(journal), conditions), set, conditions.now)
}
