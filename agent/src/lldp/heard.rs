// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who was heard on a port. Pure: times are since the port had carrier.
//!
//! A neighbour is known by its protocol, chassis ID and port ID. What a frame says replaces what its sender said before.
//! A neighbour that takes its leave is forgotten if another one is known; the last one is kept, since a daemon that
//! restarts changes no cabling. Likewise those from before the port lost carrier are kept until somebody is heard after it.

use std::time::Duration;

use lldp_rs::cdp::Cdp;
use lldp_rs::ethernet::{Frame, Payload};
use lldp_rs::{ChassisId, Lldpdu, Neighbour, PortId, Protocol};
use stage1_contract::Neighbour as Reported;

use super::neighbour::reported;

/// A port has one neighbour, few where there is a hub between; more is a flood.
const MOST: usize = 32;

/// The neighbours of a port.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    entries: Vec<Entry>,
    /// Counts how often the port has had carrier.
    period: u32,
    first: Option<Duration>,
    unreadable: Option<String>,
    left_out: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    id: (Protocol, ChassisId, PortId),
    period: u32,
    heard_after: Duration,
    frame: Vec<u8>,
    neighbour: Reported,
}

impl Heard {
    /// The port has carrier.
    pub fn carrier(&mut self) {
        self.period += 1;
        self.first = None;
    }

    /// Whether the port has had carrier.
    pub fn had_carrier(&self) -> bool {
        self.period > 0
    }

    /// Takes a frame that came `after` the port had carrier. Whether it changed anything.
    pub fn take(&mut self, frame: &[u8], after: Duration, ours: &ChassisId) -> bool {
        let period = self.period;
        if self.entries.iter().any(|entry| entry.period == period && entry.frame == frame) {
            return false;
        }
        let neighbour = match read(frame) {
            Ok(neighbour) => neighbour,
            Err(fault) => {
                let first = self.unreadable.is_none();
                self.unreadable.get_or_insert(fault);
                return first;
            }
        };
        let Some(neighbour) = neighbour.filter(|neighbour| neighbour.chassis_id != *ours) else {
            return false;
        };
        let id = (neighbour.protocol, neighbour.chassis_id.clone(), neighbour.port_id.clone());
        let known = self.entries.iter().position(|entry| entry.id == id);
        if neighbour.ttl == 0 {
            if let Some(index) = known.filter(|_| self.entries.len() > 1) {
                self.entries.remove(index);
                return true;
            }
            return false;
        }
        self.first.get_or_insert(after);
        let before = known.and_then(|index| self.entries.get(index)).filter(|entry| entry.period == period);
        let heard_after = before.map_or(after, |entry| entry.heard_after);
        let neighbour = reported(&neighbour, heard_after);
        let entry = Entry { id, period, heard_after, frame: frame.to_vec(), neighbour };
        let room = self.entries.len() < MOST;
        match known.and_then(|index| self.entries.get_mut(index)) {
            Some(place) => *place = entry,
            None if room => self.entries.push(entry),
            None => self.left_out = true,
        }
        self.entries.retain(|entry| entry.period == period);
        true
    }

    /// When the first neighbour was heard since the port had carrier.
    pub fn first(&self) -> Option<Duration> {
        self.first
    }

    /// Whether somebody was heard by LLDP since the port had carrier.
    pub fn by_lldp(&self) -> bool {
        self.entries.iter().any(|entry| entry.period == self.period && entry.id.0 == Protocol::Lldp)
    }

    /// Who was heard, in the order in which they were first heard.
    pub fn neighbours(&self) -> Vec<Reported> {
        self.entries.iter().map(|entry| entry.neighbour.clone()).collect()
    }

    /// Whether nobody was heard.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What went wrong.
    pub fn faults(&self) -> impl Iterator<Item = String> {
        let left_out = self.left_out.then(|| format!("more than {MOST} neighbours: the others are left out"));
        self.unreadable.iter().map(|fault| format!("a frame that is not readable: {fault}")).chain(left_out)
    }
}

/// Nothing, where the frame is neither LLDP nor CDP.
fn read(frame: &[u8]) -> Result<Option<Neighbour>, String> {
    let frame = Frame::decode(frame).map_err(|problem| problem.to_string())?;
    let from = |error: &dyn std::fmt::Display| format!("from {}: {error}", frame.source);
    match frame.payload {
        Payload::Lldp(payload) => match Lldpdu::decode(payload) {
            Ok(lldpdu) => Ok(Some(Neighbour::from(&lldpdu))),
            Err(error) => Err(from(&error)),
        },
        Payload::Cdp(message) => match Cdp::decode(message) {
            Ok(cdp) => Ok(Some(Neighbour::from(&cdp))),
            Err(error) => Err(from(&error)),
        },
        Payload::Other { .. } => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lldp_rs::{MacAddress, Text, Value, ethernet};
    use proptest::prelude::{any, prop, prop_assert, proptest};

    fn local(name: &str) -> ChassisId {
        ChassisId::Local(Text::from(name))
    }

    fn lldpdu(name: &str, ttl: u16, description: &str) -> Lldpdu {
        let port = PortId::InterfaceName(Text::from("swp1"));
        let description = Value::SystemDescription(Text::from(description));
        Lldpdu::new(local(name), port, ttl, [Value::SystemName(Text::from(name)), description]).unwrap()
    }

    fn frame(lldpdu: &Lldpdu) -> Vec<u8> {
        ethernet::lldp_frame(ethernet::NEAREST_BRIDGE, MacAddress([2, 0, 0, 0, 0, 9]), lldpdu)
    }

    fn names(heard: &Heard) -> Vec<String> {
        heard.neighbours().into_iter().map(|neighbour| neighbour.chassis_id).collect()
    }

    struct Port(Heard);

    impl Port {
        fn hear(&mut self, lldpdu: &Lldpdu, ms: u64) -> bool {
            self.0.take(&frame(lldpdu), Duration::from_millis(ms), &local("ours"))
        }
    }

    fn port() -> Port {
        let mut heard = Heard::default();
        heard.carrier();
        Port(heard)
    }

    #[test]
    fn several_neighbours_are_kept_with_the_time_of_the_first_frame_and_the_words_of_the_last() {
        let mut port = port();
        assert!(port.hear(&lldpdu("a", 120, "one"), 5));
        assert!(port.hear(&lldpdu("b", 120, "one"), 7));
        assert!(!port.hear(&lldpdu("a", 120, "one"), 9));
        assert!(port.hear(&lldpdu("a", 120, "two"), 1000));
        assert_eq!(names(&port.0), ["a", "b"]);
        let first = &port.0.neighbours()[0];
        assert_eq!((first.heard_after_ms, first.system_description.as_deref()), (5, Some("two")));
        assert_eq!(port.0.first(), Some(Duration::from_millis(5)));
    }

    #[test]
    fn who_takes_leave_is_forgotten_but_for_the_last() {
        let mut port = port();
        assert!(!port.hear(&lldpdu("a", 0, ""), 1));
        assert!(port.0.is_empty());
        port.hear(&lldpdu("a", 120, ""), 2);
        port.hear(&lldpdu("b", 120, ""), 3);
        assert!(port.hear(&lldpdu("a", 120, "").shutdown(), 4));
        assert!(!port.hear(&lldpdu("b", 120, "").shutdown(), 5));
        assert_eq!(names(&port.0), ["b"]);
    }

    #[test]
    fn who_was_heard_before_the_carrier_was_lost_is_kept_until_somebody_is_heard_after() {
        let mut port = port();
        port.hear(&lldpdu("a", 120, ""), 2);
        port.hear(&lldpdu("b", 120, ""), 3);
        port.0.carrier();
        assert_eq!((names(&port.0).len(), port.0.first(), port.0.by_lldp()), (2, None, false));
        assert!(port.hear(&lldpdu("b", 120, ""), 40));
        assert_eq!(names(&port.0), ["b"]);
        assert_eq!(port.0.neighbours()[0].heard_after_ms, 40);
    }

    #[test]
    fn our_own_frames_and_those_of_others_are_not_heard() {
        let mut port = port();
        assert!(!port.hear(&lldpdu("ours", 20, ""), 1));
        assert!(!port.0.take(&[8; 60], Duration::ZERO, &local("ours")));
        assert!(port.0.is_empty());
    }

    #[test]
    fn a_broken_frame_is_told_with_its_sender() {
        let mut port = port();
        let mut broken = frame(&lldpdu("a", 120, ""));
        broken[16] = 99;
        broken.truncate(20);
        assert!(port.0.take(&broken, Duration::ZERO, &local("ours")));
        let faults: Vec<String> = port.0.faults().collect();
        assert!(
            faults[0].starts_with("a frame that is not readable: from 02:00:00:00:00:09: "),
            "{faults:?}"
        );
    }

    #[test]
    fn a_flood_of_neighbours_does_not_grow() {
        let mut port = port();
        for number in 0..1000 {
            port.hear(&lldpdu(&format!("sw{number}"), 120, ""), number);
        }
        assert_eq!(port.0.neighbours().len(), MOST);
        assert_eq!(port.0.faults().count(), 1);
    }

    proptest! {
        #[test]
        fn no_frame_brings_it_down(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..20)) {
            let mut heard = Heard::default();
            for mut frame in frames {
                if frame.len() > 14 {
                    frame[12..14].copy_from_slice(&[0x88, 0xcc]);
                }
                heard.take(&frame, Duration::ZERO, &local("ours"));
                prop_assert!(heard.entries.len() <= MOST);
            }
        }
    }
}
