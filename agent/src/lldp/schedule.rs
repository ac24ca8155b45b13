// SPDX-License-Identifier: MIT OR Apache-2.0
//! When to send which LLDPDU on a port, so that the switch answers at once. Pure: times are since the collection began.
//!
//! A switch sends at once to a neighbour that is new to it (802.1AB-2016 9.2.5, txFast). It may remember the port from
//! an earlier boot, and losing carrier does not make it forget. So each attempt first sends a shutdown LLDPDU, and
//! announces this host a moment later: without the pause a switch may see one change, or none.
//!
//! Some switches answer only LLDP-MED endpoints, others ignore these or object to them. So the attempts alternate.

use std::time::Duration;

/// When to solicit, after the port got carrier.
const ATTEMPTS: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(7)];
/// From the shutdown LLDPDU to the announcement.
const PAUSE: Duration = Duration::from_millis(30);

/// An LLDPDU to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// The shutdown LLDPDU (TTL 0): the switch removes this host.
    Shutdown,
    /// The LLDPDU that announces this host: the switch answers a new neighbour at once.
    Announce(As),
}

/// As what this host is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum As {
    /// An LLDP-MED endpoint.
    MedEndpoint,
    /// A station, with the MAC/PHY TLV.
    Station,
}

/// The LLDPDUs of one port.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schedule {
    carrier_since: Option<Duration>,
    attempts: usize,
    shutdown_sent: Option<Duration>,
    answered: bool,
}

impl Schedule {
    /// The port has got carrier: the attempts begin.
    pub(crate) fn carrier(&mut self, now: Duration) {
        *self = Self { carrier_since: Some(now), ..Self::default() };
    }

    /// The port has lost carrier.
    pub(crate) fn lost(&mut self) {
        *self = Self::default();
    }

    /// A neighbour answered: no more attempts. The first one is still made, and one that has begun is completed, so
    /// that the switch knows this host.
    pub(crate) fn answered(&mut self) {
        self.answered = true;
    }

    /// What to send next, and when.
    pub(crate) fn next(&self) -> Option<(Duration, Message)> {
        let since = self.carrier_since?;
        if let Some(sent) = self.shutdown_sent {
            let announced = if self.attempts.is_multiple_of(2) { As::MedEndpoint } else { As::Station };
            return Some((sent + PAUSE, Message::Announce(announced)));
        }
        if self.answered && self.attempts > 0 {
            return None;
        }
        ATTEMPTS.get(self.attempts).map(|after| (since + *after, Message::Shutdown))
    }

    /// What to send now, if anything; it counts as sent.
    pub(crate) fn due(&mut self, now: Duration) -> Option<Message> {
        let (_, message) = self.next().filter(|(at, _)| *at <= now)?;
        match message {
            Message::Shutdown => self.shutdown_sent = Some(now),
            Message::Announce(_) => {
                self.shutdown_sent = None;
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

    fn sent(schedule: &mut Schedule, until: Duration) -> Vec<(u128, Message)> {
        let mut sent = Vec::new();
        while let Some((at, _)) = schedule.next().filter(|(at, _)| *at <= until) {
            sent.push((at.as_millis(), schedule.due(at).unwrap()));
        }
        sent
    }

    #[test]
    fn four_attempts_while_there_is_no_answer() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.next(), None);
        schedule.carrier(Duration::from_secs(2));
        let at = [(2000, As::MedEndpoint), (3000, As::Station), (5000, As::MedEndpoint), (9000, As::Station)];
        let expected = at
            .map(|(at, announced)| [(at, Message::Shutdown), (at + 30, Message::Announce(announced))])
            .concat();
        assert_eq!(sent(&mut schedule, Duration::from_secs(60)), expected);
    }

    #[test]
    fn a_switch_that_sends_first_is_still_solicited_once() {
        let mut schedule = Schedule::default();
        schedule.carrier(Duration::ZERO);
        schedule.answered();
        assert_eq!(sent(&mut schedule, Duration::from_secs(60)).len(), 2);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Carrier,
        Lost,
        Answered,
        Pass(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            Just(Step::Carrier),
            Just(Step::Lost),
            Just(Step::Answered),
            any::<u16>().prop_map(|ms| Step::Pass(u64::from(ms) % 4000)),
        ];
        prop::collection::vec(step, 0..60)
    }

    proptest! {
        #[test]
        fn every_announcement_follows_its_shutdown_after_the_pause(steps in steps()) {
            let mut schedule = Schedule::default();
            let mut now = Duration::ZERO;
            let (mut carrier, mut answered, mut announcements) = (false, false, 0);
            let mut shutdown: Option<Duration> = None;
            for step in steps {
                match step {
                    Step::Carrier => {
                        schedule.carrier(now);
                        (carrier, answered, announcements, shutdown) = (true, false, 0, None);
                    }
                    Step::Lost => {
                        schedule.lost();
                        (carrier, shutdown) = (false, None);
                    }
                    Step::Answered => {
                        schedule.answered();
                        answered = carrier;
                    }
                    Step::Pass(ms) => now += Duration::from_millis(ms),
                }
                while let Some(message) = schedule.due(now) {
                    prop_assert!(carrier);
                    match message {
                        Message::Shutdown => {
                            prop_assert_eq!(shutdown.replace(now), None);
                            prop_assert!(!answered || announcements == 0);
                        }
                        Message::Announce(_) => {
                            prop_assert!(shutdown.take().unwrap() + PAUSE <= now);
                            announcements += 1;
                        }
                    }
                }
                prop_assert!(announcements <= ATTEMPTS.len());
                prop_assert!(schedule.next().is_none_or(|(at, _)| at > now));
            }
        }
    }
}
