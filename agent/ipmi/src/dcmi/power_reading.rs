// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get Power Reading (DCMI, section 6.6.1): system power statistics.

use std::time::Duration;

use super::{GROUP, group};
use crate::{Command, Malformed, NetFn, Reader};

/// Reads how much power the machine draws.
#[derive(Clone, Copy, Debug)]
pub struct GetPowerReading;

/// How much power a machine draws, in watts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerReading {
    /// Now.
    pub current: u16,
    /// The least within the period.
    pub minimum: u16,
    /// The most within the period.
    pub maximum: u16,
    /// The mean over the period.
    pub average: u16,
    /// When it was measured, in seconds since 1970 of the BMC's clock.
    pub timestamp: u32,
    /// The time over which it is counted.
    pub period: Duration,
    /// Power is being measured; otherwise the numbers mean nothing.
    pub is_active: bool,
}

impl Command for GetPowerReading {
    const NAME: &'static str = "Get Power Reading";
    const NET_FN: NetFn = NetFn::Group;
    const CODE: u8 = 0x02;
    type Answer = PowerReading;

    fn data(&self) -> Vec<u8> {
        // Mode 1, system power statistics, without attributes.
        vec![GROUP, 1, 0, 0]
    }

    fn answer(&self, data: &[u8]) -> Result<PowerReading, Malformed> {
        let mut reader = Reader::new(data);
        group(&mut reader)?;
        Ok(PowerReading {
            current: reader.word("current power")?,
            minimum: reader.word("minimum power")?,
            maximum: reader.word("maximum power")?,
            average: reader.word("average power")?,
            timestamp: reader.long("timestamp")?,
            period: Duration::from_millis(reader.long("statistics reporting period")?.into()),
            is_active: reader.byte("power reading state")? & 0x40 != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watts_are_read() {
        assert_eq!(GetPowerReading.data(), [0xdc, 1, 0, 0]);
        let bytes =
            [0xdc, 0x96, 0, 0x0a, 0, 0x2c, 0x01, 0x8c, 0, 0x00, 0x00, 0x00, 0x60, 0xe8, 0x03, 0, 0, 0x40];
        let reading = GetPowerReading.answer(&bytes).unwrap();
        assert_eq!((reading.current, reading.minimum, reading.maximum, reading.average), (150, 10, 300, 140));
        assert_eq!((reading.timestamp, reading.period), (0x6000_0000, Duration::from_secs(1)));
        assert!(reading.is_active);
        assert!(GetPowerReading.answer(&bytes[..17]).is_err());
    }
}
