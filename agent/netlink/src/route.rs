// SPDX-License-Identifier: MIT OR Apache-2.0
//! rtnetlink: links, addresses and routes (rtnetlink(7), include/uapi/linux/rtnetlink.h, if_link.h and if_addr.h).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::message::{self, ACK, DUMP, attribute, find, request, u16_at, u32_at};

/// `RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR`: notifications about links and addresses.
pub const GROUPS: u32 = 0x1 | 0x10 | 0x100;

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const RTM_NEWROUTE: u16 = 24;

const NLM_F_REPLACE: u16 = 0x100;
const NLM_F_CREATE: u16 = 0x400;

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_PERM_ADDRESS: u16 = 54;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;

const AF_INET: u8 = 2;
const ARPHRD_ETHER: u16 = 1;
const IFF_UP: u32 = 0x1;
const IFF_LOWER_UP: u32 = 0x1_0000;
const IFA_F_TENTATIVE: u8 = 0x40;
const RT_SCOPE_UNIVERSE: u8 = 0;
const RT_SCOPE_LINK: u8 = 253;
const RT_TABLE_MAIN: u8 = 254;
const RTPROT_DHCP: u8 = 16;
const RTN_UNICAST: u8 = 1;

/// A message from the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A link exists, or has changed.
    Link(Link),
    /// The link of this index was removed.
    Gone(u32),
    /// An address exists, or has changed.
    Address(Address),
    /// The end of a dump.
    Done,
    /// The acknowledgement of a request: 0, or a negative errno.
    Answer(i32),
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Interface index.
    pub index: u32,
    /// Interface name.
    pub name: String,
    /// Whether its frames are those of Ethernet.
    pub ethernet: bool,
    /// Its MAC address now, where it has one.
    pub mac: Option<[u8; 6]>,
    /// The MAC address that it keeps as a member of a bond, where the driver knows it.
    pub permanent_mac: Option<[u8; 6]>,
    /// Administratively up (`IFF_UP`).
    pub up: bool,
    /// Has carrier (`IFF_LOWER_UP`).
    pub carrier: bool,
}

/// An address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Interface index.
    pub index: u32,
    /// The address.
    pub ip: IpAddr,
    /// Prefix length in bits.
    pub prefix: u8,
    /// Of global scope, and duplicate address detection is complete.
    pub usable: bool,
}

/// Requests all links; the responses end with [`Message::Done`].
pub fn dump_links() -> Vec<u8> {
    request(RTM_GETLINK, DUMP, &[0; 16], &[])
}

/// Requests all addresses; the responses end with [`Message::Done`].
pub fn dump_addresses() -> Vec<u8> {
    request(RTM_GETADDR, DUMP, &[0; 8], &[])
}

/// Sets a link up.
pub fn link_up(index: u32) -> Vec<u8> {
    request(RTM_NEWLINK, ACK, &ifinfomsg(index, IFF_UP), &[])
}

/// Sets a link's MTU in bytes.
pub fn link_mtu(index: u32, mtu: u16) -> Vec<u8> {
    let attributes = attribute(IFLA_MTU, &u32::from(mtu).to_ne_bytes());
    request(RTM_NEWLINK, ACK, &ifinfomsg(index, 0), &attributes)
}

/// Gives a link an IPv4 address.
pub fn add_address(index: u32, ip: Ipv4Addr, prefix: u8) -> Vec<u8> {
    let mut body = vec![AF_INET, prefix, 0, RT_SCOPE_UNIVERSE];
    body.extend_from_slice(&index.to_ne_bytes());
    let attributes = [attribute(IFA_LOCAL, &ip.octets()), attribute(IFA_ADDRESS, &ip.octets())].concat();
    request(RTM_NEWADDR, ACK | NLM_F_CREATE | NLM_F_REPLACE, &body, &attributes)
}

/// Adds an IPv4 route; without a gateway the destination is on the link.
pub fn add_route(index: u32, to: Ipv4Addr, prefix: u8, via: Option<Ipv4Addr>, metric: u32) -> Vec<u8> {
    let scope = if via.is_some() { RT_SCOPE_UNIVERSE } else { RT_SCOPE_LINK };
    let body = [AF_INET, prefix, 0, 0, RT_TABLE_MAIN, RTPROT_DHCP, scope, RTN_UNICAST, 0, 0, 0, 0];
    let mut attributes = attribute(RTA_OIF, &index.to_ne_bytes());
    attributes.extend(attribute(RTA_PRIORITY, &metric.to_ne_bytes()));
    if prefix > 0 {
        attributes.extend(attribute(RTA_DST, &to.octets()));
    }
    if let Some(via) = via {
        attributes.extend(attribute(RTA_GATEWAY, &via.octets()));
    }
    request(RTM_NEWROUTE, ACK | NLM_F_CREATE | NLM_F_REPLACE, &body, &attributes)
}

/// Decodes the messages of a datagram from the kernel. Messages of other types, and damaged ones, are skipped.
pub fn parse(datagram: &[u8]) -> Vec<Message> {
    message::messages(datagram).filter_map(parse_one).collect()
}

fn parse_one(message: message::Message) -> Option<Message> {
    let body = message.body;
    match message.kind {
        message::DONE => Some(Message::Done),
        message::ERROR => message.code().map(Message::Answer),
        RTM_NEWLINK => {
            let flags = u32_at(body, 8)?;
            let attributes = body.get(16..)?;
            let mac = |kind| find(attributes, kind)?.try_into().ok();
            Some(Message::Link(Link {
                index: u32_at(body, 4)?,
                name: message::text(find(attributes, IFLA_IFNAME)?),
                ethernet: u16_at(body, 2)? == ARPHRD_ETHER,
                mac: mac(IFLA_ADDRESS),
                permanent_mac: mac(IFLA_PERM_ADDRESS),
                up: flags & IFF_UP != 0,
                carrier: flags & IFF_LOWER_UP != 0,
            }))
        }
        // With a family it has only left a bridge.
        RTM_DELLINK if body.first() == Some(&0) => u32_at(body, 4).map(Message::Gone),
        RTM_NEWADDR => {
            let [_family, prefix, flags, scope, ..] = *body else { return None };
            let attributes = body.get(8..)?;
            let bytes = find(attributes, IFA_LOCAL).or_else(|| find(attributes, IFA_ADDRESS))?;
            let usable = scope == RT_SCOPE_UNIVERSE && flags & IFA_F_TENTATIVE == 0;
            Some(Message::Address(Address { index: u32_at(body, 4)?, ip: ip(bytes)?, prefix, usable }))
        }
        _ => None,
    }
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(|octets| Ipv4Addr::from(octets).into()),
        16 => <[u8; 16]>::try_from(bytes).ok().map(|octets| Ipv6Addr::from(octets).into()),
        _ => None,
    }
}

fn ifinfomsg(index: u32, flags: u32) -> [u8; 16] {
    let mut body = [0; 16];
    body[4..8].copy_from_slice(&index.to_ne_bytes());
    body[8..12].copy_from_slice(&flags.to_ne_bytes());
    body[12..16].copy_from_slice(&flags.to_ne_bytes());
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    #[test]
    fn an_address_that_is_set_reads_back() {
        let sent = add_address(7, Ipv4Addr::new(10, 9, 0, 50), 24);
        let address = Address { index: 7, ip: Ipv4Addr::new(10, 9, 0, 50).into(), prefix: 24, usable: true };
        assert_eq!(parse(&sent), [Message::Address(address)]);
    }

    #[test]
    fn several_messages_in_one_datagram_are_all_read() {
        let link = request(
            RTM_NEWLINK,
            0,
            &ifinfomsg(2, IFF_UP | IFF_LOWER_UP),
            &[attribute(IFLA_ADDRESS, &[2, 0, 0, 0, 0, 7]), attribute(IFLA_IFNAME, b"eth0\0")].concat(),
        );
        let gone = request(RTM_DELLINK, 0, &ifinfomsg(3, 0), &[]);
        let answer = request(message::ERROR, 0, &(-17_i32).to_ne_bytes(), &[]);
        let messages = parse(&[link, gone, answer, request(message::DONE, 0, &[0; 4], &[])].concat());
        let link = Link {
            index: 2,
            name: "eth0".to_string(),
            ethernet: false,
            mac: Some([2, 0, 0, 0, 0, 7]),
            permanent_mac: None,
            up: true,
            carrier: true,
        };
        let expected = [Message::Link(link), Message::Gone(3), Message::Answer(-17), Message::Done];
        assert_eq!(messages, expected);
    }

    #[test]
    fn every_message_has_the_length_in_its_header() {
        for message in [
            link_up(3),
            link_mtu(3, 9000),
            add_route(3, Ipv4Addr::UNSPECIFIED, 0, Some(Ipv4Addr::LOCALHOST), 100),
            dump_links(),
            dump_addresses(),
        ] {
            assert_eq!(u32_at(&message, 0), Some(message.len() as u32));
        }
    }

    proptest! {
        #[test]
        fn any_datagram_is_decoded_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }
}
