// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events of sensors (IPMI 2.0, sections 29.7, 32.1, 42).

use super::event_details::{Detail, details};
use super::event_names::named;
use super::severity::{Named, SENSOR_SPECIFIC, Severity, THRESHOLD};
use super::types::sensor_type;

/// Something that happened to a sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What the sensor watches (table 42-3).
    pub sensor_type: u8,
    /// The sensor's number.
    pub sensor: u8,
    /// Deassertion: the state was left, not entered.
    pub is_deassertion: bool,
    /// The event/reading type: 01h threshold, 6Fh defined by the sensor type, 70h and more OEM (table 42-1).
    pub event_type: u8,
    /// Event data 1 to 3; the lower half of the first is the event's offset.
    pub data: [u8; 3],
}

impl Event {
    /// Reads bytes 11 to 16 of an event's record.
    pub fn parse([sensor_type, sensor, kind, one, two, three]: [u8; 6]) -> Self {
        Self {
            sensor_type,
            sensor,
            is_deassertion: kind & 0x80 != 0,
            event_type: kind & 0x7f,
            data: [one, two, three],
        }
    }

    /// The number of the event among those of its type.
    pub fn offset(&self) -> u8 {
        self.data[0] & 0x0f
    }

    /// What the sensor watches, as ipmitool spells it.
    pub fn sensor_type_name(&self) -> Option<&'static str> {
        sensor_type(self.sensor_type)
    }

    /// What happened, as ipmitool spells it.
    pub fn name(&self) -> Option<String> {
        let name = self.named()?.name;
        Some(match self.detail() {
            Some((Detail { joint: Some(joint), .. }, detail)) => format!("{name}{joint}{}", detail.name),
            Some((_, detail)) => detail.name.to_string(),
            None => name.to_string(),
        })
    }

    /// Its severity; a deassertion is informational.
    pub fn severity(&self) -> Severity {
        if self.is_deassertion {
            return Severity::Informational;
        }
        let named = self.detail().map(|(_, named)| named).or_else(|| self.named());
        named.map_or(Severity::Informational, |named| named.severity)
    }

    /// Of a threshold's event: the reading that caused it, raw.
    pub fn trigger_reading(&self) -> Option<u8> {
        (self.event_type == THRESHOLD && self.data[0] >> 6 == 0b01).then_some(self.data[1])
    }

    /// Of a threshold's event: the threshold, raw.
    pub fn trigger_threshold(&self) -> Option<u8> {
        (self.event_type == THRESHOLD && self.data[0] >> 4 & 0b11 == 0b01).then_some(self.data[2])
    }

    fn named(&self) -> Option<&'static Named> {
        named(self.sensor_type, self.event_type, self.offset())
    }

    /// The detail in event data 2 or 3, where event data 1 marks it as present (table 29-6).
    fn detail(&self) -> Option<(&'static Detail, &'static Named)> {
        if self.event_type != SENSOR_SPECIFIC {
            return None;
        }
        let detail = details(self.sensor_type, self.offset())?;
        let (place, code) = match detail.is_in_third {
            false => (self.data[0] >> 6, self.data[1]),
            true => (self.data[0] >> 4 & 0b11, self.data[2] & 0x0f),
        };
        if place != 0b11 {
            return None;
        }
        let named = detail.names.get(usize::from(code)).filter(|named| !named.name.is_empty())?;
        Some((detail, named))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    fn event(bytes: [u8; 6]) -> (Option<String>, Severity) {
        let event = Event::parse(bytes);
        (event.name(), event.severity())
    }

    #[test]
    fn names_are_those_of_ipmitool() {
        let expected = |name: &str, severity| (Some(name.to_string()), severity);
        assert_eq!(
            event([0x01, 0x30, 0x01, 0x59, 0x66, 0x5a]),
            expected("Upper Critical going high", Severity::Critical)
        );
        assert_eq!(
            event([0x08, 0xc8, 0x6f, 0x01, 0xff, 0xff]),
            expected("Failure detected", Severity::Critical)
        );
        assert_eq!(
            event([0x04, 0x40, 0x0b, 0x01, 0xff, 0xff]),
            expected("Redundancy Lost", Severity::Critical)
        );
        assert_eq!(event([0x23, 0x03, 0x6f, 0xc1, 0x03, 0xff]), expected("Hard reset", Severity::Critical));
        assert_eq!(event([0x07, 0x03, 0xef, 0x00, 0xff, 0xff]), expected("IERR", Severity::Informational));
    }

    #[test]
    fn details_are_part_of_the_name() {
        let expected = |name: &str, severity| (Some(name.to_string()), severity);
        assert_eq!(
            event([0x0f, 0x06, 0x6f, 0xc2, 0x13, 0xff]),
            expected("System boot initiated", Severity::Informational)
        );
        assert_eq!(
            event([0x0f, 0x06, 0x6f, 0xc0, 0x01, 0xff]),
            expected("No system memory installed", Severity::Critical)
        );
        assert_eq!(event([0x0f, 0x06, 0x6f, 0x00, 0x01, 0xff]), expected("Unknown Error", Severity::Warning));
        assert_eq!(
            event([0x08, 0x06, 0x6f, 0x36, 0xff, 0x03]),
            expected("Config Error: Power Supply Rating Mismatch", Severity::Warning)
        );
        assert_eq!(
            event([0x2b, 0x06, 0x6f, 0xc1, 0x02, 0xff]),
            expected("Firmware or software change detected, Mngmt Ctrl Firm Rev", Severity::Informational)
        );
    }

    #[test]
    fn an_unknown_event_has_no_name() {
        assert_eq!(event([0xc1, 0x30, 0x6f, 0x02, 0, 0]), (None, Severity::Informational));
        assert_eq!(event([0x01, 0x30, 0x70, 0x02, 0, 0]), (None, Severity::Informational));
        assert_eq!(event([0x23, 0x30, 0x6f, 0x04, 0, 0]), (None, Severity::Informational));
        assert_eq!(Event::parse([0xc1, 0, 0x6f, 0, 0, 0]).sensor_type_name(), None);
    }

    #[test]
    fn trigger_values_are_read_only_where_they_are_present() {
        let event = Event::parse([0x01, 0x30, 0x01, 0x59, 0x66, 0x5a]);
        assert_eq!((event.trigger_reading(), event.trigger_threshold()), (Some(0x66), Some(0x5a)));
        let event = Event::parse([0x01, 0x30, 0x01, 0x09, 0x66, 0x5a]);
        assert_eq!((event.trigger_reading(), event.trigger_threshold()), (None, None));
    }

    proptest! {
        #[test]
        fn any_event_is_decoded_without_panic(bytes in any::<[u8; 6]>()) {
            let (name, severity) = event(bytes);
            assert!(name.is_some() || severity == Severity::Informational);
        }
    }
}
