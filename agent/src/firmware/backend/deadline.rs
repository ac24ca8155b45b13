// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writing that cannot be stopped, and is not waited for without end.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{Outcome, Progress};

/// The threads that still write.
static WRITING: Mutex<Vec<JoinHandle<()>>> = Mutex::new(Vec::new());

enum Event {
    Progress(Progress),
    Ended(Outcome),
}

/// Does `work` on a thread of its own, and tells what it tells. After `limit` it is left alone, and goes on.
pub fn within(
    limit: Duration,
    name: &str,
    work: impl FnOnce(&dyn Fn(Progress)) -> Outcome + Send + 'static,
    progress: &mut dyn FnMut(Progress),
) -> Outcome {
    let deadline = Instant::now() + limit;
    let (sender, events) = channel();
    let run = move || {
        let tell = |progress| drop(sender.send(Event::Progress(progress)));
        let outcome = work(&tell);
        let _ = sender.send(Event::Ended(outcome));
    };
    let writer = match thread::Builder::new().name(name.to_string()).spawn(run) {
        Ok(writer) => writer,
        Err(error) => return Outcome::Refused(format!("starting a thread: {error}")),
    };
    loop {
        match events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Event::Progress(told)) => progress(told),
            Ok(Event::Ended(outcome)) => return outcome,
            Err(RecvTimeoutError::Timeout) => {
                WRITING.lock().unwrap_or_else(PoisonError::into_inner).push(writer);
                return Outcome::Unfinished(format!(
                    "no end after {} s; it is still being written",
                    limit.as_secs()
                ));
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Outcome::Unknown("internal error, please report it (panic)".to_string());
            }
        }
    }
}

/// Waits until all that was left alone has been written. A process that ended before would break it off.
pub fn wait_for_writers() {
    let writing = std::mem::take(&mut *WRITING.lock().unwrap_or_else(PoisonError::into_inner));
    writing.into_iter().for_each(|writer| drop(writer.join()));
}

/// What only reads, or ends soon, but may hang in the kernel all the same.
///
/// # Errors
/// Those of `work`; after `limit` it is left alone.
pub fn limited<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (sender, answer) = channel();
    thread::Builder::new().spawn(move || sender.send(work())).context("starting a thread")?;
    answer.recv_timeout(limit).unwrap_or_else(|_| bail!("no end after {} s", limit.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_end_is_left_alone() {
        let (_never, wait) = channel::<()>();
        let mut told = Vec::new();
        let step = |done| Progress { phase: "writing".to_string(), done, total: 2 };
        let work = move |tell: &dyn Fn(Progress)| {
            tell(step(1));
            let _ = wait.recv();
            Outcome::Done
        };
        let outcome =
            within(Duration::from_millis(100), "test", work, &mut |progress| told.push(progress.done));
        assert!(matches!(outcome, Outcome::Unfinished(why) if why.contains("still being written")));
        assert_eq!(told, [1]);
        let panics = |_: &dyn Fn(Progress)| std::panic::resume_unwind(Box::new("test"));
        assert!(matches!(within(Duration::from_secs(60), "test", panics, &mut |_| ()), Outcome::Unknown(_)));
        assert_eq!(within(Duration::from_secs(60), "test", |_| Outcome::Done, &mut |_| ()), Outcome::Done);
    }
}
