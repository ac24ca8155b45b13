// SPDX-License-Identifier: MIT OR Apache-2.0
//! Stages: one after the other, in parallel, and after one that they need.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Scope;

use anyhow::Result;
use stage1_contract::{EventKind, Outcome, Problem, StageName};

use super::{Cause, Failure, Run, Stopped};
use crate::host::Cancellation;
use crate::host::panic::OnPanic;

/// The stage that is running, as its own code sees it.
#[derive(Clone)]
pub struct StageContext {
    run: Run,
    name: StageName,
    index: usize,
}

/// A stage that runs in parallel with others, and what it returns.
pub struct StageHandle<T> {
    name: StageName,
    slot: Arc<Slot<T>>,
}

struct Slot<T> {
    /// `None` while the stage runs; then `Some(Ok(None))` once the result was taken.
    result: Mutex<Option<Result<Option<T>, Stopped>>>,
    ended: Condvar,
}

impl Run {
    /// Runs a stage to its end. An error of `work`, or a panic in it, ends the run; after a panic it does not return.
    ///
    /// # Errors
    /// [`Stopped`] if it failed, or the run has ended.
    pub fn stage<T>(
        &self,
        name: StageName,
        work: impl FnOnce(&StageContext) -> Result<T>,
    ) -> Result<T, Stopped> {
        self.cancellation().check().map_err(|_| Stopped)?;
        let index = self.begin(name.clone(), Outcome::Running, None);
        let stage = StageContext { run: self.clone(), name, index };
        let panicked = stage.clone();
        let _report = OnPanic::new(move |defect| panicked.fail(&defect.clone().into()));
        match work(&stage) {
            Ok(value) => {
                stage.end();
                Ok(value)
            }
            Err(error) => {
                stage.fail(&error);
                Err(Stopped)
            }
        }
    }

    /// Starts a stage that runs in parallel with those that follow.
    pub fn spawn<'scope, T: Send + 'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        name: StageName,
        work: impl FnOnce(&StageContext) -> Result<T> + Send + 'scope,
    ) -> StageHandle<T> {
        let (handle, slot) = StageHandle::new(&name);
        scope.spawn(move || slot.fill(self.stage(name, work)));
        handle
    }

    /// Starts a stage that begins when `needs` has ended, with its result. It is skipped if there is no result.
    pub fn spawn_after<'scope, D: Send + 'scope, T: Send + 'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        name: StageName,
        needs: StageHandle<D>,
        work: impl FnOnce(&StageContext, D) -> Result<T> + Send + 'scope,
    ) -> StageHandle<T> {
        let (handle, slot) = StageHandle::new(&name);
        scope.spawn(move || {
            let needed = needs.name.clone();
            slot.fill(match needs.join_or_cancelled(self.cancellation()) {
                Ok(value) => self.stage(name, |stage| work(stage, value)),
                Err(Stopped) => {
                    self.skip(name, &format!("needs {needed}"));
                    Err(Stopped)
                }
            });
        });
        handle
    }
}

impl StageContext {
    /// Records a short result of the stage.
    pub fn note(&self, note: impl Into<String>) {
        if let Some(stage) = self.run.state().timeline.stages.get_mut(self.index) {
            stage.note = Some(note.into());
        }
    }

    /// Reports progress of the stage to the console and to the inventory.
    pub fn progress(&self, message: &str) {
        log::info!("{}: {message}", self.name);
        self.run.send(&self.name, message);
    }

    /// Records a problem of this stage; it goes on.
    pub fn problem(&self, message: impl Into<String>) {
        self.run.problem(&self.name, message.into());
    }

    /// Records several problems of this stage.
    pub fn problems(&self, messages: impl IntoIterator<Item = String>) {
        messages.into_iter().for_each(|message| self.problem(message));
    }

    /// The token that every wait of this stage must check.
    pub fn cancellation(&self) -> &Cancellation {
        self.run.cancellation()
    }

    /// The first failure ends the run; what fails afterwards was ended with it.
    fn fail(&self, error: &anyhow::Error) {
        let failure = Failure::new(self.name.clone(), error);
        let message = format!("failed: {}", failure.message);
        let mut state = self.run.state();
        if state.cause.is_some() {
            drop(state);
            log::debug!("{}: {error:#}", self.name);
            return self.close(Outcome::Stopped, "stopped");
        }
        state.problems.push(Problem {
            stage: self.name.clone(),
            message: failure.message.clone(),
            advice: failure.advice.map(str::to_string),
        });
        state.cause = Some(Cause::Failed(failure));
        drop(state);
        self.close(Outcome::Failed, &message);
        self.run.cancellation().cancel();
    }

    fn end(&self) {
        let state = self.run.state();
        let has_problem = state.problems.iter().any(|problem| problem.stage == self.name);
        let note = state.timeline.stages.get(self.index).and_then(|stage| stage.note.clone());
        drop(state);
        let outcome = if has_problem { Outcome::Problem } else { Outcome::Done };
        self.close(outcome, note.as_deref().unwrap_or("done"));
    }

    fn close(&self, outcome: Outcome, message: &str) {
        let end_ms = self.run.now_ms();
        let mut state = self.run.state();
        if state.is_closed {
            return;
        }
        let Some(stage) = state.timeline.stages.get_mut(self.index) else { return };
        (stage.end_ms, stage.outcome) = (Some(end_ms), outcome);
        let took = end_ms.saturating_sub(stage.start_ms);
        drop(state);
        log::info!("{}: {message} ({took} ms)", self.name);
        self.run.send(&self.name, message);
        self.run.save(None);
    }
}

impl<T> StageHandle<T> {
    fn new(name: &StageName) -> (Self, Arc<Slot<T>>) {
        let slot = Arc::new(Slot { result: Mutex::new(None), ended: Condvar::new() });
        (Self { name: name.clone(), slot: slot.clone() }, slot)
    }

    /// Waits for the stage's end.
    ///
    /// # Errors
    /// [`Stopped`] if it failed, was skipped, or the run has ended.
    pub fn join(self) -> Result<T, Stopped> {
        let result = self.slot.lock();
        let result = self.slot.ended.wait_while(result, |result| result.is_none());
        let mut result = result.unwrap_or_else(PoisonError::into_inner);
        match &mut *result {
            Some(Ok(value)) => value.take().ok_or(Stopped),
            _ => Err(Stopped),
        }
    }

    /// The result so far; `None` while the stage runs, or if it has no result.
    pub fn peek<R>(&self, look: impl FnOnce(&T) -> R) -> Option<R> {
        match &*self.slot.lock() {
            Some(Ok(Some(value))) => Some(look(value)),
            _ => None,
        }
    }

    /// Whether the stage has ended.
    fn has_ended(&self) -> bool {
        self.slot.lock().is_some()
    }

    /// As [`StageHandle::join`], but it does not wait for a stage that goes on although the run has ended.
    fn join_or_cancelled(self, cancellation: &Cancellation) -> Result<T, Stopped> {
        while !self.has_ended() {
            let result = self.slot.lock();
            let poll = std::time::Duration::from_millis(20);
            drop(self.slot.ended.wait_timeout_while(result, poll, |result| result.is_none()));
            cancellation.check().map_err(|_| Stopped)?;
        }
        self.join()
    }
}

impl<T> Slot<T> {
    fn fill(&self, result: Result<T, Stopped>) {
        *self.lock() = Some(result.map(Some));
        self.ended.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Result<Option<T>, Stopped>>> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run {
    fn send(&self, stage: &StageName, message: &str) {
        let listener = self.state().listener.clone();
        if let Some(listener) = listener {
            let _ = listener.send(self.event(EventKind::Progress, stage, message));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use anyhow::bail;
    use stage1_contract::StageName::{Bmc, Facts, Identity, Lldp, Network};

    use super::*;
    use crate::host::Machine;
    use crate::run::status::Status;

    const LONG: Duration = Duration::from_secs(600);

    fn run() -> (tempfile::TempDir, Run) {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::at(dir.path());
        (dir, Run::new(&machine, Instant::now(), true))
    }

    fn outcomes(run: &Run) -> Vec<(StageName, Outcome)> {
        run.timeline().stages.into_iter().map(|stage| (stage.name, stage.outcome)).collect()
    }

    #[test]
    fn stages_keep_their_outcomes_and_notes() {
        let (_dir, run) = run();
        run.stage(Network, |stage| {
            stage.note("found it");
            Ok(())
        })
        .unwrap();
        run.stage(Facts, |stage| {
            stage.problem("half of it");
            Ok(())
        })
        .unwrap();
        run.skip(Lldp, "no need");
        assert_eq!(run.stage(Identity, |_| -> Result<()> { bail!("all of it") }), Err(Stopped));
        let expected = [
            (Network, Outcome::Done),
            (Facts, Outcome::Problem),
            (Lldp, Outcome::Skipped),
            (Identity, Outcome::Failed),
        ];
        assert_eq!(outcomes(&run), expected);
        assert_eq!(run.timeline().stages[0].note.as_deref(), Some("found it"));
        assert_eq!(run.problems().len(), 2);
        let cause = run.state().cause.clone().unwrap();
        assert_eq!(cause.to_string(), "failed: identity: all of it");
    }

    #[test]
    fn a_panic_is_a_failure_of_its_stage() {
        let (_dir, run) = run();
        let cause =
            run.supervise(|run| run.stage(Facts, |_| -> Result<()> { panic!("index out of bounds") }));
        let message = cause.unwrap_err().to_string();
        assert!(
            message.starts_with("failed: facts: internal error, please report it: index out of bounds ("),
            "{message}"
        );
        assert_eq!(outcomes(&run), [(Facts, Outcome::Failed)]);
        assert_eq!(run.problems().len(), 1);
    }

    #[test]
    fn stages_run_in_parallel() {
        let (_dir, run) = run();
        let (ping, pong) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let waiting = run.spawn(scope, Lldp, move |_| Ok(pong.recv()?));
            assert_eq!(waiting.peek(|value: &i32| *value), None);
            run.stage(Facts, |_| Ok(ping.send(7)?)).unwrap();
            assert_eq!(waiting.join().unwrap(), 7);
        });
    }

    #[test]
    fn a_stage_gets_the_value_of_the_one_it_needs_and_starts_after_it() {
        let (_dir, run) = run();
        std::thread::scope(|scope| {
            let network = run.spawn(scope, Network, |stage| {
                stage.cancellation().sleep(Duration::from_millis(60))?;
                Ok(20)
            });
            let after = run.spawn_after(scope, Lldp, network, |_, value| Ok(value + 1));
            assert_eq!(after.join().unwrap(), 21);
        });
        let stages = run.timeline().stages;
        assert!(stages[1].start_ms >= stages[0].end_ms.unwrap(), "{stages:?}");
    }

    #[test]
    fn the_first_failure_ends_all_that_waits_and_skips_what_needs_it() {
        let (_dir, run) = run();
        let begin = Instant::now();
        let (begins, began) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let network = run.spawn(scope, Network, move |stage| {
                begins.send(())?;
                Ok(stage.cancellation().sleep(LONG)?)
            });
            began.recv().unwrap();
            let _after = run.spawn_after(scope, Lldp, network, |_, ()| Ok(()));
            assert_eq!(run.stage(Identity, |_| -> Result<()> { bail!("none") }), Err(Stopped));
            assert_eq!(run.stage(Facts, |_| Ok(())), Err(Stopped), "nothing begins after the end");
        });
        assert!(begin.elapsed() < Duration::from_secs(60));
        let outcomes = outcomes(&run);
        assert!(outcomes.contains(&(Network, Outcome::Stopped)), "{outcomes:?}");
        assert!(outcomes.contains(&(Lldp, Outcome::Skipped)), "{outcomes:?}");
        assert!(outcomes.contains(&(Identity, Outcome::Failed)), "{outcomes:?}");
        assert_eq!(outcomes.len(), 3);
        let note = run.timeline().stages.into_iter().find(|stage| stage.name == Lldp).unwrap().note;
        assert_eq!(note.as_deref(), Some("needs network"));
        assert_eq!(run.problems().len(), 1, "what was stopped is no problem");
    }

    #[test]
    fn of_two_failures_at_once_one_is_the_cause() {
        for _ in 0..50 {
            let (_dir, run) = run();
            let barrier = std::sync::Barrier::new(2);
            let fail = |_: &StageContext| -> Result<()> {
                barrier.wait();
                bail!("no")
            };
            std::thread::scope(|scope| {
                let handles = [run.spawn(scope, Lldp, fail), run.spawn(scope, Network, fail)];
                assert!(handles.into_iter().all(|handle| handle.join().is_err()));
            });
            let failed = outcomes(&run).into_iter().filter(|(_, outcome)| *outcome == Outcome::Failed);
            assert_eq!((failed.count(), run.problems().len()), (1, 1));
        }
    }

    #[test]
    fn the_status_file_follows_the_run_and_a_plan_has_none() {
        let (dir, run) = run();
        run.stage(Bmc, |_| Ok(())).unwrap();
        run.save(Some("failed: one: no"));
        let status = Status::read(&Machine::at(dir.path())).unwrap().unwrap();
        assert_eq!(status.timeline, run.timeline());
        assert_eq!(status.end.as_deref(), Some("failed: one: no"));

        let dir = tempfile::tempdir().unwrap();
        let plan = Run::new(&Machine::at(dir.path()), Instant::now(), false);
        plan.stage(Bmc, |_| Ok(())).unwrap();
        plan.save(Some("done"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
