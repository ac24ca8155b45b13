// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sensor data records (IPMI 2.0, section 43). Pure.

use super::sensor_record::{Form, SensorRecord};
use super::text;
use crate::{Malformed, Reader};

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sdr {
    /// Its ID.
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

/// What a thing is a part of (section 43.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Its kind: 03h a processor, 0Ah a power supply, 20h a DIMM.
    pub id: u8,
    /// Its number among its kind; 60h and more are the controller's own.
    pub instance: u8,
}

/// Where a FRU's inventory is (43.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FruLocator {
    /// The 8-bit slave address of the controller in front of it; the BMC is 20h.
    pub address: u8,
    /// The number by which that controller knows it.
    pub device: u8,
    /// It is read by the controller's FRU commands, and not as an EEPROM on a bus.
    pub is_logical: bool,
    /// The controller's LUN.
    pub lun: u8,
    /// The controller's channel.
    pub channel: u8,
    /// What it is.
    pub entity: Entity,
    /// What the maker calls it.
    pub name: String,
}

/// Where a controller is (43.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerLocator {
    /// Its 8-bit slave address.
    pub address: u8,
    /// Its channel.
    pub channel: u8,
    /// What it knows: bit 0 sensors, 1 SDR repository, 2 SEL, 3 FRU inventory, 5 event generator, 7 chassis.
    pub support: u8,
    /// What it is.
    pub entity: Entity,
    /// What the maker calls it.
    pub name: String,
}

impl Sdr {
    /// The length of what all records begin with.
    pub const HEADER: usize = 5;

    /// The length of the record that begins with `header`.
    pub fn length(header: &[u8]) -> Option<usize> {
        header.get(4).map(|rest| Self::HEADER + usize::from(*rest))
    }

    /// Reads a record. What stands behind the length that it tells is ignored.
    ///
    /// # Errors
    /// [`Malformed::Short`] where a field that all records of its type have is not there.
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

impl FruLocator {
    /// Whether the BMC reads it by [`ReadFruData`](super::ReadFruData).
    pub fn is_of_bmc(&self) -> bool {
        self.is_logical && (self.address, self.channel, self.lun) == (BMC, 0, 0)
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let [address, device, access, channel, _, _, _, entity, instance, _] = reader.array("FRU locator")?;
        Ok(Self {
            address: address & 0xfe,
            device,
            is_logical: access & 0x80 != 0,
            lun: access >> 3 & 0x03,
            channel: channel >> 4,
            entity: Entity { id: entity, instance },
            name: text::of_sdr(reader.rest()).trim().to_string(),
        })
    }
}

impl ControllerLocator {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let [address, channel, _, support, _, _, _, entity, instance, _] =
            reader.array("controller locator")?;
        Ok(Self {
            address: address & 0xfe,
            channel: channel & 0x0f,
            support,
            entity: Entity { id: entity, instance },
            name: text::of_sdr(reader.rest()).trim().to_string(),
        })
    }
}

/// The BMC's slave address (section 5.5).
pub(super) const BMC: u8 = 0x20;

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::*;

    #[test]
    fn locators_are_read() {
        let fru = b"\x07\x00\x51\x11\x12\x20\x02\x80\x00\x00\x10\x00\x0a\x01\x00\xc7PS1 FRU";
        let SdrContent::Fru(fru) = Sdr::parse(fru).unwrap().content else { panic!() };
        assert_eq!(
            (fru.device, fru.entity, fru.name.as_str()),
            (2, Entity { id: 10, instance: 1 }, "PS1 FRU")
        );
        assert!(fru.is_of_bmc());
        assert!(!FruLocator { is_logical: false, ..fru.clone() }.is_of_bmc());
        assert!(!FruLocator { address: 0x2c, ..fru }.is_of_bmc());

        let controller = b"\x08\x00\x51\x12\x10\x2c\x06\x00\x3f\x00\x00\x00\x2e\x01\x00\xc5NM SP";
        let SdrContent::Controller(controller) = Sdr::parse(controller).unwrap().content else { panic!() };
        assert_eq!((controller.address, controller.channel, controller.support), (0x2c, 6, 0x3f));
        assert_eq!((controller.entity.id, controller.name.as_str()), (0x2e, "NM SP"));
    }

    #[test]
    fn a_length_bounds_the_record() {
        let record = Sdr::parse(&[1, 2, 0x51, 0xc0, 2, 7, 8, 9]).unwrap();
        assert_eq!(record, Sdr { id: 0x0201, content: SdrContent::Other { kind: 0xc0, data: vec![7, 8] } });
        assert!(Sdr::parse(&[1, 2, 0x51, 0x11, 2, 0x20, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]).is_err());
        assert_eq!((Sdr::length(&[1, 2, 0x51, 0xc0, 2]), Sdr::length(&[1])), (Some(7), None));
    }

    proptest! {
        #[test]
        fn no_record_brings_it_down(
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
