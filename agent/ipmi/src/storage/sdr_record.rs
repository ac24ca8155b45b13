// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sensor data records (IPMI 2.0, section 43).

use super::locator::{ControllerLocator, FruLocator};
use super::sensor_record::{Form, SensorRecord};
use crate::{Malformed, Reader};

/// A sensor data record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sdr {
    /// Record ID.
    pub id: u16,
    /// What it describes.
    pub content: SdrContent,
}

/// What a record describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SdrContent {
    /// Types 01h, 02h and 03h: one sensor or several.
    Sensor(SensorRecord),
    /// Type 11h (43.8): a FRU's inventory.
    Fru(FruLocator),
    /// Type 12h (43.9): a controller.
    Controller(ControllerLocator),
    /// Any other type.
    Other {
        /// The record's type.
        kind: u8,
        /// What follows its header.
        data: Vec<u8>,
    },
}

impl Sdr {
    /// The length of the header of all records, in bytes.
    pub const HEADER: usize = 5;

    /// The length in bytes of the record that begins with `header`; `None` if that is too short to contain it.
    pub fn length(header: &[u8]) -> Option<usize> {
        header.get(4).map(|rest| Self::HEADER + usize::from(*rest))
    }

    /// Decodes a record. Bytes after its own length are ignored.
    ///
    /// # Errors
    /// [`Malformed::Short`] if a mandatory field of its type is missing.
    pub fn parse(record: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(record);
        let id = reader.word("record ID")?;
        reader.byte("SDR version")?;
        let kind = reader.byte("record type")?;
        let length = usize::from(reader.byte("record length")?);
        let body = reader.rest();
        let body = body.get(..length).unwrap_or(body);
        let mut reader = Reader::new(body);
        let content = match kind {
            0x01 => SdrContent::Sensor(SensorRecord::parse(Form::Full, &mut reader)?),
            0x02 => SdrContent::Sensor(SensorRecord::parse(Form::Compact, &mut reader)?),
            0x03 => SdrContent::Sensor(SensorRecord::parse(Form::EventOnly, &mut reader)?),
            0x11 => SdrContent::Fru(FruLocator::parse(&mut reader)?),
            0x12 => SdrContent::Controller(ControllerLocator::parse(&mut reader)?),
            _ => SdrContent::Other { kind, data: body.to_vec() },
        };
        Ok(Self { id, content })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::*;

    #[test]
    fn a_length_bounds_the_record() {
        let record = Sdr::parse(&[1, 2, 0x51, 0xc0, 2, 7, 8, 9]).unwrap();
        assert_eq!(record, Sdr { id: 0x0201, content: SdrContent::Other { kind: 0xc0, data: vec![7, 8] } });
        assert!(Sdr::parse(&[1, 2, 0x51, 0x11, 2, 0x20, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]).is_err());
        assert_eq!((Sdr::length(&[1, 2, 0x51, 0xc0, 2]), Sdr::length(&[1])), (Some(7), None));
    }

    proptest! {
        #[test]
        fn any_record_is_decoded_without_panic(
            kind in 0..0x15u8,
            length in any::<u8>(),
            body in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let record = [&[1, 0, 0x51, kind, length], &body[..]].concat();
            if let Ok(Sdr { content: SdrContent::Sensor(sensor), .. }) = Sdr::parse(&record) {
                let numbered = sensor.numbered();
                assert!((1..=15).contains(&numbered.len()));
                assert!(sensor.factors.is_none_or(|_| numbered.len() == 1));
            }
        }
    }
}
