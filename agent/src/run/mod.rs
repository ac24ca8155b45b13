// SPDX-License-Identifier: MIT OR Apache-2.0
//! One run of the agent: its stages with their times, its problems, and its end: the first failure, a signal, or the
//! end of the pipeline.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

pub mod advice;
mod failure;
pub mod report;
mod stage;
pub mod status;
mod supervise;

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use stage1_contract::{Event, EventKind, Identity, Outcome, Problem, Stage, StageName, Timeline, VERSION};

use crate::host::{Cancellation, Machine};

pub use failure::{Cause, Failure, NotAssigned, Stopped};
pub use stage::{StageContext, StageHandle};

/// A run. Clones are of the same run. Stages may run in parallel; what they record is kept in the order they started.
#[derive(Clone)]
pub struct Run(Arc<Inner>);

struct Inner {
    machine: Machine,
    started: Instant,
    boot_id: String,
    recorded: bool,
    cancellation: Cancellation,
    identity: OnceLock<Identity>,
    state: Mutex<State>,
    /// One writes the status at a time, so that the newest is what stays.
    saving: Mutex<()>,
}

#[derive(Default)]
struct State {
    timeline: Timeline,
    problems: Vec<Problem>,
    listener: Option<Sender<Event>>,
    /// Why the run ended early.
    cause: Option<Cause>,
    /// Whether the run has ended: what a remaining thread records then is dropped.
    is_closed: bool,
}

impl Run {
    /// Starts a run whose clock began at `started`. With `recorded`, `stage1 status` shows it.
    pub fn new(machine: &Machine, started: Instant, recorded: bool) -> Self {
        let uptime = machine.attribute("/proc/uptime").and_then(|text| text.split(' ').next()?.parse().ok());
        let uptime_ms = uptime.map_or(0, |seconds: f64| (seconds * 1000.0) as u64);
        let run = Self(Arc::new(Inner {
            machine: machine.clone(),
            started,
            boot_id: machine.boot_id().unwrap_or_default(),
            recorded,
            cancellation: Cancellation::default(),
            identity: OnceLock::new(),
            state: Mutex::default(),
            saving: Mutex::default(),
        }));
        run.state().timeline.agent_started_ms = uptime_ms.saturating_sub(run.now_ms());
        run
    }

    /// Ends the run, unless it has ended: every wait of every stage ends.
    pub fn stop(&self, cause: Cause) {
        self.state().cause.get_or_insert(cause);
        self.0.cancellation.cancel();
    }

    /// What ends with the run.
    pub fn cancellation(&self) -> &Cancellation {
        &self.0.cancellation
    }

    /// Records a stage that does not run, and why.
    pub fn skip(&self, name: StageName, why: &str) {
        log::info!("{name}: skipped: {why}");
        self.begin(name, Outcome::Skipped, Some(why));
        self.save(None);
    }

    /// Records the host's identity.
    pub fn identify(&self, identity: &Identity) {
        let _ = self.0.identity.set(identity.clone());
    }

    /// The host's identity, once it is known.
    pub fn identity(&self) -> Option<&Identity> {
        self.0.identity.get()
    }

    /// Records a problem; the run goes on.
    pub fn problem(&self, stage: &StageName, message: String) {
        let mut state = self.state();
        if state.is_closed {
            return;
        }
        let advice = Some(advice::of_stage(stage).advice().to_string());
        state.problems.push(Problem { stage: stage.clone(), message: message.clone(), advice });
        drop(state);
        log::warn!("{stage}: {message}");
    }

    /// The stages so far.
    pub fn timeline(&self) -> Timeline {
        self.state().timeline.clone()
    }

    /// The problems so far.
    pub fn problems(&self) -> Vec<Problem> {
        self.state().problems.clone()
    }

    /// UUID of this boot, from the kernel.
    pub fn boot_id(&self) -> &str {
        &self.0.boot_id
    }

    /// From now on `listener` gets an event for every stage that ends.
    pub fn send_events_to(&self, listener: Sender<Event>) {
        self.state().listener = Some(listener);
    }

    /// An event of this run, now.
    pub fn event(&self, kind: EventKind, stage: &StageName, message: &str) -> Event {
        let problems = if kind == EventKind::Failed { self.problems() } else { Vec::new() };
        Event {
            version: VERSION,
            boot_id: self.0.boot_id.clone(),
            at_ms: self.now_ms(),
            kind,
            stage: stage.clone(),
            message: message.to_string(),
            problems,
        }
    }

    /// The run as `stage1 status` shows it; `end` is how it ended, once it has.
    pub fn status(&self, end: Option<&str>) -> status::Status {
        status::Status {
            boot_id: self.0.boot_id.clone(),
            id: self.identity().map(|identity| identity.id.clone()),
            end: end.map(str::to_string),
            problems: self.problems(),
            timeline: self.timeline(),
        }
    }

    /// Writes what `stage1 status` shows, if the run is recorded.
    pub fn save(&self, end: Option<&str>) {
        let _turn = self.0.saving.lock().unwrap_or_else(PoisonError::into_inner);
        if self.0.recorded
            && let Err(error) = self.status(end).write(&self.0.machine)
        {
            log::debug!("{error:#}");
        }
    }

    fn begin(&self, name: StageName, outcome: Outcome, note: Option<&str>) -> usize {
        let start_ms = self.now_ms();
        let end_ms = (outcome != Outcome::Running).then_some(start_ms);
        let note = note.map(str::to_string);
        let mut state = self.state();
        let index = state.timeline.stages.len();
        if !state.is_closed {
            state.timeline.stages.push(Stage { name, start_ms, end_ms, outcome, note });
        }
        index
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.0.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A poisoned lock is safe to use: every change of the state is a single push or assignment.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
