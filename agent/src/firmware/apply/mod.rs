// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware is flashed as planned: the acts of [`super::state`], one after the other, for real.

mod job;
pub mod progress;

use stage1_contract::Facts;
use stage1_contract::firmware::manifest::Activation;
use stage1_contract::firmware::{AttemptOutcome, FirmwareReport, Journal, ManifestSet};

use super::check::{self, Known, Look};
use super::plan::{Conditions, Plan, Verdict, plan};
use super::set::Believed;
use super::state::{Flashes, Next, State, Traits};
use crate::inventory::Transport;
use job::Job;

/// What flashing takes.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// The machine, and the inventory, which hears of every attempt before it is made.
    pub look: Look<'a>,
    /// How images are had.
    pub transport: &'a Transport,
    /// Hears how far it is.
    pub tell: &'a dyn Fn(String),
}

/// What became of it.
#[derive(Debug)]
pub struct Applied {
    /// For the inventory.
    pub report: FirmwareReport,
    /// What went wrong.
    pub problems: Vec<String>,
    /// The reset that activates what was written.
    pub reset: Option<Activation>,
    /// A port was away meanwhile, and may have lost its address.
    pub lost_link: bool,
    /// A component holds neither its old firmware nor the new one. The host must not be reset.
    pub broken: bool,
}

/// Flashes what is behind. Nothing is reset here.
pub fn apply(means: &Means, facts: &Facts, known: Known) -> Applied {
    let Known { set, journal: mut tried, conditions, .. } = known;
    let plan = plan(means.look.find(facts, &set.set), tried.as_ref(), &conditions);
    // Without a journal nothing is planned.
    let mut unknown = Journal::default();
    let journal = tried.as_mut().unwrap_or(&mut unknown);
    let mut flashes = Flashes::default();
    let mut jobs = jobs(means, &plan, (&set.set, &conditions.boot_id), &mut flashes);
    let reset = loop {
        match flashes.due() {
            Next::Act(index, state) => {
                let Some(job) = jobs.get_mut(index) else { break None };
                let event = job.act(&state, journal);
                flashes.told(index, event);
            }
            Next::Reset(by) => break Some(by),
            Next::Nothing => break None,
        }
    };
    let states: Vec<State> = flashes.states().cloned().collect();
    let is_broken = |state: &State| matches!(state, State::Over(Some(AttemptOutcome::Broken), _));
    let mut applied = Applied {
        report: again(means, &set, &conditions, journal),
        problems: Vec::new(),
        reset,
        lost_link: jobs.iter().any(Job::lost_link),
        broken: states.iter().any(is_broken),
    };
    jobs.iter().zip(states).for_each(|(job, state)| job.conclude(state, &mut applied));
    applied
}

/// A job for each component that something is to be done about.
fn jobs<'a>(
    means: &'a Means,
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
        jobs.push(Job::new(means, planned, set, boot_id));
    }
    jobs
}

/// The report afterwards, from what the machine tells now.
fn again(means: &Means, set: &Believed, conditions: &Conditions, journal: &Journal) -> FirmwareReport {
    let (facts, _) = check::facts(means.look.machine);
    let found = means.look.find(&facts, &set.set);
    check::report(&plan(found, Some(journal), conditions), set, conditions.now)
}
