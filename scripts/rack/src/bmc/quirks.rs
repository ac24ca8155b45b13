// SPDX-License-Identifier: MIT OR Apache-2.0
//! Behaviour of real BMCs that ipmi_sim lacks (see [`QuirksSpec`]).

use std::time::{Duration, Instant};

use super::codec::Message;
use super::users::Users;
use crate::spec::{BmcSpec, ChannelSpec, QuirksSpec};

/// A BMC's quirks, and the state that they need.
#[derive(Default)]
pub(crate) struct Quirks {
    spec: QuirksSpec,
    /// The LAN channels whose medium is not that of ipmi_sim, and their medium.
    media: Vec<(u8, u8)>,
    users: Users,
    /// The last change of the address source: when, and whether to DHCP.
    source: Option<(Instant, bool)>,
    silent_until: Option<Instant>,
}

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Handling {
    /// This response, completion code and data, without ipmi_sim.
    Respond(Vec<u8>),
    /// ipmi_sim gets the request, and others before and after it.
    Forward { before: Vec<Message>, request: Message, after: Vec<Message> },
    /// There is no response.
    Silence,
}

pub(crate) const APP: u8 = 0x06;
pub(crate) const DONE: u8 = 0x00;
const TRANSPORT: u8 = 0x0c;
const GET_CHANNEL_INFO: u8 = 0x42;
const SET_LAN: u8 = 0x01;
const GET_LAN: u8 = 0x02;
/// The parameter set in progress: 1 locks, 2 commits, 0 ends.
const LOCK: u8 = 0;
/// The parameters address, netmask and gateway (IPMI 2.0, table 23-4).
const ADDRESSES: [u8; 3] = [3, 6, 12];
/// The parameter address source, and its value for DHCP.
const SOURCE: u8 = 4;
/// See [`SOURCE`].
const DHCP: u8 = 2;

impl Handling {
    pub(crate) fn forward(request: Message) -> Handling {
        Handling::Forward { before: Vec::new(), request, after: Vec::new() }
    }
}

impl Quirks {
    /// The quirks of a BMC as declared.
    pub(crate) fn new(spec: &BmcSpec) -> Quirks {
        let others =
            spec.channels.iter().map(|ChannelSpec { number, medium, .. }| (*number, medium.number()));
        let media = others.chain([(spec.lan_channel, spec.medium.number())]).collect();
        Quirks { spec: spec.quirks.clone(), media, users: Users::new(spec), ..Quirks::default() }
    }

    /// The time that each response takes.
    pub(crate) fn latency(&self) -> Duration {
        Duration::from_millis(self.spec.latency_ms)
    }

    /// What becomes of a request.
    pub(crate) fn handle(&mut self, request: &Message, now: Instant) -> Handling {
        if self.silent_until.is_some_and(|until| now < until) {
            return Handling::Silence;
        }
        match (request.net_fn, request.code) {
            (TRANSPORT, SET_LAN) => self.set_lan(request, now),
            _ => self.users.handle(request, now),
        }
    }

    fn set_lan(&mut self, request: &Message, now: Instant) -> Handling {
        if let Some(code) = self.lan_refusal(&request.data, now) {
            return Handling::Respond(vec![code]);
        }
        let ([channel, parameter, value, ..], Some(_)) =
            (request.data.as_slice(), self.spec.set_in_progress_cc)
        else {
            return Handling::forward(request.clone());
        };
        if *parameter == LOCK {
            self.lan_is_set(LOCK, *value, now);
            return Handling::Respond(vec![DONE]);
        }
        // Without a lock, each parameter takes effect at once. ipmi_sim has no such thing.
        let lock = |value| Message { data: vec![*channel, LOCK, value], ..request.clone() };
        Handling::Forward { before: vec![lock(1)], request: request.clone(), after: vec![lock(2), lock(0)] }
    }

    /// Corrects ipmi_sim's response to `request`.
    pub(crate) fn correct(&mut self, request: &Message, response: &mut Vec<u8>, now: Instant) {
        match (request.net_fn, request.code, request.data.as_slice(), response.as_mut_slice()) {
            (APP, GET_CHANNEL_INFO, _, [DONE, channel, medium, ..]) => {
                let is_declared = |(number, _): &&(u8, u8)| number == channel;
                if let Some((_, declared)) = self.media.iter().find(is_declared) {
                    *medium = *declared;
                }
            }
            (TRANSPORT, SET_LAN, [_, parameter, value, ..], [DONE, ..]) => {
                self.lan_is_set(*parameter, *value, now);
            }
            (TRANSPORT, GET_LAN, [_, parameter, ..], [DONE, _, value @ ..])
                if ADDRESSES.contains(parameter) && self.waits_for_lease(now) =>
            {
                value.fill(0);
            }
            (APP, ..) => self.users.correct(request, response, now),
            _ => {}
        }
    }

    fn lan_refusal(&self, data: &[u8], now: Instant) -> Option<u8> {
        let [_, parameter, value, ..] = data else { return None };
        if (*parameter, value & 3) == (LOCK, 1) {
            return self.spec.set_in_progress_cc;
        }
        let (settling, (changed, _)) = (self.spec.source_settles?, self.source?);
        let is_settling = now < changed + Duration::from_millis(settling.ms);
        (is_settling && ADDRESSES.contains(parameter)).then_some(settling.cc)
    }

    fn lan_is_set(&mut self, parameter: u8, value: u8, now: Instant) {
        match (parameter, value & 0x0f) {
            (SOURCE, source) => self.source = Some((now, source == DHCP)),
            // Set complete.
            (LOCK, 0) if self.spec.reset_after_lan_ms > 0 => {
                self.silent_until = Some(now + Duration::from_millis(self.spec.reset_after_lan_ms));
            }
            _ => {}
        }
    }

    fn waits_for_lease(&self, now: Instant) -> bool {
        let lease = Duration::from_millis(self.spec.dhcp_ms);
        self.source.is_some_and(|(changed, is_dhcp)| is_dhcp && now < changed + lease)
    }
}
