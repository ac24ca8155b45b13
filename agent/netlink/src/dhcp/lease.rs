// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a server gives. Damaged options are left out; they never cost the address.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::options::Options;
use super::{
    CLASSLESS_ROUTES, DNS, DOMAIN, LEASE_TIME, MTU, NTP, ROUTER, SEARCH, SERVER, STATIC_ROUTES, SUBNET_MASK,
    T1, T2,
};

/// RFC 2132 9.2: a lease without end.
const INFINITE: u32 = u32::MAX;
/// MTUs in bytes that are credible: each host takes 576 (RFC 791 3.1); no switch has larger jumbo frames.
const MTUS: std::ops::RangeInclusive<u16> = 576..=9216;
/// RFC 1035 4.1.4: the two bits of a pointer.
const POINTER: u8 = 0xc0;
/// RFC 1035 2.3.4.
const LONGEST_NAME: usize = 255;
/// More search domains than any resolver uses.
const MAX_DOMAINS: usize = 32;

/// A server's reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// An address that may be requested.
    Offer(Lease),
    /// An address that is now leased to the client.
    Ack(Lease),
    /// The request is refused.
    Nak {
        /// The server.
        server: Option<Ipv4Addr>,
        /// Its message to people, with any bytes in it.
        message: Option<String>,
    },
}

/// An address and what comes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The address (`yiaddr`).
    pub address: Ipv4Addr,
    /// Prefix length in bits, 1 to 32.
    pub prefix: u8,
    /// The server that gave it: its identifier, else `siaddr`.
    pub server: Option<Ipv4Addr>,
    /// Routes: destination, prefix length, gateway (unspecified: on the link).
    pub routes: Vec<(Ipv4Addr, u8, Ipv4Addr)>,
    /// Further routers for the default route, in order of preference (RFC 2132 3.5).
    pub other_routers: Vec<Ipv4Addr>,
    /// Name servers.
    pub dns: Vec<Ipv4Addr>,
    /// Search domains: option 119, else the domain name. A caller must check them before use: they may have any
    /// character except control characters and spaces.
    pub search: Vec<String>,
    /// NTP servers.
    pub ntp: Vec<Ipv4Addr>,
    /// MTU in bytes, as sent. [`Lease::credible_mtu`] is for use.
    pub mtu: Option<u16>,
    /// Lease time; `None`: without end.
    pub time: Option<Duration>,
    /// Time until it is to be renewed, if the server sends it.
    pub t1: Option<Duration>,
    /// Time until any server is to be asked, if the server sends it.
    pub t2: Option<Duration>,
}

impl Default for Lease {
    fn default() -> Self {
        Self {
            address: Ipv4Addr::UNSPECIFIED,
            prefix: 32,
            server: None,
            routes: Vec::new(),
            other_routers: Vec::new(),
            dns: Vec::new(),
            search: Vec::new(),
            ntp: Vec::new(),
            mtu: None,
            time: None,
            t1: None,
            t2: None,
        }
    }
}

impl Lease {
    /// The MTU, if it is one that a network can have.
    pub fn credible_mtu(&self) -> Option<u16> {
        self.mtu.filter(|mtu| MTUS.contains(mtu))
    }

    /// The gateway of the default route.
    pub fn gateway(&self) -> Option<Ipv4Addr> {
        let default = self.routes.iter().find(|(_, prefix, _)| *prefix == 0);
        default.map(|(_, _, via)| *via).filter(|via| !via.is_unspecified() && *via != self.address)
    }

    /// The same with another of its routers for the default route; `None` if it does not have this one.
    pub fn through(&self, router: Ipv4Addr) -> Option<Self> {
        if self.gateway() == Some(router) {
            return Some(self.clone());
        }
        let mut lease = self.clone();
        let place = lease.other_routers.iter_mut().find(|other| **other == router)?;
        let (_, _, via) = lease.routes.iter_mut().find(|(_, prefix, _)| *prefix == 0)?;
        std::mem::swap(place, via);
        Some(lease)
    }

    /// Decodes an offer or an ack; `None` if its address is none that a host can have.
    pub(super) fn of(message: &[u8], options: &Options) -> Option<Self> {
        let address = addresses(message.get(16..20)?).next().filter(|address| is_unicast(*address))?;
        let next_server = addresses(message.get(20..24)?).next().filter(|server| is_unicast(*server));
        let list =
            |code| addresses(options.get(code).unwrap_or_default()).filter(|ip| is_unicast(*ip)).collect();
        let seconds = |code| options.first(code).map(u32::from_be_bytes);
        let time = |code| seconds(code).map(|seconds| Duration::from_secs(seconds.into()));
        let routers: Vec<Ipv4Addr> = list(ROUTER);
        let routes = routes(options, &routers);
        // Classless routes have a default route of their own.
        let is_first = |(_, prefix, via): &(_, u8, Ipv4Addr)| *prefix == 0 && routers.first() == Some(via);
        let others = routers.iter().skip(1).filter(|_| routes.iter().any(is_first));
        Some(Self {
            address,
            other_routers: others.copied().filter(|router| *router != address).collect(),
            prefix: prefix(options, address, !routers.is_empty()),
            server: options
                .first(SERVER)
                .map(Ipv4Addr::from)
                .filter(|server| is_unicast(*server))
                .or(next_server),
            routes,
            dns: list(DNS),
            search: search(options),
            ntp: list(NTP),
            mtu: options.get(MTU).and_then(|value| value.first_chunk().copied()).map(u16::from_be_bytes),
            time: time(LEASE_TIME).filter(|_| seconds(LEASE_TIME) != Some(INFINITE)),
            t1: time(T1),
            t2: time(T2),
        })
    }
}

/// The prefix length. Where the mask is absent or impossible, all is sent to the gateway; where there is no gateway either,
/// the mask is that of the address's class (RFC 950).
fn prefix(options: &Options, address: Ipv4Addr, has_gateway: bool) -> u8 {
    let mask = options.first(SUBNET_MASK).map(u32::from_be_bytes);
    match mask.filter(|mask| *mask != 0 && mask.leading_ones() + mask.trailing_zeros() == 32) {
        Some(mask) => mask.leading_ones() as u8,
        None if has_gateway || options.get(CLASSLESS_ROUTES).is_some() => 32,
        None => class(address),
    }
}

fn class(address: Ipv4Addr) -> u8 {
    match address.octets()[0] {
        0..128 => 8,
        128..192 => 16,
        192.. => 24,
    }
}

/// RFC 3442: a client that takes the classless routes ignores the router and the static routes.
fn routes(options: &Options, routers: &[Ipv4Addr]) -> Vec<(Ipv4Addr, u8, Ipv4Addr)> {
    if let Some(routes) = options.get(CLASSLESS_ROUTES).and_then(classless_routes)
        && !routes.is_empty()
    {
        return routes;
    }
    let pairs = options.get(STATIC_ROUTES).unwrap_or_default().chunks_exact(8);
    let static_routes = pairs.filter_map(|pair| {
        let (to, via) = (addresses(pair).next()?, addresses(&pair[4..]).next()?);
        // RFC 2132 5.8: not the default route. The prefix is that of the class; a host is not the first of its network.
        let prefix = class(to);
        let is_network = u32::from(to).trailing_zeros() >= u32::from(32 - prefix);
        (!to.is_unspecified() && is_unicast(via)).then_some((to, if is_network { prefix } else { 32 }, via))
    });
    let default = routers.first().map(|via| (Ipv4Addr::UNSPECIFIED, 0, *via));
    static_routes.chain(default).collect()
}

/// RFC 3442: prefix length, as many octets of the destination as it needs, gateway.
fn classless_routes(mut bytes: &[u8]) -> Option<Vec<(Ipv4Addr, u8, Ipv4Addr)>> {
    let mut routes = Vec::new();
    while let [prefix @ 0..=32, rest @ ..] = bytes {
        let (destination, rest) = rest.split_at_checked(usize::from(*prefix).div_ceil(8))?;
        let (gateway, rest) = rest.split_first_chunk::<4>()?;
        let mut to = [0; 4];
        to[..destination.len()].copy_from_slice(destination);
        // RFC 3442: bits beyond the prefix are cleared.
        let mask = u32::MAX.checked_shl(u32::from(32 - prefix)).unwrap_or(0);
        routes.push(((u32::from_be_bytes(to) & mask).into(), *prefix, Ipv4Addr::from(*gateway)));
        bytes = rest;
    }
    bytes.is_empty().then_some(routes)
}

fn search(options: &Options) -> Vec<String> {
    let list = options.get(SEARCH).and_then(domain_list).unwrap_or_default();
    if !list.is_empty() {
        return list;
    }
    // Some servers send several domains, and end them with a NUL.
    let text = String::from_utf8_lossy(options.get(DOMAIN).unwrap_or_default());
    let text = text.trim_end_matches('\0');
    if text.chars().any(char::is_control) {
        return Vec::new();
    }
    text.split_whitespace().take(MAX_DOMAINS).map(str::to_string).collect()
}

/// RFC 3397: names in the form of RFC 1035 4.1.4, with pointers into the option itself.
fn domain_list(bytes: &[u8]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut at = 0;
    while at < bytes.len() && names.len() < MAX_DOMAINS {
        let (name, next) = domain(bytes, at)?;
        names.extend(Some(name).filter(|name| !name.is_empty()));
        at = next;
    }
    Some(names)
}

/// The name at an offset, and the offset after it. Each pointer leads to an earlier place, so that it ends.
fn domain(bytes: &[u8], start: usize) -> Option<(String, usize)> {
    let (mut at, mut limit, mut next) = (start, start, None);
    let mut name = String::new();
    loop {
        let length = *bytes.get(at)?;
        if length & POINTER == POINTER {
            let to = usize::from(length & !POINTER) << 8 | usize::from(*bytes.get(at + 1)?);
            next.get_or_insert(at + 2);
            if to >= limit {
                return None;
            }
            (at, limit) = (to, to);
            continue;
        }
        if length == 0 {
            return Some((name, next.unwrap_or(at + 1)));
        }
        let label = str::from_utf8(bytes.get(at + 1..at + 1 + usize::from(length))?).ok()?;
        let is_plain = label.chars().all(|c| c.is_ascii_graphic() && c != '.');
        if length & POINTER != 0 || !is_plain || name.len() + label.len() >= LONGEST_NAME {
            return None;
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(label);
        at += 1 + usize::from(length);
    }
}

fn addresses(bytes: &[u8]) -> impl Iterator<Item = Ipv4Addr> {
    bytes.chunks_exact(4).filter_map(|octets| <[u8; 4]>::try_from(octets).ok()).map(Ipv4Addr::from)
}

/// Whether a host can have the address. A name server may be on the own host.
fn is_unicast(address: Ipv4Addr) -> bool {
    !matches!(address.octets()[0], 0 | 127 | 224..)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    #[test]
    fn addresses_that_no_host_of_a_network_has() {
        for bad in ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"] {
            assert!(!super::is_unicast(bad.parse().unwrap()), "{bad}");
        }
        assert!(super::is_unicast(Ipv4Addr::new(10, 0, 0, 1)));
    }

    use super::super::{
        ACK, BOOTREPLY, END, Exchange, Identity, MESSAGE_TYPE, NAK, OFFER, OPTIONS_AT, OVERLOAD,
    };
    use super::*;

    fn exchange() -> Exchange {
        Exchange {
            id: [1, 2, 3, 4],
            identity: Identity { mac: [0x52, 0x54, 0, 0, 0, 1], ..Identity::default() },
        }
    }

    fn reply(kind: u8, options: &[u8]) -> Vec<u8> {
        let mut message = exchange().discover(Duration::ZERO);
        message.truncate(OPTIONS_AT);
        message[0] = BOOTREPLY;
        message[16..20].copy_from_slice(&[10, 9, 0, 50]);
        message.extend_from_slice(&[MESSAGE_TYPE, 1, kind]);
        message.extend_from_slice(options);
        message.push(END);
        message
    }

    fn lease(options: &[&[u8]]) -> Lease {
        match exchange().parse(&reply(ACK, &options.concat())) {
            Some(Reply::Ack(lease)) => lease,
            other => panic!("no ack: {other:?}"),
        }
    }

    const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
    const MASK: &[u8] = &[SUBNET_MASK, 4, 255, 255, 252, 0];
    const ROUTERS: &[u8] = &[ROUTER, 4, 10, 9, 0, 1];
    const DEFAULT: (Ipv4Addr, u8, Ipv4Addr) = (Ipv4Addr::UNSPECIFIED, 0, GATEWAY);

    #[test]
    fn a_lease_is_decoded() {
        let lease = lease(&[
            MASK,
            ROUTERS,
            &[DNS, 8, 10, 9, 0, 1, 10, 9, 0, 2],
            &[NTP, 8, 10, 9, 0, 3, 10, 9, 0, 4],
            &[LEASE_TIME, 4, 0, 0, 14, 16],
            &[T1, 4, 0, 0, 0, 60],
            &[T2, 4, 0, 0, 0, 90],
            &[SERVER, 4, 10, 9, 0, 1],
            &[MTU, 2, 0x23, 0x28],
            &[DOMAIN, 12],
            b"rack.example",
        ]);
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let expected = Lease {
            address: Ipv4Addr::new(10, 9, 0, 50),
            prefix: 22,
            server: Some(GATEWAY),
            routes: vec![DEFAULT],
            other_routers: Vec::new(),
            dns: vec![GATEWAY, Ipv4Addr::new(10, 9, 0, 2)],
            search: vec!["rack.example".to_string()],
            ntp: vec![Ipv4Addr::new(10, 9, 0, 3), Ipv4Addr::new(10, 9, 0, 4)],
            mtu: Some(9000),
            time: seconds(3600),
            t1: seconds(60),
            t2: seconds(90),
        };
        assert_eq!(lease, expected);
        assert_eq!((lease.gateway(), lease.credible_mtu()), (Some(GATEWAY), Some(9000)));
    }

    #[test]
    fn without_a_mask_all_goes_to_the_gateway_else_the_class_decides() {
        assert_eq!(lease(&[ROUTERS]).prefix, 32);
        assert_eq!(lease(&[]).prefix, 8);
        assert_eq!(lease(&[&[SUBNET_MASK, 4, 0, 0, 0, 0]]).prefix, 8);
        assert_eq!(lease(&[&[SUBNET_MASK, 4, 255, 0, 255, 0], ROUTERS]).prefix, 32);
        assert_eq!(lease(&[&[SUBNET_MASK, 2, 255, 255], ROUTERS]).prefix, 32);
        assert_eq!(lease(&[&[SUBNET_MASK, 4, 255, 255, 255, 255]]).prefix, 32);
        assert_eq!([Ipv4Addr::new(172, 16, 0, 1), Ipv4Addr::new(192, 0, 2, 1)].map(class), [16, 24]);
    }

    #[test]
    fn classless_routes_replace_the_router_and_the_static_routes() {
        let options: [&[u8]; 3] = [
            &[ROUTER, 4, 9, 9, 9, 9],
            &[STATIC_ROUTES, 8, 10, 0, 0, 0, 9, 9, 9, 9],
            &[CLASSLESS_ROUTES, 13, 22, 10, 1, 3, 10, 9, 0, 1, 0, 10, 9, 0, 1],
        ];
        assert_eq!(lease(&options).routes, [(Ipv4Addr::new(10, 1, 0, 0), 22, GATEWAY), DEFAULT]);
    }

    #[test]
    fn several_routers_are_in_order_of_preference() {
        let routers = [ROUTER, 12, 10, 9, 0, 9, 10, 9, 0, 1, 10, 9, 0, 2];
        let [nine, one, two] = [9, 1, 2].map(|last| Ipv4Addr::new(10, 9, 0, last));
        let lease = lease(&[&routers]);
        assert_eq!((lease.gateway(), lease.other_routers.as_slice()), (Some(nine), &[one, two][..]));
        let other = lease.through(two).unwrap();
        assert_eq!((other.gateway(), other.other_routers.as_slice()), (Some(two), &[one, nine][..]));
        assert_eq!(other.through(two).as_ref(), Some(&other));
        assert_eq!(lease.through(Ipv4Addr::new(10, 9, 0, 3)), None);
    }

    #[test]
    fn static_routes_have_the_prefix_of_their_class() {
        let routes: &[u8] =
            &[STATIC_ROUTES, 24, 172, 16, 0, 0, 10, 9, 0, 1, 192, 0, 2, 7, 10, 9, 0, 1, 0, 0, 0, 0];
        let ends: &[u8] = &[10, 9, 0, 1];
        let expected = [
            (Ipv4Addr::new(172, 16, 0, 0), 16, GATEWAY),
            (Ipv4Addr::new(192, 0, 2, 7), 32, GATEWAY),
            DEFAULT,
        ];
        assert_eq!(lease(&[routes, ends, ROUTERS]).routes, expected);
    }

    #[test]
    fn an_option_that_is_damaged_costs_itself_only() {
        let damaged: [&[u8]; 9] = [
            &[CLASSLESS_ROUTES, 3, 24, 10, 1],
            &[CLASSLESS_ROUTES, 5, 33, 10, 9, 0, 1],
            &[MTU, 1, 5],
            &[DNS, 3, 10, 9, 0],
            &[LEASE_TIME, 2, 0, 1],
            &[DOMAIN, 6, b'a', b'\n', b'b', b' ', b'c', b'd'],
            &[SEARCH, 3, 0xc0, 0, 0],
            &[NTP, 4, 255, 255, 255, 255],
            &[SERVER, 1, 10],
        ];
        for option in damaged {
            let expected = Lease { prefix: 22, ..lease(&[MASK, ROUTERS]) };
            let found = lease(&[MASK, option, ROUTERS]);
            // Its own field is as if it was absent.
            assert_eq!(Lease { mtu: None, ..found }, expected, "{option:?}");
        }
        // What is cut short ends the options, and what came before stays.
        assert_eq!(lease(&[ROUTERS, &[DOMAIN, 200, b'a']]).routes, [DEFAULT]);
        // Five bytes of name servers are one.
        assert_eq!(lease(&[&[DNS, 5, 10, 9, 0, 1, 8]]).dns, [GATEWAY]);
    }

    #[test]
    fn absurd_mtus_are_not_for_use() {
        for (mtu, credible) in
            [(0, false), (68, false), (575, false), (576, true), (9216, true), (9217, false), (65535, false)]
        {
            let [high, low] = u16::to_be_bytes(mtu);
            let lease = lease(&[&[MTU, 2, high, low]]);
            assert_eq!((lease.mtu, lease.credible_mtu().is_some()), (Some(mtu), credible), "{mtu}");
        }
    }

    /// RFC 3396, 5 and 7.
    #[test]
    fn the_parts_of_an_option_are_joined() {
        let route = [CLASSLESS_ROUTES, 5, 24, 10, 1, 2, 10];
        let rest = [CLASSLESS_ROUTES, 3, 9, 0, 1];
        assert_eq!(lease(&[&route, MASK, &rest]).routes, [(Ipv4Addr::new(10, 1, 2, 0), 24, GATEWAY)]);
        // What has a fixed length is not joined: the first counts.
        let lease = lease(&[MASK, &[SUBNET_MASK, 4, 255, 0, 0, 0], &[MESSAGE_TYPE, 1, NAK]]);
        assert_eq!(lease.prefix, 22);
    }

    #[test]
    fn overloaded_fields_have_options_too() {
        for (overload, file, sname) in [(1, 108, 44), (2, 44, 108), (3, 108, 44)] {
            let mut message = reply(OFFER, &[OVERLOAD, 1, overload]);
            let end = [END];
            message[file..file + 6 + 1].copy_from_slice(&[ROUTERS, &end].concat());
            message[sname..sname + 6 + 1].copy_from_slice(&[&[DNS, 4, 10, 9, 0, 1][..], &end].concat());
            let Some(Reply::Offer(lease)) = exchange().parse(&message) else { panic!("no offer") };
            assert_eq!(lease.routes, [DEFAULT], "{overload}");
            assert_eq!(lease.dns.len(), usize::from(overload == 3));
        }
    }

    #[test]
    fn search_domains_may_be_compressed() {
        let list = b"\x03eng\x05apple\x03com\0\x09marketing\xc0\x04";
        let option = [&[SEARCH, list.len() as u8][..], list].concat();
        assert_eq!(lease(&[&option, &[DOMAIN, 1, b'x']]).search, ["eng.apple.com", "marketing.apple.com"]);
        // Pointers forwards, to themselves, and in circles.
        for bad in
            [&b"\xc0\x02\x01a\0"[..], b"\xc0\x00", b"\x01a\xc0\x00", b"\x40", b"\x03a\nb\0", b"\x02a.\0"]
        {
            assert_eq!(domain_list(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_domain_name_may_be_several_and_end_with_a_nul() {
        assert_eq!(lease(&[&[DOMAIN, 10], b"a.test b.t"]).search, ["a.test", "b.t"]);
        assert_eq!(lease(&[&[DOMAIN, 5], b"rack\0"]).search, ["rack"]);
        assert_eq!(lease(&[&[DOMAIN, 15], b"a\nnameserver 66"]).search, Vec::<String>::new());
    }

    #[test]
    fn a_refusal_names_its_server_and_the_reason() {
        let options = [&[SERVER, 4, 10, 9, 0, 1][..], &[56, 5], b"wrong"].concat();
        let nak = Reply::Nak { server: Some(GATEWAY), message: Some("wrong".to_string()) };
        assert_eq!(exchange().parse(&reply(NAK, &options)), Some(nak));
        assert_eq!(exchange().parse(&reply(NAK, &[])), Some(Reply::Nak { server: None, message: None }));
    }

    #[test]
    fn an_offer_without_a_usable_address_is_none() {
        for address in [[0, 0, 0, 0], [255; 4], [224, 0, 0, 1], [0, 1, 2, 3]] {
            let mut message = reply(OFFER, MASK);
            message[16..20].copy_from_slice(&address);
            assert_eq!(exchange().parse(&message), None, "{address:?}");
        }
    }

    proptest! {
        #[test]
        fn any_options_are_decoded_to_what_can_be_used(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            if let Some(Reply::Ack(lease)) = exchange().parse(&reply(ACK, &bytes)) {
                prop_assert!((1..=32).contains(&lease.prefix));
                prop_assert!(lease.routes.iter().all(|(to, prefix, _)| *prefix <= 32
                    && u32::from(*to).checked_shl((*prefix).into()).unwrap_or(0) == 0));
                prop_assert!(lease.search.iter().all(|name| !name.contains(|c: char| c.is_control() || c == ' ')));
            }
            let _ = exchange().parse(&bytes);
        }

        #[test]
        fn a_long_option_reads_back_however_it_is_split(parts in prop::collection::vec(0_usize..255, 1..6), seed in any::<u8>()) {
            let value: Vec<u8> = (0..parts.iter().sum::<usize>()).map(|at| (at as u8).wrapping_mul(31) ^ seed).collect();
            let (mut encoded, mut rest) = (Vec::new(), &value[..]);
            for length in parts {
                let (part, next) = rest.split_at(length);
                encoded.extend([[200, length as u8].as_slice(), part].concat());
                rest = next;
            }
            let message = reply(ACK, &encoded);
            let options = Options::of(&message);
            prop_assert_eq!(options.get(200).unwrap_or_default(), &value[..]);
        }
    }
}
