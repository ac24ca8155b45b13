// SPDX-License-Identifier: MIT OR Apache-2.0
//! When to say what on a port, so that the switch answers at once. Pure: times are since the collection began.
//!
//! A switch sends at once to a neighbour that is new to it (802.1AB-2016 9.2.5, txFast). It may know the port from
//! an earlier boot, and carrier that comes and goes does not make it forget. So each attempt first takes leave, and
//! says hello a moment later: at once it would be one change for the switch, and none.

use std::time::Duration;

/// When to ask, since the port has had carrier.
const ATTEMPTS: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(7)];
/// Between leave and hello.
const PAUSE: Duration = Duration::from_millis(30);

/// What to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// The shutdown LLDPDU.
    Goodbye,
    /// The LLDPDU that wants an answer.
    Hello,
}

/// What is to be said on one port.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    carrier_since: Option<Duration>,
    attempts: usize,
    said_goodbye: Option<Duration>,
    heard: bool,
}

impl Schedule {
    /// The port has carrier: from here on the switch is asked.
    pub fn carrier(&mut self, now: Duration) {
        *self = Self { carrier_since: Some(now), ..Self::default() };
    }

    /// The port has lost carrier.
    pub fn lost(&mut self) {
        *self = Self::default();
    }

    /// Somebody answered: no more attempts. The first one is still made, and one that has begun is ended, so that the
    /// switch knows us.
    pub fn heard(&mut self) {
        self.heard = true;
    }

    /// What is to be said next, and when.
    pub fn next(&self) -> Option<(Duration, Message)> {
        let since = self.carrier_since?;
        if let Some(goodbye) = self.said_goodbye {
            return Some((goodbye + PAUSE, Message::Hello));
        }
        if self.heard && self.attempts > 0 {
            return None;
        }
        ATTEMPTS.get(self.attempts).map(|after| (since + *after, Message::Goodbye))
    }

    /// What is to be said now, if anything; it counts as said.
    pub fn due(&mut self, now: Duration) -> Option<Message> {
        let (_, message) = self.next().filter(|(at, _)| *at <= now)?;
        match message {
            Message::Goodbye => self.said_goodbye = Some(now),
            Message::Hello => {
                self.said_goodbye = None;
                self.attempts += 1;
            }
        }
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

    fn said(schedule: &mut Schedule, until: Duration) -> Vec<(u128, Message)> {
        let mut said = Vec::new();
        while let Some((at, _)) = schedule.next().filter(|(at, _)| *at <= until) {
            said.push((at.as_millis(), schedule.due(at).unwrap()));
        }
        said
    }

    #[test]
    fn four_attempts_while_nobody_answers() {
        use Message::{Goodbye, Hello};
        let mut schedule = Schedule::default();
        assert_eq!(schedule.next(), None);
        schedule.carrier(Duration::from_secs(2));
        let expected = [2000, 3000, 5000, 9000].map(|at| [(at, Goodbye), (at + 30, Hello)]).concat();
        assert_eq!(said(&mut schedule, Duration::from_secs(60)), expected);
    }

    #[test]
    fn whoever_was_heard_first_still_gets_to_know_us() {
        let mut schedule = Schedule::default();
        schedule.carrier(Duration::ZERO);
        schedule.heard();
        assert_eq!(said(&mut schedule, Duration::from_secs(60)).len(), 2);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Carrier,
        Lost,
        Heard,
        Pass(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            Just(Step::Carrier),
            Just(Step::Lost),
            Just(Step::Heard),
            any::<u16>().prop_map(|ms| Step::Pass(u64::from(ms) % 4000)),
        ];
        prop::collection::vec(step, 0..60)
    }

    proptest! {
        #[test]
        fn every_hello_follows_its_goodbye_after_the_pause(steps in steps()) {
            let mut schedule = Schedule::default();
            let mut now = Duration::ZERO;
            let (mut carrier, mut heard, mut hellos) = (false, false, 0);
            let mut goodbye: Option<Duration> = None;
            for step in steps {
                match step {
                    Step::Carrier => {
                        schedule.carrier(now);
                        (carrier, heard, hellos, goodbye) = (true, false, 0, None);
                    }
                    Step::Lost => {
                        schedule.lost();
                        (carrier, goodbye) = (false, None);
                    }
                    Step::Heard => {
                        schedule.heard();
                        heard = carrier;
                    }
                    Step::Pass(ms) => now += Duration::from_millis(ms),
                }
                while let Some(message) = schedule.due(now) {
                    prop_assert!(carrier);
                    match message {
                        Message::Goodbye => {
                            prop_assert_eq!(goodbye.replace(now), None);
                            prop_assert!(!heard || hellos == 0);
                        }
                        Message::Hello => {
                            prop_assert!(goodbye.take().unwrap() + PAUSE <= now);
                            hellos += 1;
                        }
                    }
                }
                prop_assert!(hellos <= ATTEMPTS.len());
                prop_assert!(schedule.next().is_none_or(|(at, _)| at > now));
            }
        }
    }
}
