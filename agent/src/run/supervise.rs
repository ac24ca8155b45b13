// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waits for a pipeline until its end, the first failure or a signal. A hung stage does not delay the end of a failed
//! run.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use stage1_contract::{Outcome, StageName};

use super::stage::panic_message;
use super::{Cause, Failure, Run, Stopped};
use crate::host::critical_section;
use crate::host::task::{NoResult, Task};

/// Time limit for stages to end once the run has ended.
const GRACE: Duration = Duration::from_millis(200);
/// Interval between checks whether the run has ended.
const POLL: Duration = Duration::from_millis(10);

impl Run {
    /// Runs a pipeline on a thread of its own. When a stage fails or a signal comes, its stages have 200 ms to end;
    /// those that do not are left to the end of the process, and what they still record is dropped. Firmware that is
    /// being written is waited for.
    ///
    /// # Errors
    /// Why the run ended before the pipeline did.
    pub fn supervise<T: Send + 'static>(
        &self,
        pipeline: impl FnOnce(&Self) -> Result<T, Stopped> + Send + 'static,
    ) -> Result<T, Cause> {
        let run = self.clone();
        let work =
            move || catch_unwind(AssertUnwindSafe(|| pipeline(&run))).map_err(|panic| panic_message(&*panic));
        let task =
            Task::start("pipeline", work).map_err(|error| internal(format!("starting a thread: {error}")))?;
        let result = self.wait_for(&task);
        self.close();
        match (result, self.state().cause.clone()) {
            (_, Some(cause)) => Err(cause),
            (Some(Ok(Ok(value))), None) => Ok(value),
            (Some(Ok(Err(Stopped))) | None, None) => {
                Err(internal("the pipeline stopped without a cause".to_string()))
            }
            (Some(Err(panic)), None) => Err(internal(panic)),
        }
    }

    fn wait_for<T: Send + 'static>(&self, task: &Task<T>) -> Option<T> {
        while !self.cancellation().is_cancelled() {
            match task.wait(POLL) {
                Ok(result) => return Some(result),
                Err(NoResult::TimedOut) => {}
                Err(NoResult::Panicked) => return None,
            }
        }
        let result = task.wait(GRACE).ok();
        if critical_section::is_armed(&self.0.machine) {
            log::warn!("firmware is being written: the run ends when that is finished");
            critical_section::wait_until_disarmed(&self.0.machine);
            log::warn!("firmware has been written: the run ends");
            return result.or_else(|| task.wait(GRACE).ok());
        }
        result
    }

    /// Records nothing any more.
    fn close(&self) {
        let now = self.now_ms();
        let mut state = self.state();
        for stage in &mut state.timeline.stages {
            if stage.outcome == Outcome::Running {
                (stage.end_ms, stage.outcome) = (Some(now), Outcome::Stopped);
            }
        }
        state.is_closed = true;
    }
}

fn internal(message: String) -> Cause {
    let message = format!("internal error, please report it: {message}");
    Cause::Failed(Failure { stage: StageName::Unknown("run".to_string()), message, advice: None })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Instant;

    use anyhow::{Result, bail};
    use nix::sys::signal::Signal;
    use stage1_contract::StageName::{Facts, Identity, Network};

    use super::*;
    use crate::host::Machine;

    fn run() -> (tempfile::TempDir, Run) {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::at(dir.path());
        (dir, Run::new(&machine, Instant::now(), false))
    }

    #[test]
    fn a_pipeline_that_ends_is_what_it_returns() {
        let (_dir, run) = run();
        let value = run.supervise(|run| run.stage(Facts, |_| Ok(3)));
        assert_eq!(value, Ok(3));
    }

    /// The stage hangs where no token reaches it, as one does in the kernel.
    #[test]
    fn a_failure_is_returned_although_a_stage_hangs() {
        let (_dir, run) = run();
        let (_never, hang) = channel::<()>();
        let begin = Instant::now();
        let cause = run.supervise(move |run| {
            thread::scope(|scope| {
                let (begins, began) = channel();
                let _network = run.spawn(scope, Network, move |_| {
                    begins.send(())?;
                    Ok(hang.recv()?)
                });
                began.recv().unwrap();
                run.stage(Identity, |_| -> Result<()> { bail!("cannot derive it") })
            })
        });
        assert_eq!(cause.unwrap_err().to_string(), "failed: identity: cannot derive it");
        assert!(begin.elapsed() < Duration::from_secs(30));
        let stages = run.timeline().stages;
        let network = stages.iter().find(|stage| stage.name == Network).unwrap();
        assert_eq!((&network.outcome, network.end_ms.is_some()), (&Outcome::Stopped, true));
    }

    #[test]
    fn a_signal_ends_a_run() {
        let (_dir, run) = run();
        let stopped = run.clone();
        let (started, has_started) = channel();
        let signals = thread::spawn(move || {
            has_started.recv().unwrap();
            stopped.stop(Cause::Signal(Signal::SIGTERM));
        });
        let cause = run.supervise(move |run| {
            run.stage(Network, |stage| {
                started.send(())?;
                Ok(stage.cancellation().sleep(Duration::from_secs(600))?)
            })
        });
        signals.join().unwrap();
        assert_eq!(cause, Err(Cause::Signal(Signal::SIGTERM)));
    }

    #[test]
    fn a_pipeline_that_panics_is_an_internal_error() {
        let (_dir, run) = run();
        let cause: Result<(), Cause> =
            run.supervise(|_| std::panic::resume_unwind(Box::new("no such field")));
        assert!(cause.unwrap_err().to_string().ends_with("please report it: no such field"));
    }
}
