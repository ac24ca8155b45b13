// SPDX-License-Identifier: MIT OR Apache-2.0
//! Work on a thread of its own. What hangs in the kernel cannot be stopped, only be left behind at a deadline.

use std::any::Any;
use std::io;
use std::marker::PhantomData;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use thiserror::Error;

/// Work that runs on a thread of its own. Dropping it detaches the thread.
pub(crate) struct Task<T> {
    result: Receiver<Box<dyn Any + Send>>,
    kind: PhantomData<fn() -> T>,
}

/// Why there is no result.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum NoResult {
    #[error("timed out")]
    TimedOut,
    #[error("internal error, please report it (panic)")]
    Panicked,
}

impl<T: Send + 'static> Task<T> {
    /// Starts the work on a thread of this name.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub(crate) fn start(name: &str, work: impl FnOnce() -> T + Send + 'static) -> io::Result<Self> {
        // The result is boxed, so that the program has one kind of channel and not one for each type of result.
        let (sender, result) = channel::<Box<dyn Any + Send>>();
        spawn(name, move || drop(sender.send(Box::new(work()))))?;
        Ok(Self { result, kind: PhantomData })
    }

    /// Waits for the result, which is given once.
    ///
    /// # Errors
    /// If there is none after `limit`, or the work panicked.
    pub(crate) fn wait(&self, limit: Duration) -> Result<T, NoResult> {
        let result = self.result.recv_timeout(limit).map_err(|error| match error {
            RecvTimeoutError::Timeout => NoResult::TimedOut,
            RecvTimeoutError::Disconnected => NoResult::Panicked,
        })?;
        result.downcast().map(|result| *result).map_err(|_| NoResult::Panicked)
    }
}

/// `timed out after 0.5 s`.
pub(crate) fn timed_out(limit: Duration) -> String {
    format!("timed out after {} s", limit.as_secs_f64())
}

/// Starts a thread of this name.
///
/// # Errors
/// If the kernel refuses it.
pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let work: Box<dyn FnOnce() + Send> = Box::new(work);
    Builder::new().name(name.to_string()).spawn(work)
}

/// Starts a thread that nobody waits for. If the kernel refuses it, that is logged.
pub(crate) fn detach(name: &str, work: impl FnOnce() + Send + 'static) {
    if let Err(error) = spawn(name, work) {
        log::warn!("starting the thread {name}: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_result_arrives_or_the_reason_why_not() {
        assert_eq!(Task::start("adds", || 3 + 4).unwrap().wait(LONG), Ok(7));
        let panics = Task::<()>::start("panics", || std::panic::resume_unwind(Box::new("no such field")));
        assert_eq!(panics.unwrap().wait(LONG), Err(NoResult::Panicked));
        let (sender, receiver) = channel();
        let waits = Task::start("waits", move || receiver.recv().unwrap_or("nobody")).unwrap();
        assert_eq!(waits.wait(Duration::from_millis(1)), Err(NoResult::TimedOut));
        sender.send("late").unwrap();
        assert_eq!(waits.wait(LONG), Ok("late"));
    }
}
