// SPDX-License-Identifier: MIT OR Apache-2.0
//! Deadlines for work that cannot be stopped: a call into the kernel may hang, and a program that writes firmware is
//! never killed.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{Outcome, Progress};
use crate::host::critical_section::register_writer;
use crate::host::panic::OnPanic;
use crate::host::task::{NoResult, Task, timed_out};

enum Event {
    Progress(Progress),
    Ended(Outcome),
}

/// How many times the limit of a write is waited for its end.
const LIMITS: u32 = 10;
/// Interval between reminders that a write has passed its limit.
const REMINDER: Duration = Duration::from_secs(60);

/// Runs `work`, which writes firmware, on a thread of its own, and passes on its progress. After `limit` it is reported to
/// be still writing, and waited for all the same. After ten times the limit the outcome is [`Outcome::Unfinished`], and the
/// thread keeps running.
pub(crate) fn within(
    limit: Duration,
    name: &str,
    work: impl FnOnce(&dyn Fn(Progress)) -> Outcome + Send + 'static,
    progress: &mut dyn FnMut(Progress),
) -> Outcome {
    let began = Instant::now();
    let (mut reminder, end) = (began + limit, began + limit * LIMITS);
    let (sender, events) = channel();
    let run = move || {
        let panicked = sender.clone();
        let _report = OnPanic::new(move |defect| {
            let _ = panicked.send(Event::Ended(Outcome::Unknown(defect.to_string())));
        });
        let report = |progress| drop(sender.send(Event::Progress(progress)));
        let outcome = work(&report);
        let _ = sender.send(Event::Ended(outcome));
    };
    match Task::start(name, run) {
        // If this thread panics, or gives up, the process still waits for it.
        Ok(writer) => register_writer(writer),
        Err(error) => return Outcome::Refused(format!("starting a thread: {error}")),
    }
    loop {
        match events.recv_timeout(reminder.min(end).saturating_duration_since(Instant::now())) {
            Ok(Event::Progress(step)) => progress(step),
            Ok(Event::Ended(outcome)) => return outcome,
            Err(RecvTimeoutError::Timeout) if Instant::now() >= end => {
                return Outcome::Unfinished(format!("{}; it is still writing", timed_out(limit * LIMITS)));
            }
            Err(RecvTimeoutError::Timeout) => {
                let phase = format!(
                    "still writing after {} s, its limit is {} s",
                    began.elapsed().as_secs(),
                    limit.as_secs_f64()
                );
                progress(Progress { phase, done: 0, total: 0 });
                reminder = Instant::now() + REMINDER;
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Outcome::Unknown("internal error, please report it: no outcome".to_string());
            }
        }
    }
}

/// Runs `work`, which writes nothing but may hang in the kernel, on a thread of its own.
///
/// # Errors
/// Those of `work`, and a timeout after `limit`; the thread then keeps running.
pub(crate) fn limited<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match Task::start("firmware", work).context("starting a thread")?.wait(limit) {
        Ok(result) => result,
        Err(NoResult::TimedOut) => bail!(timed_out(limit)),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_does_not_end_is_unfinished_at_its_deadline() {
        let (_never, wait) = channel::<()>();
        let mut reported = Vec::new();
        let step = |done| Progress { phase: "writing".to_string(), done, total: 2 };
        let work = move |report: &dyn Fn(Progress)| {
            report(step(1));
            let _ = wait.recv();
            Outcome::Done
        };
        let outcome =
            within(Duration::from_millis(20), "test", work, &mut |progress| reported.push(progress.phase));
        assert!(
            matches!(outcome, Outcome::Unfinished(why) if why == "timed out after 0.2 s; it is still writing")
        );
        assert_eq!(reported, ["writing", "still writing after 0 s, its limit is 0.02 s"]);
        let slow = |_: &dyn Fn(Progress)| {
            std::thread::sleep(Duration::from_millis(50));
            Outcome::Done
        };
        assert_eq!(within(Duration::from_millis(10), "test", slow, &mut |_| ()), Outcome::Done);
        let panics = |_: &dyn Fn(Progress)| panic!("test");
        assert!(matches!(within(Duration::from_secs(60), "test", panics, &mut |_| ()), Outcome::Unknown(_)));
        assert_eq!(within(Duration::from_secs(60), "test", |_| Outcome::Done, &mut |_| ()), Outcome::Done);
    }
}
