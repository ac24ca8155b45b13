// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waits for a pipeline until its end, the first failure or a signal. A hung stage does not delay the end of a failed
//! run.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::time::Duration;

use stage1_contract::{Outcome, StageName};

use super::advice::Reason;
use super::{Cause, Failure, Run, Stopped};
use crate::host::task::{NoResult, Task};
use crate::host::{critical_section, panic};

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
        let task = Task::start("pipeline", move || pipeline(&run));
        let task = task.map_err(|error| internal(format!("starting a thread: {error}")))?;
        let result = self.wait_for(&task);
        self.close();
        match (result, self.state().cause.clone()) {
            (_, Some(cause)) => Err(cause),
            (Some(Ok(value)), None) => Ok(value),
            (Some(Err(Stopped)) | None, None) => Err(internal(
                "internal error, please report it: the pipeline stopped without a cause".to_string(),
            )),
        }
    }

    fn wait_for<T: Send + 'static>(&self, task: &Task<T>) -> Option<T> {
        while !self.cancellation().is_cancelled() {
            match task.wait(POLL) {
                Ok(result) => return Some(result),
                Err(NoResult::TimedOut) => {}
                Err(error) => self.stop(internal(error.to_string())),
            }
            if let Some(defect) = panic::lost() {
                self.stop(internal(defect.to_string()));
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
    let advice = Some(Reason::Internal.advice());
    Cause::Failed(Failure { stage: StageName::Unknown("run".to_string()), message, advice })
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
    use crate::host::task::detach;

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

    /// In a process of its own, because it ends every run of its process.
    #[test]
    fn a_thread_that_nobody_waits_for_ends_the_run_if_it_panics() {
        const NAME: &str = "run::supervise::tests::a_thread_that_nobody_waits_for_ends_the_run_if_it_panics";
        const INNER: &str = "STAGE1_TEST_INNER";
        if std::env::var_os(INNER).is_none() {
            let program = std::env::current_exe().unwrap();
            let mut inner = std::process::Command::new(program);
            let output = inner.args(["--exact", NAME]).env(INNER, "1").output().unwrap();
            let stdout = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}");
            return;
        }
        let (_dir, run) = run();
        let cause = run.supervise(|run| {
            run.stage(Network, |stage| {
                detach("network", || panic!("no such port"));
                Ok(stage.cancellation().sleep(Duration::from_secs(600))?)
            })
        });
        let message = cause.unwrap_err().to_string();
        assert!(
            message.starts_with("failed: run: internal error, please report it: no such port ("),
            "{message}"
        );
    }

    #[test]
    fn a_pipeline_that_panics_is_an_internal_error() {
        let (_dir, run) = run();
        let cause: Result<(), Cause> = run.supervise(|_| panic!("no such field"));
        let message = cause.unwrap_err().to_string();
        assert!(
            message.starts_with("failed: run: internal error, please report it: no such field ("),
            "{message}"
        );
    }
}
