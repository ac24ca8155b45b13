// SPDX-License-Identifier: MIT OR Apache-2.0
//! The records of sensors: full (IPMI 2.0, section 43.1), compact (43.2), event-only (43.3).

use super::locator::{BMC, Entity};
use super::{Generator, text};
use crate::sensor::{Factors, THRESHOLD, Units};
use crate::{Malformed, Reader};

/// The type of a sensor's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Full: with units and factors of readings.
    Full,
    /// Compact: one sensor or several, without factors.
    Compact,
    /// Event-only: sensors that send events and cannot be read.
    EventOnly,
}

/// A sensor, or several of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SensorRecord {
    /// The record's type.
    pub form: Form,
    /// The 8-bit slave address of the controller that has it, or a software ID, whose bit 0 is set.
    pub owner: u8,
    /// The owner's channel.
    pub channel: u8,
    /// The owner's LUN.
    pub lun: u8,
    /// Its number; where the record is shared, the first of several.
    pub number: u8,
    /// The entity that it monitors.
    pub entity: Entity,
    /// What it measures: sensor type (table 42-3).
    pub sensor_type: u8,
    /// Event/reading type (table 42-1).
    pub event_type: u8,
    /// The units of its readings.
    pub units: Option<Units>,
    /// The conversion of its readings; `None` if they are not numbers.
    pub factors: Option<Factors>,
    /// The manufacturer's name for it.
    pub name: String,
    /// The name with the space before a number, if there is one.
    stem: String,
    sharing: Sharing,
}

/// Bytes 24 and 25 of a compact record, 13 and 14 of an event-only one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sharing {
    count: u8,
    is_lettered: bool,
    offset: u8,
}

impl SensorRecord {
    pub(super) fn parse(form: Form, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let [owner, place, number, entity, instance] = reader.array("sensor key and entity")?;
        if form != Form::EventOnly {
            reader.bytes("initialization and capabilities", 2)?;
        }
        let [sensor_type, event_type] = reader.array("sensor type")?;
        let mut record = Self {
            form,
            owner,
            channel: place >> 4,
            lun: place & 0x03,
            number,
            entity: Entity { id: entity, instance },
            sensor_type,
            event_type: event_type & 0x7f,
            units: None,
            factors: None,
            name: String::new(),
            stem: String::new(),
            sharing: Sharing::default(),
        };
        if form != Form::EventOnly {
            reader.bytes("event masks", 6)?;
            record.units = Some(Units::parse(reader.array("units")?));
        }
        match form {
            Form::Full => {
                let linearization = reader.byte("linearization")?;
                let factors = reader.array("factors")?;
                record.factors = record
                    .units
                    .filter(|units| record.is_analog(*units))
                    .and_then(|units| Factors::parse(units, linearization, factors));
                reader.bytes("ranges and thresholds", 17)?;
            }
            Form::Compact => {
                record.sharing = Sharing::parse(reader.array("record sharing")?);
                reader.bytes("hysteresis", 6)?;
            }
            Form::EventOnly => {
                record.sharing = Sharing::parse(reader.array("record sharing")?);
                reader.bytes("OEM's byte", 2)?;
            }
        }
        record.stem = text::of_sdr(reader.rest());
        record.name = record.stem.trim().to_string();
        Ok(record)
    }

    /// Whether the event of `generator` about a sensor of this type and number is one of its sensors. BMCs number a channel
    /// differently in the two places, or leave it 0: it is compared only if both have one.
    pub fn is_source(&self, generator: Generator, sensor_type: u8, number: u8) -> bool {
        let (channel, lun) = generator.place();
        (self.owner, self.lun, self.sensor_type) == (generator.owner(), lun, sensor_type)
            && (self.channel == channel || self.channel == 0 || channel == 0)
            && number.wrapping_sub(self.number) < self.sharing.count.max(1)
    }

    /// Whether the BMC reads it by [`GetSensorReading`](crate::sensor::GetSensorReading) on LUN 0.
    pub fn is_of_bmc(&self) -> bool {
        (self.owner, self.channel, self.lun) == (BMC, 0, 0)
    }

    /// The sensors that it describes: number and name.
    pub fn numbered(&self) -> Vec<(u8, String)> {
        match self.sharing.count {
            0 | 1 => vec![(self.number, self.name.clone())],
            count => (0..count).map(|at| (self.number.wrapping_add(at), self.shared_name(at))).collect(),
        }
    }

    /// Readings that are states have units without meaning, and a few BMCs mark them as numbers nevertheless.
    fn is_analog(&self, units: Units) -> bool {
        self.event_type == THRESHOLD || units.is_specified()
    }

    fn shared_name(&self, at: u8) -> String {
        let number = self.sharing.offset.saturating_add(at);
        let letter = |number: u8| char::from(b'A' + number % 26);
        match (self.sharing.is_lettered, number) {
            (false, _) => format!("{}{number}", self.stem),
            (true, 0..26) => format!("{}{}", self.stem, letter(number)),
            (true, _) => format!("{}{}{}", self.stem, letter(number / 26 - 1), letter(number)),
        }
    }
}

impl Sharing {
    fn parse([count, offset]: [u8; 2]) -> Self {
        Self { count: count & 0x0f, is_lettered: count >> 4 & 0x03 == 1, offset: offset & 0x7f }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sensor(record: &[u8]) -> SensorRecord {
        let form = match record[3] {
            0x01 => Form::Full,
            0x02 => Form::Compact,
            _ => Form::EventOnly,
        };
        SensorRecord::parse(form, &mut Reader::new(&record[5..])).unwrap()
    }

    #[test]
    fn a_full_record_is_read() {
        // A Supermicro X9's processor temperature.
        let record = [
            0x04, 0x00, 0x51, 0x01, 0x33, 0x20, 0x00, 0x01, 0x03, 0x01, 0x7f, 0x68, 0x01, 0x01, 0x00, 0x7a,
            0x00, 0x7a, 0x38, 0x38, 0x80, 0x01, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x28,
            0x50, 0x05, 0x7f, 0x80, 0x5d, 0x5a, 0x58, 0x00, 0x00, 0x00, 0x02, 0x02, 0x00, 0x00, 0x00, 0xc8,
            0x43, 0x50, 0x55, 0x20, 0x54, 0x65, 0x6d, 0x70,
        ];
        let sensor = sensor(&record);
        assert_eq!((sensor.form, sensor.number, sensor.name.as_str()), (Form::Full, 1, "CPU Temp"));
        assert_eq!((sensor.entity.id, sensor.sensor_type, sensor.event_type), (3, 1, 1));
        assert_eq!(sensor.units.unwrap().name(), "degrees C");
        assert_eq!(sensor.factors.unwrap().thousandths(0xfe), Some(-2_000));
        assert!(sensor.is_of_bmc());
        assert_eq!(sensor.numbered(), [(1, "CPU Temp".to_string())]);
    }

    /// A compact record of two fans' redundancy and the like.
    fn compact(sharing: [u8; 2]) -> Vec<u8> {
        let mut record = vec![
            0x09, 0x00, 0x51, 0x02, 0x1f, 0x20, 0x00, 0x40, 0x1d, 0x01, 0x00, 0x40, 0x04, 0x0a, 0, 0, 0, 0,
            0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xc4, b'F', b'a', b'n', b' ',
        ];
        record[23..25].copy_from_slice(&sharing);
        record
    }

    #[test]
    fn a_compact_record_may_be_of_several_sensors() {
        let names = |sharing| {
            let numbered = sensor(&compact(sharing)).numbered();
            assert!(numbered.iter().map(|(number, _)| *number).eq((0x40..).take(numbered.len())));
            numbered.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
        };
        assert_eq!(names([0x01, 0x00]), ["Fan"]);
        assert_eq!(names([0x00, 0x05]), ["Fan"]);
        assert_eq!(names([0x03, 0x81]), ["Fan 1", "Fan 2", "Fan 3"]);
        assert_eq!(names([0x12, 0x19]), ["Fan Z", "Fan AA"]);
        assert_eq!(sensor(&compact([1, 0])).factors, None);
    }

    #[test]
    fn an_event_is_of_a_sensor_only_if_its_generator_owns_it() {
        let fans = sensor(&compact([0x03, 0x81]));
        let is_source = |generator, kind, number| fans.is_source(Generator::parse(generator), kind, number);
        assert!(is_source([0x20, 0], 0x04, 0x40) && is_source([0x20, 0], 0x04, 0x42));
        assert!(is_source([0x20, 0x70], 0x04, 0x41), "the record has no channel");
        for (generator, kind, number) in [
            ([0x20, 0], 0x04, 0x43),
            ([0x20, 0], 0x04, 0x3f),
            ([0x20, 0], 0x01, 0x40),
            ([0x20, 1], 0x04, 0x40),
            ([0x21, 0], 0x04, 0x40),
            ([0x01, 0], 0x04, 0x40),
            ([0x2c, 0], 0x04, 0x40),
        ] {
            assert!(!is_source(generator, kind, number), "{generator:?} {kind} {number}");
        }
    }

    #[test]
    fn an_event_only_record_is_read() {
        let record = b"\x0a\x00\x51\x03\x0f\x33\x00\x0e\x22\x01\x12\x6f\x01\x00\x00\x00\xc3OEM";
        let sensor = sensor(record);
        assert_eq!((sensor.form, sensor.sensor_type, sensor.event_type), (Form::EventOnly, 0x12, 0x6f));
        assert_eq!((sensor.name.as_str(), sensor.units), ("OEM", None));
        assert!(!sensor.is_of_bmc());
    }

    #[test]
    fn a_record_without_a_name_has_none() {
        let mut record = compact([1, 0]);
        record.truncate(31);
        assert_eq!(sensor(&record).name, "");
    }
}
