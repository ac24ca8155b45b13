// SPDX-License-Identifier: MIT OR Apache-2.0
//! IPv6 on one port: what router advertisements (RFC 4861, RFC 8106) and DHCPv6 (RFC 8415) give it. Addresses made of a
//! router's prefixes and the default route are the kernel's. No IO: the caller passes messages and the time.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use std::net::Ipv6Addr;
use std::time::Duration;

use netlink::dhcpv6::{Client as Codec, INFINITE, Kind, Lease, Reply, status_name};
use netlink::ndp::Advertisement;

use super::timer::Timer;

/// The highest preference of a server: the search for others ends (RFC 8415 18.2.1).
const PREFERENCE_MAX: u8 = 255;
/// RFC 8415 21.23: default and minimum of the time after which configuration without a lifetime is asked for again.
const REFRESH: Duration = Duration::from_secs(86400);
const REFRESH_MIN: Duration = Duration::from_secs(600);
/// How many routers, name servers and search domains are kept: more than resolv.conf(5) takes.
const MAX: usize = 8;
/// Unlike RFC 4861's 3 solicitations: a router may start later than the host (RFC 7559).
const SOLICITATION: (u64, u64) = (4, 60);

/// What the caller does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Send a router solicitation.
    Solicit,
    /// Send this to all DHCPv6 servers.
    Dhcp(Vec<u8>),
}

/// What the port has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    /// Of router advertisements.
    pub(super) router: Names,
    /// Of DHCPv6.
    pub(super) dhcp: Names,
    /// Of DHCPv6.
    pub(super) addresses: Vec<Ipv6Addr>,
    /// Of DHCPv6.
    pub(super) ntp: Vec<Ipv6Addr>,
}

/// Name servers and search domains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) servers: Vec<Ipv6Addr>,
    pub(super) search: Vec<String>,
}

/// The client of one port.
pub(super) struct Client {
    codec: Codec,
    random: fn() -> u32,
    /// Advertisements are waited for; otherwise DHCPv6 does without.
    with_router: bool,
    solicitation: Timer,
    routers: Vec<Ipv6Addr>,
    /// With the times at which they expire.
    servers: Vec<(Ipv6Addr, Duration)>,
    search: Vec<(String, Duration)>,
    state: State,
    timer: Timer,
    /// When the current exchange started.
    exchange: Duration,
    /// The last word of a server that refused.
    refusal: Option<String>,
    sent: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// No DHCPv6: no router asks for it.
    Off,
    /// Soliciting, with the best advertisement so far.
    Soliciting(Option<Lease>),
    Requesting(Lease),
    /// Bound; the times are those of T1, T2 and the end of the lease.
    Bound(Lease, Times),
    Renewing(Lease, Times),
    Rebinding(Lease, Times),
    /// Asking for everything but addresses; with what is known already.
    Informing(Option<Lease>),
    Informed(Lease),
}

/// Of a lease; `None`: never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Times {
    t1: Option<Duration>,
    t2: Option<Duration>,
    end: Option<Duration>,
}

impl Client {
    /// A client that starts at `now`: with router solicitations, or with DHCPv6 at once if `dhcp` is true.
    pub(super) fn new(codec: Codec, dhcp: bool, random: fn() -> u32, now: Duration) -> Self {
        let mut client = Self {
            codec,
            random,
            with_router: !dhcp,
            solicitation: Timer::start(SOLICITATION, random, now),
            routers: Vec::new(),
            servers: Vec::new(),
            search: Vec::new(),
            state: State::Off,
            timer: Timer::idle(),
            exchange: now,
            refusal: None,
            sent: 0,
        };
        if dhcp {
            client.enter(State::Soliciting(None), now);
        }
        client
    }

    /// What is to be done at `now`.
    pub(super) fn poll(&mut self, now: Duration) -> Vec<Action> {
        self.servers.retain(|(_, end)| *end > now);
        self.search.retain(|(_, end)| *end > now);
        let mut actions = Vec::new();
        if self.solicitation.is_due(now) {
            self.solicitation.again(self.random, now);
            actions.push(Action::Solicit);
        }
        self.advance(now);
        if self.timer.is_due(now) {
            self.expire(now);
        }
        if let Some(message) = self.message(now) {
            self.sent += 1;
            actions.push(Action::Dhcp(message));
        }
        actions
    }

    /// When [`Self::poll`] is to be called next.
    pub(super) fn next(&self) -> Option<Duration> {
        let ends = self.servers.iter().map(|(_, end)| *end).chain(self.search.iter().map(|(_, end)| *end));
        let times = match &self.state {
            State::Bound(_, times) => [times.t1, times.end],
            State::Renewing(_, times) => [times.t2, times.end],
            State::Rebinding(_, times) => [None, times.end],
            _ => [None, None],
        };
        ends.chain(times.into_iter().flatten()).chain(self.solicitation.due()).chain(self.timer.due()).min()
    }

    /// Takes an advertisement of a router.
    pub(super) fn advertised(&mut self, router: Ipv6Addr, advertisement: Advertisement, now: Duration) {
        self.solicitation = Timer::idle();
        if !self.routers.contains(&router) {
            self.routers.push(router);
            self.routers.truncate(MAX);
        }
        for (server, lifetime) in advertisement.name_servers {
            self.servers.retain(|(known, _)| *known != server);
            self.servers.push((server, now.saturating_add(lifetime)));
            self.servers.truncate(MAX);
        }
        for (domain, lifetime) in advertisement.search {
            self.search.retain(|(known, _)| *known != domain);
            self.search.push((domain, now.saturating_add(lifetime)));
            self.search.truncate(MAX);
        }
        match self.state {
            // A router that asks for less does not end what another one asks for.
            State::Off | State::Informing(_) | State::Informed(_) if advertisement.managed => {
                self.enter(State::Soliciting(None), now);
            }
            State::Off if advertisement.other => self.enter(State::Informing(None), now),
            _ => {}
        }
    }

    /// Takes a datagram of a DHCPv6 server.
    pub(super) fn received(&mut self, datagram: &[u8], now: Duration) {
        let Some(reply) = self.codec.parse(datagram) else { return };
        match (reply, self.state.clone()) {
            (Reply::Advertise(lease), State::Soliciting(best)) => self.take_advertise(lease, best, now),
            (
                Reply::Reply(lease),
                State::Requesting(old) | State::Renewing(old, _) | State::Rebinding(old, _),
            ) => self.take_lease(lease, &old, now),
            (Reply::Reply(lease), State::Informing(_)) => {
                let refresh =
                    lease.refresh.map_or(REFRESH, |s| Duration::from_secs(s.into()).max(REFRESH_MIN));
                self.state = State::Informed(lease);
                self.timer = Timer::once(now.saturating_add(refresh));
            }
            _ => {}
        }
    }

    /// Gives up the addresses that another host has, reports it to the server, and starts again.
    pub(super) fn decline(&mut self, now: Duration) -> Option<Action> {
        let lease = self.state.lease()?.clone();
        self.codec.transaction = self.transaction();
        let message = self.codec.message(Kind::Decline, Duration::ZERO, Some(&lease));
        self.refusal = Some("the address is in use by another host (declined)".to_string());
        self.enter(State::Soliciting(None), now);
        Some(Action::Dhcp(message))
    }

    /// What the port has at `now`.
    pub(super) fn given(&self) -> Given {
        let lease = match &self.state {
            State::Informing(lease) => lease.as_ref(),
            State::Informed(lease) => Some(lease),
            state => state.lease(),
        };
        let router = Names {
            servers: self.servers.iter().map(|(server, _)| *server).collect(),
            search: self.search.iter().map(|(domain, _)| domain.clone()).collect(),
        };
        let Some(lease) = lease else { return Given { router, ..Given::default() } };
        Given {
            router,
            dhcp: Names { servers: lease.name_servers.clone(), search: lease.search.clone() },
            addresses: lease.addresses.iter().map(|(address, _, _)| *address).collect(),
            ntp: lease.ntp.clone(),
        }
    }

    /// What is missing, in words; `None`: nothing that a router or server has announced.
    pub(super) fn missing(&self) -> Option<String> {
        let refusal = self.refusal.as_ref().map(|refusal| format!(": {refusal}")).unwrap_or_default();
        let sent = self.sent;
        match &self.state {
            State::Off if self.with_router && self.routers.is_empty() => Some("no IPv6 router".to_string()),
            State::Soliciting(_) => Some(format!("{sent} DHCPv6 Solicits, no address{refusal}")),
            State::Requesting(_) => Some(format!("DHCPv6 Advertise, no Reply{refusal}")),
            State::Informing(None) => Some(format!("{sent} DHCPv6 Information-requests, no answer")),
            _ => None,
        }
    }

    fn take_advertise(&mut self, lease: Lease, best: Option<Lease>, now: Duration) {
        if lease.addresses.is_empty() {
            return self.refused(&lease);
        }
        let preference = lease.preference;
        let is_first_wait = self.timer.count() <= 1;
        let best = best.filter(|best| best.preference >= preference).unwrap_or(lease);
        // Within the first wait a better server may answer still.
        if preference == PREFERENCE_MAX || !is_first_wait {
            self.enter(State::Requesting(best), now);
        } else {
            self.state = State::Soliciting(Some(best));
        }
    }

    fn take_lease(&mut self, mut lease: Lease, old: &Lease, now: Duration) {
        if lease.addresses.is_empty() {
            self.refused(&lease);
            let renewing = !matches!(self.state, State::Requesting(_));
            // A server that has forgotten the lease may give it anew (RFC 8415 18.2.10.1).
            match lease.refusal {
                Some((3, _)) if renewing => self.enter(State::Requesting(old.clone()), now),
                _ if renewing => {}
                _ => self.enter(State::Soliciting(None), now),
            }
            return;
        }
        if lease.name_servers.is_empty() {
            lease.name_servers.clone_from(&old.name_servers);
        }
        let times = Times::of(&lease, now);
        self.refusal = None;
        self.state = State::Bound(lease, times);
        self.timer = Timer::idle();
    }

    fn refused(&mut self, lease: &Lease) {
        self.refusal = Some(match &lease.refusal {
            Some((code, text)) if text.is_empty() => format!("refused: {}", status_name(*code)),
            Some((code, text)) => format!("refused: {} ({text})", status_name(*code)),
            None => "the answer has no address".to_string(),
        });
    }

    /// Moves to what T1, T2 and the end of the lease bring.
    fn advance(&mut self, now: Duration) {
        let reached = |time: Option<Duration>| time.is_some_and(|time| time <= now);
        match self.state.clone() {
            State::Bound(_, times) | State::Renewing(_, times) | State::Rebinding(_, times)
                if reached(times.end) =>
            {
                self.enter(State::Soliciting(None), now);
            }
            State::Bound(lease, times) if reached(times.t1) => self.enter(State::Renewing(lease, times), now),
            State::Renewing(lease, times) if reached(times.t2) => {
                self.enter(State::Rebinding(lease, times), now);
            }
            _ => {}
        }
    }

    /// The timer of the state is due: the next attempt, or the next state.
    fn expire(&mut self, now: Duration) {
        match self.state.clone() {
            State::Soliciting(Some(best)) => self.enter(State::Requesting(best), now),
            // REQ_MAX_RC: the server that advertised does not reply.
            State::Requesting(_) if self.timer.count() > 10 => self.enter(State::Soliciting(None), now),
            State::Informed(lease) => self.enter(State::Informing(Some(lease)), now),
            _ => {}
        }
    }

    /// The message of the state, if it is due.
    fn message(&mut self, now: Duration) -> Option<Vec<u8>> {
        if !self.timer.is_due(now) {
            return None;
        }
        let (kind, lease) = match &self.state {
            State::Soliciting(_) => (Kind::Solicit, None),
            State::Requesting(lease) => (Kind::Request, Some(lease)),
            State::Renewing(lease, _) => (Kind::Renew, Some(lease)),
            State::Rebinding(lease, _) => (Kind::Rebind, Some(lease)),
            State::Informing(_) => (Kind::InformationRequest, None),
            State::Off | State::Bound(..) | State::Informed(_) => return None,
        };
        let message = self.codec.message(kind, now.saturating_sub(self.exchange), lease);
        self.timer.again(self.random, now);
        Some(message)
    }

    /// Starts the exchange of a state (RFC 8415 7.6: initial and maximum retransmission times).
    fn enter(&mut self, state: State, now: Duration) {
        let times = match &state {
            State::Renewing(..) | State::Rebinding(..) => (10, 600),
            State::Requesting(_) => (1, 30),
            // Not SOL_MAX_RT, an hour: a host that boots is waited for.
            _ => (1, 30),
        };
        self.state = state;
        self.timer = Timer::start(times, self.random, now);
        self.exchange = now;
        self.codec.transaction = self.transaction();
    }

    fn transaction(&self) -> [u8; 3] {
        let [a, b, c, _] = (self.random)().to_be_bytes();
        [a, b, c]
    }
}

impl State {
    /// The lease whose addresses the port has.
    fn lease(&self) -> Option<&Lease> {
        match self {
            Self::Bound(lease, _) | Self::Renewing(lease, _) | Self::Rebinding(lease, _) => Some(lease),
            _ => None,
        }
    }
}

impl Times {
    /// T1 and T2 are the server's, else half and four fifths of the shortest preferred lifetime (RFC 8415 21.4).
    fn of(lease: &Lease, now: Duration) -> Self {
        let at = |seconds: u64| Some(now.saturating_add(Duration::from_secs(seconds)));
        let finite = |seconds: u32| Some(u64::from(seconds)).filter(|_| seconds != INFINITE);
        let preferred = lease.addresses.iter().map(|(_, preferred, _)| *preferred).min().and_then(finite);
        let valid = lease.addresses.iter().map(|(_, _, valid)| *valid).min().and_then(finite);
        let time = |given: u32, tenths: u64| match given {
            0 => preferred.map(|preferred| preferred * tenths / 10),
            given => finite(given),
        };
        // Not more than once a second, whatever the server sends.
        let (t1, t2) = (time(lease.t1, 5).map(|t1| t1.max(1)), time(lease.t2, 8).map(|t2| t2.max(2)));
        Self { t1: t1.and_then(at), t2: t2.and_then(at), end: valid.and_then(at) }
    }
}

#[cfg(test)]
mod tests;
