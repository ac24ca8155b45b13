// SPDX-License-Identifier: MIT OR Apache-2.0
//! How far writing is, in words: seldom enough for a serial console. Pure.

use std::time::Duration;

use crate::firmware::backend::Progress;

/// Between two words about the same phase lie so many percent, or so long.
const STEP: u64 = 10;
const PAUSE: Duration = Duration::from_secs(10);

/// Says how far it is.
#[derive(Default)]
pub struct Meter {
    phase: String,
    /// When the phase began, and when something was said last, since writing began.
    began: Duration,
    said: Duration,
    percent: Option<u64>,
}

impl Meter {
    /// What is to be said after so long, where something is.
    pub fn words(&mut self, now: Duration, progress: &Progress) -> Option<String> {
        let percent = progress.done.saturating_mul(100).checked_div(progress.total);
        if progress.phase != self.phase {
            *self = Self { phase: progress.phase.clone(), began: now, said: now, percent };
            return Some(self.text(now, progress));
        }
        let is_farther = percent.unwrap_or(0) >= self.percent.unwrap_or(0) + STEP;
        if !is_farther && now.saturating_sub(self.said) < PAUSE {
            return None;
        }
        (self.said, self.percent) = (now, percent);
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
    fn the_phase_each_tenth_and_long_pauses_are_told() {
        let mut meter = Meter::default();
        let mut words = |ms: u64, phase: &str, done: u64, total: u64| {
            let progress = Progress { phase: phase.to_string(), done, total };
            meter.words(Duration::from_millis(ms), &progress)
        };
        assert_eq!(words(0, "erasing", 0, 0).as_deref(), Some("erasing"));
        assert_eq!(words(100, "erasing", 0, 0), None);
        assert_eq!(words(10_000, "erasing", 0, 0).as_deref(), Some("erasing"));
        assert_eq!(words(10_000, "writing", 0, 200).as_deref(), Some("writing 0 %"));
        assert_eq!(words(11_000, "writing", 19, 200), None);
        assert_eq!(words(12_000, "writing", 50, 200).as_deref(), Some("writing 25 %, 6 s left"));
        assert_eq!(words(18_000, "writing", 200, 200).as_deref(), Some("writing 100 %, 0 s left"));
        // A driver that goes beyond its own total.
        assert_eq!(words(30_000, "writing", 900, 200).as_deref(), Some("writing 450 %, 0 s left"));
    }
}
