// SPDX-License-Identifier: MIT OR Apache-2.0
//! Router discovery: solicitations and advertisements (RFC 4861 4.1 and 4.2), with name servers and search domains
//! (RFC 8106). Checksums are the kernel's.

use std::net::Ipv6Addr;
use std::time::Duration;

use crate::bytes::array;

/// ICMPv6 type of a router solicitation.
pub const ROUTER_SOLICITATION: u8 = 133;
/// ICMPv6 type of a router advertisement.
pub const ROUTER_ADVERTISEMENT: u8 = 134;
/// The hop limit of every message; a message with another one comes from outside the link and is ignored (RFC 4861 6.1.2).
pub const HOP_LIMIT: u8 = 255;
/// All routers on the link (RFC 4291 2.7.1).
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// Length of an advertisement without options.
const HEADER: usize = 16;
const MANAGED: u8 = 0x80;
const OTHER: u8 = 0x40;
const RDNSS: u8 = 25;
const DNSSL: u8 = 31;
/// Longest domain name in its text form (RFC 1035 3.1).
const NAME_MAX: usize = 253;

/// A router advertisement. Prefixes, MTU and the default route are the kernel's to take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advertisement {
    /// Addresses are given by DHCPv6 (M).
    pub managed: bool,
    /// Other configuration, such as name servers, is given by DHCPv6 (O).
    pub other: bool,
    /// How long the sender is a default router; zero: it is none.
    pub router_lifetime: Duration,
    /// Name servers with their lifetimes; zero: no longer use it.
    pub name_servers: Vec<(Ipv6Addr, Duration)>,
    /// Search domains with their lifetimes.
    pub search: Vec<(String, Duration)>,
}

/// Encodes a router solicitation. It has no source link-layer address, which is not allowed as long as the sender's
/// link-local address is tentative (RFC 4861 4.1).
pub fn solicitation() -> Vec<u8> {
    vec![ROUTER_SOLICITATION, 0, 0, 0, 0, 0, 0, 0]
}

/// Decodes a router advertisement; `None` for other messages, and for one that RFC 4861 6.1.2 rejects. A malformed
/// option of RFC 8106 is skipped.
pub fn advertisement(message: &[u8]) -> Option<Advertisement> {
    if message.len() < HEADER || message[..2] != [ROUTER_ADVERTISEMENT, 0] {
        return None;
    }
    let mut advertisement = Advertisement {
        managed: message[5] & MANAGED != 0,
        other: message[5] & OTHER != 0,
        router_lifetime: Duration::from_secs(u16::from_be_bytes(array(message, 6)?).into()),
        ..Advertisement::default()
    };
    let mut rest = &message[HEADER..];
    while !rest.is_empty() {
        // In units of 8 octets; a length of 0 rejects the message.
        let length = usize::from(*rest.get(1)?) * 8;
        let option = rest.get(..length).filter(|option| !option.is_empty())?;
        match option[0] {
            RDNSS => advertisement.name_servers.extend(name_servers(option)),
            DNSSL => advertisement.search.extend(search(option)),
            _ => {}
        }
        rest = &rest[length..];
    }
    Some(advertisement)
}

/// The domain names of a list in DNS wire form without compression (RFC 1035 3.1), as DHCPv6 has it too (RFC 8415 10).
/// The root, padding and names that are not host names are left out; a malformed name ends the list.
pub(crate) fn domain_names(mut bytes: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    while let Some((name, rest)) = domain_name(bytes) {
        if is_domain(&name) && !names.contains(&name) {
            names.push(name);
        }
        bytes = rest;
    }
    names
}

fn name_servers(option: &[u8]) -> Vec<(Ipv6Addr, Duration)> {
    let Some(lifetime) = lifetime(option) else { return Vec::new() };
    let addresses = option[8..].chunks_exact(16).filter_map(|bytes| array(bytes, 0)).map(Ipv6Addr::from);
    addresses.filter(is_unicast).map(|address| (address, lifetime)).collect()
}

fn search(option: &[u8]) -> Vec<(String, Duration)> {
    let Some(lifetime) = lifetime(option) else { return Vec::new() };
    domain_names(&option[8..]).into_iter().map(|name| (name, lifetime)).collect()
}

fn lifetime(option: &[u8]) -> Option<Duration> {
    array(option, 4).map(|seconds| Duration::from_secs(u32::from_be_bytes(seconds).into()))
}

/// Neither unspecified nor multicast nor loopback.
pub(crate) fn is_unicast(address: &Ipv6Addr) -> bool {
    !(address.is_unspecified() || address.is_multicast() || address.is_loopback())
}

fn domain_name(mut bytes: &[u8]) -> Option<(String, &[u8])> {
    let mut labels: Vec<&str> = Vec::new();
    loop {
        let (length, rest) = bytes.split_first()?;
        if *length == 0 {
            return Some((labels.join("."), rest));
        }
        // Above 63 it would be a pointer, which is not allowed here.
        let label = rest.get(..usize::from(*length)).filter(|_| *length < 64)?;
        // A label that is not text spoils its own name, not the list.
        labels.push(std::str::from_utf8(label).unwrap_or("\0"));
        bytes = &rest[usize::from(*length)..];
    }
}

/// Whether it can be written to resolv.conf(5): letters, digits, hyphens and underscores between dots.
fn is_domain(name: &str) -> bool {
    let character = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    name.len() <= NAME_MAX && name.split('.').all(|label| !label.is_empty() && label.bytes().all(character))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    const SERVER: Ipv6Addr = Ipv6Addr::new(0xfd00, 9, 0, 0, 0, 0, 0, 1);

    fn header(flags: u8) -> Vec<u8> {
        vec![ROUTER_ADVERTISEMENT, 0, 0xab, 0xcd, 64, flags, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0]
    }

    fn rdnss(lifetime: u32, servers: &[Ipv6Addr]) -> Vec<u8> {
        let mut option = vec![RDNSS, 1 + 2 * servers.len() as u8, 0, 0];
        option.extend_from_slice(&lifetime.to_be_bytes());
        servers.iter().for_each(|server| option.extend_from_slice(&server.octets()));
        option
    }

    fn dnssl(lifetime: u32, names: &[u8]) -> Vec<u8> {
        let mut option = vec![DNSSL, 0, 0, 0];
        option.extend_from_slice(&lifetime.to_be_bytes());
        option.extend_from_slice(names);
        option.resize(option.len().next_multiple_of(8), 0);
        option[1] = (option.len() / 8) as u8;
        option
    }

    /// An advertisement of radvd 2.19 with prefix, MTU, RDNSS, DNSSL and source link-layer address.
    fn radvd() -> Vec<u8> {
        [
            header(OTHER),
            [&[3, 4, 64, 0xc0, 0, 1, 0x51, 0x80, 0, 0, 0x38, 0x40, 0, 0, 0, 0][..], &SERVER.octets()]
                .concat(),
            vec![5, 1, 0, 0, 0, 0, 5, 0xdc],
            rdnss(600, &[SERVER]),
            dnssl(600, b"\x05fleet\x04test\0\x03lab\x04test\0"),
            vec![1, 1, 2, 0, 0, 0, 0, 1],
        ]
        .concat()
    }

    #[test]
    fn an_advertisement_has_name_servers_and_search_domains() {
        let ten_minutes = Duration::from_secs(600);
        let expected = Advertisement {
            managed: false,
            other: true,
            router_lifetime: Duration::from_secs(1800),
            name_servers: vec![(SERVER, ten_minutes)],
            search: vec![("fleet.test".to_string(), ten_minutes), ("lab.test".to_string(), ten_minutes)],
        };
        assert_eq!(advertisement(&radvd()), Some(expected));
        assert!(advertisement(&header(MANAGED)).unwrap().managed);
    }

    #[test]
    fn a_name_that_could_write_lines_into_resolv_conf_is_left_out() {
        for bad in [&b"\x0ca\nnameserver\0"[..], b"\x02\xff\xfe\0", b"\x03a b\0", b"\x01.\0", b"\0"] {
            let option = dnssl(1, &[bad, b"\x02ok\0"].concat());
            let found = advertisement(&[header(0), option].concat()).unwrap().search;
            assert_eq!(found, [("ok".to_string(), Duration::from_secs(1))], "{bad:?}");
        }
        // A pointer, a label that is too long for the option, and no end.
        for bad in [&b"\xc0\x08\x02ok\0"[..], b"\x30abc", b"\x04name"] {
            let option = [&[DNSSL, 2, 0, 0, 0, 0, 0, 1], bad].concat();
            let option = [&option[..], &[b'x'; 8]].concat()[..16].to_vec();
            assert_eq!(advertisement(&[header(0), option].concat()).unwrap().search, [], "{bad:?}");
        }
    }

    #[test]
    fn a_name_server_is_a_unicast_address() {
        let servers = [Ipv6Addr::UNSPECIFIED, Ipv6Addr::LOCALHOST, ALL_ROUTERS, SERVER];
        let found = advertisement(&[header(0), rdnss(0, &servers)].concat()).unwrap();
        assert_eq!(found.name_servers, [(SERVER, Duration::ZERO)]);
    }

    #[test]
    fn what_the_standard_rejects_is_rejected() {
        let whole = radvd();
        assert_eq!(advertisement(&whole[..15]), None);
        assert_eq!(advertisement(&whole[..whole.len() - 1]), None);
        assert_eq!(advertisement(&[header(0), vec![RDNSS, 0, 0, 0, 0, 0, 0, 0]].concat()), None);
        assert_eq!(advertisement(&solicitation()), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = advertisement(&[header(0), bytes.clone()].concat());
            let _ = (advertisement(&bytes), domain_names(&bytes));
        }

        #[test]
        fn every_name_that_is_written_reads_back(labels in prop::collection::vec("[a-z0-9-]{1,20}", 1..6)) {
            let wire: Vec<u8> = labels.iter().flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
            prop_assert_eq!(domain_names(&[&wire[..], &[0]].concat()), [labels.join(".")]);
        }
    }
}
