// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client, a clock, and servers and routers whose every message is written here.

use super::*;
use netlink::dhcpv6::duid_ll;
use proptest::prelude::{any, prop, prop_assert, proptest};

const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const SERVER: Ipv6Addr = Ipv6Addr::new(0xfd00, 9, 0, 0, 0, 0, 0, 1);
const ADDRESS: Ipv6Addr = Ipv6Addr::new(0xfd00, 9, 0, 0, 0, 0, 0, 0x50);
const SOLICIT: u8 = 1;
const REQUEST: u8 = 3;
const RENEW: u8 = 5;
const REBIND: u8 = 6;
const DECLINE: u8 = 9;
const INFORMATION_REQUEST: u8 = 11;

/// A client, the clock, and a server that answers when it is made to.
struct Test {
    client: Client,
    now: Duration,
    /// Times and types of the messages that were sent; 0 is a router solicitation.
    sent: Vec<(u64, u8)>,
    last: Vec<u8>,
}

impl Test {
    fn start(dhcp: bool) -> Self {
        let codec = Codec {
            transaction: [0; 3],
            duid: duid_ll([2, 0, 0, 0, 0, 7]),
            iaid: 7,
            user_class: "stage1".to_string(),
            vendor_class: (0, String::new()),
            architecture: None,
        };
        let client = Client::new(codec, dhcp, || 0, Duration::ZERO);
        Self { client, now: Duration::ZERO, sent: Vec::new(), last: Vec::new() }
    }

    /// Runs until just before `seconds`.
    fn run(&mut self, seconds: u64) -> &mut Self {
        let end = Duration::from_secs(seconds);
        loop {
            for action in self.client.poll(self.now) {
                let kind = match &action {
                    Action::Solicit => 0,
                    Action::Dhcp(message) => message[0],
                };
                if let Action::Dhcp(message) = action {
                    self.last = message;
                }
                self.sent.push((self.now.as_secs(), kind));
            }
            match self.client.next().filter(|next| *next < end) {
                Some(next) => self.now = next.max(self.now + Duration::from_millis(1)),
                None => break,
            }
        }
        self.now = end;
        self
    }

    fn advertise(&mut self, managed: bool, other: bool) -> &mut Self {
        let servers = vec![(SERVER, Duration::from_secs(600))];
        let search = vec![("lab.test".to_string(), Duration::from_secs(600))];
        let message =
            Advertisement { managed, other, name_servers: servers, search, ..Advertisement::default() };
        self.client.advertised(ROUTER, message, self.now);
        self
    }

    /// Answers the last message with this type and these options.
    fn answer(&mut self, kind: u8, options: &[(u16, &[u8])]) -> &mut Self {
        let transaction = self.client.codec.transaction;
        let mut message = [&[kind], &transaction[..]].concat();
        for (code, value) in [(1, &duid_ll([2, 0, 0, 0, 0, 7])[..]), (2, b"server")].iter().chain(options) {
            message.extend_from_slice(&code.to_be_bytes());
            message.extend_from_slice(&(value.len() as u16).to_be_bytes());
            message.extend_from_slice(value);
        }
        self.client.received(&message, self.now);
        self
    }

    fn kinds(&mut self) -> Vec<(u64, u8)> {
        std::mem::take(&mut self.sent)
    }
}

/// An association with an address of these lifetimes.
fn leased(preferred: u32, valid: u32) -> Vec<u8> {
    let mut value = vec![0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 24];
    value.extend_from_slice(&ADDRESS.octets());
    value.extend_from_slice(&preferred.to_be_bytes());
    value.extend_from_slice(&valid.to_be_bytes());
    value
}

fn refused(code: u8) -> Vec<u8> {
    [&[0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13, 0, 6, 0, code][..], b"full"].concat()
}

fn bound(preferred: u32, valid: u32) -> Test {
    let mut test = Test::start(false);
    test.run(1).advertise(true, false).run(2);
    test.answer(2, &[(3, &leased(preferred, valid))]).run(3);
    test.answer(7, &[(3, &leased(preferred, valid)), (23, &SERVER.octets())]).run(4);
    assert_eq!(test.client.given().addresses, [ADDRESS]);
    assert_eq!(test.kinds(), [(0, 0), (1, SOLICIT), (2, REQUEST)]);
    test
}

#[test]
fn routers_are_solicited_until_one_answers() {
    let mut test = Test::start(false);
    test.run(20);
    assert_eq!(test.kinds(), [(0, 0), (4, 0), (11, 0)]);
    assert_eq!(test.client.missing().as_deref(), Some("no IPv6 router"));
    test.advertise(false, false).run(300);
    assert_eq!((test.kinds(), test.client.missing()), (vec![], None));
}

#[test]
fn name_servers_of_a_router_last_as_long_as_it_states() {
    let mut test = Test::start(false);
    test.run(1).advertise(false, false).run(600);
    let names = Names { servers: vec![SERVER], search: vec!["lab.test".to_string()] };
    assert_eq!(test.client.given(), Given { router: names, ..Given::default() });
    test.run(602);
    assert_eq!(test.client.given(), Given::default());
}

#[test]
fn the_other_flag_asks_for_all_but_addresses() {
    let mut test = Test::start(false);
    test.run(1).advertise(false, true).run(5);
    assert_eq!(
        test.kinds(),
        [(0, 0), (1, INFORMATION_REQUEST), (2, INFORMATION_REQUEST), (3, INFORMATION_REQUEST)]
    );
    let words = "3 DHCPv6 Information-requests, no answer";
    assert_eq!(test.client.missing().as_deref(), Some(words));
    test.answer(7, &[(23, &SERVER.octets()), (24, b"\x05fleet\x04test\0"), (32, &[0, 0, 0, 1])]).run(6);
    let given = test.client.given();
    assert_eq!((given.dhcp.servers, given.dhcp.search), (vec![SERVER], vec!["fleet.test".to_string()]));
    // After the refresh time, which is 600 s at least; meanwhile the old answer holds.
    test.run(606);
    assert_eq!(test.kinds(), [(605, INFORMATION_REQUEST)]);
    assert_eq!(test.client.given().dhcp.servers, [SERVER]);
}

#[test]
fn a_lease_is_renewed_rebound_and_given_up() {
    let mut test = bound(1000, 2000);
    test.run(2200);
    let sent = test.kinds();
    // T1 is half of the preferred lifetime, T2 four fifths.
    assert_eq!(sent[0], (503, RENEW));
    assert_eq!(sent.iter().find(|(_, kind)| *kind == REBIND), Some(&(803, REBIND)));
    assert_eq!(sent.iter().find(|(_, kind)| *kind == SOLICIT), Some(&(2003, SOLICIT)));
    assert_eq!(test.client.given().addresses, Vec::<Ipv6Addr>::new());
}

#[test]
fn a_renewed_lease_starts_anew_and_keeps_its_name_servers() {
    let mut test = bound(1000, 2000);
    test.run(504).answer(7, &[(3, &leased(1000, 2000))]).run(1003);
    assert_eq!(test.kinds(), [(503, RENEW)]);
    assert_eq!(test.client.given().dhcp.servers, [SERVER]);
    test.run(1005);
    assert_eq!(test.kinds(), [(1004, RENEW)]);
    // The server has forgotten it.
    test.answer(7, &[(3, &refused(3))]).run(1006);
    assert_eq!(test.kinds(), [(1005, REQUEST)]);
}

#[test]
fn a_lease_for_ever_is_not_renewed() {
    let mut test = bound(u32::MAX, u32::MAX);
    test.run(10_000_000);
    assert_eq!((test.kinds(), test.client.given().addresses), (vec![], vec![ADDRESS]));
}

#[test]
fn a_refusal_is_named_and_the_search_goes_on() {
    let mut test = Test::start(false);
    test.run(1).advertise(true, true).run(2).answer(2, &[(3, &refused(2))]).run(3);
    let words = "2 DHCPv6 Solicits, no address: refused: NoAddrsAvail (full)";
    assert_eq!(test.client.missing().as_deref(), Some(words));
    test.answer(2, &[(3, &leased(10, 10))]).run(4);
    assert_eq!(test.sent.last(), Some(&(3, REQUEST)));
    test.answer(7, &[(3, &refused(4))]).run(5);
    assert_eq!(test.sent.last(), Some(&(4, SOLICIT)));
    assert!(test.client.missing().unwrap().ends_with("refused: NotOnLink (full)"));
}

#[test]
fn a_server_that_advertises_and_never_replies_is_left() {
    let mut test = Test::start(false);
    test.run(1).advertise(true, false).run(2).answer(2, &[(3, &leased(10, 10))]).run(400);
    let sent = test.kinds();
    assert_eq!(sent.iter().filter(|(_, kind)| *kind == REQUEST).count(), 11, "{sent:?}");
    assert_eq!(sent.last().map(|(_, kind)| *kind), Some(SOLICIT));
}

#[test]
fn the_highest_preference_ends_the_search() {
    let mut test = Test::start(true);
    test.client.poll(Duration::ZERO);
    test.last = test.client.codec.message(Kind::Solicit, Duration::ZERO, None);
    test.answer(2, &[(3, &leased(10, 10)), (7, &[255])]);
    assert!(matches!(test.client.state, State::Requesting(_)));
}

#[test]
fn dhcp_does_without_a_router_where_settings_require_it() {
    let mut test = Test::start(true);
    test.run(2);
    assert_eq!(test.kinds(), [(0, 0), (0, SOLICIT), (1, SOLICIT)]);
}

#[test]
fn an_address_that_another_host_has_is_declined() {
    let mut test = bound(1000, 2000);
    let Some(Action::Dhcp(message)) = test.client.decline(test.now) else { panic!() };
    assert_eq!((message[0], test.client.given().addresses.len()), (DECLINE, 0));
    test.run(5);
    assert_eq!(test.kinds(), [(4, SOLICIT)]);
    assert!(test.client.missing().unwrap().ends_with("in use by another host (declined)"));
}

#[test]
fn a_late_or_foreign_message_changes_nothing() {
    let mut test = bound(1000, 2000);
    let before = test.client.given();
    test.answer(7, &[(3, &leased(5, 5))]).answer(2, &[(3, &leased(5, 5))]);
    assert_eq!(test.client.given(), before);
    test.client.received(b"", test.now);
}

proptest! {
    #[test]
    fn no_message_makes_it_send_without_pause(seed in prop::collection::vec((any::<bool>(), any::<bool>(), 0_u8..14, any::<u8>(), 0_u32..5), 1..40)) {
        let mut test = Test::start(false);
        for (at, (managed, other, kind, code, lifetime)) in seed.into_iter().enumerate() {
            test.run(at as u64);
            match kind {
                0..4 => drop(test.advertise(managed, other)),
                4..9 => drop(test.answer(if managed { 2 } else { 7 }, &[(3, &leased(lifetime, lifetime))])),
                _ => drop(test.answer(if managed { 2 } else { 7 }, &[(3, &refused(code))])),
            }
        }
        // Each second has its own messages: at most the first of a state, and its solicitation.
        let mut seconds: Vec<u64> = test.sent.iter().map(|(second, _)| *second).collect();
        let all = seconds.len();
        seconds.dedup();
        prop_assert!(all <= 4 * seconds.len() + 4, "{:?}", test.sent);
    }
}
