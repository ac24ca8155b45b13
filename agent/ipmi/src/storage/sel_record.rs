// SPDX-License-Identifier: MIT OR Apache-2.0
//! The records of the system event log (IPMI 2.0, section 32).

use super::Timestamp;
use super::locator::BMC;
use crate::sensor::Event;
use crate::{Malformed, Reader};

/// A record of the system event log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelRecord {
    /// Record ID; not always consecutive.
    pub id: u16,
    /// Its content, by record type.
    pub content: SelContent,
}

/// Content of a record, by its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelContent {
    /// Type 02h (32.1): something happened to a sensor.
    Event {
        /// Time of the event.
        timestamp: Timestamp,
        /// The source of the event.
        generator: Generator,
        /// Sensor, type and data of the event.
        event: Event,
    },
    /// Types C0h to DFh (32.2): OEM records with a timestamp.
    Oem {
        /// The record's type.
        kind: u8,
        /// Time of the event.
        timestamp: Timestamp,
        /// IANA enterprise number of the manufacturer that defined it.
        manufacturer: u32,
        /// OEM data, bytes 11 to 16.
        data: [u8; 6],
    },
    /// Types E0h to FFh (32.3), without a time, and types that the specification reserves.
    Other {
        /// The record's type.
        kind: u8,
        /// OEM data, bytes 4 to 16.
        data: [u8; 13],
    },
}

/// The source of an event (table 32-1, bytes 8 and 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generator {
    /// A controller on IPMB; the BMC is 20h.
    Controller {
        /// Its 8-bit slave address.
        address: u8,
        /// The channel it is on.
        channel: u8,
        /// The LUN.
        lun: u8,
    },
    /// System software, by its number (table 5-4).
    Software {
        /// Its number; its first byte in the record has this in bits 7 to 1, and bit 0 set.
        id: u8,
        /// The second byte: channel in the upper half, LUN in the lower.
        place: u8,
    },
}

impl SelRecord {
    /// The length of all records.
    pub const LENGTH: usize = 16;

    /// Reads a record.
    ///
    /// # Errors
    /// [`Malformed::Short`] if it has fewer than 16 bytes.
    pub fn parse(record: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(record);
        let id = reader.word("record ID")?;
        let kind = reader.byte("record type")?;
        let data: [u8; 13] = reader.array("record data")?;
        let mut reader = Reader::new(&data);
        let content = match kind {
            0x02 => event(&mut reader)?,
            0xc0..=0xdf => oem(kind, &mut reader)?,
            _ => SelContent::Other { kind, data },
        };
        Ok(Self { id, content })
    }
}

impl Generator {
    /// Reads the two bytes.
    pub fn parse([who, place]: [u8; 2]) -> Self {
        match who & 0x01 {
            0 => Self::Controller { address: who, channel: place >> 4, lun: place & 0x03 },
            _ => Self::Software { id: who >> 1, place },
        }
    }

    /// The owner of the sensor, as its SDR has it (43.1, byte 6): a slave address, or a software ID with bit 0 set.
    pub fn owner(self) -> u8 {
        match self {
            Self::Controller { address, .. } => address,
            Self::Software { id, .. } => id << 1 | 1,
        }
    }

    /// Channel and LUN.
    pub fn place(self) -> (u8, u8) {
        match self {
            Self::Controller { channel, lun, .. } => (channel, lun),
            Self::Software { place, .. } => (place >> 4, place & 0x03),
        }
    }

    /// Whether it is the BMC, and its LUN 0.
    pub fn is_bmc(self) -> bool {
        self == Self::Controller { address: BMC, channel: 0, lun: 0 }
    }

    /// What kind of software it is, as ipmitool spells it (table 5-4).
    pub fn software(self) -> Option<&'static str> {
        let Self::Software { id, .. } = self else { return None };
        Some(match id {
            0x00..=0x0f => "BIOS",
            0x10..=0x1f => "SMI Handler",
            0x20..=0x2f => "System Management Software",
            0x30..=0x3f => "OEM",
            0x40..=0x46 => "Remote Console Software",
            0x47 => "Terminal Mode Remote Console Software",
            _ => return None,
        })
    }
}

fn event(reader: &mut Reader<'_>) -> Result<SelContent, Malformed> {
    let timestamp = reader.long("timestamp")?.into();
    let generator = Generator::parse(reader.array("generator ID")?);
    reader.byte("event message format version")?;
    let event = Event::parse(reader.array("event")?);
    Ok(SelContent::Event { timestamp, generator, event })
}

fn oem(kind: u8, reader: &mut Reader<'_>) -> Result<SelContent, Malformed> {
    let timestamp = reader.long("timestamp")?.into();
    let [low, middle, high] = reader.array("manufacturer ID")?;
    let manufacturer = u32::from_le_bytes([low, middle, high, 0]);
    Ok(SelContent::Oem { kind, timestamp, manufacturer, data: reader.array("OEM data")? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::*;
    use crate::sensor::Severity;

    #[test]
    fn a_system_event_is_read() {
        // A Supermicro X9's: the second memory slot has an uncorrectable error, reported by the BIOS.
        let record =
            [0x5a, 0x01, 0x02, 0x4e, 0x17, 0x6e, 0x5f, 0x01, 0x00, 0x04, 0x0c, 0x09, 0x6f, 0xa1, 0xff, 0x21];
        let record = SelRecord::parse(&record).unwrap();
        assert_eq!(record.id, 0x015a);
        let SelContent::Event { timestamp, generator, event } = record.content else { panic!("{record:?}") };
        assert_eq!(timestamp, Timestamp::Clock(0x5f6e_174e));
        assert_eq!(
            (generator, generator.software()),
            (Generator::Software { id: 0, place: 0 }, Some("BIOS"))
        );
        assert_eq!(event.name().as_deref(), Some("Uncorrectable ECC"));
        assert_eq!(event.severity(), Severity::Critical);
    }

    #[test]
    fn a_controller_is_read() {
        let record = [1, 0, 2, 5, 0, 0, 0, 0x2c, 0x61, 4, 1, 0x30, 1, 0x59, 0x66, 0x5a];
        let SelContent::Event { timestamp, generator, .. } = SelRecord::parse(&record).unwrap().content
        else {
            panic!()
        };
        assert_eq!(timestamp, Timestamp::SinceStart(5));
        assert_eq!(generator, Generator::Controller { address: 0x2c, channel: 6, lun: 1 });
        assert_eq!((generator.owner(), generator.place(), generator.is_bmc()), (0x2c, (6, 1), false));
        assert_eq!(Generator::parse([0x33, 0x10]).owner(), 0x33);
        assert!(Generator::parse([0x20, 0x00]).is_bmc() && !Generator::parse([0x20, 0x01]).is_bmc());
    }

    #[test]
    fn oem_records_are_kept_raw() {
        let record = [9, 0, 0xdf, 0, 0, 0, 0x60, 0xa2, 0x02, 0x00, 1, 2, 3, 4, 5, 6];
        assert_eq!(
            SelRecord::parse(&record).unwrap().content,
            SelContent::Oem {
                kind: 0xdf,
                timestamp: Timestamp::Clock(0x6000_0000),
                manufacturer: 674,
                data: [1, 2, 3, 4, 5, 6]
            }
        );
        let record: [u8; 16] = std::array::from_fn(|at| if at == 2 { 0xe0 } else { at as u8 });
        assert_eq!(
            SelRecord::parse(&record).unwrap().content,
            SelContent::Other { kind: 0xe0, data: std::array::from_fn(|at| at as u8 + 3) }
        );
    }

    proptest! {
        #[test]
        fn any_sixteen_bytes_are_a_record(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let record = SelRecord::parse(&bytes);
            assert_eq!(record.is_ok(), bytes.len() >= SelRecord::LENGTH);
            if let Ok(SelRecord { content: SelContent::Event { event, .. }, .. }) = record {
                let _ = (event.name(), event.severity());
            }
        }
    }
}
