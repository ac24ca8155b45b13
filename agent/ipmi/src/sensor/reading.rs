// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get Sensor Reading (IPMI 2.0, section 35.14).

use crate::{Command, Malformed, NetFn, Reader};

/// Reads a sensor.
#[derive(Clone, Copy, Debug)]
pub struct GetSensorReading {
    /// The sensor's number.
    pub sensor: u8,
}

/// Reading and states of a sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SensorReading {
    /// The raw reading; [`Factors`](super::Factors) convert it.
    pub raw: u8,
    /// Scanning of the sensor is enabled.
    pub is_scanned: bool,
    /// Reading and states are not available now.
    pub is_unavailable: bool,
    /// The states that are asserted; of a threshold's sensor, bits 0 to 5 are what it breaches.
    pub states: u16,
}

/// A threshold that a reading is at or beyond; the later ones are the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Breach {
    /// Lower non-critical.
    LowerNonCritical,
    /// Upper non-critical.
    UpperNonCritical,
    /// Lower critical.
    LowerCritical,
    /// Upper critical.
    UpperCritical,
    /// Lower non-recoverable.
    LowerNonRecoverable,
    /// Upper non-recoverable.
    UpperNonRecoverable,
}

impl Command for GetSensorReading {
    const NAME: &'static str = "Get Sensor Reading";
    const NET_FN: NetFn = NetFn::Sensor;
    const CODE: u8 = 0x2d;
    type Answer = SensorReading;

    fn data(&self) -> Vec<u8> {
        vec![self.sensor]
    }

    fn answer(&self, data: &[u8]) -> Result<SensorReading, Malformed> {
        let mut reader = Reader::new(data);
        let raw = reader.byte("sensor reading")?;
        let flags = reader.byte("sensor flags")?;
        let low = reader.byte("states 0 to 7").unwrap_or_default();
        let high = reader.byte("states 8 to 14").unwrap_or_default();
        Ok(SensorReading {
            raw,
            is_scanned: flags & 0x40 != 0,
            is_unavailable: flags & 0x20 != 0,
            states: u16::from_le_bytes([low, high & 0x7f]),
        })
    }
}

impl SensorReading {
    /// Whether reading and states are valid.
    pub fn is_valid(&self) -> bool {
        self.is_scanned && !self.is_unavailable
    }

    /// Of a threshold's sensor: the worst of what it breaches.
    pub fn breach(&self) -> Option<Breach> {
        let breaches = BREACHES.iter().zip(0..);
        breaches.filter(|(_, bit)| self.states >> bit & 1 == 1).map(|(breach, _)| *breach).max()
    }

    /// Of any other sensor: the offsets of the states that are asserted.
    pub fn offsets(&self) -> impl Iterator<Item = u8> {
        let states = self.states;
        (0..15).filter(move |bit| states >> bit & 1 == 1)
    }
}

/// By their bits, here and in Get Sensor Thresholds.
pub(super) const BREACHES: [Breach; 6] = [
    Breach::LowerNonCritical,
    Breach::LowerCritical,
    Breach::LowerNonRecoverable,
    Breach::UpperNonCritical,
    Breach::UpperCritical,
    Breach::UpperNonRecoverable,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &[u8]) -> SensorReading {
        GetSensorReading { sensor: 0x30 }.answer(data).unwrap()
    }

    #[test]
    fn a_temperature_is_read() {
        let reading = read(&[0x1e, 0xc0, 0xc0]);
        assert_eq!((reading.raw, reading.is_valid(), reading.breach()), (0x1e, true, None));
    }

    #[test]
    fn the_worst_breach_is_reported() {
        assert_eq!(read(&[0x66, 0xc0, 0xd8]).breach(), Some(Breach::UpperCritical));
        assert_eq!(read(&[0x00, 0xc0, 0xc7]).breach(), Some(Breach::LowerNonRecoverable));
    }

    #[test]
    fn states_are_reported_by_their_offsets() {
        assert_eq!(read(&[0x00, 0xc0, 0x03, 0x80]).offsets().collect::<Vec<_>>(), [0, 1]);
        assert_eq!(read(&[0x00, 0xc0, 0x00, 0x41]).offsets().collect::<Vec<_>>(), [8, 14]);
    }

    #[test]
    fn a_sensor_may_have_no_reading() {
        assert!(!read(&[0x00, 0xe0, 0xc0]).is_valid());
        assert!(!read(&[0x00, 0x80]).is_valid());
        assert!(GetSensorReading { sensor: 1 }.answer(&[0]).is_err());
    }
}
