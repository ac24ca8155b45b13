// SPDX-License-Identifier: MIT OR Apache-2.0
//! All ports together: what to send on each, which neighbours answered, and when the collection is complete. Pure: times
//! are since the collection began.
//!
//! The collection is complete when every port is settled, or at the deadline, which counts for all ports from the first
//! carrier on. A port with carrier is settled a moment after it has heard a bridge or router by LLDP, since a second one on
//! the same wire answers at about the same time. A port without carrier gets the waits of [`Options`]: adapters take seconds
//! to get carrier, and some switches most of a minute to give it.

use std::time::Duration;

use lldp_rs::{ChassisId, MacAddress};
use stage1_contract::{PortNeighbours, PortOutcome};

use super::neighbours::{Neighbours, Own};
use super::report::milliseconds;
use super::schedule::{Message, Schedule};
use netlink::route::Link;

/// How long a port waits for more neighbours after its first switch.
const LINGER: Duration = Duration::from_millis(500);

/// How to collect neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Whether to send LLDPDUs.
    pub(crate) mode: Mode,
    /// Longest wait, from the first carrier on.
    pub(crate) timeout: Duration,
    /// How long a port that is up may take to get carrier.
    pub(crate) carrier_wait: Duration,
    /// How long a port may take to be set up.
    pub(crate) up_wait: Duration,
    /// Whether firmware LLDP agents that were disabled are enabled again at the end.
    pub(crate) restore: bool,
}

impl Options {
    /// At boot, ports are set up while the collection runs, and carrier may take as long as a neighbour.
    pub(crate) const AT_BOOT: Self = Self {
        mode: Mode::Solicit,
        timeout: Duration::from_secs(32),
        carrier_wait: Duration::from_secs(32),
        up_wait: Duration::from_secs(10),
        restore: false,
    };
    /// By hand, ports that are down stay down, and the adapter keeps its configuration.
    pub(crate) const BY_HAND: Self = Self {
        carrier_wait: Duration::from_secs(3),
        up_wait: Duration::ZERO,
        restore: true,
        ..Self::AT_BOOT
    };
}

/// Whether to send LLDPDUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Announce this host, so that switches answer at once, and receive.
    Solicit,
    /// Only receive.
    Listen,
    /// Do not collect neighbours.
    Off,
}

/// All ports of a collection.
pub(crate) struct Ports {
    options: Options,
    ours: ChassisId,
    ports: Vec<Port>,
    first_carrier: Option<Duration>,
    all_seen: bool,
    over: Option<Duration>,
    changes: u64,
}

struct Port {
    link: Link,
    speed_mbps: Option<u32>,
    seen: Duration,
    up_since: Option<Duration>,
    carrier_since: Option<Duration>,
    /// From when the port was up to its first carrier.
    carrier_after: Option<Duration>,
    schedule: Schedule,
    neighbours: Neighbours,
    firmware: Option<FirmwareAgent>,
    failure: Option<String>,
}

/// What was done about the LLDP agent in an adapter's firmware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FirmwareAgent {
    /// For people, with the private flag's name.
    pub(crate) description: String,
    /// Whether it may still keep LLDP frames from the host.
    pub(crate) active: bool,
}

impl Ports {
    /// No ports yet; `ours` is the chassis ID of this host's own LLDPDUs.
    pub(crate) fn new(options: Options, ours: ChassisId) -> Self {
        let ports = Vec::new();
        Self { options, ours, ports, first_carrier: None, all_seen: false, over: None, changes: 0 }
    }

    /// The chassis ID of this host's own LLDPDUs.
    pub(crate) fn ours(&self) -> &ChassisId {
        &self.ours
    }

    /// Takes a port that is new or has changed.
    pub(crate) fn link(&mut self, link: Link, now: Duration) {
        let (up, carrier) = (link.up, link.up && link.carrier);
        if !self.knows(link.index) {
            self.ports.push(Port::new(link.clone(), now));
        }
        let Some(port) = find(&mut self.ports, link.index) else { return };
        port.link = link;
        port.up_since = if up { port.up_since.or(Some(now)) } else { None };
        if carrier && port.carrier_since.is_none() {
            port.carrier_since = Some(now);
            port.carrier_after.get_or_insert(now.saturating_sub(port.up_since.unwrap_or(now)));
            port.neighbours.carrier();
            self.first_carrier.get_or_insert(now);
            if self.options.mode == Mode::Solicit {
                port.schedule.carrier(now);
            }
        } else if !carrier {
            port.carrier_since = None;
            port.schedule.lost();
        }
        self.changes += 1;
    }

    /// The port is gone.
    pub(crate) fn gone(&mut self, index: u32) {
        self.ports.retain(|port| port.link.index != index);
        self.changes += 1;
    }

    /// Whether the port takes part.
    pub(crate) fn knows(&self, index: u32) -> bool {
        self.ports.iter().any(|port| port.link.index == index)
    }

    /// The kernel has listed all links that exist now.
    pub(crate) fn all_seen(&mut self) {
        self.all_seen = true;
    }

    /// The port's speed in Mbit/s.
    pub(crate) fn speed(&mut self, index: u32, mbps: Option<u32>) {
        self.change(index, |port| port.speed_mbps = mbps);
    }

    /// Sets what was done about the adapter's firmware LLDP agent.
    pub(crate) fn firmware(&mut self, index: u32, agent: FirmwareAgent) {
        self.change(index, |port| port.firmware = Some(agent));
    }

    /// The port cannot receive; `why` is for people.
    pub(crate) fn failed(&mut self, index: u32, why: String) {
        self.change(index, |port| port.failure = Some(why));
    }

    /// Takes a frame that the port received.
    pub(crate) fn frame(&mut self, index: u32, frame: &[u8], at: Duration) {
        let Some(port) = self.ports.iter().find(|port| port.link.index == index) else { return };
        if !port.neighbours.had_carrier() {
            // The kernel reports carrier up to a second late (linkwatch).
            self.link(Link { up: true, carrier: true, ..port.link.clone() }, at);
        }
        let Some(port) = find(&mut self.ports, index) else { return };
        let Some(carrier_since) = port.carrier_since else { return };
        let own = Own { chassis_id: &self.ours, port: port.mac() };
        let changed = port.neighbours.receive(frame, at.saturating_sub(carrier_since), own);
        if port.neighbours.settled_after().is_some() {
            port.schedule.answered();
        }
        self.changes += u64::from(changed);
    }

    /// What to send now, and on which links; it counts as sent.
    pub(crate) fn due(&mut self, now: Duration) -> Vec<(Link, Message)> {
        let ports = self.ports.iter_mut();
        ports.filter_map(|port| Some((port.link.clone(), port.schedule.due(now)?))).collect()
    }

    /// When to send next.
    pub(crate) fn next_message(&self) -> Option<Duration> {
        self.ports.iter().filter_map(|port| port.schedule.next()).map(|(at, _)| at).min()
    }

    /// Ends the collection. Returns the links with carrier, for the shutdown LLDPDUs.
    pub(crate) fn end(&mut self, now: Duration) -> Vec<Link> {
        self.over.get_or_insert(now);
        self.changes += 1;
        let connected = self.ports.iter().filter(|port| port.carrier_since.is_some());
        connected.map(|port| port.link.clone()).collect()
    }

    /// Whether the collection has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// A number that changes whenever [`Ports::snapshot`] may.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Whether the collection is complete.
    ///
    /// # Errors
    /// When it is not: the time of the next check if nothing happens before; `None` if only an event can complete it.
    pub(crate) fn completion(&self, now: Duration) -> Result<(), Option<Duration>> {
        if self.is_over() {
            return Ok(());
        }
        let mut settled = Some(self.settled_without_ports());
        for port in &self.ports {
            settled = match (settled, port.settled(&self.options)) {
                (Some(one), Some(other)) => Some(one.max(other)),
                _ => None,
            };
        }
        let deadline = self.first_carrier.map(|first| first + self.options.timeout);
        match (settled.filter(|_| self.all_seen), deadline) {
            (Some(at), _) | (_, Some(at)) if at <= now => Ok(()),
            (Some(settled), Some(deadline)) => Err(Some(settled.min(deadline))),
            (one, other) => Err(one.or(other)),
        }
    }

    /// The ports as the report carries them, sorted by name.
    pub(crate) fn snapshot(&self, now: Duration) -> Vec<PortNeighbours> {
        let now = self.over.unwrap_or(now);
        let mut ports: Vec<PortNeighbours> = self.ports.iter().map(|port| self.report(port, now)).collect();
        ports.sort_by(|one, other| one.port.cmp(&other.port));
        ports
    }

    fn report(&self, port: &Port, now: Duration) -> PortNeighbours {
        let listened = port.carrier_since.map(|since| now.saturating_sub(since));
        let first_carrier = self.first_carrier.unwrap_or(now);
        let late = now >= first_carrier + self.options.timeout;
        let outcome = match port.carrier_since {
            _ if !port.neighbours.is_empty() => PortOutcome::Neighbours,
            _ if port.failure.is_some() => PortOutcome::Failed,
            None => PortOutcome::NoCarrier,
            Some(_) if !late => PortOutcome::Listening,
            Some(_) if port.firmware.as_ref().is_some_and(|agent| agent.active) => PortOutcome::Swallowed,
            Some(_) => PortOutcome::Silent,
        };
        let failure = port.failure.as_ref().map(|why| format!("cannot receive LLDP: {why}"));
        PortNeighbours {
            port: port.link.name.clone(),
            mac: port.mac().map(|mac| mac.to_string()),
            speed_mbps: port.speed_mbps,
            outcome,
            carrier_after_ms: port.carrier_after.map(milliseconds),
            listened_ms: listened.filter(|_| port.neighbours.is_empty()).map(milliseconds),
            firmware_agent: port.firmware.as_ref().map(|agent| agent.description.clone()),
            faults: failure.into_iter().chain(self.loop_of(port)).chain(port.neighbours.faults()).collect(),
            neighbours: port.neighbours.list(listened),
        }
    }

    /// Why a port hears nothing but other ports of this host.
    fn loop_of(&self, port: &Port) -> Option<String> {
        let macs = port.neighbours.own_ports();
        let name = |mac: String| {
            let other = self.ports.iter().find(|other| other.mac().is_some_and(|own| own.to_string() == mac));
            other.map_or(mac, |other| other.link.name.clone())
        };
        let names: Vec<String> = macs.into_iter().map(name).collect();
        (!names.is_empty()).then(|| {
            format!(
                "connected to {} of this host, by a cable or by a switch that forwards LLDP frames: no other neighbour",
                names.join(", ")
            )
        })
    }

    /// Without ports the wait goes on for as long as one may still be set up.
    fn settled_without_ports(&self) -> Duration {
        if self.ports.is_empty() { self.options.up_wait } else { Duration::ZERO }
    }

    fn change(&mut self, index: u32, change: impl FnOnce(&mut Port)) {
        if let Some(port) = find(&mut self.ports, index) {
            change(port);
            self.changes += 1;
        }
    }
}

impl Port {
    fn new(link: Link, now: Duration) -> Self {
        Self {
            link,
            speed_mbps: None,
            seen: now,
            up_since: None,
            carrier_since: None,
            carrier_after: None,
            schedule: Schedule::default(),
            neighbours: Neighbours::default(),
            firmware: None,
            failure: None,
        }
    }

    /// The address that identifies the port: all members of a bond have the same current one.
    fn mac(&self) -> Option<MacAddress> {
        self.link.permanent_mac.or(self.link.mac).map(MacAddress)
    }

    /// When the wait for this port ends; `None` while that depends on what happens on it.
    fn settled(&self, options: &Options) -> Option<Duration> {
        match (self.carrier_since, self.up_since) {
            _ if self.failure.is_some() => Some(self.seen),
            (Some(since), _) => self.neighbours.settled_after().map(|after| since + after + LINGER),
            _ if !self.neighbours.is_empty() => Some(self.seen),
            (None, Some(since)) => Some(since + options.carrier_wait),
            (None, None) => Some(self.seen + options.up_wait),
        }
    }
}

fn find(ports: &mut [Port], index: u32) -> Option<&mut Port> {
    ports.iter_mut().find(|port| port.link.index == index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lldp_rs::{Capabilities, Lldpdu, PortId, SystemCapabilities, Text, Value, ethernet};
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    const OPTIONS: Options = Options::AT_BOOT;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn local(name: &str) -> ChassisId {
        ChassisId::Local(Text::from(name))
    }

    fn link(index: u32, up: bool, carrier: bool) -> Link {
        let name = format!("eth{index}");
        Link {
            index,
            name,
            ethernet: true,
            mac: Some([2, 0, 0, 0, 0, 1]),
            permanent_mac: None,
            up,
            carrier,
            mtu: 1500,
        }
    }

    fn ports(links: &[(bool, bool)]) -> Ports {
        let mut ports = Ports::new(OPTIONS, local("ours"));
        for (index, (up, carrier)) in (1..).zip(links) {
            ports.link(link(index, *up, *carrier), Duration::ZERO);
        }
        ports.all_seen();
        ports
    }

    fn frame(name: &str) -> Vec<u8> {
        let bridge = SystemCapabilities { capable: Capabilities::BRIDGE, enabled: Capabilities::BRIDGE };
        let optional = [Value::SystemCapabilities(bridge)];
        let lldpdu = Lldpdu::new(local(name), PortId::Local(Text::from("1")), 120, optional).unwrap();
        ethernet::lldp_frame(ethernet::NEAREST_BRIDGE, MacAddress([2, 0, 0, 0, 0, 9]), &lldpdu)
    }

    fn outcomes(ports: &Ports, now: Duration) -> Vec<PortOutcome> {
        ports.snapshot(now).into_iter().map(|port| port.outcome).collect()
    }

    #[test]
    fn all_ports_have_neighbours() {
        let mut ports = ports(&[(true, true), (true, true)]);
        ports.frame(1, &frame("a"), s(1));
        assert_eq!(ports.completion(s(1)), Err(Some(s(32))));
        ports.frame(2, &frame("a"), s(2));
        assert_eq!(ports.completion(s(2)), Err(Some(s(2) + LINGER)));
        assert_eq!(ports.completion(s(2) + LINGER), Ok(()));
        assert_eq!(outcomes(&ports, s(3)), [PortOutcome::Neighbours, PortOutcome::Neighbours]);
    }

    #[test]
    fn a_port_without_carrier_costs_its_own_wait_and_a_silent_one_the_deadline_once() {
        let mut ports = ports(&[(true, true), (true, false), (false, false)]);
        ports.frame(1, &frame("a"), s(1));
        assert_eq!(ports.completion(s(2)), Err(Some(s(32))));
        assert_eq!(ports.completion(s(32)), Ok(()));
        // The third gets carrier late, and no neighbour answers: the deadline counts from the first one.
        ports.link(link(3, true, false), s(1));
        ports.link(link(3, true, true), s(8));
        assert_eq!(ports.completion(s(10)), Err(Some(s(32))));
        assert_eq!(ports.snapshot(s(10))[2].carrier_after_ms, Some(7000));
        assert_eq!(outcomes(&ports, s(31))[2], PortOutcome::Listening);
        assert_eq!(ports.completion(s(32)), Ok(()));
        let snapshot = ports.snapshot(s(32));
        assert_eq!(snapshot[1].outcome, PortOutcome::NoCarrier);
        assert_eq!((&snapshot[2].outcome, snapshot[2].listened_ms), (&PortOutcome::Silent, Some(24_000)));
    }

    #[test]
    fn a_machine_without_carrier_or_ports_costs_the_carrier_wait() {
        assert_eq!(ports(&[(true, false)]).completion(s(9)), Err(Some(s(32))));
        assert_eq!(ports(&[(true, false)]).completion(s(32)), Ok(()));
        assert_eq!(ports(&[]).completion(s(9)), Err(Some(s(10))));
        assert_eq!(ports(&[]).completion(s(10)), Ok(()));
    }

    #[test]
    fn a_port_that_loses_carrier_keeps_its_neighbour_and_solicits_again() {
        let mut ports = ports(&[(true, true)]);
        assert_eq!(ports.due(s(0)).len(), 1);
        ports.frame(1, &frame("a"), s(1));
        ports.link(link(1, true, false), s(2));
        assert_eq!(outcomes(&ports, s(2)), [PortOutcome::Neighbours]);
        ports.link(link(1, true, true), s(4));
        assert_eq!(ports.due(s(4))[0].1, Message::Shutdown);
    }

    #[test]
    fn a_frame_that_arrives_before_the_carrier_event_counts() {
        let mut ports = ports(&[(true, false)]);
        ports.frame(1, &frame("a"), s(2));
        ports.link(link(1, true, true), s(3));
        assert_eq!(ports.snapshot(s(3))[0].neighbours[0].heard_after_ms, 0);
        assert_eq!(ports.completion(s(3)), Ok(()));
    }

    #[test]
    fn an_active_firmware_agent_is_the_reason_for_silence() {
        let mut ports = ports(&[(true, true)]);
        ports.firmware(1, FirmwareAgent { description: "no".to_string(), active: true });
        assert_eq!(outcomes(&ports, s(31)), [PortOutcome::Listening]);
        assert_eq!(outcomes(&ports, s(32)), [PortOutcome::Swallowed]);
        ports.frame(1, &frame("a"), s(33));
        assert_eq!(outcomes(&ports, s(33)), [PortOutcome::Neighbours]);
    }

    #[test]
    fn two_ports_of_this_host_at_one_cable() {
        let mut ports = ports(&[(true, true), (true, true)]);
        let mac = |last| Some([2, 0, 0, 0, 0, last]);
        for index in [1, 2] {
            ports.link(Link { permanent_mac: mac(index as u8), ..link(index, true, true) }, s(0));
        }
        let sent = |last: u8| {
            let lldpdu =
                Lldpdu::solicit(local("ours"), MacAddress([2, 0, 0, 0, 0, last]), 20, "host").unwrap();
            ethernet::lldp_frame(ethernet::NEAREST_BRIDGE, MacAddress([2, 0, 0, 0, 0, last]), &lldpdu)
        };
        // Its own frame, and the other port's.
        ports.frame(1, &sent(1), s(1));
        assert_eq!(outcomes(&ports, s(1))[0], PortOutcome::Listening);
        ports.frame(1, &sent(2), s(1));
        let report = &ports.snapshot(s(1))[0];
        assert_eq!((&report.outcome, report.neighbours.len()), (&PortOutcome::Neighbours, 1));
        assert!(report.faults[0].starts_with("connected to eth2 of this host"), "{:?}", report.faults);
        ports.frame(1, &frame("a"), s(2));
        let report = &ports.snapshot(s(2))[0];
        assert_eq!((report.faults.len(), report.neighbours.len()), (0, 1));
    }

    #[test]
    fn after_the_end_times_stand_still() {
        let mut ports = ports(&[(true, true), (true, false)]);
        assert_eq!(ports.end(s(3)).len(), 1);
        assert_eq!(ports.completion(s(3)), Ok(()));
        assert_eq!(ports.snapshot(s(100))[0].listened_ms, Some(3000));
        assert_eq!(outcomes(&ports, s(100))[0], PortOutcome::Listening);
    }

    proptest! {
        #[test]
        fn it_completes_at_the_latest_after_the_carrier_wait_and_the_deadline(
            events in prop::collection::vec((any::<u8>(), 1..4_u32, any::<bool>(), any::<bool>(), 0..3000_u64), 0..60),
        ) {
            let mut ports = ports(&[(false, false); 3]);
            let mut now = Duration::ZERO;
            for (kind, index, up, carrier, ms) in events {
                match kind % 4 {
                    0 => ports.frame(index, &frame("a"), now),
                    1 => ports.gone(index),
                    _ => ports.link(link(index, up, carrier), now),
                }
                now += Duration::from_millis(ms);
                while !ports.due(now).is_empty() {}
                prop_assert!(ports.next_message().is_none_or(|at| at > now));
            }
            let mut checks = 0;
            while let Err(next) = ports.completion(now) {
                prop_assert!(next.unwrap() > now);
                now = next.unwrap();
                checks += 1;
            }
            prop_assert!(checks <= 4);
            for port in ports.snapshot(now + OPTIONS.timeout) {
                prop_assert_eq!(port.outcome == PortOutcome::Neighbours, !port.neighbours.is_empty());
                prop_assert!(port.outcome != PortOutcome::Listening);
            }
        }
    }
}
