// SPDX-License-Identifier: MIT OR Apache-2.0
//! DHCPv6 messages of a client (RFC 8415; name servers and search domains by RFC 3646).

use std::net::Ipv6Addr;
use std::time::Duration;

use crate::bytes::array;
use crate::ndp::{domain_names, is_unicast};

/// UDP port of a client.
pub const CLIENT_PORT: u16 = 546;
/// UDP port of servers and relays.
pub const SERVER_PORT: u16 = 547;
/// All servers and relays on the link (RFC 8415 7.1).
pub const ALL_SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);
/// A lifetime that does not end (RFC 8415 7.7).
pub const INFINITE: u32 = u32::MAX;

const OPTION_CLIENTID: u16 = 1;
const OPTION_SERVERID: u16 = 2;
const OPTION_IA_NA: u16 = 3;
const OPTION_IAADDR: u16 = 5;
const OPTION_ORO: u16 = 6;
const OPTION_PREFERENCE: u16 = 7;
const OPTION_ELAPSED_TIME: u16 = 8;
const OPTION_STATUS_CODE: u16 = 13;
const OPTION_USER_CLASS: u16 = 15;
const OPTION_VENDOR_CLASS: u16 = 16;
const OPTION_DNS_SERVERS: u16 = 23;
const OPTION_DOMAIN_LIST: u16 = 24;
const OPTION_INFORMATION_REFRESH_TIME: u16 = 32;
const OPTION_NTP_SERVER: u16 = 56;
const OPTION_CLIENT_ARCH_TYPE: u16 = 61;
const OPTION_SOL_MAX_RT: u16 = 82;
const OPTION_INF_MAX_RT: u16 = 83;

const NTP_SUBOPTION_SRV_ADDR: u16 = 1;
const DUID_UUID: u16 = 4;
const DUID_LL: u16 = 3;
const ETHERNET: u16 = 1;
const STATUS_SUCCESS: u16 = 0;

/// The type of a message (RFC 8415 7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Looks for servers that give addresses.
    Solicit,
    /// Asks one server for what it advertised.
    Request,
    /// Asks the lease's server to extend it (at T1).
    Renew,
    /// Asks any server to extend it (at T2).
    Rebind,
    /// Asks for everything but addresses.
    InformationRequest,
    /// Reports to the server that the address is used by another host.
    Decline,
}

/// A client and its current exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Random, the same for all messages of an exchange.
    pub transaction: [u8; 3],
    /// The client's DUID, the same in every boot: [`duid_uuid`] or [`duid_ll`].
    pub duid: Vec<u8>,
    /// Identity of the interface's address association (IAID), the same in every boot.
    pub iaid: u32,
    /// User class (option 15); not sent if empty.
    pub user_class: String,
    /// Vendor class (option 16): enterprise number and text; not sent if the text is empty.
    pub vendor_class: (u32, String),
    /// Client architecture (option 61, RFC 5970).
    pub architecture: Option<u16>,
}

/// A server's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// What the server would give.
    Advertise(Lease),
    /// What it gives.
    Reply(Lease),
}

/// What a server gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// The server's DUID.
    pub server: Vec<u8>,
    /// Its preference; 255 ends the search for servers.
    pub preference: u8,
    /// Addresses with their preferred and valid lifetimes in seconds.
    pub addresses: Vec<(Ipv6Addr, u32, u32)>,
    /// When to renew, in seconds; 0: the client's choice.
    pub t1: u32,
    /// When to rebind, in seconds; 0: the client's choice.
    pub t2: u32,
    /// Name servers.
    pub name_servers: Vec<Ipv6Addr>,
    /// Search domains.
    pub search: Vec<String>,
    /// NTP servers.
    pub ntp: Vec<Ipv6Addr>,
    /// When to ask again for what has no lifetime of its own, in seconds.
    pub refresh: Option<u32>,
    /// Why there is no address: status code and the server's text (RFC 8415 21.13).
    pub refusal: Option<(u16, String)>,
}

/// A DUID of the host's UUID (RFC 6355).
pub fn duid_uuid(uuid: [u8; 16]) -> Vec<u8> {
    [&DUID_UUID.to_be_bytes()[..], &uuid].concat()
}

/// A DUID of a MAC address (RFC 8415 11.4), for a host without UUID.
pub fn duid_ll(mac: [u8; 6]) -> Vec<u8> {
    [&DUID_LL.to_be_bytes()[..], &ETHERNET.to_be_bytes(), &mac].concat()
}

/// The standard's name of a status code (RFC 8415 21.13).
pub fn status_name(code: u16) -> &'static str {
    match code {
        1 => "UnspecFail",
        2 => "NoAddrsAvail",
        3 => "NoBinding",
        4 => "NotOnLink",
        5 => "UseMulticast",
        6 => "NoPrefixAvail",
        _ => "unknown status",
    }
}

impl Client {
    /// Encodes a message. `elapsed` is the time since the first message of the exchange; `lease` is what is requested,
    /// renewed or declined: its addresses, and its server where the message is for one server.
    pub fn message(&self, kind: Kind, elapsed: Duration, lease: Option<&Lease>) -> Vec<u8> {
        let mut message = vec![message_type(kind)];
        message.extend_from_slice(&self.transaction);
        message.extend(option(OPTION_CLIENTID, &self.duid));
        let for_server = matches!(kind, Kind::Request | Kind::Renew | Kind::Decline);
        if let Some(lease) = lease.filter(|lease| for_server && !lease.server.is_empty()) {
            message.extend(option(OPTION_SERVERID, &lease.server));
        }
        let hundredths = u16::try_from(elapsed.as_millis() / 10).unwrap_or(u16::MAX);
        message.extend(option(OPTION_ELAPSED_TIME, &hundredths.to_be_bytes()));
        if kind != Kind::InformationRequest {
            message.extend(option(OPTION_IA_NA, &self.association(lease)));
        }
        if kind != Kind::Decline {
            message.extend(self.requested_options());
        }
        message
    }

    /// Decodes a reply; `None` where it belongs to another exchange or is malformed. A malformed optional option is
    /// skipped.
    pub fn parse(&self, datagram: &[u8]) -> Option<Reply> {
        let (kind, body) = (*datagram.first()?, datagram.get(4..)?);
        if datagram[1..4] != self.transaction || find(body, OPTION_CLIENTID)? != self.duid {
            return None;
        }
        let mut lease = Lease { server: find(body, OPTION_SERVERID)?.to_vec(), ..Lease::default() };
        for (code, value) in options(body) {
            match code {
                OPTION_PREFERENCE => lease.preference = value.first().copied().unwrap_or_default(),
                OPTION_IA_NA => self.take_association(value, &mut lease),
                OPTION_STATUS_CODE => lease.refusal = status(value).or(lease.refusal),
                OPTION_DNS_SERVERS => lease.name_servers = addresses(value),
                OPTION_DOMAIN_LIST => lease.search = domain_names(value),
                OPTION_INFORMATION_REFRESH_TIME => lease.refresh = array(value, 0).map(u32::from_be_bytes),
                OPTION_NTP_SERVER => lease.ntp.extend(ntp_servers(value)),
                _ => {}
            }
        }
        match kind {
            2 => Some(Reply::Advertise(lease)),
            7 => Some(Reply::Reply(lease)),
            _ => None,
        }
    }

    fn association(&self, lease: Option<&Lease>) -> Vec<u8> {
        let mut value = self.iaid.to_be_bytes().to_vec();
        // T1 and T2 are the server's choice.
        value.extend_from_slice(&[0; 8]);
        for (address, _, _) in lease.map(|lease| &lease.addresses[..]).unwrap_or_default() {
            value.extend(option(OPTION_IAADDR, &[&address.octets()[..], &[0; 8]].concat()));
        }
        value
    }

    fn requested_options(&self) -> Vec<u8> {
        let codes = [
            OPTION_DNS_SERVERS,
            OPTION_DOMAIN_LIST,
            OPTION_INFORMATION_REFRESH_TIME,
            OPTION_NTP_SERVER,
            OPTION_SOL_MAX_RT,
            OPTION_INF_MAX_RT,
        ];
        let codes: Vec<u8> = codes.iter().flat_map(|code| code.to_be_bytes()).collect();
        let mut requested = option(OPTION_ORO, &codes);
        if !self.user_class.is_empty() {
            requested.extend(option(OPTION_USER_CLASS, &counted(&self.user_class)));
        }
        let (enterprise, class) = &self.vendor_class;
        if !class.is_empty() {
            let value = [&enterprise.to_be_bytes()[..], &counted(class)].concat();
            requested.extend(option(OPTION_VENDOR_CLASS, &value));
        }
        if let Some(architecture) = self.architecture {
            requested.extend(option(OPTION_CLIENT_ARCH_TYPE, &architecture.to_be_bytes()));
        }
        requested
    }

    /// Takes the addresses of our own association. One with T1 above T2 is discarded (RFC 8415 21.4).
    fn take_association(&self, value: &[u8], lease: &mut Lease) {
        let number = |at| array(value, at).map(u32::from_be_bytes);
        let (Some(iaid), Some(t1), Some(t2)) = (number(0), number(4), number(8)) else { return };
        if iaid != self.iaid || (t2 != 0 && t1 > t2) {
            return;
        }
        (lease.t1, lease.t2) = (t1, t2);
        for (code, value) in options(&value[12..]) {
            match code {
                OPTION_STATUS_CODE => lease.refusal = status(value).or(lease.refusal.take()),
                OPTION_IAADDR => lease.addresses.extend(leased_address(value)),
                _ => {}
            }
        }
    }
}

fn message_type(kind: Kind) -> u8 {
    match kind {
        Kind::Solicit => 1,
        Kind::Request => 3,
        Kind::Renew => 5,
        Kind::Rebind => 6,
        Kind::Decline => 9,
        Kind::InformationRequest => 11,
    }
}

/// An address that can be used: RFC 8415 21.6 discards one that is preferred longer than valid.
fn leased_address(value: &[u8]) -> Option<(Ipv6Addr, u32, u32)> {
    let number = |at| array(value, at).map(u32::from_be_bytes);
    let (address, preferred, valid) = (Ipv6Addr::from(array(value, 0)?), number(16)?, number(20)?);
    let refused =
        options(value.get(24..)?).any(|(code, value)| code == OPTION_STATUS_CODE && status(value).is_some());
    let usable = is_unicast(&address) && preferred <= valid && valid > 0 && !refused;
    usable.then_some((address, preferred, valid))
}

/// The code and text, unless it is success.
fn status(value: &[u8]) -> Option<(u16, String)> {
    let code = array(value, 0).map(u16::from_be_bytes).filter(|code| *code != STATUS_SUCCESS)?;
    let text = String::from_utf8_lossy(&value[2..]);
    Some((code, text.trim_matches(|c: char| c.is_whitespace() || c == '\0').to_string()))
}

fn addresses(value: &[u8]) -> Vec<Ipv6Addr> {
    let addresses = value.chunks_exact(16).filter_map(|bytes| array(bytes, 0)).map(Ipv6Addr::from);
    addresses.filter(is_unicast).collect()
}

fn ntp_servers(value: &[u8]) -> Vec<Ipv6Addr> {
    options(value)
        .filter(|(code, _)| *code == NTP_SUBOPTION_SRV_ADDR)
        .flat_map(|(_, v)| addresses(v))
        .collect()
}

fn counted(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat()
}

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes()[..], &(value.len() as u16).to_be_bytes(), value].concat()
}

/// The options in `bytes`, up to a damaged one.
fn options(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (code, length) = (array(bytes, 0)?, array(bytes, 2)?);
        let end = 4 + usize::from(u16::from_be_bytes(length));
        let value = bytes.get(4..end)?;
        bytes = &bytes[end..];
        Some((u16::from_be_bytes(code), value))
    })
}

fn find(bytes: &[u8], code: u16) -> Option<&[u8]> {
    options(bytes).find(|(found, _)| *found == code).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, prop_assert, proptest};

    const ADDRESS: Ipv6Addr = Ipv6Addr::new(0xfd00, 9, 0, 0, 0, 0, 0, 0x50);
    const SERVER: Ipv6Addr = Ipv6Addr::new(0xfd00, 9, 0, 0, 0, 0, 0, 1);

    fn client() -> Client {
        Client {
            transaction: [1, 2, 3],
            duid: duid_uuid(*b"0123456789abcdef"),
            iaid: 7,
            user_class: "stage1".to_string(),
            vendor_class: (343, "stage1".to_string()),
            architecture: Some(7),
        }
    }

    fn association(iaid: u32, t1: u32, t2: u32, inner: &[u8]) -> Vec<u8> {
        let numbers: Vec<u8> = [iaid, t1, t2].iter().flat_map(|number| number.to_be_bytes()).collect();
        option(OPTION_IA_NA, &[&numbers, inner].concat())
    }

    fn leased(address: Ipv6Addr, preferred: u32, valid: u32) -> Vec<u8> {
        let value = [&address.octets()[..], &preferred.to_be_bytes(), &valid.to_be_bytes()].concat();
        option(OPTION_IAADDR, &value)
    }

    fn answer(kind: u8, more: &[u8]) -> Vec<u8> {
        let client_id = option(OPTION_CLIENTID, &client().duid);
        [&[kind, 1, 2, 3], &client_id[..], &option(OPTION_SERVERID, b"server"), more].concat()
    }

    fn reply(more: &[u8]) -> Lease {
        match client().parse(&answer(7, more)) {
            Some(Reply::Reply(lease)) => lease,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_reply_has_address_name_servers_and_search_domains() {
        let more = [
            association(7, 1800, 2880, &leased(ADDRESS, 3000, 4000)),
            option(OPTION_DNS_SERVERS, &SERVER.octets()),
            option(OPTION_DOMAIN_LIST, b"\x05fleet\x04test\0"),
            option(OPTION_NTP_SERVER, &option(NTP_SUBOPTION_SRV_ADDR, &SERVER.octets())),
            option(OPTION_INFORMATION_REFRESH_TIME, &600_u32.to_be_bytes()),
        ];
        let expected = Lease {
            server: b"server".to_vec(),
            addresses: vec![(ADDRESS, 3000, 4000)],
            t1: 1800,
            t2: 2880,
            name_servers: vec![SERVER],
            search: vec!["fleet.test".to_string()],
            ntp: vec![SERVER],
            refresh: Some(600),
            ..Lease::default()
        };
        assert_eq!(reply(&more.concat()), expected);
    }

    #[test]
    fn an_advertise_without_address_has_a_reason() {
        let status = [&2_u16.to_be_bytes()[..], b"no leases left\0"].concat();
        let refused = association(7, 0, 0, &option(OPTION_STATUS_CODE, &status));
        let Some(Reply::Advertise(lease)) = client().parse(&answer(2, &refused)) else { panic!() };
        assert_eq!(lease.refusal, Some((2, "no leases left".to_string())));
        assert_eq!(status_name(2), "NoAddrsAvail");
        // Success is no refusal.
        let success = option(OPTION_STATUS_CODE, &[0, 0, b'o', b'k']);
        assert_eq!(reply(&[&leased(ADDRESS, 1, 1)[..], &success].concat()).refusal, None);
    }

    #[test]
    fn what_belongs_to_another_exchange_is_ignored() {
        let whole = answer(7, &association(7, 0, 0, &leased(ADDRESS, 10, 10)));
        assert!(client().parse(&whole).is_some());
        for other in [
            Client { transaction: [1, 2, 4], ..client() },
            Client { duid: duid_ll([2, 0, 0, 0, 0, 1]), ..client() },
        ] {
            assert_eq!(other.parse(&whole), None);
        }
        assert_eq!(client().parse(&answer(1, &[])), None, "a client's message");
        assert_eq!(
            reply(&association(8, 0, 0, &leased(ADDRESS, 10, 10))).addresses,
            [],
            "another association"
        );
    }

    #[test]
    fn addresses_that_the_standard_discards_are_discarded() {
        let bad = [
            leased(ADDRESS, 11, 10),
            leased(ADDRESS, 0, 0),
            leased(Ipv6Addr::UNSPECIFIED, 10, 10),
            leased(ALL_SERVERS, 10, 10),
            leased(SERVER, 5, INFINITE),
        ];
        assert_eq!(reply(&association(7, 0, 0, &bad.concat())).addresses, [(SERVER, 5, INFINITE)]);
        assert_eq!(reply(&association(7, 20, 10, &leased(ADDRESS, 10, 10))).addresses, []);
    }

    #[test]
    fn a_malformed_optional_option_does_not_cost_the_reply() {
        let more = [
            option(OPTION_DOMAIN_LIST, b"\xff"),
            option(OPTION_DNS_SERVERS, &[1, 2, 3]),
            option(OPTION_INFORMATION_REFRESH_TIME, &[1]),
            option(OPTION_STATUS_CODE, &[1]),
            option(OPTION_NTP_SERVER, &[0, 1, 0, 200]),
            association(7, 0, 0, &leased(ADDRESS, 10, 10)),
        ];
        assert_eq!(reply(&more.concat()).addresses, [(ADDRESS, 10, 10)]);
    }

    #[test]
    fn each_message_has_the_options_that_its_type_needs() {
        let lease =
            Lease { server: b"server".to_vec(), addresses: vec![(ADDRESS, 1, 2)], ..Lease::default() };
        let codes = |kind, lease: Option<&Lease>| -> Vec<u16> {
            let message = client().message(kind, Duration::from_millis(1500), lease);
            assert_eq!(find(&message[4..], OPTION_ELAPSED_TIME), Some(&[0, 150][..]));
            options(&message[4..]).map(|(code, _)| code).collect()
        };
        assert_eq!(codes(Kind::Solicit, None), [1, 8, 3, 6, 15, 16, 61]);
        assert_eq!(codes(Kind::Request, Some(&lease)), [1, 2, 8, 3, 6, 15, 16, 61]);
        assert_eq!(codes(Kind::Rebind, Some(&lease)), [1, 8, 3, 6, 15, 16, 61]);
        assert_eq!(codes(Kind::InformationRequest, None), [1, 8, 6, 15, 16, 61]);
        assert_eq!(codes(Kind::Decline, Some(&lease)), [1, 2, 8, 3]);
        let renew = client().message(Kind::Renew, Duration::from_secs(86400), Some(&lease));
        let association = find(&renew[4..], OPTION_IA_NA).unwrap();
        assert_eq!(
            find(&association[12..], OPTION_IAADDR).map(|value| &value[..16]),
            Some(&ADDRESS.octets()[..])
        );
        assert_eq!(find(&renew[4..], OPTION_ELAPSED_TIME), Some(&[0xff, 0xff][..]));
    }

    #[test]
    fn a_duid_is_that_of_its_standard() {
        assert_eq!(duid_uuid([9; 16])[..3], [0, 4, 9]);
        assert_eq!(duid_ll([2, 0, 0, 0, 0, 7]), [0, 3, 0, 1, 2, 0, 0, 0, 0, 7]);
    }

    proptest! {
        #[test]
        fn any_reply_is_decoded_without_panic(kind in 0_u8..14, bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = client().parse(&bytes);
            if let Some(Reply::Advertise(lease) | Reply::Reply(lease)) = client().parse(&answer(kind, &bytes)) {
                prop_assert!(lease.addresses.iter().all(|(address, preferred, valid)| is_unicast(address) && preferred <= valid));
            }
        }
    }
}
