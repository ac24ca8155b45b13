// SPDX-License-Identifier: MIT OR Apache-2.0
//! Timestamps (IPMI 2.0, section 37). Pure.

/// A moment of the BMC's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timestamp {
    /// FFFFFFFFh: the BMC does not know.
    Unspecified,
    /// Up to 2000_0000h: seconds since the BMC started, its clock not being set (ipmitool: "Pre-Init").
    SinceStart(u32),
    /// Seconds since 1970. Whether the clock runs in UTC or in local time the BMC does not say.
    Clock(u32),
}

impl From<u32> for Timestamp {
    fn from(seconds: u32) -> Self {
        match seconds {
            u32::MAX => Self::Unspecified,
            0..=0x2000_0000 => Self::SinceStart(seconds),
            _ => Self::Clock(seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_never_set_is_told_apart() {
        assert_eq!(Timestamp::from(0x2000_0000), Timestamp::SinceStart(0x2000_0000));
        assert_eq!(Timestamp::from(0x2000_0001), Timestamp::Clock(0x2000_0001));
        assert_eq!(Timestamp::from(u32::MAX), Timestamp::Unspecified);
    }
}
