// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get Sensor Reading Factors (IPMI 2.0, section 35.5): for a sensor whose factors depend on the reading.

use super::Factors;
use crate::{Command, Malformed, NetFn, Reader};

/// Reads the factors for one reading of a non-linear sensor.
#[derive(Clone, Copy, Debug)]
pub struct GetSensorReadingFactors {
    /// The sensor's number.
    pub sensor: u8,
    /// The reading, raw.
    pub raw: u8,
    /// The factors in the sensor's record, for number format and linearization.
    pub record: Factors,
}

impl Command for GetSensorReadingFactors {
    const NAME: &'static str = "Get Sensor Reading Factors";
    const NET_FN: NetFn = NetFn::Sensor;
    const CODE: u8 = 0x23;
    type Answer = Factors;

    fn data(&self) -> Vec<u8> {
        vec![self.sensor, self.raw]
    }

    fn answer(&self, data: &[u8]) -> Result<Factors, Malformed> {
        let mut reader = Reader::new(data);
        reader.byte("next reading")?;
        Ok(self.record.with(reader.array("factors")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensor::Units;

    #[test]
    fn the_factors_of_a_reading_are_read() {
        let record = Factors::parse(Units::parse([0, 1, 0]), 0x70, [0; 6]).unwrap();
        let command = GetSensorReadingFactors { sensor: 7, raw: 0x40, record };
        assert_eq!(command.data(), [7, 0x40]);
        let factors = command.answer(&[0x41, 2, 0, 3, 0, 0, 0]).unwrap();
        assert_eq!(factors.thousandths(0x40), Some(131_000));
        assert!(record.is_non_linear() && !factors.is_non_linear());
    }
}
