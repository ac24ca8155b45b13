// SPDX-License-Identifier: MIT OR Apache-2.0
//! DHCPv4 messages of a client (RFC 2131; options of RFC 2132, 3004, 3396, 3397, 3442 and 4578).

mod lease;
mod options;

use std::net::Ipv4Addr;
use std::time::Duration;

pub use lease::{Lease, Reply};
use options::Options;

const BOOTREQUEST: u8 = 1;
const BOOTREPLY: u8 = 2;
const ETHERNET: u8 = 1;
const OPTIONS_AT: usize = 240;
const COOKIE: [u8; 4] = [99, 130, 83, 99];

const PAD: u8 = 0;
const SUBNET_MASK: u8 = 1;
const ROUTER: u8 = 3;
const DNS: u8 = 6;
const HOST_NAME: u8 = 12;
const DOMAIN: u8 = 15;
const MTU: u8 = 26;
const STATIC_ROUTES: u8 = 33;
const NTP: u8 = 42;
const REQUESTED_ADDRESS: u8 = 50;
const LEASE_TIME: u8 = 51;
const OVERLOAD: u8 = 52;
const MESSAGE_TYPE: u8 = 53;
const SERVER: u8 = 54;
const PARAMETER_REQUEST_LIST: u8 = 55;
const MESSAGE: u8 = 56;
const MAXIMUM_SIZE: u8 = 57;
const T1: u8 = 58;
const T2: u8 = 59;
const VENDOR_CLASS: u8 = 60;
const CLIENT_ID: u8 = 61;
const USER_CLASS: u8 = 77;
const ARCHITECTURE: u8 = 93;
const UUID: u8 = 97;
const SEARCH: u8 = 119;
const CLASSLESS_ROUTES: u8 = 121;
const END: u8 = 255;

const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const DECLINE: u8 = 4;
const ACK: u8 = 5;
const NAK: u8 = 6;

/// The options that are requested; RFC 3442: the classless routes before the router.
const REQUESTED: [u8; 13] = [
    SUBNET_MASK,
    CLASSLESS_ROUTES,
    ROUTER,
    STATIC_ROUTES,
    DNS,
    DOMAIN,
    SEARCH,
    MTU,
    NTP,
    LEASE_TIME,
    SERVER,
    T1,
    T2,
];

/// What a client sends of itself in each message. What is empty is not sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The port's MAC address; also the client identifier (option 61), of type 1.
    pub mac: [u8; 6],
    /// Vendor class identifier (option 60), up to 255 bytes.
    pub vendor_class: String,
    /// User class (option 77), up to 254 bytes.
    pub user_class: String,
    /// Host name (option 12), up to 255 bytes.
    pub host_name: String,
    /// System UUID (option 97), in the byte order of SMBIOS, as boot ROMs send it.
    pub uuid: Option<[u8; 16]>,
    /// Client system architecture (option 93).
    pub architecture: Option<u16>,
}

/// A client's exchange with DHCP servers, from discover to ack. The replies may be unicast: the broadcast flag is not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Random, the same for all messages of an exchange (`xid`).
    pub id: [u8; 4],
    /// What the client sends of itself.
    pub identity: Identity,
}

impl Exchange {
    /// Encodes DHCPDISCOVER. `elapsed` is the time since the start of the exchange (`secs`).
    pub fn discover(&self, elapsed: Duration) -> Vec<u8> {
        self.message(DISCOVER, elapsed, None, &[])
    }

    /// Encodes DHCPREQUEST for an offer (state SELECTING, RFC 2131 4.3.2).
    pub fn request(&self, elapsed: Duration, offer: &Lease) -> Vec<u8> {
        self.message(
            REQUEST,
            elapsed,
            None,
            &[(REQUESTED_ADDRESS, Some(offer.address)), (SERVER, offer.server)],
        )
    }

    /// Encodes DHCPREQUEST for an address that the client had before (state INIT-REBOOT).
    pub fn reboot(&self, elapsed: Duration, address: Ipv4Addr) -> Vec<u8> {
        self.message(REQUEST, elapsed, None, &[(REQUESTED_ADDRESS, Some(address))])
    }

    /// Encodes DHCPREQUEST for the address that the client uses (states RENEWING and REBINDING).
    pub fn renew(&self, elapsed: Duration, address: Ipv4Addr) -> Vec<u8> {
        self.message(REQUEST, elapsed, Some(address), &[])
    }

    /// Encodes DHCPDECLINE: another host uses the address.
    pub fn decline(&self, lease: &Lease) -> Vec<u8> {
        let options = [(REQUESTED_ADDRESS, Some(lease.address)), (SERVER, lease.server)];
        self.message(DECLINE, Duration::ZERO, None, &options)
    }

    /// Decodes a reply; `None` where it belongs to another exchange, is damaged, or has no usable address. An optional part
    /// that is damaged is left out.
    pub fn parse(&self, datagram: &[u8]) -> Option<Reply> {
        let is_ours = *datagram.first()? == BOOTREPLY
            && datagram.get(4..8)? == self.id
            && datagram.get(28..34)? == self.identity.mac
            && datagram.get(236..OPTIONS_AT)? == COOKIE;
        if !is_ours {
            return None;
        }
        let options = Options::of(datagram);
        match options.first(MESSAGE_TYPE)? {
            [OFFER] => Lease::of(datagram, &options).map(Reply::Offer),
            [ACK] => Lease::of(datagram, &options).map(Reply::Ack),
            [NAK] => {
                let server = options.first(SERVER).map(Ipv4Addr::from);
                let message = options.get(MESSAGE).map(|text| String::from_utf8_lossy(text).into_owned());
                Some(Reply::Nak { server, message })
            }
            _ => None,
        }
    }

    fn message(
        &self,
        kind: u8,
        elapsed: Duration,
        used: Option<Ipv4Addr>,
        addresses: &[(u8, Option<Ipv4Addr>)],
    ) -> Vec<u8> {
        let identity = &self.identity;
        let mut message = vec![0; OPTIONS_AT];
        message[..4].copy_from_slice(&[BOOTREQUEST, ETHERNET, 6, 0]);
        message[4..8].copy_from_slice(&self.id);
        let seconds = u16::try_from(elapsed.as_secs()).unwrap_or(u16::MAX);
        message[8..10].copy_from_slice(&seconds.to_be_bytes());
        message[12..16].copy_from_slice(&used.unwrap_or(Ipv4Addr::UNSPECIFIED).octets());
        message[28..34].copy_from_slice(&identity.mac);
        message[236..240].copy_from_slice(&COOKIE);
        put(&mut message, MESSAGE_TYPE, &[&[kind]]);
        put(&mut message, CLIENT_ID, &[&[ETHERNET], &identity.mac]);
        for (code, address) in addresses {
            if let Some(address) = address {
                put(&mut message, *code, &[&address.octets()]);
            }
        }
        // RFC 2131 table 5: a DHCPDECLINE has none of these.
        if kind != DECLINE {
            put(&mut message, MAXIMUM_SIZE, &[&1472_u16.to_be_bytes()]);
            put(&mut message, PARAMETER_REQUEST_LIST, &[&REQUESTED]);
            self.put_identity(&mut message);
        }
        message.push(END);
        // RFC 1542 2.1: old relays drop what is shorter than BOOTP's 300 bytes.
        message.resize(message.len().max(300), PAD);
        message
    }

    fn put_identity(&self, message: &mut Vec<u8>) {
        let Identity { vendor_class, user_class, host_name, uuid, architecture, .. } = &self.identity;
        let cut = |text: &str, length: usize| text.as_bytes()[..text.len().min(length)].to_vec();
        for (code, text) in [(VENDOR_CLASS, vendor_class), (HOST_NAME, host_name)] {
            if !text.is_empty() {
                put(message, code, &[&cut(text, 255)]);
            }
        }
        if !user_class.is_empty() {
            // RFC 3004: each class has its length.
            let class = cut(user_class, 254);
            put(message, USER_CLASS, &[&[class.len() as u8], &class]);
        }
        if let Some(uuid) = uuid {
            put(message, UUID, &[&[0], uuid]);
        }
        if let Some(architecture) = architecture {
            put(message, ARCHITECTURE, &[&architecture.to_be_bytes()]);
        }
    }
}

fn put(message: &mut Vec<u8>, code: u8, parts: &[&[u8]]) {
    let value = parts.concat();
    message.extend_from_slice(&[code, value.len() as u8]);
    message.extend_from_slice(&value);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn exchange() -> Exchange {
        let identity = Identity {
            mac: [0x52, 0x54, 0, 0, 0, 1],
            vendor_class: "stage1".to_string(),
            user_class: "rack".to_string(),
            host_name: "node7".to_string(),
            uuid: Some(*b"0123456789abcdef"),
            architecture: Some(7),
        };
        Exchange { id: [1, 2, 3, 4], identity }
    }

    fn sent(message: &[u8]) -> BTreeMap<u8, Vec<u8>> {
        let options = Options::of(message);
        (1..END).filter_map(|code| Some((code, options.get(code)?.to_vec()))).collect()
    }

    /// RFC 2131 4.3.2 and table 5.
    #[test]
    fn each_request_has_the_form_of_its_state() {
        let lease = Lease {
            address: Ipv4Addr::new(10, 9, 0, 50),
            server: Some(Ipv4Addr::new(10, 9, 0, 1)),
            ..Lease::default()
        };
        let form = |message: &[u8]| {
            let options = sent(message);
            let has = |code| options.contains_key(&code);
            (options[&MESSAGE_TYPE][0], message[12..16] != [0; 4], has(REQUESTED_ADDRESS), has(SERVER))
        };
        let exchange = exchange();
        let elapsed = Duration::from_secs(3);
        assert_eq!(form(&exchange.discover(elapsed)), (DISCOVER, false, false, false));
        assert_eq!(form(&exchange.request(elapsed, &lease)), (REQUEST, false, true, true));
        assert_eq!(form(&exchange.reboot(elapsed, lease.address)), (REQUEST, false, true, false));
        assert_eq!(form(&exchange.renew(elapsed, lease.address)), (REQUEST, true, false, false));
        assert_eq!(form(&exchange.decline(&lease)), (DECLINE, false, true, true));
        let request = exchange.request(elapsed, &lease);
        assert_eq!(sent(&request)[&REQUESTED_ADDRESS], [10, 9, 0, 50]);
        assert_eq!(request[8..12], [0, 3, 0, 0], "seconds, and no broadcast flag");
        assert!(!sent(&exchange.decline(&lease)).contains_key(&PARAMETER_REQUEST_LIST));
    }

    #[test]
    fn each_message_identifies_the_client() {
        for message in
            [exchange().discover(Duration::ZERO), exchange().renew(Duration::ZERO, Ipv4Addr::LOCALHOST)]
        {
            let options = sent(&message);
            assert_eq!(options[&CLIENT_ID], [1, 0x52, 0x54, 0, 0, 0, 1]);
            assert_eq!(options[&VENDOR_CLASS], b"stage1");
            assert_eq!(options[&USER_CLASS], b"\x04rack");
            assert_eq!(options[&HOST_NAME], b"node7");
            assert_eq!(options[&UUID], b"\x000123456789abcdef");
            assert_eq!(options[&ARCHITECTURE], [0, 7]);
            assert!(message.len() >= 300);
        }
        let nothing = Exchange { identity: Identity::default(), ..exchange() }.discover(Duration::ZERO);
        let codes: Vec<u8> = sent(&nothing).into_keys().collect();
        assert_eq!(codes, [MESSAGE_TYPE, PARAMETER_REQUEST_LIST, MAXIMUM_SIZE, CLIENT_ID]);
    }

    #[test]
    fn a_text_that_is_too_long_is_cut() {
        let long = "x".repeat(300);
        let identity = Identity {
            vendor_class: long.clone(),
            user_class: long.clone(),
            host_name: long,
            ..Identity::default()
        };
        let options = sent(&Exchange { identity, ..exchange() }.discover(Duration::ZERO));
        assert_eq!([VENDOR_CLASS, USER_CLASS, HOST_NAME].map(|code| options[&code].len()), [255; 3]);
    }

    #[test]
    fn replies_to_others_are_not_ours() {
        let mut reply = exchange().discover(Duration::ZERO);
        assert_eq!(exchange().parse(&reply), None, "a request");
        reply[0] = BOOTREPLY;
        reply[16..20].copy_from_slice(&[10, 9, 0, 50]);
        reply[OPTIONS_AT + 2] = OFFER;
        assert!(matches!(exchange().parse(&reply), Some(Reply::Offer(_))));
        for at in [4, 33, 239] {
            let mut other = reply.clone();
            other[at] ^= 1;
            assert_eq!(exchange().parse(&other), None, "byte {at}");
        }
    }
}
