// SPDX-License-Identifier: MIT OR Apache-2.0
//! The BMC's clock: Get SEL Time and Set SEL Time (IPMI 2.0, sections 31.10 and 31.11), and timestamps (section 37).

use crate::{Command, Malformed, NetFn, Reader};

/// A time of the BMC's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timestamp {
    /// FFFFFFFFh: unspecified.
    Unspecified,
    /// Up to 2000_0000h: seconds since the BMC started, its clock not being set (ipmitool: "Pre-Init").
    SinceStart(u32),
    /// Seconds since 1970. The BMC does not report whether its clock runs in UTC or in local time.
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

/// Reads the BMC's clock.
#[derive(Clone, Copy, Debug)]
pub struct GetSelTime;

impl Command for GetSelTime {
    const NAME: &'static str = "Get SEL Time";
    const NET_FN: NetFn = NetFn::Storage;
    const CODE: u8 = 0x48;
    type Answer = Timestamp;

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, data: &[u8]) -> Result<Timestamp, Malformed> {
        Reader::new(data).long("present timestamp clock reading").map(Timestamp::from)
    }
}

/// Sets the BMC's clock.
#[derive(Clone, Copy, Debug)]
pub struct SetSelTime {
    /// Seconds since 1970.
    pub seconds: u32,
}

impl Command for SetSelTime {
    const NAME: &'static str = "Set SEL Time";
    const NET_FN: NetFn = NetFn::Storage;
    const CODE: u8 = 0x49;
    const CHANGES: bool = true;
    type Answer = ();

    fn data(&self) -> Vec<u8> {
        self.seconds.to_le_bytes().to_vec()
    }

    fn answer(&self, _data: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_never_set_is_recognised() {
        assert_eq!(Timestamp::from(0x2000_0000), Timestamp::SinceStart(0x2000_0000));
        assert_eq!(Timestamp::from(0x2000_0001), Timestamp::Clock(0x2000_0001));
        assert_eq!(Timestamp::from(u32::MAX), Timestamp::Unspecified);
    }

    #[test]
    fn a_clock_is_read() {
        assert_eq!(GetSelTime.answer(&[0, 0, 0, 0x60]).unwrap(), Timestamp::Clock(0x6000_0000));
        assert_eq!(GetSelTime.answer(&[7, 0, 0, 0]).unwrap(), Timestamp::SinceStart(7));
    }

    #[test]
    fn the_lowest_byte_goes_first() {
        assert_eq!(SetSelTime { seconds: 0x5f6e_174e }.data(), [0x4e, 0x17, 0x6e, 0x5f]);
    }
}
