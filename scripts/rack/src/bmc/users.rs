// SPDX-License-Identifier: MIT OR Apache-2.0
//! The users of a BMC, with the quirks of real ones. What a user can do over the LAN is up to ipmi_sim, which gets each change.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::codec::Message;
use super::quirks::{APP, DONE, Handling};
use crate::spec::{BmcSpec, Names, QuirksSpec, Settling, UserSpec};

/// The users of a BMC.
#[derive(Default)]
pub(crate) struct Users {
    quirks: QuirksSpec,
    slots: u8,
    lan_channel: u8,
    /// Whether IPMI messaging is apart from whether a user is enabled, and there is one for each channel.
    is_apart: bool,
    is_slot_1_named: bool,
    fixed: BTreeSet<u8>,
    users: BTreeMap<u8, User>,
    /// When a password was set last.
    password_set: Option<Instant>,
}

#[derive(Clone, Default)]
struct User {
    name: Vec<u8>,
    password: Vec<u8>,
    is_enabled: bool,
    /// By channel: IPMI messaging and others, and the privilege limit (IPMI 2.0, table 22-32, byte 5).
    access: BTreeMap<u8, u8>,
    /// When its name was set last.
    named: Option<Instant>,
}

const SET_USER_ACCESS: u8 = 0x43;
const GET_USER_ACCESS: u8 = 0x44;
const SET_USER_NAME: u8 = 0x45;
const GET_USER_NAME: u8 = 0x46;
const SET_USER_PASSWORD: u8 = 0x47;
/// Operations of Set User Password (IPMI 2.0, section 22.30).
const DISABLE: u8 = 0;
/// See [`DISABLE`].
const ENABLE: u8 = 1;
/// See [`DISABLE`].
const SET: u8 = 2;
/// See [`DISABLE`].
const TEST: u8 = 3;
/// The bytes of a password that ipmi_sim stores.
const STORED: usize = 16;
/// The longest password, in bytes.
const LONGEST: usize = 20;
/// IPMI messaging is enabled.
const MESSAGING: u8 = 0x10;
/// No access, as privilege limit.
const NO_ACCESS: u8 = 0x0f;
/// The bits of Set User Access other than the channel are to be applied.
const CHANGE: u8 = 0x80;

const WRONG_PASSWORD: u8 = 0x80;
const LENGTH_INVALID: u8 = 0xc7;
const LENGTH_EXCEEDED: u8 = 0xc8;
const INVALID_FIELD: u8 = 0xcc;

/// The slot of ipmi_sim, which can have no name in its slot 1.
pub(crate) fn slot_of_sim(slot: u8, is_slot_1_named: bool) -> u8 {
    if slot == 1 && is_slot_1_named { 63 } else { slot }
}

/// The operation and the password of Set User Password.
pub(crate) fn password(request: &Message) -> Option<(u8, &[u8])> {
    match request.data.as_slice() {
        [_, operation, password @ ..] if (request.net_fn, request.code) == (APP, SET_USER_PASSWORD) => {
            Some((operation & 3, password))
        }
        _ => None,
    }
}

impl Users {
    /// The users of a BMC as declared.
    pub(crate) fn new(spec: &BmcSpec) -> Users {
        let quirks = spec.quirks.clone();
        let channels: Vec<u8> =
            spec.channels.iter().map(|channel| channel.number).chain([spec.lan_channel]).collect();
        let user = |user: &UserSpec| User {
            name: user.name.clone().into_bytes(),
            password: stored(user.password.as_bytes()),
            is_enabled: user.enabled,
            access: channels.iter().map(|channel| (*channel, access(user))).collect(),
            named: None,
        };
        Users {
            slots: spec.slots,
            lan_channel: spec.lan_channel,
            is_apart: quirks.enable_status || quirks.messaging_apart || !spec.channels.is_empty(),
            is_slot_1_named: spec.is_slot_1_named(),
            fixed: spec.users.iter().filter(|user| user.fixed).map(|user| user.slot).collect(),
            users: spec.users.iter().map(|spec| (spec.slot, user(spec))).collect(),
            quirks,
            password_set: None,
        }
    }

    /// What becomes of a request.
    pub(crate) fn handle(&mut self, request: &Message, now: Instant) -> Handling {
        let Some(slot) = slot(request) else { return Handling::forward(request.clone()) };
        if let Some(code) = self.refusal(slot, request, now) {
            return Handling::Respond(vec![code]);
        }
        if self.is_ignored(request) {
            return Handling::Respond(vec![DONE]);
        }
        if let Some((TEST, tested)) = password(request)
            && tested.len() >= STORED
        {
            return Handling::Respond(vec![self.test(slot, tested)]);
        }
        let mut forwarded = request.clone();
        self.alter(slot, &mut forwarded);
        if request.code == SET_USER_ACCESS && self.is_apart && self.channel(request) != self.lan_channel {
            // ipmi_sim has one access for all channels.
            self.set_access(slot, request);
            return Handling::Respond(vec![DONE]);
        }
        let crossed = self.crossed(slot, request).map(|slot| {
            let mut crossed = request.clone();
            self.alter(slot, &mut crossed);
            crossed
        });
        let after = crossed.into_iter().collect();
        Handling::Forward { before: Vec::new(), request: forwarded, after }
    }

    /// Corrects ipmi_sim's response to `request`, and keeps what was set.
    pub(crate) fn correct(&mut self, request: &Message, response: &mut Vec<u8>, now: Instant) {
        let Some(slot) = slot(request) else { return };
        if response.first() != Some(&DONE) {
            return;
        }
        match request.code {
            GET_USER_ACCESS => self.correct_access(slot, self.channel(request), response),
            GET_USER_NAME => self.correct_name(slot, response),
            SET_USER_ACCESS => self.set_access(slot, request),
            SET_USER_NAME => {
                let name = self.kept(request.data.get(1..).unwrap_or_default());
                let user = self.users.entry(slot).or_default();
                (user.name, user.named) = (name, Some(now));
            }
            _ => self.set(slot, request, now),
        }
    }

    fn set(&mut self, slot: u8, request: &Message, now: Instant) {
        for slot in [Some(slot), self.crossed(slot, request)].into_iter().flatten() {
            let user = self.users.entry(slot).or_default();
            match password(request) {
                Some((SET, password)) => user.password = stored(password),
                Some((operation @ (ENABLE | DISABLE), _)) => user.is_enabled = operation == ENABLE,
                _ => {}
            }
        }
        if password(request).is_some_and(|(operation, _)| operation == SET) {
            self.password_set = Some(now);
        }
    }

    /// The completion code of a request that is refused.
    fn refusal(&self, slot: u8, request: &Message, now: Instant) -> Option<u8> {
        let quirks = &self.quirks;
        if slot > quirks.real_slots.unwrap_or(self.slots) {
            return Some(quirks.range_cc.unwrap_or(INVALID_FIELD));
        }
        let user = self.users.get(&slot).cloned().unwrap_or_default();
        let is_empty = self.is_empty(slot);
        match request.code {
            GET_USER_ACCESS => quirks.empty_access_cc.filter(|_| is_empty),
            GET_USER_NAME => None,
            SET_USER_NAME => self.name_refusal(slot, &request.data),
            _ if is_settling(user.named, quirks.name_settles, now) => {
                quirks.name_settles.map(|settling| settling.cc)
            }
            SET_USER_ACCESS => match quirks.access_length {
                Some(length) if length != request.data.len() => Some(LENGTH_INVALID),
                _ => quirks
                    .access_needs_name_cc
                    .filter(|_| is_empty)
                    .or(quirks.access_needs_enabled_cc.filter(|_| !user.is_enabled)),
            },
            _ => match password(request)? {
                (ENABLE | DISABLE, _) if slot == 1 && quirks.slot1_enable_cc.is_some() => {
                    quirks.slot1_enable_cc
                }
                (ENABLE | DISABLE, bytes) if quirks.enable_needs_bytes && bytes.len() < STORED => {
                    Some(LENGTH_INVALID)
                }
                (DISABLE, _) => quirks.disable_empty_cc.filter(|_| is_empty),
                (ENABLE, _) => {
                    quirks.enable_needs_password_cc.filter(|_| user.password.iter().all(|byte| *byte == 0))
                }
                (SET, password) => self.password_refusal(password, now),
                _ => quirks.test_cc,
            },
        }
    }

    fn name_refusal(&self, slot: u8, data: &[u8]) -> Option<u8> {
        let quirks = &self.quirks;
        if self.fixed.contains(&slot) {
            return Some(INVALID_FIELD);
        }
        if quirks.refused_slots.contains(&slot) {
            return Some(quirks.refused_cc.unwrap_or(INVALID_FIELD));
        }
        let name = self.kept(data.get(1..).unwrap_or_default());
        let is_taken =
            !name.is_empty() && self.users.iter().any(|(other, user)| *other != slot && user.name == name);
        quirks.dup_cc.filter(|_| is_taken)
    }

    fn password_refusal(&self, password: &[u8], now: Instant) -> Option<u8> {
        let quirks = &self.quirks;
        if is_settling(self.password_set, quirks.password_settles, now) {
            return quirks.password_settles.map(|settling| settling.cc);
        }
        if quirks.password_bytes.is_some_and(|bytes| bytes != password.len()) {
            return Some(LENGTH_EXCEEDED);
        }
        quirks.weak_cc.filter(|_| !quirks.weak_silent && self.is_weak(password))
    }

    fn is_weak(&self, password: &[u8]) -> bool {
        let quirks = &self.quirks;
        let password = trimmed(password);
        let has = |kind: fn(&u8) -> bool| usize::from(password.iter().any(kind));
        let classes = has(u8::is_ascii_lowercase)
            + has(u8::is_ascii_uppercase)
            + has(u8::is_ascii_digit)
            + has(u8::is_ascii_punctuation);
        let contains = |name: &Vec<u8>| {
            !name.is_empty() && password.windows(name.len()).any(|part| part.eq_ignore_ascii_case(name))
        };
        password.len() < quirks.weak_min
            || classes < quirks.weak_classes
            || password.iter().any(|byte| quirks.weak_characters.as_bytes().contains(byte))
            || quirks.weak_name && self.users.values().any(|user| contains(&user.name))
    }

    /// Whether a request is answered as if it were done.
    fn is_ignored(&self, request: &Message) -> bool {
        match request.code {
            SET_USER_NAME => self.quirks.names == Names::Ignored,
            _ => matches!(password(request), Some((SET, password))
                if self.quirks.weak_silent && self.is_weak(password)),
        }
    }

    fn test(&self, slot: u8, tested: &[u8]) -> u8 {
        let known = self.users.get(&slot).map_or_else(|| stored(&[]), |user| user.password.clone());
        let mut tested = tested.to_vec();
        tested.resize(LONGEST, 0);
        let is_known = tested == known || known.is_empty() && trimmed(&tested).is_empty();
        if is_known || self.quirks.test_any { DONE } else { WRONG_PASSWORD }
    }

    /// The request for ipmi_sim.
    fn alter(&self, slot: u8, request: &mut Message) {
        let position = usize::from(matches!(request.code, SET_USER_ACCESS | GET_USER_ACCESS));
        if let Some(byte) = request.data.get_mut(position) {
            *byte = *byte & 0xc0 | slot_of_sim(slot, self.is_slot_1_named);
        }
        let user = self.users.get(&slot).cloned().unwrap_or_default();
        match (request.code, request.data.as_mut_slice()) {
            (SET_USER_NAME, [_, name @ ..]) => {
                let mut kept = self.kept(name);
                kept.resize(name.len(), 0);
                name.copy_from_slice(&kept);
            }
            (SET_USER_ACCESS, [bits, ..]) if self.is_apart => {
                let after = if *bits & CHANGE == 0 { self.access(slot, self.lan_channel) } else { *bits };
                let enabled = if user.is_enabled { MESSAGING } else { 0 };
                *bits = CHANGE | *bits & 0x0f | after & (0x60 | enabled);
            }
            (SET_USER_PASSWORD, [_, operation, ..]) if self.is_apart && *operation & 3 == ENABLE => {
                *operation = u8::from(self.access(slot, self.lan_channel) & MESSAGING != 0);
            }
            _ => {}
        }
    }

    /// The other slot that the same happens to.
    fn crossed(&self, slot: u8, request: &Message) -> Option<u8> {
        let crossed = match password(request)?.0 {
            SET => self.quirks.cross_password,
            DISABLE => self.quirks.cross_disable,
            _ => None,
        };
        crossed.filter(|[from, _]| *from == slot).map(|[_, to]| to)
    }

    fn set_access(&mut self, slot: u8, request: &Message) {
        let channel = self.channel(request);
        let [bits, _, limit, ..] = request.data.as_slice() else { return };
        let before = self.access(slot, channel);
        let user = self.users.entry(slot).or_default();
        let flags = if bits & CHANGE == 0 { before } else { *bits };
        if bits & CHANGE != 0 && !self.is_apart {
            user.is_enabled = bits & MESSAGING != 0;
        }
        user.access.insert(channel, flags & 0x70 | limit & 0x0f);
    }

    fn correct_access(&self, slot: u8, channel: u8, response: &mut [u8]) {
        let [_, slots, enabled, fixed, access, ..] = response else { return };
        *slots = self.slots;
        *fixed = u8::try_from(self.fixed.len()).unwrap_or(u8::MAX);
        if self.is_apart {
            let count = self.users.values().filter(|user| user.is_enabled).count();
            *enabled = u8::try_from(count).unwrap_or(u8::MAX);
            *access = self.access(slot, channel);
        }
        *enabled = self.quirks.enabled_count.unwrap_or(*enabled) & 0x3f;
        if self.quirks.enable_status {
            let is_enabled = self.users.get(&slot).is_some_and(|user| user.is_enabled);
            *enabled |= if is_enabled { 1 << 6 } else { 2 << 6 };
        }
        if let Some(byte) = self.quirks.empty_access.filter(|_| self.is_empty(slot)) {
            *access = byte;
        }
    }

    fn correct_name(&self, slot: u8, response: &mut Vec<u8>) {
        if !self.is_empty(slot) {
            if self.quirks.names == Names::Padded {
                response.iter_mut().skip(1).filter(|byte| **byte == 0).for_each(|byte| *byte = b' ');
            }
        } else if let Some(code) = self.quirks.empty_cc {
            *response = vec![code];
        } else if let Some(name) = &self.quirks.empty_name {
            response.truncate(1);
            response.extend(name.bytes());
            response.resize(17, 0);
        }
    }

    /// The name that becomes of one that is set.
    fn kept(&self, name: &[u8]) -> Vec<u8> {
        let mut name = trimmed(name).to_vec();
        name.truncate(self.quirks.name_length.unwrap_or(16));
        if self.quirks.names == Names::UpperCase {
            name.make_ascii_uppercase();
        }
        name
    }

    fn access(&self, slot: u8, channel: u8) -> u8 {
        self.users.get(&slot).and_then(|user| user.access.get(&channel)).copied().unwrap_or(NO_ACCESS)
    }

    /// Whether there is no user in the slot. The null user is one.
    fn is_empty(&self, slot: u8) -> bool {
        (slot != 1 || self.is_slot_1_named) && self.users.get(&slot).is_none_or(|user| user.name.is_empty())
    }

    /// The channel of Set or Get User Access; 14 is that of the request.
    fn channel(&self, request: &Message) -> u8 {
        match request.data.first().map(|byte| byte & 0x0f) {
            None | Some(14) => self.lan_channel,
            Some(channel) => channel,
        }
    }
}

/// The slot of the user that a request refers to.
fn slot(request: &Message) -> Option<u8> {
    let position = match (request.net_fn, request.code) {
        (APP, SET_USER_ACCESS | GET_USER_ACCESS) => 1,
        (APP, SET_USER_NAME | GET_USER_NAME | SET_USER_PASSWORD) => 0,
        _ => return None,
    };
    request.data.get(position).map(|byte| byte & 0x3f)
}

fn access(user: &UserSpec) -> u8 {
    user.privilege.number() | if user.messaging { MESSAGING } else { 0 }
}

fn is_settling(since: Option<Instant>, settling: Option<Settling>, now: Instant) -> bool {
    let (Some(since), Some(settling)) = (since, settling) else { return false };
    now < since + Duration::from_millis(settling.ms)
}

/// Without the zeros at its end.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let length = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.get(..length).unwrap_or_default()
}

/// A password as stored: truncated, and padded with zeros.
fn stored(password: &[u8]) -> Vec<u8> {
    let mut stored = password.get(..STORED).unwrap_or(password).to_vec();
    stored.resize(LONGEST, 0);
    stored
}
