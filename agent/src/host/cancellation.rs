// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cancellation token of a run: once it is cancelled, every wait ends.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;

/// How often a wait checks the token, if the token cannot wake it.
const POLL: Duration = Duration::from_millis(20);

/// A cancellation token. Clones share its state.
#[derive(Clone, Debug, Default)]
pub struct Cancellation(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    cancelled: Mutex<bool>,
    changed: Condvar,
}

/// The wait was ended by its token.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("cancelled, since the run has ended")]
pub struct Cancelled;

impl Cancellation {
    /// Ends every wait, also later ones.
    pub fn cancel(&self) {
        *self.lock() = true;
        self.0.changed.notify_all();
    }

    /// Whether it is cancelled.
    pub fn is_cancelled(&self) -> bool {
        *self.lock()
    }

    /// Fails if it is cancelled. For work that does not wait, between two of its steps.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// Waits for that long.
    ///
    /// # Errors
    /// [`Cancelled`], at once.
    pub fn sleep(&self, pause: Duration) -> Result<(), Cancelled> {
        let guard = self.lock();
        let waited = self.0.changed.wait_timeout_while(guard, pause, |cancelled| !*cancelled);
        let (cancelled, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if *cancelled { Err(Cancelled) } else { Ok(()) }
    }

    /// Waits for a message; `None` where nobody can send one any more.
    ///
    /// # Errors
    /// [`Cancelled`], within 20 ms.
    pub fn receive<T>(&self, receiver: &Receiver<T>) -> Result<Option<T>, Cancelled> {
        loop {
            match receiver.recv_timeout(POLL) {
                Ok(message) => return Ok(Some(message)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => self.check()?,
            }
        }
    }

    /// Waits until `is_met`, which is looked at every 20 ms, or until `deadline`; whether it was met.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn wait_until(&self, deadline: Instant, mut is_met: impl FnMut() -> bool) -> Result<bool, Cancelled> {
        loop {
            if is_met() {
                return Ok(true);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            self.sleep(POLL.min(left))?;
        }
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.0.cancelled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn every_wait_ends_when_it_is_cancelled() {
        let token = Cancellation::default();
        let (_sender, receiver) = channel::<()>();
        let waits = [token.clone(), token.clone(), token.clone()];
        let [sleeps, receives, looks] = waits;
        let threads = [
            thread::spawn(move || sleeps.sleep(LONG)),
            thread::spawn(move || receives.receive(&receiver).map(drop)),
            thread::spawn(move || looks.wait_until(Instant::now() + LONG, || false).map(drop)),
        ];
        token.cancel();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Err(Cancelled));
        }
        assert_eq!(token.sleep(LONG), Err(Cancelled));
        assert_eq!(token.check(), Err(Cancelled));
    }

    #[test]
    fn without_it_a_wait_ends_as_usual() {
        let token = Cancellation::default();
        assert_eq!(token.sleep(Duration::from_millis(1)), Ok(()));
        let (sender, receiver) = channel();
        sender.send(7).unwrap();
        drop(sender);
        assert_eq!((token.receive(&receiver), token.receive(&receiver)), (Ok(Some(7)), Ok(None)));
        assert_eq!(token.wait_until(Instant::now(), || true), Ok(true));
        assert_eq!(token.wait_until(Instant::now(), || false), Ok(false));
    }
}
