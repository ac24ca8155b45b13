// SPDX-License-Identifier: MIT OR Apache-2.0
//! The DHCPv4 client of a port (RFC 2131 4.4) with the check for address conflicts of RFC 5227: what happens, and what
//! follows from it. No IO.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use std::fmt;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use netlink::dhcp::{Exchange, Identity, Lease, Reply};
use netlink::packet::Arp;
use stage1_contract::printable;

use super::timing::{Jitter, Times};

/// How often an offer is requested, and how often the address of an earlier lease, before the client asks anew.
const REQUESTS: usize = 3;
const REBOOTS: usize = 2;
/// ARP probes for a new address, and the pause after each. RFC 5227 takes 4 to 9 s, which is longer than a boot has.
const PROBES: usize = 2;
const PROBE_PAUSE: Duration = Duration::from_millis(200);
/// RFC 2131 3.1: the shortest pause after DHCPDECLINE.
const DECLINE_PAUSE: Duration = Duration::from_secs(10);
/// ARP requests to the gateway before it counts as unreachable, and the pauses between them.
const GATEWAY_TRIES: usize = 3;
const GATEWAY_PAUSE: Duration = Duration::from_secs(1);
const GATEWAY_PAUSE_LATER: Duration = Duration::from_secs(5);
/// After this many DHCPDISCOVERs without an answer, what happened before them is no longer the news.
const STALE: usize = 3;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Broadcast a message from this address.
    Broadcast(Vec<u8>, Ipv4Addr),
    /// Send a message from the first address to the second.
    Unicast(Vec<u8>, Ipv4Addr, Ipv4Addr),
    /// Send an ARP packet.
    Arp(Arp),
    /// Configure the port.
    Configure(Lease),
    /// Configure the port with another of the lease's routers, as this one does not answer.
    ChangeRouter(Lease, Ipv4Addr),
    /// Take the configuration from the port.
    Withdraw,
}

/// The client of one port.
pub(super) struct Client {
    exchange: Exchange,
    jitter: Jitter,
    state: State,
    /// When something is due even if nothing happens.
    due: Option<Instant>,
    /// When the exchange began.
    started: Option<Instant>,
    /// When the last request was sent: a lease's time counts from then.
    requested: Option<Instant>,
    /// The address that the port has or had.
    held: Option<Held>,
    /// DHCPDISCOVERs since the port has carrier or has lost its lease.
    discovers: usize,
    refusals: usize,
    news: News,
    gateway: Gateway,
}

#[derive(Clone, Debug)]
struct Held {
    lease: Lease,
    since: Instant,
    times: Option<Times>,
}

#[derive(Clone, Debug)]
enum State {
    NoCarrier,
    Selecting { messages: usize },
    Requesting { offer: Lease, messages: usize },
    Rebooting { address: Ipv4Addr, messages: usize },
    Probing { lease: Lease, probes: usize },
    Declined,
    Bound,
    Renewing,
    Rebinding,
}

#[derive(Clone, Debug)]
enum News {
    None,
    Refused { server: Option<Ipv4Addr>, message: Option<String> },
    NoAck { server: Option<Ipv4Addr> },
    InUse { address: Ipv4Addr, by: [u8; 6] },
    Expired,
}

/// Whether the gateway answers ARP requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gateway {
    None,
    /// `other`: another router of the lease that answers, the first of them in the lease's order.
    Asked {
        tries: usize,
        next: Instant,
        other: Option<Ipv4Addr>,
    },
    Reachable,
}

impl Client {
    /// A client without carrier; `seed` is random.
    pub(super) fn new(identity: Identity, seed: u64) -> Self {
        Self {
            exchange: Exchange { id: [0; 4], identity },
            jitter: Jitter::new(seed),
            state: State::NoCarrier,
            due: None,
            started: None,
            requested: None,
            held: None,
            discovers: 0,
            refusals: 0,
            news: News::None,
            gateway: Gateway::None,
        }
    }

    /// The port has got or lost its carrier. It may then be in another network: with a lease from before the client asks
    /// whether it is still good.
    pub(super) fn carrier(&mut self, has_carrier: bool, now: Instant) -> Vec<Action> {
        match (has_carrier, &self.state) {
            (true, State::NoCarrier) => {
                (self.news, self.discovers, self.refusals) = (News::None, 0, 0);
                self.begin(now);
                match &self.held {
                    Some(held) => {
                        self.state = State::Rebooting { address: held.lease.address, messages: 0 };
                        self.send(now)
                    }
                    None => self.discover(now),
                }
            }
            (false, _) => {
                (self.state, self.gateway) = (State::NoCarrier, Gateway::None);
                self.due = self.held.as_ref().and_then(Held::end);
                Vec::new()
            }
            (true, _) => Vec::new(),
        }
    }

    /// When [`Client::tick`] is due.
    pub(super) fn due(&self) -> Option<Instant> {
        let gateway = match self.gateway {
            Gateway::Asked { next, .. } => Some(next),
            _ => None,
        };
        self.due.into_iter().chain(gateway).min()
    }

    /// Whether ARP packets matter now.
    pub(super) fn needs_arp(&self) -> bool {
        matches!(self.state, State::Probing { .. }) || matches!(self.gateway, Gateway::Asked { .. })
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        if let Gateway::Asked { next, .. } = self.gateway
            && next <= now
        {
            actions.extend(self.ask_gateway(now));
        }
        if self.due.is_none_or(|due| due > now) {
            return actions;
        }
        actions.extend(match (&self.state, self.held.as_ref().and_then(Held::end)) {
            (State::NoCarrier, _) => {
                (self.held, self.due) = (None, None);
                vec![Action::Withdraw]
            }
            (State::Rebinding, Some(end)) if end <= now => {
                self.news = News::Expired;
                self.lose(now)
            }
            _ => self.send(now),
        });
        actions
    }

    /// Takes a datagram that arrived at the client's port.
    pub(super) fn receive(&mut self, datagram: &[u8], from: Ipv4Addr, now: Instant) -> Vec<Action> {
        let with_server = |lease: Lease| Lease { server: lease.server.or(Some(from)), ..lease };
        match (self.exchange.parse(datagram), &self.state) {
            (Some(Reply::Offer(offer)), State::Selecting { .. }) => {
                self.state = State::Requesting { offer: with_server(offer), messages: 0 };
                self.send(now)
            }
            (
                Some(Reply::Ack(lease)),
                State::Requesting { .. } | State::Rebooting { .. } | State::Renewing | State::Rebinding,
            ) => self.acknowledged(with_server(lease), now),
            (
                Some(Reply::Nak { server, message }),
                State::Requesting { .. } | State::Rebooting { .. } | State::Renewing | State::Rebinding,
            ) => {
                self.news = News::Refused { server: server.or(Some(from)), message };
                self.refusals += 1;
                let mut actions = self.give_up(now);
                // The first refusal restarts at once; a server that always refuses is not flooded.
                if self.refusals == 1 {
                    actions.extend(self.discover(now));
                } else {
                    self.state = State::Selecting { messages: 0 };
                    self.due = Some(now + self.jitter.wait(self.refusals - 1));
                }
                actions
            }
            _ => Vec::new(),
        }
    }

    /// Takes an ARP packet that arrived; `is_own`: its sender is another port of this host, which answers for each of the
    /// host's addresses.
    pub(super) fn arp(&mut self, arp: &Arp, is_own: bool, now: Instant) -> Vec<Action> {
        self.router_answers(arp.sender);
        let State::Probing { lease, .. } = &self.state else { return Vec::new() };
        // RFC 5227 2.1.1: the address is in use, or another host probes for it too.
        let is_probe = arp.sender.is_unspecified() && !arp.is_reply && arp.target == lease.address;
        if is_own || (arp.sender != lease.address && !is_probe) {
            return Vec::new();
        }
        let decline = self.exchange.decline(lease);
        self.news = News::InUse { address: lease.address, by: arp.sender_mac };
        self.state = State::Declined;
        self.due = Some(now + DECLINE_PAUSE);
        let mut actions = vec![Action::Broadcast(decline, Ipv4Addr::UNSPECIFIED)];
        actions.extend(self.held.take().map(|_| Action::Withdraw));
        actions
    }

    fn router_answers(&mut self, router: Ipv4Addr) {
        let (Gateway::Asked { other, .. }, Some(Held { lease, .. })) = (&mut self.gateway, &self.held) else {
            return;
        };
        let rank = |router| lease.other_routers.iter().position(|other| *other == router);
        if lease.gateway() == Some(router) {
            self.gateway = Gateway::Reachable;
        } else if rank(router).is_some() && other.is_none_or(|other| rank(router) < rank(other)) {
            *other = Some(router);
        }
    }

    fn acknowledged(&mut self, lease: Lease, now: Instant) -> Vec<Action> {
        if self.held.as_ref().is_some_and(|held| held.lease.address == lease.address) {
            return self.bind(lease, now);
        }
        self.state = State::Probing { lease, probes: 0 };
        self.send(now)
    }

    fn bind(&mut self, lease: Lease, now: Instant) -> Vec<Action> {
        let is_new = !matches!(self.state, State::Renewing | State::Rebinding);
        // A renewed lease has its first router again, which may still not answer.
        let used = self.held.as_ref().and_then(|held| held.lease.gateway()).filter(|_| !is_new);
        let lease = used.and_then(|router| lease.through(router)).unwrap_or(lease);
        let times = Times::of(&lease, &mut self.jitter);
        let since = self.requested.unwrap_or(now);
        self.due = times.map(|times| since + times.t1);
        self.held = Some(Held { lease: lease.clone(), since, times });
        self.state = State::Bound;
        (self.news, self.refusals, self.discovers) = (News::None, 0, 0);
        let mut actions = vec![Action::Configure(lease.clone())];
        if is_new {
            // RFC 5227 2.3: neighbours may remember another host.
            actions.push(Action::Arp(self.arp_request(lease.address, lease.address)));
            self.gateway = match lease.gateway() {
                Some(_) => Gateway::Asked { tries: 0, next: now, other: None },
                None => Gateway::None,
            };
        }
        actions
    }

    /// Gives the lease up, and asks anew.
    fn lose(&mut self, now: Instant) -> Vec<Action> {
        let mut actions = self.give_up(now);
        actions.extend(self.discover(now));
        actions
    }

    fn give_up(&mut self, now: Instant) -> Vec<Action> {
        self.gateway = Gateway::None;
        self.begin(now);
        self.held.take().map(|_| Action::Withdraw).into_iter().collect()
    }

    fn discover(&mut self, now: Instant) -> Vec<Action> {
        self.state = State::Selecting { messages: 0 };
        self.send(now)
    }

    /// A new exchange.
    fn begin(&mut self, now: Instant) {
        let [a, b, c, d, ..] = self.jitter.next().to_be_bytes();
        self.exchange.id = [a, b, c, d];
        self.started = Some(now);
    }

    /// Sends the next message of the state, or changes the state if there were enough of them.
    fn send(&mut self, now: Instant) -> Vec<Action> {
        let elapsed = self.started.map_or(Duration::ZERO, |started| now.duration_since(started));
        let unspecified = Ipv4Addr::UNSPECIFIED;
        let message = match &mut self.state {
            State::NoCarrier => return Vec::new(),
            State::Selecting { messages } => {
                *messages += 1;
                self.discovers += 1;
                if *messages > STALE {
                    self.news = News::None;
                }
                self.due = Some(now + self.jitter.wait(*messages));
                self.exchange.discover(elapsed)
            }
            State::Requesting { offer, messages } if *messages == REQUESTS => {
                self.news = News::NoAck { server: offer.server };
                return self.discover(now);
            }
            State::Requesting { offer, messages } => {
                *messages += 1;
                (self.requested, self.due) = (Some(now), Some(now + self.jitter.wait(*messages)));
                self.exchange.request(elapsed, offer)
            }
            State::Rebooting { messages, .. } if *messages == REBOOTS => return self.lose(now),
            State::Rebooting { address, messages } => {
                *messages += 1;
                (self.requested, self.due) = (Some(now), Some(now + self.jitter.wait(*messages)));
                self.exchange.reboot(elapsed, *address)
            }
            State::Probing { lease, probes } if *probes == PROBES => {
                let lease = lease.clone();
                return self.bind(lease, now);
            }
            State::Probing { lease, probes } => {
                *probes += 1;
                self.due = Some(now + PROBE_PAUSE);
                let target = lease.address;
                return vec![Action::Arp(self.arp_request(unspecified, target))];
            }
            State::Declined => {
                self.begin(now);
                return self.discover(now);
            }
            State::Bound | State::Renewing | State::Rebinding => return self.renew(now),
        };
        vec![Action::Broadcast(message, unspecified)]
    }

    /// RFC 2131 4.4.5: until T2 the server is asked, then any server.
    fn renew(&mut self, now: Instant) -> Vec<Action> {
        let Some(Held { lease, since, times: Some(times) }) = self.held.clone() else {
            self.due = None;
            return Vec::new();
        };
        if matches!(self.state, State::Bound) {
            self.begin(now);
        }
        let is_rebinding = now >= since + times.t2;
        self.state = if is_rebinding { State::Rebinding } else { State::Renewing };
        let until = since + if is_rebinding { times.end } else { times.t2 };
        self.due = Some(now + times.renew_wait(until.saturating_duration_since(now)));
        self.requested = Some(now);
        let elapsed = self.started.map_or(Duration::ZERO, |started| now.duration_since(started));
        let message = self.exchange.renew(elapsed, lease.address);
        match lease.server.filter(|_| !is_rebinding) {
            Some(server) => vec![Action::Unicast(message, lease.address, server)],
            None => vec![Action::Broadcast(message, lease.address)],
        }
    }

    /// Asks the gateway, and if it has not answered also the other routers; changes to one of those that has.
    fn ask_gateway(&mut self, now: Instant) -> Vec<Action> {
        let (Gateway::Asked { tries, other, .. }, Some(held)) = (self.gateway, self.held.as_mut()) else {
            return Vec::new();
        };
        let Some(gateway) = held.lease.gateway() else { return Vec::new() };
        if let Some(lease) = other.and_then(|other| held.lease.through(other)) {
            held.lease = lease.clone();
            self.gateway = Gateway::Reachable;
            return vec![Action::ChangeRouter(lease, gateway)];
        }
        let own = held.lease.address;
        let others = held.lease.other_routers.clone().into_iter().filter(|_| tries > 0);
        let pause = if tries < GATEWAY_TRIES { GATEWAY_PAUSE } else { GATEWAY_PAUSE_LATER };
        self.gateway = Gateway::Asked { tries: tries + 1, next: now + pause, other };
        let routers = std::iter::once(gateway).chain(others);
        routers.map(|router| Action::Arp(self.arp_request(own, router))).collect()
    }

    fn arp_request(&self, sender: Ipv4Addr, target: Ipv4Addr) -> Arp {
        Arp { is_reply: false, sender_mac: self.exchange.identity.mac, sender, target }
    }
}

impl Held {
    fn end(&self) -> Option<Instant> {
        self.times.map(|times| self.since + times.end)
    }
}

/// What is missing on this port, or what it has.
impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.state, &self.held) {
            (State::NoCarrier, _) => return f.write_str("no carrier"),
            (State::Bound | State::Renewing | State::Rebinding, Some(Held { lease, .. })) => {
                write!(f, "{}/{}", lease.address, lease.prefix)?;
                return match (self.gateway, lease.gateway()) {
                    (Gateway::Asked { tries, .. }, Some(gateway)) if tries > GATEWAY_TRIES => {
                        write!(f, ", gateway unreachable ({gateway}")?;
                        lease.other_routers.iter().try_for_each(|other| write!(f, ", {other}"))?;
                        let answers = if lease.other_routers.is_empty() { "answers" } else { "answer" };
                        write!(f, " {answers} no ARP request)")
                    }
                    _ => Ok(()),
                };
            }
            _ => {}
        }
        let news = match &self.state {
            State::Requesting { offer, messages } if *messages > 1 => News::NoAck { server: offer.server },
            _ => self.news.clone(),
        };
        match &news {
            News::Refused { server, message } => {
                f.write_str("refused by ")?;
                address(f, *server)?;
                f.write_str(" (NAK")?;
                if let Some(message) = message {
                    write!(f, ": {}", printable(message))?;
                }
                return f.write_str(")");
            }
            News::NoAck { server } => {
                f.write_str("offer, no ACK (from ")?;
                address(f, *server)?;
                return f.write_str(")");
            }
            News::InUse { address, by: [a, b, c, d, e, g] } => {
                return write!(
                    f,
                    "{address} is in use by {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x} (DECLINE)"
                );
            }
            News::Expired => f.write_str("lease expired, ")?,
            News::None => f.write_str("carrier, ")?,
        }
        match (&self.state, self.discovers) {
            (State::Requesting { .. }, _) => f.write_str("offer, waiting for the ACK"),
            (State::Rebooting { .. }, _) => f.write_str("asking for the earlier address"),
            (State::Probing { lease, .. }, _) => write!(f, "checking that {} is free", lease.address),
            (_, 1) => f.write_str("1 DISCOVER, no answer"),
            (_, discovers) => write!(f, "{discovers} DISCOVERs, no answer"),
        }
    }
}

fn address(f: &mut fmt::Formatter<'_>, address: Option<Ipv4Addr>) -> fmt::Result {
    match address {
        Some(address) => write!(f, "{address}"),
        None => f.write_str("an unnamed server"),
    }
}

#[cfg(test)]
mod tests;
