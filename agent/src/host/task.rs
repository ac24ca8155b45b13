// SPDX-License-Identifier: MIT OR Apache-2.0
//! Work on a thread of its own. What hangs in the kernel cannot be stopped, only be left behind at a deadline.

use std::any::Any;
use std::io;
use std::marker::PhantomData;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::Builder;
use std::time::Duration;

use thiserror::Error;

use super::panic::{Defect, OnPanic};

/// Work that runs on a thread of its own. Dropping it detaches the thread.
pub(crate) struct Task<T> {
    result: Receiver<Result<Box<dyn Any + Send>, NoResult>>,
    kind: PhantomData<fn() -> T>,
}

/// Why there is no result.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum NoResult {
    #[error("timed out")]
    TimedOut,
    #[error("{0}")]
    Panicked(Defect),
    #[error("internal error, please report it: a result was asked for twice")]
    Taken,
}

impl<T: Send + 'static> Task<T> {
    /// Starts the work on a thread of this name.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub(crate) fn start(name: &str, work: impl FnOnce() -> T + Send + 'static) -> io::Result<Self> {
        // The result is boxed, so that the program has one kind of channel and not one for each type of result.
        let (sender, result) = channel();
        let work: Box<dyn FnOnce() -> Box<dyn Any + Send> + Send> = Box::new(move || Box::new(work()));
        spawn(name, move || {
            let panicked = sender.clone();
            let _report = OnPanic::new(move |defect| {
                let _ = panicked.send(Err(NoResult::Panicked(defect.clone())));
            });
            let _ = sender.send(Ok(work()));
        })?;
        Ok(Self { result, kind: PhantomData })
    }

    /// Waits for the result, which is given once.
    ///
    /// # Errors
    /// If there is none after `limit`, or the work panicked.
    pub(crate) fn wait(&self, limit: Duration) -> Result<T, NoResult> {
        let result = self.result.recv_timeout(limit).map_err(|error| match error {
            RecvTimeoutError::Timeout => NoResult::TimedOut,
            RecvTimeoutError::Disconnected => NoResult::Taken,
        })?;
        result?.downcast().map(|result| *result).map_err(|_| NoResult::Taken)
    }

    /// Waits for the end, however long it takes.
    pub(crate) fn join(self) {
        let _ = self.result.recv();
    }
}

/// `timed out after 0.5 s`.
pub(crate) fn timed_out(limit: Duration) -> String {
    format!("timed out after {} s", limit.as_secs_f64())
}

/// Starts a thread that nobody waits for. A panic of it ends the run. If the kernel refuses the thread, that is logged.
pub(crate) fn detach(name: &str, work: impl FnOnce() + Send + 'static) {
    if let Err(error) = serve(name, work) {
        log::warn!("starting the thread {name}: {error}");
    }
}

/// As [`detach`], with the kernel's error.
///
/// # Errors
/// If the thread cannot be started.
pub(crate) fn serve(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<Task<()>> {
    Task::start(name, move || {
        let _fatal = OnPanic::is_fatal();
        work();
    })
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let work: Box<dyn FnOnce() + Send> = Box::new(work);
    Builder::new().name(name.to_string()).spawn(work).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_result_arrives_or_the_reason_why_not() {
        assert_eq!(Task::start("adds", || 3 + 4).unwrap().wait(LONG), Ok(7));
        let panics = Task::<()>::start("panics", || panic!("no such field")).unwrap();
        let message = panics.wait(LONG).unwrap_err().to_string();
        assert!(message.starts_with("internal error, please report it: no such field ("), "{message}");
        let (sender, receiver) = channel();
        let waits = Task::start("waits", move || receiver.recv().unwrap_or("nobody")).unwrap();
        assert_eq!(waits.wait(Duration::from_millis(1)), Err(NoResult::TimedOut));
        sender.send("late").unwrap();
        assert_eq!(waits.wait(LONG), Ok("late"));
    }
}
