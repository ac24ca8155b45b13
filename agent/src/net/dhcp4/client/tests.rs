// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client with servers that behave and servers that do not.

#![allow(clippy::disallowed_methods, reason = "reads the clock once")]

use proptest::prelude::{any, prop, prop_assert, proptest};

use super::*;

const MAC: [u8; 6] = [0x52, 0x54, 0, 0, 0, 1];
const OTHER: [u8; 6] = [0x52, 0x54, 0, 0, 0, 9];
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 50);
const DISCOVER: u8 = 1;
const REQUEST: u8 = 3;
const DECLINE: u8 = 4;
const OFFER: u8 = 2;
const ACK: u8 = 5;
const NAK: u8 = 6;

/// A client with a clock that the test sets.
struct Case {
    client: Client,
    now: Instant,
    /// The last message that was sent.
    sent: Vec<u8>,
    lease_seconds: u32,
    address: Ipv4Addr,
    /// In order of preference.
    routers: Vec<Ipv4Addr>,
}

impl Case {
    fn new() -> Self {
        let client = Client::new(Identity { mac: MAC, ..Identity::default() }, 7);
        Self {
            client,
            now: Instant::now(),
            sent: Vec::new(),
            lease_seconds: 3600,
            address: ADDRESS,
            routers: vec![SERVER],
        }
    }

    fn note(&mut self, actions: Vec<Action>) -> Vec<Action> {
        for action in &actions {
            if let Action::Broadcast(message, _) | Action::Unicast(message, ..) = action {
                self.sent.clone_from(message);
            }
        }
        actions
    }

    fn carrier(&mut self, has_carrier: bool) -> Vec<Action> {
        let actions = self.client.carrier(has_carrier, self.now);
        self.note(actions)
    }

    /// Goes on to what is due next.
    fn next(&mut self) -> Vec<Action> {
        self.now = self.client.due().expect("something is due").max(self.now);
        let actions = self.client.tick(self.now);
        self.note(actions)
    }

    /// The server's reply to the last message.
    fn reply(&mut self, kind: u8) -> Vec<Action> {
        let mut reply = self.sent[..240].to_vec();
        reply[0] = 2;
        reply[16..20].copy_from_slice(&self.address.octets());
        let routers: Vec<u8> = self.routers.iter().flat_map(Ipv4Addr::octets).collect();
        reply.extend([53, 1, kind, 54, 4, 10, 9, 0, 1, 1, 4, 255, 255, 255, 0, 3, routers.len() as u8]);
        reply.extend(routers);
        reply.extend([51, 4]);
        reply.extend(self.lease_seconds.to_be_bytes());
        reply.push(255);
        let actions = self.client.receive(&reply, SERVER, self.now);
        self.note(actions)
    }

    fn arp(&mut self, sender_mac: [u8; 6], sender: Ipv4Addr) -> Vec<Action> {
        let arp = Arp { is_reply: true, sender_mac, sender, target: Ipv4Addr::UNSPECIFIED };
        let actions = self.client.arp(&arp, false, self.now);
        self.note(actions)
    }

    fn kind(&self) -> u8 {
        assert_eq!(self.sent[240..242], [53, 1]);
        self.sent[242]
    }

    /// From nothing to an address.
    fn bind(&mut self) {
        self.carrier(true);
        self.reply(OFFER);
        self.reply(ACK);
        self.next();
        let actions = self.next();
        assert!(matches!(actions[..], [Action::Configure(_), Action::Arp(_)]), "{actions:?}");
        self.arp(OTHER, SERVER);
    }
}

fn configured(actions: &[Action]) -> Option<Ipv4Addr> {
    actions.iter().find_map(|action| match action {
        Action::Configure(lease) => Some(lease.address),
        _ => None,
    })
}

#[test]
fn an_address_is_probed_for_and_then_used() {
    let mut case = Case::new();
    assert_eq!(case.client.to_string(), "no carrier");
    assert_eq!(case.carrier(true).len(), 1);
    assert_eq!((case.kind(), case.client.to_string().as_str()), (DISCOVER, "carrier, 1 DISCOVER, no answer"));
    case.reply(OFFER);
    assert_eq!(
        (case.kind(), case.client.to_string().as_str()),
        (REQUEST, "carrier, offer, waiting for the ACK")
    );
    let probe = Arp { is_reply: false, sender_mac: MAC, sender: Ipv4Addr::UNSPECIFIED, target: ADDRESS };
    assert_eq!(case.reply(ACK), [Action::Arp(probe)]);
    assert_eq!(case.next(), [Action::Arp(probe)]);
    assert_eq!(configured(&case.next()), Some(ADDRESS));
    assert!(case.client.needs_arp(), "the gateway is asked for");
    assert_eq!(case.client.to_string(), "10.9.0.50/24");
    case.arp(OTHER, SERVER);
    assert!(!case.client.needs_arp());
}

#[test]
fn silence_is_counted() {
    let mut case = Case::new();
    case.carrier(true);
    let started = case.now;
    for _ in 0..5 {
        case.next();
    }
    assert_eq!(case.client.to_string(), "carrier, 6 DISCOVERs, no answer");
    let seconds = case.now.duration_since(started).as_secs_f64();
    assert!((27.0..36.0).contains(&seconds), "{seconds}");
    assert_eq!(u64::from(u16::from_be_bytes([case.sent[8], case.sent[9]])), seconds as u64);
}

#[test]
fn an_offer_without_an_ack_is_named_and_asked_for_anew() {
    let mut case = Case::new();
    case.carrier(true);
    case.reply(OFFER);
    for _ in 0..2 {
        case.next();
        assert_eq!(case.kind(), REQUEST);
    }
    case.next();
    assert_eq!((case.kind(), case.client.to_string().as_str()), (DISCOVER, "offer, no ACK (from 10.9.0.1)"));
    for _ in 0..3 {
        case.next();
    }
    assert_eq!(case.client.to_string(), "carrier, 5 DISCOVERs, no answer");
}

#[test]
fn a_refusal_is_named_and_the_first_one_restarts_at_once() {
    let mut case = Case::new();
    case.carrier(true);
    case.reply(OFFER);
    case.reply(NAK);
    assert_eq!((case.kind(), case.client.to_string().as_str()), (DISCOVER, "refused by 10.9.0.1 (NAK)"));
    case.reply(OFFER);
    assert_eq!(case.reply(NAK), [], "a server that always refuses is not flooded");
    let before = case.now;
    case.next();
    assert!(case.now.duration_since(before) > Duration::from_millis(800));
    assert_eq!(case.kind(), DISCOVER);
    case.reply(OFFER);
    case.reply(ACK);
    case.next();
    assert_eq!(configured(&case.next()), Some(ADDRESS));
}

#[test]
fn an_address_in_use_is_declined() {
    for (arp, is_conflict) in [
        (Arp { is_reply: true, sender_mac: OTHER, sender: ADDRESS, target: Ipv4Addr::UNSPECIFIED }, true),
        (Arp { is_reply: false, sender_mac: OTHER, sender: Ipv4Addr::UNSPECIFIED, target: ADDRESS }, true),
        (Arp { is_reply: true, sender_mac: OTHER, sender: SERVER, target: ADDRESS }, false),
    ] {
        let mut case = Case::new();
        case.carrier(true);
        case.reply(OFFER);
        case.reply(ACK);
        assert_eq!(case.client.arp(&arp, true, case.now), [], "another port of this host answers");
        let actions = case.client.arp(&arp, false, case.now);
        assert_eq!(!case.note(actions).is_empty(), is_conflict, "{arp:?}");
        if is_conflict {
            assert_eq!(case.kind(), DECLINE);
            assert_eq!(case.client.to_string(), "10.9.0.50 is in use by 52:54:00:00:00:09 (DECLINE)");
            let before = case.now;
            case.next();
            assert_eq!((case.kind(), case.now.duration_since(before)), (DISCOVER, DECLINE_PAUSE));
        }
    }
}

#[test]
fn a_lease_is_renewed_by_its_server_then_by_any_and_then_ends() {
    let mut case = Case::new();
    case.lease_seconds = 20;
    case.bind();
    let began = case.now;
    let at = |case: &Case| case.now.duration_since(began).as_secs_f64();
    let actions = case.next();
    assert!(matches!(actions[..], [Action::Unicast(_, ADDRESS, SERVER)]), "{actions:?}");
    assert!((8.0..10.5).contains(&at(&case)), "{}", at(&case));
    assert_eq!((case.kind(), &case.sent[12..16]), (REQUEST, &ADDRESS.octets()[..]));
    // It is heard: a new lease from then on.
    assert_eq!(configured(&case.reply(ACK)), Some(ADDRESS));
    let began = case.now;
    let at = |case: &Case| case.now.duration_since(began).as_secs_f64();
    let mut kinds = Vec::new();
    let actions = loop {
        let actions = case.next();
        match &actions[..] {
            [Action::Unicast(_, ADDRESS, SERVER)] => kinds.push(('u', at(&case))),
            [Action::Broadcast(_, ADDRESS)] => kinds.push(('b', at(&case))),
            _ => break actions,
        }
    };
    assert!(kinds.iter().all(|(kind, at)| (*kind == 'u') == (*at < 17.5)), "{kinds:?}");
    let count = |desired| kinds.iter().filter(|(kind, _)| *kind == desired).count();
    assert!((2..9).contains(&count('u')) && (1..4).contains(&count('b')), "{kinds:?}");
    assert!((19.5..20.5).contains(&at(&case)), "{}", at(&case));
    assert!(matches!(actions[..], [Action::Withdraw, Action::Broadcast(..)]), "{actions:?}");
    assert_eq!(
        (case.kind(), case.client.to_string().as_str()),
        (DISCOVER, "lease expired, 1 DISCOVER, no answer")
    );
}

#[test]
fn a_refused_renewal_leaves_the_port_at_once() {
    let mut case = Case::new();
    case.bind();
    case.next();
    let actions = case.reply(NAK);
    assert!(
        matches!(actions[..], [Action::Withdraw, Action::Broadcast(_, Ipv4Addr::UNSPECIFIED)]),
        "{actions:?}"
    );
    assert_eq!((case.kind(), case.client.to_string().as_str()), (DISCOVER, "refused by 10.9.0.1 (NAK)"));
}

#[test]
fn after_carrier_was_lost_the_address_is_asked_for_again() {
    let mut case = Case::new();
    case.bind();
    assert_eq!(case.carrier(false), []);
    assert_eq!(case.client.to_string(), "no carrier");
    assert_eq!(case.carrier(true).len(), 1);
    assert_eq!((case.kind(), &case.sent[12..16]), (REQUEST, &[0; 4][..]));
    // The same network: at once, without a probe, for the port has the address.
    assert_eq!(configured(&case.reply(ACK)), Some(ADDRESS));
    // Another network, whose server gives another address.
    case.carrier(false);
    case.carrier(true);
    case.address = Ipv4Addr::new(192, 168, 50, 77);
    case.reply(ACK);
    case.next();
    assert_eq!(configured(&case.next()), Some(case.address));
    // Another one, whose server does not know the address, or is silent.
    case.carrier(false);
    case.carrier(true);
    assert!(matches!(case.reply(NAK)[..], [Action::Withdraw, Action::Broadcast(..)]));
    case.bind_again();
    case.carrier(false);
    case.carrier(true);
    case.next();
    assert_eq!(case.kind(), REQUEST);
    let actions = case.next();
    assert!(matches!(actions[..], [Action::Withdraw, Action::Broadcast(..)]), "{actions:?}");
    assert_eq!(case.kind(), DISCOVER);
}

impl Case {
    fn bind_again(&mut self) {
        self.reply(OFFER);
        self.reply(ACK);
        self.next();
        self.next();
        assert!(self.client.to_string().starts_with(&self.address.to_string()), "{}", self.client);
    }
}

#[test]
fn without_carrier_a_lease_ends_too() {
    let mut case = Case::new();
    case.lease_seconds = 20;
    case.bind();
    case.carrier(false);
    assert_eq!(case.next(), [Action::Withdraw]);
    assert_eq!(case.client.due(), None);
    case.carrier(true);
    assert_eq!(case.kind(), DISCOVER);
}

#[test]
fn a_lease_without_end_is_never_renewed() {
    let mut case = Case::new();
    case.lease_seconds = u32::MAX;
    case.bind();
    assert_eq!(case.client.due(), None);
}

#[test]
fn a_gateway_that_does_not_answer_is_named_until_it_does() {
    let mut case = Case::new();
    case.carrier(true);
    case.bind_again();
    for _ in 0..4 {
        let actions = case.next();
        let request = Arp { is_reply: false, sender_mac: MAC, sender: ADDRESS, target: SERVER };
        assert_eq!(actions, [Action::Arp(request)]);
    }
    let words = "10.9.0.50/24, gateway unreachable (10.9.0.1 answers no ARP request)";
    assert_eq!(case.client.to_string(), words);
    case.arp(OTHER, SERVER);
    assert_eq!(case.client.to_string(), "10.9.0.50/24");
}

#[test]
fn another_router_is_used_if_the_first_does_not_answer() {
    let [first, second, third] = [9, 1, 2].map(|last| Ipv4Addr::new(10, 9, 0, last));
    let targets = |actions: &[Action]| -> Vec<Ipv4Addr> {
        actions
            .iter()
            .map(|action| match action {
                Action::Arp(arp) => arp.target,
                other => panic!("{other:?}"),
            })
            .collect()
    };
    let mut case = Case::new();
    case.routers = vec![first, second, third];
    case.carrier(true);
    case.bind_again();
    assert_eq!(targets(&case.next()), [first]);
    assert_eq!(targets(&case.next()), [first, second, third], "the first one had a second");
    case.arp(OTHER, third);
    case.arp(OTHER, second);
    case.arp(OTHER, third);
    let actions = case.next();
    let [Action::ChangeRouter(lease, silent)] = actions.as_slice() else { panic!("{actions:?}") };
    assert_eq!((lease.gateway(), *silent), (Some(second), first), "the order of the lease counts");
    assert_eq!(case.client.to_string(), "10.9.0.50/24");
    // The renewal has the routers in their old order.
    assert!(matches!(case.next()[..], [Action::Unicast(..)]));
    let actions = case.reply(ACK);
    let [Action::Configure(lease)] = actions.as_slice() else { panic!("{actions:?}") };
    assert_eq!(lease.gateway(), Some(second));
}

#[test]
fn the_first_router_is_kept_if_it_answers_late_and_all_are_named_if_none_does() {
    let [first, second] = [9, 1].map(|last| Ipv4Addr::new(10, 9, 0, last));
    let mut case = Case::new();
    case.routers = vec![first, second];
    case.carrier(true);
    case.bind_again();
    for _ in 0..4 {
        case.next();
    }
    let words = "10.9.0.50/24, gateway unreachable (10.9.0.9, 10.9.0.1 answer no ARP request)";
    assert_eq!(case.client.to_string(), words);
    case.arp(OTHER, second);
    case.arp(OTHER, first);
    assert_eq!(case.client.to_string(), "10.9.0.50/24");
    assert!(matches!(case.next()[..], [Action::Unicast(..)]), "nothing is changed until the renewal");
}

#[test]
fn replies_to_an_earlier_exchange_are_not_taken() {
    let mut case = Case::new();
    case.carrier(true);
    let first = case.sent.clone();
    case.carrier(false);
    case.carrier(true);
    let second = std::mem::replace(&mut case.sent, first);
    assert_eq!(case.reply(OFFER), []);
    case.sent = second;
    assert_eq!(case.reply(OFFER).len(), 1);
    assert_eq!(case.reply(OFFER), [], "the first offer is requested");
}

proptest! {
    /// Whatever happens in whatever order, the client has something due or an address without end, and an address that
    /// was configured is withdrawn before the client asks for another.
    #[test]
    fn no_sequence_of_events_ends_it(events in prop::collection::vec((0_u8..7, any::<u8>()), 0..60)) {
        let mut case = Case::new();
        let mut has_address = false;
        case.carrier(true);
        for (event, byte) in events {
            let actions = match event {
                0 => case.carrier(byte % 2 == 0),
                1 => case.reply(OFFER),
                2 => case.reply(ACK),
                3 => case.reply(NAK),
                4 => case.arp(OTHER, if byte % 2 == 0 { case.address } else { SERVER }),
                5 => { case.address = Ipv4Addr::new(10, 9, 1, byte); Vec::new() }
                _ if case.client.due().is_some() => case.next(),
                _ => Vec::new(),
            };
            for action in &actions {
                match action {
                    Action::Configure(_) => has_address = true,
                    Action::Withdraw => has_address = false,
                    Action::Broadcast(message, source) => {
                        prop_assert!(!source.is_unspecified() || message[12..16] == [0; 4]);
                        prop_assert!(message[242] != DISCOVER || !has_address, "{}", case.client);
                    }
                    _ => {}
                }
            }
            let waits = case.client.due().is_some();
            prop_assert!(waits || case.client.to_string() == "no carrier", "{}", case.client);
        }
    }
}
