// SPDX-License-Identifier: MIT OR Apache-2.0
//! The manufacturing time of a board (FRU Information Storage Definition, section 11).

/// When a board was made. Its inventory counts minutes since 1996 in 24 bits, which begin again at zero on 2027-11-24 20:16
/// UTC: only the present time decides which of several times is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manufactured {
    minutes: u32,
}

impl Manufactured {
    /// Reads the three bytes; `None` if they are zero, which is unspecified.
    pub(super) fn parse([low, middle, high]: [u8; 3]) -> Option<Self> {
        let minutes = u32::from_le_bytes([low, middle, high, 0]);
        (minutes != 0).then_some(Self { minutes })
    }

    /// The time in seconds since 1970, a whole minute: the latest that is not after `now`, which has the same unit. One day
    /// is allowed to a clock that is late. If `now` is before all of them, the first is returned.
    pub fn seconds(self, now: u64) -> u64 {
        let first = YEAR_1996 + u64::from(self.minutes) * 60;
        let period = u64::from(PERIOD) * 60;
        first + (now + DAY).saturating_sub(first) / period * period
    }
}

/// Number of minutes that 24 bits count.
const PERIOD: u32 = 1 << 24;

/// 1996-01-01 00:00 UTC.
const YEAR_1996: u64 = 820_454_400;

const DAY: u64 = 86_400;

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::*;

    /// 2026-11-28 and 2028-06-01, 00:00 UTC.
    const NOW: u64 = 1_795_824_000;
    const LATER: u64 = 1_843_430_400;

    fn made(bytes: [u8; 3], now: u64) -> Option<u64> {
        Manufactured::parse(bytes).map(|made| made.seconds(now))
    }

    #[test]
    fn minutes_begin_again_in_2027() {
        // 2022-03-27 19:12 UTC, whatever the present is.
        let made_2022 = Some(820_454_400 + 0x00d2_8f40 * 60);
        assert_eq!(made([0x40, 0x8f, 0xd2], NOW), made_2022);
        assert_eq!(made([0x40, 0x8f, 0xd2], LATER), made_2022);
        assert_eq!(made([0x40, 0x8f, 0xd2], 0), made_2022);
        // Minute 100,000 is in March 1996, or on 2028-02-02 06:56 UTC.
        assert_eq!(made([0xa0, 0x86, 0x01], NOW), Some(826_454_400));
        assert_eq!(made([0xa0, 0x86, 0x01], LATER), Some(1_833_087_360));
    }

    #[test]
    fn a_time_may_be_unspecified() {
        assert_eq!(made([0; 3], NOW), None);
        // The last minute, which is what an erased field has too: ipmitool prints 2027-11-24 20:15 UTC.
        assert_eq!(made([0xff; 3], NOW), Some(1_827_087_300));
    }

    proptest! {
        #[test]
        fn no_board_is_older_than_the_period(minutes in 1..PERIOD, now in NOW..NOW + (1 << 33)) {
            let [low, middle, high, _] = minutes.to_le_bytes();
            let seconds = made([low, middle, high], now).unwrap();
            assert_eq!((seconds - YEAR_1996) / 60 % u64::from(PERIOD), u64::from(minutes));
            assert!(seconds <= now + DAY || seconds < YEAR_1996 + u64::from(PERIOD) * 60);
            assert!(now + DAY < seconds + u64::from(PERIOD) * 60);
        }
    }
}
