// SPDX-License-Identifier: MIT OR Apache-2.0
//! The neighbours of one port. Pure: times are since the port had carrier.
//!
//! Protocol, chassis ID and port ID identify a neighbour; each frame replaces the sender's previous one. A shutdown LLDPDU,
//! or the end of its TTL, removes a neighbour if another one is known; the last one is kept, because a daemon that restarts
//! does not change the cabling. Likewise neighbours from before the port lost carrier are kept until a frame arrives after
//! it.
//!
//! The neighbour that matters is the switch. So LLDP of a bridge or router settles a port, and nothing else does; bridges are
//! listed before stations, and take the place of others when there are too many.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use lldp_rs::cdp::Cdp;
use lldp_rs::ethernet::{Frame, Payload};
use lldp_rs::{ChassisId, Lldpdu, MacAddress, Neighbour, PortId, Protocol};
use stage1_contract::Neighbour as Reported;

use super::device::{self, Role};
use super::report::reported;

/// Most neighbours that are kept per port. Normally there is one, and some dozens behind a hub; more is a flood.
const MAX_NEIGHBOURS: usize = 64;

/// The neighbours of one port.
#[derive(Clone, Debug, Default)]
pub(crate) struct Neighbours {
    entries: Vec<Entry>,
    /// How often the port has got carrier.
    period: u32,
    settled_after: Option<Duration>,
    malformed: Option<String>,
    overflow: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    id: (Protocol, ChassisId, PortId),
    period: u32,
    heard_after: Duration,
    last_heard: Duration,
    source: MacAddress,
    /// Of the whole frame.
    digest: u64,
    role: Role,
    neighbour: Reported,
}

/// This host, as its own LLDPDUs on this port announce it.
#[derive(Clone, Copy)]
pub(crate) struct Own<'a> {
    /// The chassis ID, the same on all ports.
    pub(crate) chassis_id: &'a ChassisId,
    /// The MAC address that is the port ID.
    pub(crate) port: Option<MacAddress>,
}

impl Neighbours {
    /// The port has got carrier.
    pub(crate) fn carrier(&mut self) {
        self.period += 1;
        self.settled_after = None;
    }

    /// Whether the port has had carrier.
    pub(crate) fn had_carrier(&self) -> bool {
        self.period > 0
    }

    /// Takes a frame that arrived `after` the port had carrier; returns whether it changed anything.
    pub(crate) fn receive(&mut self, frame: &[u8], after: Duration, own: Own) -> bool {
        let (period, digest) = (self.period, digest(frame));
        let mut entries = self.entries.iter_mut();
        if let Some(entry) = entries.find(|entry| entry.period == period && entry.digest == digest) {
            entry.last_heard = after;
            return false;
        }
        let (source, neighbour) = match decode(frame) {
            Ok(Some(decoded)) => decoded,
            Ok(None) => return false,
            Err(fault) => {
                let first = self.malformed.is_none();
                self.malformed.get_or_insert(fault);
                return first;
            }
        };
        let is_own = neighbour.chassis_id == *own.chassis_id;
        if is_own && own.port.is_none_or(|port| neighbour.port_id == PortId::MacAddress(port)) {
            return false;
        }
        let id = (neighbour.protocol, neighbour.chassis_id.clone(), neighbour.port_id.clone());
        let known = self.entries.iter().position(|entry| entry.id == id);
        if neighbour.ttl == 0 {
            if let Some(index) = known.filter(|_| self.entries.len() > 1) {
                self.entries.remove(index);
                return true;
            }
            return false;
        }
        let role = if is_own { Role::Own } else { device::role(&neighbour) };
        if role.may_be_switch() && neighbour.protocol == Protocol::Lldp {
            self.settled_after.get_or_insert(after);
        }
        let before = known.and_then(|index| self.entries.get(index)).filter(|entry| entry.period == period);
        let heard_after = before.map_or(after, |entry| entry.heard_after);
        let neighbour = reported(&neighbour, heard_after);
        let entry = Entry { id, period, heard_after, last_heard: after, source, digest, role, neighbour };
        match known.and_then(|index| self.entries.get_mut(index)) {
            Some(place) => *place = entry,
            None => self.add(entry),
        }
        self.entries.retain(|entry| entry.period == period && !entry.is_aged(after));
        true
    }

    /// A new neighbour. If there is no room, it takes the place of the last one of a lower rank.
    fn add(&mut self, entry: Entry) {
        if self.entries.len() < MAX_NEIGHBOURS {
            return self.entries.push(entry);
        }
        self.overflow = true;
        let lowest = self.entries.iter().map(Entry::rank).min();
        let place = self.entries.iter().rposition(|other| Some(other.rank()) == lowest);
        if let Some(place) = place.and_then(|at| self.entries.get_mut(at))
            && place.rank() < entry.rank()
        {
            *place = entry;
        }
    }

    /// When LLDP of a bridge or router was received first, since the port had carrier.
    pub(crate) fn settled_after(&self) -> Option<Duration> {
        self.settled_after
    }

    /// The neighbours, the likeliest switch first, then in the order of their first frames. What one device announces by
    /// LLDP and by CDP is one neighbour. `now` is the time since the port had carrier, if it has it.
    pub(crate) fn list(&self, now: Option<Duration>) -> Vec<Reported> {
        let is_aged =
            |entry: &Entry| now.is_some_and(|now| entry.period == self.period && entry.is_aged(now));
        let all_aged = self.entries.iter().all(is_aged);
        let all_own = self.is_own_only();
        let mut entries: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| (all_aged || !is_aged(entry)) && (all_own || entry.role != Role::Own))
            .collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.rank()));
        let (lldp, cdp): (Vec<&Entry>, Vec<&Entry>) =
            entries.iter().copied().partition(|entry| entry.id.0 == Protocol::Lldp);
        let partner = |cdp: &Entry| {
            lldp.iter()
                .position(|lldp| device::is_same(&lldp.neighbour, &cdp.neighbour, lldp.source == cdp.source))
        };
        let mut list = Vec::new();
        for entry in entries {
            if entry.id.0 == Protocol::Cdp && partner(entry).is_some() {
                continue;
            }
            let mut neighbour = entry.neighbour.clone();
            if all_aged && let Some(now) = now {
                let silent = now.saturating_sub(entry.last_heard).as_secs();
                neighbour
                    .faults
                    .push(format!("not heard for {silent} s: its TTL is {} s", neighbour.ttl_seconds));
            }
            let same = cdp.iter().filter(|cdp| {
                partner(cdp).and_then(|at| lldp.get(at)).is_some_and(|lldp| std::ptr::eq(*lldp, entry))
            });
            same.for_each(|cdp| device::merge(&mut neighbour, &cdp.neighbour));
            list.push(neighbour);
        }
        list
    }

    /// The ports of this host that are all that this port hears.
    pub(crate) fn own_ports(&self) -> Vec<String> {
        let own = self.entries.iter().filter(|_| self.is_own_only());
        own.map(|entry| entry.neighbour.port_id.clone()).collect()
    }

    fn is_own_only(&self) -> bool {
        self.entries.iter().all(|entry| entry.role == Role::Own)
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

impl Entry {
    /// Switches before stations, LLDP before CDP, bridges before what may be one.
    fn rank(&self) -> (bool, bool, Role) {
        (self.role.may_be_switch(), self.id.0 == Protocol::Lldp, self.role)
    }

    /// Whether its TTL is over.
    fn is_aged(&self, now: Duration) -> bool {
        now > self.last_heard + Duration::from_secs(self.neighbour.ttl_seconds.into())
    }
}

fn digest(frame: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    frame.hash(&mut hasher);
    hasher.finish()
}

/// Decodes a frame, and its source address; `None` if it is neither LLDP nor CDP.
fn decode(frame: &[u8]) -> Result<Option<(MacAddress, Neighbour)>, String> {
    let frame = Frame::decode(frame).map_err(|error| format!("malformed frame: {error}"))?;
    let from = |error: &dyn std::fmt::Display| format!("malformed frame from {}: {error}", frame.source);
    match frame.payload {
        Payload::Lldp(payload) => match Lldpdu::decode(payload) {
            Ok(lldpdu) => Ok(Some((frame.source, Neighbour::from(&lldpdu)))),
            Err(error) => Err(from(&error)),
        },
        Payload::Cdp(message) => match Cdp::decode(message) {
            Ok(cdp) => Ok(Some((frame.source, Neighbour::from(&cdp)))),
            Err(error) => Err(from(&error)),
        },
        Payload::Other { .. } => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lldp_rs::{Capabilities, SystemCapabilities, Text, Value, ethernet};
    use proptest::prelude::{any, prop, prop_assert, proptest};

    fn local(name: &str) -> ChassisId {
        ChassisId::Local(Text::from(name))
    }

    fn lldpdu_of(role: Capabilities, name: &str, ttl: u16, description: &str) -> Lldpdu {
        let port = PortId::InterfaceName(Text::from("swp1"));
        let description = Value::SystemDescription(Text::from(description));
        let capabilities = Value::SystemCapabilities(SystemCapabilities { capable: role, enabled: role });
        let optional = [Value::SystemName(Text::from(name)), description, capabilities];
        Lldpdu::new(local(name), port, ttl, optional).unwrap()
    }

    fn lldpdu(name: &str, ttl: u16, description: &str) -> Lldpdu {
        lldpdu_of(Capabilities::BRIDGE, name, ttl, description)
    }

    fn station(name: &str) -> Lldpdu {
        lldpdu_of(Capabilities::STATION, name, 120, "")
    }

    fn frame(lldpdu: &Lldpdu) -> Vec<u8> {
        ethernet::lldp_frame(ethernet::NEAREST_BRIDGE, MacAddress([2, 0, 0, 0, 0, 9]), lldpdu)
    }

    /// CDP of a switch: device ID, port ID, capabilities and platform.
    fn cdp(name: &str) -> Vec<u8> {
        let mut message = vec![2, 180, 0, 0];
        for (kind, value) in [(1_u16, name.as_bytes()), (3, b"Gi1/0/7"), (4, &[0, 0, 0, 0x28]), (6, b"WS-9")]
        {
            message.extend([kind, value.len() as u16 + 4].into_iter().flat_map(u16::to_be_bytes));
            message.extend_from_slice(value);
        }
        let length = (message.len() as u16 + 8).to_be_bytes();
        let head = [&[1, 0, 0x0c, 0xcc, 0xcc, 0xcc, 2, 0, 0, 0, 0, 9][..], &length];
        [&head.concat()[..], &[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0], &message].concat()
    }

    fn names(neighbours: &Neighbours) -> Vec<String> {
        neighbours.list(None).into_iter().map(|neighbour| neighbour.chassis_id).collect()
    }

    struct Port(Neighbours);

    impl Port {
        fn receive(&mut self, lldpdu: &Lldpdu, ms: u64) -> bool {
            self.frame(&frame(lldpdu), ms)
        }

        fn frame(&mut self, frame: &[u8], ms: u64) -> bool {
            let ours = local("ours");
            self.0.receive(frame, Duration::from_millis(ms), Own { chassis_id: &ours, port: None })
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
        let first = &port.0.list(None)[0];
        assert_eq!((first.heard_after_ms, first.system_description.as_deref()), (5, Some("two")));
        assert_eq!(port.0.settled_after(), Some(Duration::from_millis(5)));
    }

    #[test]
    fn only_lldp_of_a_switch_settles_and_it_is_listed_first() {
        let mut port = port();
        port.frame(&cdp("other"), 1);
        port.receive(&station("phone"), 2);
        assert_eq!((names(&port.0), port.0.settled_after()), (vec!["other".into(), "phone".into()], None));
        port.receive(&lldpdu("leaf1", 120, ""), 3000);
        assert_eq!(names(&port.0), ["leaf1", "other", "phone"]);
        assert_eq!(port.0.settled_after(), Some(Duration::from_secs(3)));
    }

    #[test]
    fn lldp_without_capabilities_is_listed_before_cdp() {
        let mut port = port();
        port.frame(&cdp("other"), 1);
        let swp1 = PortId::InterfaceName(Text::from("swp1"));
        let plain = [Value::SystemName(Text::from("leaf1"))];
        port.receive(&Lldpdu::new(local("leaf1"), swp1, 120, plain).unwrap(), 3000);
        assert_eq!(names(&port.0), ["leaf1", "other"]);
        assert_eq!(port.0.settled_after(), Some(Duration::from_secs(3)));
    }

    #[test]
    fn what_a_switch_announces_by_lldp_and_cdp_is_one_neighbour() {
        let mut port = port();
        port.frame(&cdp("leaf1.example.net"), 1);
        port.receive(&lldpdu("leaf1", 120, ""), 3000);
        let [neighbour] = &port.0.list(None)[..] else { panic!("{:?}", port.0) };
        assert_eq!((neighbour.protocol.as_str(), neighbour.port_id.as_str()), ("lldp", "swp1"));
        assert_eq!((neighbour.model.as_deref(), neighbour.heard_after_ms), (Some("WS-9"), 1));
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
    fn a_neighbour_ages_unless_it_is_the_last() {
        let mut port = port();
        let listed = |port: &Port, seconds| port.0.list(Some(Duration::from_secs(seconds)));
        port.receive(&lldpdu("a", 5, ""), 0);
        port.receive(&lldpdu("b", 120, ""), 1000);
        assert_eq!(listed(&port, 5).len(), 2);
        // A frame with the same content is news of it too.
        port.receive(&lldpdu("a", 5, ""), 3000);
        assert_eq!(listed(&port, 8).len(), 2);
        let [last] = &listed(&port, 9)[..] else { panic!() };
        assert_eq!((last.chassis_id.as_str(), last.faults.len()), ("b", 0));
        let all = listed(&port, 130);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].faults, ["not heard for 127 s: its TTL is 5 s"]);
        port.receive(&lldpdu("c", 120, ""), 130_000);
        assert_eq!(names(&port.0), ["c"]);
    }

    #[test]
    fn a_neighbour_from_before_carrier_loss_is_kept_until_a_frame_arrives_after_it() {
        let mut port = port();
        port.receive(&lldpdu("a", 120, ""), 2);
        port.receive(&lldpdu("b", 120, ""), 3);
        port.0.carrier();
        assert_eq!((names(&port.0).len(), port.0.settled_after()), (2, None));
        assert!(port.receive(&lldpdu("b", 120, ""), 40));
        assert_eq!(names(&port.0), ["b"]);
        assert_eq!(port.0.list(None)[0].heard_after_ms, 40);
    }

    #[test]
    fn our_own_frames_and_other_protocols_are_ignored() {
        let mut port = port();
        assert!(!port.receive(&lldpdu("ours", 20, ""), 1));
        assert!(!port.frame(&[8; 60], 0));
        assert!(port.0.is_empty());
    }

    #[test]
    fn a_malformed_frame_is_reported_with_its_sender() {
        let mut port = port();
        let mut broken = frame(&lldpdu("a", 120, ""));
        broken[16] = 99;
        broken.truncate(20);
        assert!(port.frame(&broken, 0));
        let faults: Vec<String> = port.0.faults().collect();
        assert!(faults[0].starts_with("malformed frame from 02:00:00:00:00:09: "), "{faults:?}");
    }

    #[test]
    fn a_flood_of_neighbours_is_bounded_and_leaves_room_for_a_switch() {
        let mut port = port();
        for number in 0..1000 {
            port.receive(&station(&format!("host{number}")), number);
        }
        assert_eq!(port.0.list(None).len(), MAX_NEIGHBOURS);
        assert_eq!(port.0.faults().count(), 1);
        port.receive(&lldpdu("leaf1", 120, ""), 2000);
        assert_eq!((port.0.list(None).len(), names(&port.0)[0].as_str()), (MAX_NEIGHBOURS, "leaf1"));
    }

    proptest! {
        #[test]
        fn no_frame_causes_a_panic(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..20)) {
            let mut port = port();
            for mut frame in frames {
                if frame.len() > 14 {
                    frame[12..14].copy_from_slice(&[0x88, 0xcc]);
                }
                port.frame(&frame, 0);
                prop_assert!(port.0.list(Some(Duration::ZERO)).len() <= MAX_NEIGHBOURS);
            }
        }
    }
}
