// SPDX-License-Identifier: MIT OR Apache-2.0
//! The course of one lookup: whom to ask when, and when it is over. Pure: times are since its start.
//!
//! All servers are asked for both families at once. An address from any of them counts, whatever the others say about the
//! name, and whatever the answer for the other family: many servers refuse, or drop, what they have no record for.

use std::net::IpAddr;
use std::time::Duration;

use netlink::dns::{Code, Family};

/// When a question without an answer is sent.
const SENDS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(3)];
/// How long one family's addresses wait for those of the other, if the host can reach them.
const OTHER_FAMILY: Duration = Duration::from_millis(300);
/// The same if it cannot.
const UNREACHABLE: Duration = Duration::from_secs(2);
/// How long a server's word that there is no such name or address waits for the other servers.
const OTHER_SERVERS: Duration = Duration::from_secs(1);

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Addresses.
    Addresses(Vec<IpAddr>),
    /// The name exists, and has no address of this family.
    NoAddress,
    /// An error. NXDOMAIN is one of them.
    Code(Code),
    /// The server knows nothing about the name, and asks nobody else.
    Lame,
    /// The question could not be sent, or the answer could not be received.
    Failed(String),
}

/// One lookup.
pub(super) struct Lookup {
    questions: Vec<Question>,
    limit: Duration,
    first_address: Option<Duration>,
    first_negative: Option<Duration>,
    reachable: bool,
}

struct Question {
    server: usize,
    family: Family,
    sends: usize,
    outcome: Option<Outcome>,
}

impl Lookup {
    /// A lookup with that many servers, which ends after `limit`.
    pub(super) fn new(servers: usize, limit: Duration) -> Self {
        let question = |server, family| Question { server, family, sends: 0, outcome: None };
        let of_server = |server| Family::ALL.map(|family| question(server, family));
        let questions = (0..servers).flat_map(of_server).collect();
        Self { questions, limit, first_address: None, first_negative: None, reachable: false }
    }

    /// The questions to send now; they count as sent.
    pub(super) fn due(&mut self, now: Duration) -> Vec<(usize, Family)> {
        let waiting = self.questions.iter_mut().filter(|question| question.outcome.is_none());
        let due = waiting.filter(|question| SENDS.get(question.sends).is_some_and(|at| *at <= now));
        due.map(|question| {
            question.sends += 1;
            (question.server, question.family)
        })
        .collect()
    }

    /// Records what became of a question; `reachable` is whether the host has a route to one of the addresses. The first
    /// outcome counts.
    pub(super) fn record(
        &mut self,
        server: usize,
        family: Family,
        outcome: Outcome,
        now: Duration,
        reachable: bool,
    ) {
        let mut questions = self.questions.iter_mut();
        let question = questions.find(|question| question.server == server && question.family == family);
        let Some(question) = question.filter(|question| question.outcome.is_none()) else { return };
        match outcome {
            Outcome::Addresses(_) => {
                self.first_address.get_or_insert(now);
                self.reachable |= reachable;
            }
            Outcome::NoAddress | Outcome::Code(Code::NO_SUCH_NAME) => {
                self.first_negative.get_or_insert(now);
            }
            _ => {}
        }
        question.outcome = Some(outcome);
    }

    /// When to look again if nothing arrives; `None` when the lookup is over.
    pub(super) fn next(&self, now: Duration) -> Option<Duration> {
        let is_settled = Family::ALL.into_iter().all(|family| self.is_settled(family));
        let end = match (self.first_address, self.first_negative) {
            (Some(at), _) => at + if self.reachable { OTHER_FAMILY } else { UNREACHABLE },
            (None, Some(at)) => at + OTHER_SERVERS,
            (None, None) => self.limit,
        };
        let end = end.min(self.limit);
        if is_settled || now >= end {
            return None;
        }
        let waiting = self.questions.iter().filter(|question| question.outcome.is_none());
        let sends = waiting.filter_map(|question| SENDS.get(question.sends)).copied();
        Some(sends.chain([end]).min().unwrap_or(end))
    }

    /// The addresses, of each family from the first server that has any.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        let of_family = |family| {
            self.of(family).find_map(|question| match &question.outcome {
                Some(Outcome::Addresses(addresses)) => Some(addresses.clone()),
                _ => None,
            })
        };
        Family::ALL.into_iter().filter_map(of_family).flatten().collect()
    }

    /// What each server answered, per family; `None`: nothing.
    pub(super) fn outcomes(self) -> Vec<(usize, [Option<Outcome>; 2])> {
        let mut outcomes = Vec::new();
        let mut questions = self.questions.into_iter();
        while let (Some(v4), Some(v6)) = (questions.next(), questions.next()) {
            outcomes.push((v4.server, [v4.outcome, v6.outcome]));
        }
        outcomes
    }

    /// Whether no further answer about this family matters.
    fn is_settled(&self, family: Family) -> bool {
        let has_addresses =
            self.of(family).any(|question| matches!(question.outcome, Some(Outcome::Addresses(_))));
        has_addresses || self.of(family).all(|question| question.outcome.is_some())
    }

    fn of(&self, family: Family) -> impl Iterator<Item = &Question> {
        self.questions.iter().filter(move |question| question.family == family)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);
    const V4: Family = Family::V4;
    const V6: Family = Family::V6;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn address() -> Outcome {
        Outcome::Addresses(vec![[10, 9, 0, 1].into()])
    }

    fn lookup(servers: usize) -> Lookup {
        let mut lookup = Lookup::new(servers, LIMIT);
        assert_eq!(lookup.due(ms(0)).len(), 2 * servers);
        lookup
    }

    #[test]
    fn one_family_is_enough_whatever_the_other_one_gets() {
        let bad = [Outcome::NoAddress, Outcome::Lame, Outcome::Failed("broken".to_string())];
        for other in bad.into_iter().chain([1, 2, 3, 4, 5].map(|code| Outcome::Code(Code(code)))) {
            for (good, bad) in [(V4, V6), (V6, V4)] {
                let mut lookup = lookup(1);
                lookup.record(0, bad, other.clone(), ms(1), false);
                assert!(lookup.next(ms(2)).is_some(), "{other:?}");
                lookup.record(0, good, address(), ms(3), true);
                assert_eq!((lookup.next(ms(3)), lookup.addresses().len()), (None, 1), "{other:?}");
            }
        }
    }

    #[test]
    fn a_dropped_question_costs_a_moment() {
        let mut lookup = lookup(1);
        lookup.record(0, V4, address(), ms(2), true);
        assert_eq!(lookup.next(ms(2)), Some(ms(302)));
        assert_eq!(lookup.next(ms(302)), None);
    }

    #[test]
    fn addresses_that_the_host_cannot_reach_wait_longer_for_the_others() {
        let mut lookup = lookup(1);
        lookup.record(0, V4, address(), ms(2), false);
        assert_eq!(lookup.next(ms(302)), Some(ms(1000)));
        lookup.record(0, V6, address(), ms(700), true);
        assert_eq!((lookup.next(ms(700)), lookup.addresses().len()), (None, 2));
    }

    #[test]
    fn a_server_that_does_not_answer_is_asked_three_times() {
        let mut lookup = lookup(2);
        lookup.record(1, V6, Outcome::Code(Code(2)), ms(5), false);
        assert_eq!(lookup.next(ms(5)), Some(ms(1000)));
        assert_eq!(lookup.due(ms(1000)), [(0, V4), (0, V6), (1, V4)]);
        assert_eq!(lookup.due(ms(1500)), []);
        assert_eq!(lookup.due(ms(3000)).len(), 3);
        assert_eq!(lookup.next(ms(3000)), Some(LIMIT));
        assert_eq!((lookup.next(LIMIT), lookup.addresses()), (None, vec![]));
        assert_eq!(lookup.outcomes()[1].1, [None, Some(Outcome::Code(Code(2)))]);
    }

    #[test]
    fn another_server_may_know_what_the_first_one_does_not() {
        let mut lookup = lookup(2);
        for family in Family::ALL {
            lookup.record(0, family, Outcome::Code(Code::NO_SUCH_NAME), ms(1), false);
        }
        assert_eq!(lookup.next(ms(1)), Some(ms(1000)));
        assert_eq!(lookup.next(ms(1001)), None);
        lookup.record(1, V4, address(), ms(40), true);
        lookup.record(1, V6, Outcome::NoAddress, ms(40), false);
        assert_eq!((lookup.next(ms(40)), lookup.addresses().len()), (None, 1));
    }

    #[test]
    fn it_ends_at_once_when_every_server_has_failed() {
        let mut lookup = lookup(1);
        for family in Family::ALL {
            lookup.record(0, family, Outcome::Code(Code(5)), ms(1), false);
        }
        assert_eq!(lookup.next(ms(1)), None);
    }
}
