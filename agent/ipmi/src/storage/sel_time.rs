// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get SEL Time (IPMI 2.0, section 31.10).

use super::Timestamp;
use crate::{Command, Malformed, NetFn, Reader};

/// Asks what the time is by the BMC's clock.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_read() {
        assert_eq!(GetSelTime.answer(&[0, 0, 0, 0x60]).unwrap(), Timestamp::Clock(0x6000_0000));
        assert_eq!(GetSelTime.answer(&[7, 0, 0, 0]).unwrap(), Timestamp::SinceStart(7));
    }
}
