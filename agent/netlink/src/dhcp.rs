// SPDX-License-Identifier: MIT OR Apache-2.0
//! DHCPv4 messages of a client (RFC 2131; options of RFC 2132 and RFC 3442).

use std::net::Ipv4Addr;
use std::time::Duration;

const BOOTREQUEST: u8 = 1;
const BOOTREPLY: u8 = 2;
const ETHERNET: u8 = 1;
/// RFC 2131 2, "flags": the client requires the reply as a broadcast, since it has no address yet.
const BROADCAST: [u8; 2] = [0x80, 0];
const OPTIONS_AT: usize = 240;
const COOKIE: [u8; 4] = [99, 130, 83, 99];

const PAD: u8 = 0;
const SUBNET_MASK: u8 = 1;
const ROUTER: u8 = 3;
const DNS: u8 = 6;
const DOMAIN: u8 = 15;
const MTU: u8 = 26;
const REQUESTED_ADDRESS: u8 = 50;
const LEASE_TIME: u8 = 51;
const MESSAGE_TYPE: u8 = 53;
const SERVER: u8 = 54;
const PARAMETER_REQUEST_LIST: u8 = 55;
const MAXIMUM_SIZE: u8 = 57;
const VENDOR_CLASS: u8 = 60;
const CLASSLESS_ROUTES: u8 = 121;
const END: u8 = 255;

const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const ACK: u8 = 5;
const NAK: u8 = 6;

/// A client's exchange with DHCP servers, from discover to ack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Random, the same for all messages of an exchange (`xid`).
    pub id: [u8; 4],
    /// The port's MAC address.
    pub mac: [u8; 6],
    /// Vendor class identifier (option 60), up to 255 bytes; not sent if empty.
    pub vendor_class: &'static str,
}

/// A server's reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// An address that may be requested.
    Offer(Lease),
    /// An address that is now leased to the client.
    Ack(Lease),
    /// The request is refused.
    Nak,
}

/// An address and what comes with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// The address (`yiaddr`).
    pub address: Option<Ipv4Addr>,
    /// Prefix length in bits, from the subnet mask.
    pub prefix: u8,
    /// The server that gave it.
    pub server: Option<Ipv4Addr>,
    /// Routes: destination, prefix length, gateway (unspecified: on the link).
    pub routes: Vec<(Ipv4Addr, u8, Ipv4Addr)>,
    /// Name servers.
    pub dns: Vec<Ipv4Addr>,
    /// Domain name.
    pub domain: Option<String>,
    /// MTU in bytes.
    pub mtu: Option<u16>,
    /// Lease time.
    pub time: Option<Duration>,
}

impl Exchange {
    /// Encodes DHCPDISCOVER. `elapsed` is the time since the start of the exchange (`secs`).
    pub fn discover(&self, elapsed: Duration) -> Vec<u8> {
        self.message(elapsed, DISCOVER, &[])
    }

    /// Encodes DHCPREQUEST, for an offer or to renew a lease.
    pub fn request(&self, elapsed: Duration, lease: &Lease) -> Vec<u8> {
        let mut options = Vec::new();
        for (code, address) in [(REQUESTED_ADDRESS, lease.address), (SERVER, lease.server)] {
            if let Some(address) = address {
                options.extend_from_slice(&[code, 4]);
                options.extend_from_slice(&address.octets());
            }
        }
        self.message(elapsed, REQUEST, &options)
    }

    /// Decodes a reply; `None` where it belongs to another exchange or is damaged.
    pub fn parse(&self, datagram: &[u8]) -> Option<Reply> {
        let is_ours = *datagram.first()? == BOOTREPLY
            && datagram.get(4..8)? == self.id
            && datagram.get(28..34)? == self.mac
            && datagram.get(236..OPTIONS_AT)? == COOKIE;
        if !is_ours {
            return None;
        }
        let address = ipv4(datagram.get(16..20)?)?;
        let mut kind = 0;
        let mut lease = Lease { address: Some(address).filter(|a| !a.is_unspecified()), ..Lease::default() };
        let mut gateways = Vec::new();
        for (code, value) in options(datagram.get(OPTIONS_AT..)?) {
            match code {
                MESSAGE_TYPE => kind = *value.first()?,
                SUBNET_MASK => lease.prefix = u32::from(ipv4(value)?).leading_ones() as u8,
                ROUTER => gateways = addresses(value),
                DNS => lease.dns = addresses(value),
                DOMAIN => lease.domain = String::from_utf8(value.to_vec()).ok(),
                MTU => lease.mtu = value.try_into().ok().map(u16::from_be_bytes),
                SERVER => lease.server = ipv4(value),
                LEASE_TIME => {
                    let seconds: [u8; 4] = value.try_into().ok()?;
                    lease.time = Some(Duration::from_secs(u32::from_be_bytes(seconds).into()));
                }
                CLASSLESS_ROUTES => lease.routes = classless_routes(value)?,
                _ => {}
            }
        }
        // RFC 3442: a client that takes the classless routes ignores the router option.
        if lease.routes.is_empty() {
            lease.routes = gateways.first().map(|via| (Ipv4Addr::UNSPECIFIED, 0, *via)).into_iter().collect();
        }
        match kind {
            OFFER if lease.address.is_some() => Some(Reply::Offer(lease)),
            ACK if lease.address.is_some() => Some(Reply::Ack(lease)),
            NAK => Some(Reply::Nak),
            _ => None,
        }
    }

    fn message(&self, elapsed: Duration, kind: u8, options: &[u8]) -> Vec<u8> {
        let mut message = vec![0; OPTIONS_AT];
        message[..4].copy_from_slice(&[BOOTREQUEST, ETHERNET, 6, 0]);
        message[4..8].copy_from_slice(&self.id);
        let seconds = u16::try_from(elapsed.as_secs()).unwrap_or(u16::MAX);
        message[8..10].copy_from_slice(&seconds.to_be_bytes());
        message[10..12].copy_from_slice(&BROADCAST);
        message[28..34].copy_from_slice(&self.mac);
        message[236..240].copy_from_slice(&COOKIE);
        message.extend_from_slice(&[MESSAGE_TYPE, 1, kind]);
        message.extend_from_slice(&[MAXIMUM_SIZE, 2, 0x05, 0xc0]);
        let class = self.vendor_class.as_bytes();
        let class = class.get(..usize::from(u8::MAX)).unwrap_or(class);
        if !class.is_empty() {
            message.extend_from_slice(&[VENDOR_CLASS, class.len() as u8]);
            message.extend_from_slice(class);
        }
        message.extend_from_slice(&[
            PARAMETER_REQUEST_LIST,
            7,
            SUBNET_MASK,
            CLASSLESS_ROUTES,
            ROUTER,
            DNS,
            DOMAIN,
            MTU,
            LEASE_TIME,
        ]);
        message.extend_from_slice(options);
        message.push(END);
        // RFC 1542 2.1: old relays drop what is shorter than BOOTP's 300 bytes.
        message.resize(message.len().max(300), PAD);
        message
    }
}

fn options(bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while let [code, after @ ..] = rest {
        match (*code, after) {
            (END, _) => break,
            (PAD, _) => rest = after,
            (code, [length, value @ ..]) if value.len() >= usize::from(*length) => {
                let (value, next) = value.split_at(usize::from(*length));
                found.push((code, value));
                rest = next;
            }
            _ => break,
        }
    }
    found
}

/// RFC 3442: prefix length, as many octets of the destination as it needs, gateway.
fn classless_routes(mut bytes: &[u8]) -> Option<Vec<(Ipv4Addr, u8, Ipv4Addr)>> {
    let mut routes = Vec::new();
    while let [prefix, rest @ ..] = bytes {
        let octets = usize::from((*prefix).min(32)).div_ceil(8);
        let mut to = [0; 4];
        to[..octets].copy_from_slice(rest.get(..octets)?);
        routes.push((Ipv4Addr::from(to), (*prefix).min(32), ipv4(rest.get(octets..octets + 4)?)?));
        bytes = &rest[octets + 4..];
    }
    Some(routes)
}

fn addresses(value: &[u8]) -> Vec<Ipv4Addr> {
    value.chunks_exact(4).filter_map(ipv4).collect()
}

fn ipv4(bytes: &[u8]) -> Option<Ipv4Addr> {
    <[u8; 4]>::try_from(bytes).ok().map(Ipv4Addr::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    const EXCHANGE: Exchange =
        Exchange { id: [1, 2, 3, 4], mac: [0x52, 0x54, 0, 0, 0, 1], vendor_class: "stage1" };

    fn reply(kind: u8, options: &[u8]) -> Vec<u8> {
        let mut message = EXCHANGE.discover(Duration::ZERO);
        message.truncate(OPTIONS_AT);
        message[0] = BOOTREPLY;
        message[16..20].copy_from_slice(&[10, 9, 0, 50]);
        message.extend_from_slice(&[MESSAGE_TYPE, 1, kind]);
        message.extend_from_slice(options);
        message.push(END);
        message
    }

    #[test]
    fn an_offer_is_taken_apart() {
        let options = [
            &[SUBNET_MASK, 4, 255, 255, 252, 0][..],
            &[ROUTER, 4, 10, 9, 0, 1],
            &[DNS, 8, 10, 9, 0, 1, 10, 9, 0, 2],
            &[LEASE_TIME, 4, 0, 0, 14, 16],
            &[SERVER, 4, 10, 9, 0, 1],
            &[MTU, 2, 0x23, 0x28],
        ]
        .concat();
        let Some(Reply::Offer(lease)) = EXCHANGE.parse(&reply(OFFER, &options)) else { panic!("no offer") };
        assert_eq!(lease.address, Some(Ipv4Addr::new(10, 9, 0, 50)));
        assert_eq!(lease.prefix, 22);
        assert_eq!(lease.routes, [(Ipv4Addr::UNSPECIFIED, 0, Ipv4Addr::new(10, 9, 0, 1))]);
        assert_eq!(lease.dns.len(), 2);
        assert_eq!(lease.time, Some(Duration::from_secs(3600)));
        assert_eq!(lease.mtu, Some(9000));
    }

    #[test]
    fn classless_routes_replace_the_router() {
        let options = [
            &[ROUTER, 4, 9, 9, 9, 9][..],
            &[CLASSLESS_ROUTES, 12, 24, 10, 1, 2, 10, 9, 0, 1, 0, 10, 9, 0][..],
        ];
        let mut options = options.concat();
        options.extend_from_slice(&[2]);
        options[7] = 13;
        let Some(Reply::Ack(lease)) = EXCHANGE.parse(&reply(ACK, &options)) else { panic!("no ack") };
        let gateway = |last| Ipv4Addr::new(10, 9, 0, last);
        assert_eq!(
            lease.routes,
            [(Ipv4Addr::new(10, 1, 2, 0), 24, gateway(1)), (Ipv4Addr::UNSPECIFIED, 0, gateway(2))]
        );
    }

    #[test]
    fn answers_to_others_are_not_ours() {
        let mut other = reply(ACK, &[]);
        other[4] = 9;
        assert_eq!(EXCHANGE.parse(&other), None);
        let mut other = reply(ACK, &[]);
        other[33] = 9;
        assert_eq!(EXCHANGE.parse(&other), None);
        assert_eq!(EXCHANGE.parse(&EXCHANGE.discover(Duration::ZERO)), None);
    }

    #[test]
    fn a_request_names_address_and_server() {
        let lease = Lease {
            address: Some(Ipv4Addr::new(10, 9, 0, 50)),
            server: Some(Ipv4Addr::new(10, 9, 0, 1)),
            ..Lease::default()
        };
        let request = EXCHANGE.request(Duration::from_secs(3), &lease);
        let found = options(&request[OPTIONS_AT..]);
        assert!(found.contains(&(REQUESTED_ADDRESS, &[10, 9, 0, 50][..])));
        assert!(found.contains(&(SERVER, &[10, 9, 0, 1][..])));
        assert_eq!(request[8..10], [0, 3]);
    }

    #[test]
    fn the_vendor_class_is_sent_if_there_is_one() {
        let class = |vendor_class| {
            let message = Exchange { vendor_class, ..EXCHANGE }.discover(Duration::ZERO);
            let found = options(&message[OPTIONS_AT..]);
            found.iter().find(|(code, _)| *code == VENDOR_CLASS).map(|(_, value)| value.to_vec())
        };
        assert_eq!(class("stage1").as_deref(), Some(&b"stage1"[..]));
        assert_eq!(class(""), None);
        const LONG: &str = match str::from_utf8(&[b'x'; 300]) {
            Ok(text) => text,
            Err(_) => "",
        };
        assert_eq!(class(LONG).map(|class| class.len()), Some(255));
    }

    proptest! {
        #[test]
        fn any_datagram_is_decoded_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = EXCHANGE.parse(&reply(ACK, &bytes));
            let _ = EXCHANGE.parse(&bytes);
        }
    }
}
