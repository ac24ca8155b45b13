// SPDX-License-Identifier: MIT OR Apache-2.0
//! Progress messages of a write, rare enough for a serial console. Pure.

use std::time::Duration;

use crate::firmware::backend::Progress;

/// A message about the same phase follows after so many percent, or after so long.
const STEP: u64 = 10;
const PAUSE: Duration = Duration::from_secs(10);

/// Makes the messages.
#[derive(Default)]
pub(super) struct Meter {
    phase: String,
    /// When the phase began, and when the last message was made; both since writing began.
    began: Duration,
    reported: Duration,
    percent: Option<u64>,
}

impl Meter {
    /// The message for `progress`, `now` after writing began; `None` if none is due.
    pub(super) fn message(&mut self, now: Duration, progress: &Progress) -> Option<String> {
        let percent = progress.done.saturating_mul(100).checked_div(progress.total);
        if progress.phase != self.phase {
            *self = Self { phase: progress.phase.clone(), began: now, reported: now, percent };
            return Some(self.text(now, progress));
        }
        let is_farther = percent.unwrap_or(0) >= self.percent.unwrap_or(0) + STEP;
        if !is_farther && now.saturating_sub(self.reported) < PAUSE {
            return None;
        }
        (self.reported, self.percent) = (now, percent);
        Some(self.text(now, progress))
    }

    fn text(&self, now: Duration, progress: &Progress) -> String {
        let Progress { phase, done, total } = progress;
        let Some(percent) = self.percent else { return phase.clone() };
        let elapsed = now.saturating_sub(self.began).as_millis();
        let left = elapsed * u128::from(total.saturating_sub(*done)) / u128::from(*done).max(1);
        if *done == 0 || elapsed == 0 {
            return format!("{phase} {percent} %");
        }
        format!("{phase} {percent} %, {} s left", left.div_ceil(1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_follow_a_new_phase_each_tenth_and_a_long_pause() {
        let mut meter = Meter::default();
        let mut message = |ms: u64, phase: &str, done: u64, total: u64| {
            let progress = Progress { phase: phase.to_string(), done, total };
            meter.message(Duration::from_millis(ms), &progress)
        };
        assert_eq!(message(0, "erasing", 0, 0).as_deref(), Some("erasing"));
        assert_eq!(message(100, "erasing", 0, 0), None);
        assert_eq!(message(10_000, "erasing", 0, 0).as_deref(), Some("erasing"));
        assert_eq!(message(10_000, "writing", 0, 200).as_deref(), Some("writing 0 %"));
        assert_eq!(message(11_000, "writing", 19, 200), None);
        assert_eq!(message(12_000, "writing", 50, 200).as_deref(), Some("writing 25 %, 6 s left"));
        assert_eq!(message(18_000, "writing", 200, 200).as_deref(), Some("writing 100 %, 0 s left"));
        // A driver that exceeds its own total.
        assert_eq!(message(30_000, "writing", 900, 200).as_deref(), Some("writing 450 %, 0 s left"));
    }
}
