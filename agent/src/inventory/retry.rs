// SPDX-License-Identifier: MIT OR Apache-2.0
//! The retry rule of all HTTP requests: exponential backoff with full jitter, at least Retry-After, until a deadline.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::fmt::Display;
use std::time::{Duration, Instant};

use crate::host::{Cancellation, random};

/// Upper bound of the first pause; it doubles with each attempt. The actual pause is a random part of it (full jitter), so
/// that many hosts that start at the same time do not retry at the same time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// How to wait between attempts, and whether to go on at all.
pub trait Pause: Send + Sync {
    /// Waits for `time`; returns false, without delay, when the run is cancelled.
    fn pause(&self, time: Duration) -> bool;

    /// Whether the run is cancelled.
    fn is_cancelled(&self) -> bool;
}

/// The attempts of one request.
pub(crate) struct Retry<'a> {
    pause: &'a dyn Pause,
    deadline: Instant,
    longest: Duration,
    next: Duration,
}

/// Why there is no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GiveUp {
    /// It would begin after the deadline.
    Deadline,
    /// The run is cancelled.
    Cancelled,
}

impl Pause for Cancellation {
    fn pause(&self, time: Duration) -> bool {
        self.sleep(time).is_ok()
    }

    fn is_cancelled(&self) -> bool {
        Self::is_cancelled(self)
    }
}

impl<'a> Retry<'a> {
    /// Attempts until `deadline`, with pauses of at most `longest` where the server does not ask for more.
    pub(crate) fn new(pause: &'a dyn Pause, deadline: Instant, longest: Duration) -> Self {
        Self { pause, deadline, longest, next: FIRST_PAUSE }
    }

    /// The last attempt made progress: pauses are short again.
    pub(crate) fn reset(&mut self) {
        self.next = FIRST_PAUSE;
    }

    /// Waits before the next attempt, after `failure`.
    pub(crate) fn wait(
        &mut self,
        failure: &dyn Display,
        retry_after: Option<Duration>,
    ) -> Result<(), GiveUp> {
        let wait = random::share(self.next.min(self.longest)).max(retry_after.unwrap_or_default());
        self.next = self.next.saturating_mul(2).min(self.longest);
        if self.pause.is_cancelled() {
            return Err(GiveUp::Cancelled);
        }
        if Instant::now() + wait >= self.deadline {
            return Err(GiveUp::Deadline);
        }
        log::warn!("{failure}; retrying in {:.1} s", wait.as_secs_f32());
        if self.pause.pause(wait) { Ok(()) } else { Err(GiveUp::Cancelled) }
    }
}

/// Whether a request with this HTTP status may succeed later: 408, 425, 429 and 5xx (RFC 9110 15.5 and 15.6, RFC 8470 5.2,
/// RFC 6585 4).
pub(crate) fn may_retry_status(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Records pauses instead of making them, and is cancelled after `left` of them.
    struct Recorder {
        pauses: Mutex<Vec<Duration>>,
        left: usize,
    }

    impl Pause for Recorder {
        fn pause(&self, time: Duration) -> bool {
            self.pauses.lock().unwrap().push(time);
            !self.is_cancelled()
        }

        fn is_cancelled(&self) -> bool {
            self.pauses.lock().unwrap().len() >= self.left
        }
    }

    fn recorder(left: usize) -> Recorder {
        Recorder { pauses: Mutex::default(), left }
    }

    fn in_an_hour() -> Instant {
        Instant::now() + Duration::from_secs(3600)
    }

    #[test]
    fn pauses_grow_to_the_longest_and_start_again_after_progress() {
        let longest = Duration::from_secs(3);
        let mut most = [Duration::ZERO; 6];
        for _ in 0..200 {
            let recorder = recorder(100);
            let mut retry = Retry::new(&recorder, in_an_hour(), longest);
            for attempt in 0..6 {
                if attempt == 5 {
                    retry.reset();
                }
                retry.wait(&"failed", None).unwrap();
            }
            let pauses = recorder.pauses.lock().unwrap();
            most.iter_mut().zip(pauses.iter()).for_each(|(most, pause)| *most = (*most).max(*pause));
        }
        for (most, bound) in most.into_iter().zip([500, 1000, 2000, 3000, 3000, 500]) {
            let bound = Duration::from_millis(bound);
            // Of 200 random parts the largest is above the half.
            assert!(most <= bound && most > bound / 2, "{most:?} of {bound:?}");
        }
    }

    #[test]
    fn a_server_may_ask_for_a_longer_pause() {
        let recorder = recorder(100);
        let mut retry = Retry::new(&recorder, in_an_hour(), Duration::from_secs(1));
        retry.wait(&"failed", Some(Duration::from_secs(60))).unwrap();
        assert_eq!(*recorder.pauses.lock().unwrap(), [Duration::from_secs(60)]);
        assert_eq!(retry.wait(&"failed", Some(Duration::from_secs(7200))), Err(GiveUp::Deadline));
        assert_eq!(recorder.pauses.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_cancelled_run_ends_the_attempts() {
        let recorder = recorder(1);
        let mut retry = Retry::new(&recorder, in_an_hour(), Duration::from_secs(1));
        assert_eq!(retry.wait(&"failed", None), Err(GiveUp::Cancelled));
        assert_eq!(retry.wait(&"failed", None), Err(GiveUp::Cancelled));
        assert_eq!(recorder.pauses.lock().unwrap().len(), 1);
    }
}
