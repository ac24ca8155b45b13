// SPDX-License-Identifier: MIT OR Apache-2.0
//! Retransmission as in RFC 8415 15: the wait doubles up to a maximum, each with up to a tenth more or less.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use std::time::Duration;

/// When the next message is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Timer {
    due: Option<Duration>,
    wait: Duration,
    most: Duration,
    count: u32,
}

impl Timer {
    /// One that is never due.
    pub(super) fn idle() -> Self {
        Self { due: None, wait: Duration::ZERO, most: Duration::ZERO, count: 0 }
    }

    /// One that is due once.
    pub(super) fn once(at: Duration) -> Self {
        Self { due: Some(at), ..Self::idle() }
    }

    /// One that is due at once (within a tenth of a second, so that a row of hosts does not speak at the same time), and
    /// again after `initial` to `most` seconds.
    pub(super) fn start((initial, most): (u64, u64), random: fn() -> u32, now: Duration) -> Self {
        let jitter = Duration::from_millis(u64::from(random() % 100));
        let (wait, most) = (Duration::from_secs(initial), Duration::from_secs(most));
        Self { due: Some(now + jitter), wait, most, count: 0 }
    }

    /// Whether it is due.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// When it is due.
    pub(super) fn due(&self) -> Option<Duration> {
        self.due
    }

    /// How often it was due.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Starts the next wait.
    pub(super) fn again(&mut self, random: fn() -> u32, now: Duration) {
        let share = 0.9 + 0.2 * f64::from(random()) / f64::from(u32::MAX);
        // RFC 8415 18.2.1: the first wait for advertisements is not shorter than its time.
        let share = if self.count == 0 { share.max(1.0) } else { share };
        self.due = Some(now + self.wait.mul_f64(share));
        self.wait = (self.wait * 2).min(self.most);
        self.count += 1;
    }
}
