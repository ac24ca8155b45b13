// SPDX-License-Identifier: MIT OR Apache-2.0
//! The neighbours of one port. Pure: times are since the port had carrier.
//!
//! Protocol, chassis ID and port ID identify a neighbour; each frame replaces the sender's previous one. A shutdown LLDPDU
//! removes a neighbour if another one is known; the last one is kept, because a daemon that restarts does not change the
//! cabling. Likewise neighbours from before the port lost carrier are kept until a frame arrives after it.

use std::time::Duration;

use lldp_rs::cdp::Cdp;
use lldp_rs::ethernet::{Frame, Payload};
use lldp_rs::{ChassisId, Lldpdu, Neighbour, PortId, Protocol};
use stage1_contract::Neighbour as Reported;

use super::report::reported;

/// Most neighbours that are kept per port. Normally there is one, a few behind a hub; more is a flood.
const MAX_NEIGHBOURS: usize = 32;

/// The neighbours of one port.
#[derive(Clone, Debug, Default)]
pub(crate) struct Neighbours {
    entries: Vec<Entry>,
    /// How often the port has got carrier.
    period: u32,
    first: Option<Duration>,
    malformed: Option<String>,
    overflow: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    id: (Protocol, ChassisId, PortId),
    period: u32,
    heard_after: Duration,
    frame: Vec<u8>,
    neighbour: Reported,
}

impl Neighbours {
    /// The port has got carrier.
    pub(crate) fn carrier(&mut self) {
        self.period += 1;
        self.first = None;
    }

    /// Whether the port has had carrier.
    pub(crate) fn had_carrier(&self) -> bool {
        self.period > 0
    }

    /// Takes a frame that arrived `after` the port had carrier; returns whether it changed anything.
    pub(crate) fn receive(&mut self, frame: &[u8], after: Duration, ours: &ChassisId) -> bool {
        let period = self.period;
        if self.entries.iter().any(|entry| entry.period == period && entry.frame == frame) {
            return false;
        }
        let neighbour = match decode(frame) {
            Ok(neighbour) => neighbour,
            Err(fault) => {
                let first = self.malformed.is_none();
                self.malformed.get_or_insert(fault);
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
        let room = self.entries.len() < MAX_NEIGHBOURS;
        match known.and_then(|index| self.entries.get_mut(index)) {
            Some(place) => *place = entry,
            None if room => self.entries.push(entry),
            None => self.overflow = true,
        }
        self.entries.retain(|entry| entry.period == period);
        true
    }

    /// When the first neighbour was received since the port had carrier.
    pub(crate) fn first(&self) -> Option<Duration> {
        self.first
    }

    /// Whether a neighbour was received by LLDP since the port had carrier.
    pub(crate) fn by_lldp(&self) -> bool {
        self.entries.iter().any(|entry| entry.period == self.period && entry.id.0 == Protocol::Lldp)
    }

    /// The neighbours, in the order of their first frames.
    pub(crate) fn list(&self) -> Vec<Reported> {
        self.entries.iter().map(|entry| entry.neighbour.clone()).collect()
    }

    /// Whether there is no neighbour.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The first malformed frame, and neighbours beyond the limit.
    pub(crate) fn faults(&self) -> impl Iterator<Item = String> {
        let overflow =
            self.overflow.then(|| format!("more than {MAX_NEIGHBOURS} neighbours: the others are ignored"));
        self.malformed.iter().cloned().chain(overflow)
    }
}

/// Decodes a frame; `None` if it is neither LLDP nor CDP.
fn decode(frame: &[u8]) -> Result<Option<Neighbour>, String> {
    let frame = Frame::decode(frame).map_err(|error| format!("malformed frame: {error}"))?;
    let from = |error: &dyn std::fmt::Display| format!("malformed frame from {}: {error}", frame.source);
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

    fn names(neighbours: &Neighbours) -> Vec<String> {
        neighbours.list().into_iter().map(|neighbour| neighbour.chassis_id).collect()
    }

    struct Port(Neighbours);

    impl Port {
        fn receive(&mut self, lldpdu: &Lldpdu, ms: u64) -> bool {
            self.0.receive(&frame(lldpdu), Duration::from_millis(ms), &local("ours"))
        }
    }

    fn port() -> Port {
        let mut neighbours = Neighbours::default();
        neighbours.carrier();
        Port(neighbours)
    }

    #[test]
    fn several_neighbours_keep_the_time_of_the_first_frame_and_the_content_of_the_last() {
        let mut port = port();
        assert!(port.receive(&lldpdu("a", 120, "one"), 5));
        assert!(port.receive(&lldpdu("b", 120, "one"), 7));
        assert!(!port.receive(&lldpdu("a", 120, "one"), 9));
        assert!(port.receive(&lldpdu("a", 120, "two"), 1000));
        assert_eq!(names(&port.0), ["a", "b"]);
        let first = &port.0.list()[0];
        assert_eq!((first.heard_after_ms, first.system_description.as_deref()), (5, Some("two")));
        assert_eq!(port.0.first(), Some(Duration::from_millis(5)));
    }

    #[test]
    fn a_shutdown_lldpdu_removes_a_neighbour_unless_it_is_the_last() {
        let mut port = port();
        assert!(!port.receive(&lldpdu("a", 0, ""), 1));
        assert!(port.0.is_empty());
        port.receive(&lldpdu("a", 120, ""), 2);
        port.receive(&lldpdu("b", 120, ""), 3);
        assert!(port.receive(&lldpdu("a", 120, "").shutdown(), 4));
        assert!(!port.receive(&lldpdu("b", 120, "").shutdown(), 5));
        assert_eq!(names(&port.0), ["b"]);
    }

    #[test]
    fn a_neighbour_from_before_carrier_loss_is_kept_until_a_frame_arrives_after_it() {
        let mut port = port();
        port.receive(&lldpdu("a", 120, ""), 2);
        port.receive(&lldpdu("b", 120, ""), 3);
        port.0.carrier();
        assert_eq!((names(&port.0).len(), port.0.first(), port.0.by_lldp()), (2, None, false));
        assert!(port.receive(&lldpdu("b", 120, ""), 40));
        assert_eq!(names(&port.0), ["b"]);
        assert_eq!(port.0.list()[0].heard_after_ms, 40);
    }

    #[test]
    fn our_own_frames_and_other_protocols_are_ignored() {
        let mut port = port();
        assert!(!port.receive(&lldpdu("ours", 20, ""), 1));
        assert!(!port.0.receive(&[8; 60], Duration::ZERO, &local("ours")));
        assert!(port.0.is_empty());
    }

    #[test]
    fn a_malformed_frame_is_reported_with_its_sender() {
        let mut port = port();
        let mut broken = frame(&lldpdu("a", 120, ""));
        broken[16] = 99;
        broken.truncate(20);
        assert!(port.0.receive(&broken, Duration::ZERO, &local("ours")));
        let faults: Vec<String> = port.0.faults().collect();
        assert!(faults[0].starts_with("malformed frame from 02:00:00:00:00:09: "), "{faults:?}");
    }

    #[test]
    fn a_flood_of_neighbours_is_bounded() {
        let mut port = port();
        for number in 0..1000 {
            port.receive(&lldpdu(&format!("sw{number}"), 120, ""), number);
        }
        assert_eq!(port.0.list().len(), MAX_NEIGHBOURS);
        assert_eq!(port.0.faults().count(), 1);
    }

    proptest! {
        #[test]
        fn no_frame_causes_a_panic(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..20)) {
            let mut neighbours = Neighbours::default();
            for mut frame in frames {
                if frame.len() > 14 {
                    frame[12..14].copy_from_slice(&[0x88, 0xcc]);
                }
                neighbours.receive(&frame, Duration::ZERO, &local("ours"));
                prop_assert!(neighbours.entries.len() <= MAX_NEIGHBOURS);
            }
        }
    }
}
