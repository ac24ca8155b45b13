// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get POH Counter (IPMI 2.0, section 28.14).

use crate::{Command, Malformed, NetFn, Reader};

/// Reads how long the machine has been powered on in total.
#[derive(Clone, Copy, Debug)]
pub struct GetPohCounter;

/// How long a machine has been powered on in total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerOnTime {
    /// Minutes; the BMC may count in larger steps.
    pub minutes: u64,
}

impl Command for GetPohCounter {
    const NAME: &'static str = "Get POH Counter";
    const NET_FN: NetFn = NetFn::Chassis;
    const CODE: u8 = 0x0f;
    type Answer = PowerOnTime;

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, data: &[u8]) -> Result<PowerOnTime, Malformed> {
        let mut reader = Reader::new(data);
        let minutes_per_count = reader.byte("minutes per count")?;
        let count = reader.long("counter")?;
        Ok(PowerOnTime { minutes: u64::from(minutes_per_count) * u64::from(count) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read() {
        assert_eq!(GetPohCounter.answer(&[60, 0x10, 0x27, 0, 0]).unwrap(), PowerOnTime { minutes: 600_000 });
        assert_eq!(GetPohCounter.answer(&[0xff; 5]).unwrap().minutes, 255 * u64::from(u32::MAX));
    }
}
