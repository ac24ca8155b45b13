// SPDX-License-Identifier: MIT OR Apache-2.0
//! When a DHCPv4 client sends: retransmission, T1 and T2, with jitter. No IO.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use std::time::Duration;

use netlink::dhcp::Lease;

/// Pauses between messages. RFC 2131 4.1 begins with 4 s; a switch port that has just come up often drops the first
/// message, so the second one follows earlier.
const WAITS: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
];
/// A shorter lease is taken as this: it could not be renewed in time.
const SHORTEST: Duration = Duration::from_secs(8);
/// RFC 2131 4.4.5: the shortest pause before a renewal is repeated; for leases under 16 min it is a part of them.
const RENEW_PAUSE: Duration = Duration::from_secs(60);

/// Random numbers that need not be good, so that hosts which start together do not send together.
pub(super) struct Jitter(u64);

/// When a lease is to be renewed and when it ends, from the request on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) t1: Duration,
    pub(super) t2: Duration,
    pub(super) end: Duration,
}

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// The next number (xorshift).
    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// The pause after this many messages, with up to an eighth more or less.
    pub(super) fn wait(&mut self, messages: usize) -> Duration {
        let wait = WAITS[messages.saturating_sub(1).min(WAITS.len() - 1)];
        wait * 7 / 8 + self.below(wait / 4)
    }

    /// A duration below `limit`.
    fn below(&mut self, limit: Duration) -> Duration {
        limit.mul_f64((self.next() >> 32) as f64 / f64::from(u32::MAX))
    }
}

impl Times {
    /// Those of a lease, `None` if it has no end. Times of the server that are in no order are replaced by the defaults of
    /// RFC 2131 4.4.5.
    pub(super) fn of(lease: &Lease, jitter: &mut Jitter) -> Option<Self> {
        let end = lease.time?.max(SHORTEST);
        let (t1, t2) = match (lease.t1, lease.t2) {
            (Some(t1), Some(t2)) if !t1.is_zero() && t1 < t2 && t2 < end => (t1, t2),
            (Some(t1), None) if !t1.is_zero() && t1 < end * 7 / 8 => (t1, end * 7 / 8),
            _ => (end / 2, end * 7 / 8),
        };
        Some(Self { t1: t1 - jitter.below(t1 / 16), t2, end })
    }

    /// The pause before a renewal is repeated, of which `left` remains until the next state.
    pub(super) fn renew_wait(&self, left: Duration) -> Duration {
        let shortest = (self.end / 16).clamp(Duration::from_secs(1), RENEW_PAUSE);
        (left / 2).max(shortest).min(left.max(Duration::from_millis(100)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, proptest};

    use super::*;

    fn lease(time: u64, t1: Option<u64>, t2: Option<u64>) -> Lease {
        let seconds = Duration::from_secs;
        Lease { time: Some(seconds(time)), t1: t1.map(seconds), t2: t2.map(seconds), ..Lease::default() }
    }

    #[test]
    fn waits_grow_to_their_limit() {
        let mut jitter = Jitter::new(7);
        let waits: Vec<f64> = (1..8).map(|messages| jitter.wait(messages).as_secs_f64()).collect();
        for (wait, middle) in waits.iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 16.0, 16.0]) {
            assert!((wait - middle).abs() <= middle / 8.0, "{waits:?}");
        }
        assert_ne!(jitter.wait(5), jitter.wait(5));
    }

    #[test]
    fn the_times_of_the_server_are_taken_if_they_are_in_order() {
        let times = |lease: Lease| Times::of(&lease, &mut Jitter::new(7)).map(|times| (times.t2, times.end));
        let seconds = Duration::from_secs;
        assert_eq!(times(lease(3600, Some(60), Some(90))), Some((seconds(90), seconds(3600))));
        assert_eq!(times(lease(3600, Some(90), Some(60))), Some((seconds(3150), seconds(3600))));
        assert_eq!(times(lease(3600, Some(4000), None)), Some((seconds(3150), seconds(3600))));
        assert_eq!(times(lease(0, None, None)), Some((seconds(7), seconds(8))));
        assert_eq!(times(Lease::default()), None);
    }

    proptest! {
        #[test]
        fn a_renewal_is_asked_for_before_the_end(time in any::<u32>(), t1 in any::<u32>(), t2 in any::<u32>(), seed in any::<u64>()) {
            let lease = lease(time.into(), Some(t1.into()), Some(t2.into()));
            let times = Times::of(&lease, &mut Jitter::new(seed)).unwrap();
            prop_assert!(times.t1 < times.t2 && times.t2 < times.end && !times.t1.is_zero(), "{times:?}");
            let wait = times.renew_wait(times.t2 - times.t1);
            prop_assert!(!wait.is_zero() && wait <= times.t2.max(Duration::from_millis(100)));
        }
    }
}
