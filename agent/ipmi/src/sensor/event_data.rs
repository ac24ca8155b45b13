// SPDX-License-Identifier: MIT OR Apache-2.0
//! What event data 2 and 3 say beyond the event's name: which DIMM, slot, user, state before (IPMI 2.0, tables 29-6 and
//! 42-3).

use super::Event;
use super::event_names::named;
use super::severity::{SENSOR_SPECIFIC, THRESHOLD};
use crate::chassis::RestartCause;

/// What a data byte contains (table 29-6, event data 1, bits 7 and 6, or 5 and 4).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Unspecified,
    /// Of data 2: a reading of a threshold's sensor, else the previous state.
    Standard,
    Oem,
    /// What table 42-3 defines for the sensor type.
    OfSensorType,
}

impl Event {
    /// What event data 2 and 3 say, each fact in words, where event data 1 marks them as present. What is part of
    /// [`name`](Self::name), and a threshold's values, are not repeated. What the manufacturer defines is kept as a number.
    pub fn details(&self) -> Vec<String> {
        let [one, two, three] = self.data;
        let (second, third) = (content(one >> 6), content(one >> 4));
        let mut details = Vec::new();
        if second == Content::Standard && self.event_type != THRESHOLD {
            details.extend(self.previous(two));
        }
        if self.event_type == SENSOR_SPECIFIC {
            let of_type = |content, byte| (content == Content::OfSensorType).then_some(byte);
            details.extend(self.of_sensor_type(of_type(second, two), of_type(third, three)));
        }
        if second == Content::Oem && two != UNUSED {
            details.push(format!("OEM data 2 {two:#04x}"));
        }
        match third == Content::Oem && three != UNUSED {
            true if self.is_of_memory() => {
                details.push(format!("DIMM {three:#04x} in the manufacturer's numbering"));
            }
            true => details.push(format!("OEM data 3 {three:#04x}")),
            false => {}
        }
        details
    }

    /// Table 29-6: the state before in the lower half, the severity in the upper.
    fn previous(&self, byte: u8) -> Vec<String> {
        let before =
            named(self.sensor_type, self.event_type, byte & 0x0f).filter(|named| !named.name.is_empty());
        let severity = named(self.sensor_type, SEVERITIES, byte >> 4);
        let before = before.map(|before| format!("before: {}", before.name));
        before.into_iter().chain(severity.map(|severity| format!("severity: {}", severity.name))).collect()
    }

    fn is_of_memory(&self) -> bool {
        (self.event_type, self.sensor_type) == (SENSOR_SPECIFIC, MEMORY)
    }

    /// Table 42-3, by sensor type and offset.
    fn of_sensor_type(&self, two: Option<u8>, three: Option<u8>) -> Vec<String> {
        let (two, three) = (two.filter(|byte| *byte != UNUSED), three.filter(|byte| *byte != UNUSED));
        let [second, third] = match (self.sensor_type, self.offset()) {
            (0x05, 4) => [two.map(|number| format!("network controller {number}")), None],
            (MEMORY, _) => [None, three.map(|number| format!("DIMM {number}"))],
            (0x10, 0) => [two.map(|number| format!("DIMM {number}")), None],
            (0x10, 1) => [two.map(|kind| format!("event type {kind:#04x}")), three.map(disabled_events)],
            (0x10, 5) => [None, three.map(|percent| format!("{percent} % full"))],
            (0x10, 6) => [two.map(|number| format!("processor {number}")), None],
            (0x12, 3) => [two.map(auxiliary_log), None],
            (0x12, 4) => [two.map(|actions| listed(actions, ACTIONS)), None],
            (0x12, 5) => [two.map(clock_sync), None],
            (0x19, 0) => {
                let state =
                    |what: &str, state| one_of(state, POWER_STATES).map(|name| format!("{what} {name}"));
                [two.and_then(|code| state("requested:", code)), three.and_then(|code| state("state:", code))]
            }
            (0x1d, 7) => [
                two.map(|cause| format!("cause: {}", RestartCause::from(cause & 0x0f))),
                three.map(|channel| format!("channel {channel}")),
            ],
            (0x21, _) => [
                two.and_then(|kind| one_of(kind & 0x7f, SLOTS).map(str::to_string)),
                three.map(|n| format!("slot {n}")),
            ],
            (0x23, _) => [
                two.and_then(|code| one_of(code & 0x0f, TIMER_USES)).map(|user| format!("timer of {user}")),
                two.and_then(|code| one_of(code >> 4, INTERRUPTS)).map(|name| format!("interrupt: {name}")),
            ],
            (0x28, 0 | 4) => [two.map(|number| format!("sensor {number:#04x}")), None],
            (0x28, 5) => [None, three.map(|device| failed_fru(two.unwrap_or_default(), device))],
            (0x2a, _) => [
                two.map(|user| user & 0x3f).filter(|user| *user != 0).map(|user| format!("user {user}")),
                three.map(|byte| session(byte, self.offset() == 1)),
            ],
            (0x2c, _) => [
                two.and_then(|code| one_of(code >> 4, STATE_CHANGES)).map(|cause| format!("cause: {cause}")),
                two.and_then(|code| named(0x2c, SENSOR_SPECIFIC, code & 0x0f))
                    .map(|before| format!("before: {}", before.name)),
            ],
            _ => [None, None],
        };
        second.into_iter().chain(third).filter(|detail| !detail.is_empty()).collect()
    }
}

fn content(bits: u8) -> Content {
    match bits & 0b11 {
        0b00 => Content::Unspecified,
        0b01 => Content::Standard,
        0b10 => Content::Oem,
        _ => Content::OfSensorType,
    }
}

fn one_of(code: u8, names: &'static [&'static str]) -> Option<&'static str> {
    names.get(usize::from(code)).copied().filter(|name| !name.is_empty())
}

/// The names of the bits that are set.
fn listed(bits: u8, names: &[&str]) -> String {
    let set = names.iter().zip(0..).filter(|(_, bit)| bits >> bit & 1 == 1).map(|(name, _)| *name);
    set.collect::<Vec<_>>().join(", ")
}

fn disabled_events(byte: u8) -> String {
    match byte & 0x20 != 0 {
        true => "all events of the type".to_string(),
        false => format!(
            "offset {}, {}",
            byte & 0x0f,
            if byte & 0x10 != 0 { "assertions" } else { "deassertions" }
        ),
    }
}

fn auxiliary_log(byte: u8) -> String {
    let action = one_of(
        byte >> 4,
        &[
            "added",
            "added, not of SEL events",
            "added, of SEL events",
            "log cleared",
            "log disabled",
            "log enabled",
        ],
    );
    let log = one_of(byte & 0x0f, &["MCA log", "OEM log 1", "OEM log 2"]);
    [log, action].into_iter().flatten().collect::<Vec<_>>().join(": ")
}

fn clock_sync(byte: u8) -> String {
    let clock = if byte & 0x0f == 1 { "SDR" } else { "SEL" };
    format!("{clock} clock, {} the change", if byte & 0x80 == 0 { "before" } else { "after" })
}

fn failed_fru(access: u8, device: u8) -> String {
    match access & 0x80 != 0 {
        true => format!("FRU {device}"),
        false => format!("FRU at address {device:#04x} of bus {}", access & 0x07),
    }
}

fn session(byte: u8, is_end: bool) -> String {
    let end = one_of(byte >> 4 & 0x03, &["", "Close Session command", "timeout", "configuration change"]);
    let end = end.filter(|_| is_end).map_or_else(String::new, |end| format!(", by {end}"));
    format!("channel {}{end}", byte & 0x0f)
}

/// A byte that is marked as present and has nothing.
const UNUSED: u8 = 0xff;

const MEMORY: u8 = 0x0c;

/// The event/reading type whose offsets are severities.
const SEVERITIES: u8 = 0x07;

/// PEF actions.
const ACTIONS: &[&str] =
    &["alert", "power off", "reset", "power cycle", "OEM action", "diagnostic interrupt"];

const POWER_STATES: &[&str] = &[
    "S0/G0",
    "S1",
    "S2",
    "S3",
    "S4",
    "S5/G2",
    "S4/S5",
    "G3",
    "S1, S2 or S3",
    "G1",
    "S5 by override",
    "legacy on",
    "legacy off",
];

const SLOTS: &[&str] = &[
    "PCI",
    "drive array",
    "external connector",
    "docking",
    "internal expansion",
    "slot of the entity",
    "AdvancedTCA",
    "DIMM",
    "fan",
    "PCI Express",
    "SCSI",
    "SATA or SAS",
    "USB",
];

const TIMER_USES: &[&str] = &["", "BIOS FRB2", "BIOS/POST", "OS load", "SMS/OS", "OEM"];

const INTERRUPTS: &[&str] = &["", "SMI", "NMI", "messaging"];

const STATE_CHANGES: &[&str] = &[
    "normal",
    "commanded by software",
    "handle latch",
    "hot swap button",
    "FRU itself",
    "communication lost",
    "communication lost locally",
    "surprise extraction",
    "as reported",
    "invalid hardware address",
    "unexpected deactivation",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    fn details(bytes: [u8; 6]) -> String {
        Event::parse(bytes).details().join("; ")
    }

    #[test]
    fn the_part_is_found() {
        assert_eq!(details([0x0c, 0x0a, 0x6f, 0x31, 0xff, 0x05]), "DIMM 5");
        assert_eq!(details([0x0c, 0x0a, 0x6f, 0x01, 0xff, 0x05]), "", "data 3 is not marked as present");
        assert_eq!(details([0x0c, 0x0a, 0x6f, 0x31, 0xff, 0xff]), "");
        assert_eq!(
            details([0x0c, 0x09, 0x6f, 0xa1, 0xff, 0x21]),
            "DIMM 0x21 in the manufacturer's numbering"
        );
        assert_eq!(details([0x21, 0x01, 0x6f, 0xf0, 0x09, 0x03]), "PCI Express; slot 3");
        assert_eq!(details([0x10, 0x01, 0x6f, 0xc0, 0x07, 0xff]), "DIMM 7");
        assert_eq!(details([0x10, 0x01, 0x6f, 0x35, 0xff, 90]), "90 % full");
        assert_eq!(details([0x28, 0x01, 0x6f, 0xf5, 0x80, 0x02]), "FRU 2");
        assert_eq!(details([0x28, 0x01, 0x6f, 0xc4, 0x42, 0xff]), "sensor 0x42");
        assert_eq!(details([0x05, 0x01, 0x6f, 0xc4, 0x01, 0xff]), "network controller 1");
    }

    #[test]
    fn the_cause_is_found() {
        assert_eq!(details([0x23, 0x01, 0x6f, 0xc1, 0x23, 0xff]), "timer of OS load; interrupt: NMI");
        assert_eq!(details([0x1d, 0x01, 0x6f, 0xf7, 0x04, 0x01]), "cause: watchdog expired; channel 1");
        assert_eq!(details([0x2a, 0x01, 0x6f, 0xf1, 0x03, 0x21]), "user 3; channel 1, by timeout");
        assert_eq!(
            details([0x2c, 0x01, 0x6f, 0xc7, 0x74, 0xff]),
            "cause: surprise extraction; before: Active"
        );
        assert_eq!(details([0x12, 0x01, 0x6f, 0xc4, 0x06, 0xff]), "power off, reset");
        assert_eq!(details([0x12, 0x01, 0x6f, 0xc5, 0x80, 0xff]), "SEL clock, after the change");
        assert_eq!(details([0x19, 0x01, 0x6f, 0xf0, 0x05, 0x00]), "requested: S5/G2; state: S0/G0");
    }

    #[test]
    fn the_state_before_is_found() {
        assert_eq!(details([0x04, 0x40, 0x0b, 0x41, 0xf0, 0xff]), "before: Fully Redundant");
        assert_eq!(
            details([0x08, 0x40, 0x6f, 0x41, 0x20, 0xff]),
            "before: Presence detected; severity: Transition to Critical from less severe"
        );
    }

    #[test]
    fn what_the_manufacturer_defines_is_kept() {
        assert_eq!(details([0x13, 0x01, 0x6f, 0xa4, 0x05, 0x18]), "OEM data 2 0x05; OEM data 3 0x18");
        assert_eq!(details([0xc0, 0x01, 0x72, 0xa4, 0x05, 0xff]), "OEM data 2 0x05");
        assert_eq!(details([0x01, 0x30, 0x01, 0x59, 0x66, 0x5a]), "", "thresholds need the sensor");
    }

    proptest! {
        #[test]
        fn nothing_is_said_of_bytes_that_are_not_present(kind in 0..0x30u8, data in any::<[u8; 3]>()) {
            let mut bytes = [kind, 1, SENSOR_SPECIFIC, data[0], data[1], data[2]];
            for detail in Event::parse(bytes).details() {
                assert!(!detail.is_empty() && detail.trim() == detail, "{detail:?}");
            }
            bytes[3] &= 0x0f;
            assert_eq!(details(bytes), "");
        }
    }
}
