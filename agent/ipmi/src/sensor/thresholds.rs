// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get Sensor Thresholds (IPMI 2.0, section 35.9).

use super::Breach;
use super::reading::BREACHES;
use crate::{Command, Malformed, NetFn, Reader};

/// Reads a sensor's thresholds.
#[derive(Clone, Copy, Debug)]
pub struct GetSensorThresholds {
    /// The sensor's number.
    pub sensor: u8,
}

/// The thresholds of a sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    readable: u8,
    raw: [u8; 6],
}

impl Command for GetSensorThresholds {
    const NAME: &'static str = "Get Sensor Thresholds";
    const NET_FN: NetFn = NetFn::Sensor;
    const CODE: u8 = 0x27;
    type Answer = Thresholds;

    fn data(&self) -> Vec<u8> {
        vec![self.sensor]
    }

    fn answer(&self, data: &[u8]) -> Result<Thresholds, Malformed> {
        let mut reader = Reader::new(data);
        Ok(Thresholds { readable: reader.byte("readable thresholds")?, raw: reader.array("thresholds")? })
    }
}

impl Thresholds {
    /// The threshold, raw, where there is one that may be read.
    pub fn raw(&self, of: Breach) -> Option<u8> {
        let bit = BREACHES.iter().position(|breach| *breach == of)?;
        (self.readable >> bit & 1 == 1).then(|| self.raw.get(bit).copied()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_readable_thresholds_are_reported() {
        let thresholds = GetSensorThresholds { sensor: 1 }.answer(&[0x1b, 5, 3, 0, 0x50, 0x5a, 0]).unwrap();
        assert_eq!(thresholds.raw(Breach::UpperCritical), Some(0x5a));
        assert_eq!(thresholds.raw(Breach::LowerNonCritical), Some(5));
        assert_eq!(thresholds.raw(Breach::UpperNonRecoverable), None);
        assert!(GetSensorThresholds { sensor: 1 }.answer(&[0x1b, 5]).is_err());
    }
}
