// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a host without an address sends and receives: UDP in IPv4 (RFC 791, RFC 768), and ARP (RFC 826, RFC 5227). Without the
//! Ethernet header, which the kernel makes (packet(7), `SOCK_DGRAM`).

use std::net::Ipv4Addr;

use crate::bytes::array;

const IPV4_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
const UDP: u8 = 17;
const TTL: u8 = 64;
/// More fragments follow, and the fragment's offset.
const FRAGMENT: u16 = 0x3fff;
/// ARP for Ethernet and IPv4: types and address lengths.
const ARP_HEADER: [u8; 6] = [0, 1, 8, 0, 6, 4];

/// A UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Source address.
    pub source: Ipv4Addr,
    /// Destination address.
    pub destination: Ipv4Addr,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// What it carries.
    pub payload: &'a [u8],
}

/// An ARP packet for IPv4 in Ethernet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// Whether it is a reply; else a request.
    pub is_reply: bool,
    /// MAC address of the sender.
    pub sender_mac: [u8; 6],
    /// Address of the sender; unspecified in a probe.
    pub sender: Ipv4Addr,
    /// The address that is asked for.
    pub target: Ipv4Addr,
}

impl Datagram<'_> {
    /// Encodes it as an IPv4 packet, up to 65,507 bytes of payload.
    pub fn encode(&self) -> Vec<u8> {
        let udp_length = (UDP_HEADER + self.payload.len()) as u16;
        let mut udp = Vec::with_capacity(usize::from(udp_length));
        for number in [self.source_port, self.destination_port, udp_length, 0] {
            udp.extend_from_slice(&number.to_be_bytes());
        }
        udp.extend_from_slice(self.payload);
        let pseudo =
            [&self.source.octets()[..], &self.destination.octets(), &[0, UDP], &udp_length.to_be_bytes()];
        // RFC 768: 0 means that there is none.
        let sum = match checksum(&[&pseudo.concat()[..], &udp].concat()) {
            0 => u16::MAX,
            sum => sum,
        };
        udp[6..8].copy_from_slice(&sum.to_be_bytes());
        let mut packet = vec![0x45, 0];
        packet.extend_from_slice(&(IPV4_HEADER as u16 + udp_length).to_be_bytes());
        packet.extend_from_slice(&[0, 0, 0, 0, TTL, UDP, 0, 0]);
        packet.extend_from_slice(&self.source.octets());
        packet.extend_from_slice(&self.destination.octets());
        let sum = checksum(&packet);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        packet.extend_from_slice(&udp);
        packet
    }
}

/// Decodes an IPv4 packet with a whole UDP datagram. UDP's checksum is not verified: between virtual machines and namespaces the
/// sender leaves it to hardware that is not there.
pub fn datagram(packet: &[u8]) -> Option<Datagram<'_>> {
    let u16_at = |at| array(packet, at).map(u16::from_be_bytes);
    let ipv4_at = |at| array(packet, at).map(|octets: [u8; 4]| Ipv4Addr::from(octets));
    let first = *packet.first()?;
    let header = usize::from(first & 0x0f) * 4;
    let is_whole_udp = first >> 4 == 4
        && header >= IPV4_HEADER
        && *packet.get(9)? == UDP
        && u16_at(6)? & FRAGMENT == 0
        && checksum(packet.get(..header)?) == 0;
    if !is_whole_udp {
        return None;
    }
    let udp = packet.get(header..usize::from(u16_at(2)?))?;
    let length = usize::from(array(udp, 4).map(u16::from_be_bytes)?);
    Some(Datagram {
        source: ipv4_at(12)?,
        destination: ipv4_at(16)?,
        source_port: array(udp, 0).map(u16::from_be_bytes)?,
        destination_port: array(udp, 2).map(u16::from_be_bytes)?,
        payload: udp.get(UDP_HEADER..length)?,
    })
}

impl Arp {
    /// Encodes it; the target's MAC address is zero.
    pub fn encode(&self) -> Vec<u8> {
        let mut packet = ARP_HEADER.to_vec();
        packet.extend_from_slice(&[0, if self.is_reply { 2 } else { 1 }]);
        packet.extend_from_slice(&self.sender_mac);
        packet.extend_from_slice(&self.sender.octets());
        packet.extend_from_slice(&[0; 6]);
        packet.extend_from_slice(&self.target.octets());
        packet
    }

    /// Decodes one; `None` for other protocols and operations.
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let rest = packet.strip_prefix(&ARP_HEADER)?;
        let is_reply = match array(rest, 0)? {
            [0, 1] => false,
            [0, 2] => true,
            _ => return None,
        };
        let ip = |at| array(rest, at).map(|octets: [u8; 4]| Ipv4Addr::from(octets));
        Some(Self { is_reply, sender_mac: array(rest, 2)?, sender: ip(8)?, target: ip(18)? })
    }
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    use super::*;

    const REPLY: Datagram = Datagram {
        source: Ipv4Addr::new(10, 9, 0, 1),
        destination: Ipv4Addr::BROADCAST,
        source_port: 67,
        destination_port: 68,
        payload: b"hello",
    };

    #[test]
    fn damaged_packets_fragments_and_other_protocols_are_refused() {
        let packet = REPLY.encode();
        assert_eq!(datagram(&packet), Some(REPLY));
        // Ethernet fills short frames up.
        assert_eq!(datagram(&[&packet[..], &[0; 20]].concat()), Some(REPLY));
        // Version, header length, total length, fragment, protocol, address.
        for (at, byte) in [(0, 0x65), (0, 0x46), (3, 90), (6, 0x20), (7, 1), (9, 6), (12, 11)] {
            let mut damaged = packet.clone();
            damaged[at] = byte;
            assert_eq!(datagram(&damaged), None, "byte {at}");
        }
        assert_eq!(datagram(&packet[..packet.len() - 1]), None);
    }

    /// The example of RFC 1071 3: the words 0001 f203 f4f5 f6f7 have the sum ddf2.
    #[test]
    fn the_checksum_is_that_of_the_rfc() {
        assert_eq!(checksum(&[0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
    }

    #[test]
    fn an_arp_packet_reads_back() {
        let target = Ipv4Addr::new(10, 9, 0, 50);
        let probe =
            Arp { is_reply: false, sender_mac: [2, 0, 0, 0, 0, 1], sender: Ipv4Addr::UNSPECIFIED, target };
        assert_eq!(Arp::parse(&probe.encode()), Some(probe));
        assert_eq!(probe.encode().len(), 28);
        let mut other = probe.encode();
        other[7] = 3;
        assert_eq!(Arp::parse(&other), None);
    }

    proptest! {
        #[test]
        fn a_datagram_reads_back(payload in prop::collection::vec(any::<u8>(), 0..600), ports in any::<(u16, u16)>()) {
            let sent = Datagram { payload: &payload, source_port: ports.0, destination_port: ports.1, ..REPLY };
            let packet = sent.encode();
            prop_assert_eq!(datagram(&packet), Some(sent));
            // UDP's own checksum, with the pseudo header of RFC 768.
            let pseudo = [&packet[12..20], &[0, UDP], &packet[24..26]].concat();
            prop_assert_eq!(checksum(&[&pseudo[..], &packet[20..]].concat()), 0);
        }

        #[test]
        fn no_bytes_bring_it_down(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = (datagram(&bytes), Arp::parse(&bytes));
        }
    }
}
