// SPDX-License-Identifier: MIT OR Apache-2.0
//! One run of the agent: its stages with their times, its problems, and how others hear of them.

pub mod report;
pub mod status;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Instant;

use anyhow::Result;
use stage1_contract::{Event, EventKind, Identity, Outcome, Problem, Stage, Timeline, VERSION};

use crate::host::Machine;

/// A run. Stages may run side by side; what they record is kept in the order they started.
pub struct Run {
    machine: Machine,
    started: Instant,
    boot_id: String,
    identity: OnceLock<Identity>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    timeline: Timeline,
    problems: Vec<Problem>,
    listener: Option<Sender<Event>>,
}

/// Why a run ended before its aim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The stage that failed.
    pub stage: String,
    /// What failed, naming the object.
    pub message: String,
}

/// The stage that is running, as its own code sees it.
pub struct StageContext<'a> {
    run: &'a Run,
    name: &'static str,
    index: usize,
}

/// A stage that runs beside the others.
pub struct StageHandle<'scope, T>(&'static str, ScopedJoinHandle<'scope, Result<T, Failure>>);

impl Run {
    /// Starts a run whose clock began at `started`.
    pub fn new(machine: &Machine, started: Instant) -> Self {
        let uptime = machine.attribute("/proc/uptime").and_then(|text| text.split(' ').next()?.parse().ok());
        let uptime_ms = uptime.map_or(0, |seconds: f64| (seconds * 1000.0) as u64);
        let run = Self {
            machine: machine.clone(),
            started,
            boot_id: machine.boot_id().unwrap_or_default(),
            identity: OnceLock::new(),
            state: Mutex::default(),
        };
        run.state().timeline.agent_started_ms = uptime_ms.saturating_sub(run.now_ms());
        run
    }

    /// Runs a stage to its end. A panic in it is a failure like any other.
    ///
    /// # Errors
    /// What `work` returns, with the stage's name.
    pub fn stage<T>(
        &self,
        name: &'static str,
        work: impl FnOnce(&StageContext) -> Result<T>,
    ) -> Result<T, Failure> {
        let current = StageContext { run: self, name, index: self.begin(name, Outcome::Running, None) };
        let result = catch_unwind(AssertUnwindSafe(|| work(&current))).unwrap_or_else(|panic| {
            Err(anyhow::anyhow!("internal error, please report it: {}", words_of(&*panic)))
        });
        let failure =
            result.map_err(|error| Failure { stage: name.to_string(), message: format!("{error:#}") });
        self.end(&current, failure.as_ref().err());
        failure
    }

    /// Starts a stage that runs beside those that follow.
    pub fn spawn<'scope, T: Send + 'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        name: &'static str,
        work: impl FnOnce(&StageContext) -> Result<T> + Send + 'scope,
    ) -> StageHandle<'scope, T> {
        StageHandle(name, scope.spawn(move || self.stage(name, work)))
    }

    /// Records a stage that does not run, and why.
    pub fn skip(&self, name: &'static str, why: &str) {
        self.begin(name, Outcome::Skipped, Some(why));
        log::info!("{name}: skipped: {why}");
        self.save(None);
    }

    /// Records who the host is.
    pub fn identify(&self, identity: &Identity) {
        let _ = self.identity.set(identity.clone());
    }

    /// Who the host is, once that is known.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.get()
    }

    /// Records a problem; the run goes on.
    pub fn problem(&self, stage: &str, message: String) {
        log::warn!("{stage}: {message}");
        self.state().problems.push(Problem { stage: stage.to_string(), message, advice: None });
    }

    /// The stages so far.
    pub fn timeline(&self) -> Timeline {
        self.state().timeline.clone()
    }

    /// The problems so far.
    pub fn problems(&self) -> Vec<Problem> {
        self.state().problems.clone()
    }

    /// The kernel's id of this boot.
    pub fn boot_id(&self) -> &str {
        &self.boot_id
    }

    /// From now on, every stage that ends is told to `listener`.
    pub fn tell(&self, listener: Sender<Event>) {
        self.state().listener = Some(listener);
    }

    /// An event of this run, now.
    pub fn event(&self, kind: EventKind, stage: &str, message: &str) -> Event {
        let problems = if kind == EventKind::Failed { self.problems() } else { Vec::new() };
        Event {
            version: VERSION,
            boot_id: self.boot_id.clone(),
            at_ms: self.now_ms(),
            kind,
            stage: stage.to_string(),
            message: message.to_string(),
            problems,
        }
    }

    /// Writes what `stage1 status` shows; `end` is how the run ended, once it has.
    pub fn save(&self, end: Option<&str>) {
        let status = status::Status {
            boot_id: self.boot_id.clone(),
            id: self.identity().map(|identity| identity.id.clone()),
            end: end.map(str::to_string),
            problems: self.problems(),
            timeline: self.timeline(),
        };
        if let Err(error) = status.write(&self.machine) {
            log::debug!("{error:#}");
        }
    }

    fn begin(&self, name: &'static str, outcome: Outcome, note: Option<&str>) -> usize {
        let start_ms = self.now_ms();
        let end_ms = (outcome != Outcome::Running).then_some(start_ms);
        let note = note.map(str::to_string);
        let stages = &mut self.state().timeline.stages;
        stages.push(Stage { name: name.to_string(), start_ms, end_ms, outcome, note });
        stages.len() - 1
    }

    fn end(&self, current: &StageContext, failure: Option<&Failure>) {
        let end_ms = self.now_ms();
        let mut state = self.state();
        if let Some(failure) = failure {
            let problem =
                Problem { stage: failure.stage.clone(), message: failure.message.clone(), advice: None };
            state.problems.push(problem);
        }
        let troubled = state.problems.iter().any(|problem| problem.stage == current.name);
        let listener = state.listener.clone();
        let Some(stage) = state.timeline.stages.get_mut(current.index) else { return };
        stage.end_ms = Some(end_ms);
        stage.outcome = match failure {
            Some(_) => Outcome::Failed,
            None if troubled => Outcome::Problem,
            None => Outcome::Done,
        };
        let took = end_ms.saturating_sub(stage.start_ms);
        let words = match failure {
            Some(failure) => format!("failed: {}", failure.message),
            None => stage.note.clone().unwrap_or_else(|| "done".to_string()),
        };
        drop(state);
        log::info!("{}: {words} ({took} ms)", current.name);
        if let Some(listener) = listener {
            let _ = listener.send(self.event(EventKind::Progress, current.name, &words));
        }
        self.save(None);
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A stage that panicked has not left the state half-written: every change is one push or one assignment.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StageContext<'_> {
    /// Says in a few words what the stage found or did.
    pub fn note(&self, words: impl Into<String>) {
        if let Some(stage) = self.run.state().timeline.stages.get_mut(self.index) {
            stage.note = Some(words.into());
        }
    }

    /// Says how far the stage is, to the console and to whoever listens.
    pub fn progress(&self, words: &str) {
        log::info!("{}: {words}", self.name);
        let listener = self.run.state().listener.clone();
        if let Some(listener) = listener {
            let _ = listener.send(self.run.event(EventKind::Progress, self.name, words));
        }
    }

    /// Records a problem of this stage; it goes on.
    pub fn problem(&self, message: impl Into<String>) {
        self.run.problem(self.name, message.into());
    }
}

impl<T> StageHandle<'_, T> {
    /// Whether the stage has ended.
    pub fn has_ended(&self) -> bool {
        self.1.is_finished()
    }

    /// Waits for the stage's end.
    ///
    /// # Errors
    /// The stage's failure.
    pub fn join(self) -> Result<T, Failure> {
        let Self(name, handle) = self;
        handle
            .join()
            .unwrap_or_else(|panic| Err(Failure { stage: name.to_string(), message: words_of(&*panic) }))
    }
}

/// Waits for the end of all of them, and fails as the first that failed.
///
/// # Errors
/// That stage's failure.
pub fn join(stages: Vec<StageHandle<'_, ()>>) -> Result<(), Failure> {
    stages.into_iter().map(StageHandle::join).fold(Ok(()), Result::and)
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}: {}", self.stage, self.message)
    }
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    fn run() -> (tempfile::TempDir, Run) {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::at(dir.path());
        (dir, Run::new(&machine, Instant::now()))
    }

    #[test]
    fn stages_keep_their_outcomes_and_notes() {
        let (_dir, run) = run();
        run.stage("one", |stage| {
            stage.note("found it");
            Ok(())
        })
        .unwrap();
        run.stage("two", |stage| {
            stage.problem("half of it");
            Ok(())
        })
        .unwrap();
        let failure = run.stage("three", |_| -> Result<()> { bail!("all of it") }).unwrap_err();
        assert_eq!(failure.to_string(), "three: all of it");
        run.skip("four", "no need");
        let outcomes: Vec<Outcome> = run.timeline().stages.into_iter().map(|stage| stage.outcome).collect();
        assert_eq!(outcomes, [Outcome::Done, Outcome::Problem, Outcome::Failed, Outcome::Skipped]);
        assert_eq!(run.problems().len(), 2);
    }

    #[test]
    fn a_panic_is_a_failure_of_its_stage() {
        let (_dir, run) = run();
        let failure = run.stage("bad", |_| -> Result<()> { panic!("index out of bounds") }).unwrap_err();
        assert!(failure.message.ends_with("please report it: index out of bounds"));
        assert_eq!(run.timeline().stages[0].outcome, Outcome::Failed);
    }

    #[test]
    fn stages_run_side_by_side() {
        let (_dir, run) = run();
        let (ping, pong) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let waiting = run.spawn(scope, "waits", move |_| Ok(pong.recv()?));
            run.stage("acts", |_| Ok(ping.send(7)?)).unwrap();
            assert_eq!(waiting.join().unwrap(), 7);
        });
    }

    #[test]
    fn the_status_file_follows_the_run() {
        let (dir, run) = run();
        run.stage("one", |_| Ok(())).unwrap();
        run.save(Some("failed: one: no"));
        let status = status::Status::read(&Machine::at(dir.path())).unwrap().unwrap();
        assert_eq!(status.timeline, run.timeline());
        assert_eq!(status.end.as_deref(), Some("failed: one: no"));
    }
}
