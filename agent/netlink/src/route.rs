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
const RTM_DELADDR: u16 = 21;
const RTM_GETADDR: u16 = 22;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const RTM_GETROUTE: u16 = 26;
const RTM_NEWRULE: u16 = 32;
const RTM_DELRULE: u16 = 33;

const NLM_F_REPLACE: u16 = 0x100;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_PERM_ADDRESS: u16 = 54;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_FLAGS: u16 = 8;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_PREFSRC: u16 = 7;
const RTA_TABLE: u16 = 15;
const FRA_SRC: u16 = 2;
const FRA_PRIORITY: u16 = 6;
const FRA_TABLE: u16 = 15;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const ARPHRD_ETHER: u16 = 1;
const IFF_UP: u32 = 0x1;
const IFF_LOWER_UP: u32 = 0x1_0000;
const IFA_F_TENTATIVE: u8 = 0x40;
const IFA_F_NOPREFIXROUTE: u32 = 0x200;
const RTNH_F_ONLINK: u32 = 4;
const FR_ACT_TO_TBL: u8 = 1;
const RT_TABLE_UNSPEC: u8 = 0;
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
    /// The link of this index has lost this address.
    AddressGone(u32, IpAddr),
    /// A route of the main table exists, or has changed.
    Route(Target),
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
    /// MTU in bytes; 0: not known.
    pub mtu: u32,
}

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// A route, of either family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// Gateway, of the family of `to`; `None`: the destination is on the link.
    pub via: Option<IpAddr>,
    /// Interface index.
    pub index: u32,
    /// Destination.
    pub to: IpAddr,
    /// Prefix length of the destination in bits.
    pub prefix: u8,
    /// Source address of what is sent, of the family of `to`.
    pub source: Option<IpAddr>,
    /// Metric: the lowest wins.
    pub metric: u32,
    /// Routing table; `None`: the main one.
    pub table: Option<u32>,
}

/// A rule: a routing table for what is sent from an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// Source address.
    pub from: IpAddr,
    /// Routing table.
    pub table: u32,
    /// Priority: the lowest is looked at first.
    pub priority: u32,
}

/// Requests all links; the responses end with [`Message::Done`].
pub fn dump_links() -> Vec<u8> {
    request(RTM_GETLINK, DUMP, &[0; 16], &[])
}

/// Requests all addresses; the responses end with [`Message::Done`].
pub fn dump_addresses() -> Vec<u8> {
    request(RTM_GETADDR, DUMP, &[0; 8], &[])
}

/// Requests all routes of both families; the responses end with [`Message::Done`].
pub fn dump_routes() -> Vec<u8> {
    request(RTM_GETROUTE, DUMP, &[0; 12], &[])
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

/// Gives a link an address. The kernel adds no route to its prefix: that route has no metric.
pub fn add_address(address: &Address) -> Vec<u8> {
    let mut attributes = address_attributes(address);
    attributes.extend(attribute(IFA_FLAGS, &IFA_F_NOPREFIXROUTE.to_ne_bytes()));
    request(RTM_NEWADDR, ACK | NLM_F_CREATE | NLM_F_REPLACE, &ifaddrmsg(address), &attributes)
}

/// Takes an address from a link.
pub fn remove_address(address: &Address) -> Vec<u8> {
    request(RTM_DELADDR, ACK, &ifaddrmsg(address), &address_attributes(address))
}

/// Adds a route. A gateway need not be in a prefix of the link (`RTNH_F_ONLINK`).
pub fn add_route(target: &Target) -> Vec<u8> {
    route_message(RTM_NEWROUTE, ACK | NLM_F_CREATE | NLM_F_REPLACE, target)
}

/// Removes a route.
pub fn remove_route(target: &Target) -> Vec<u8> {
    route_message(RTM_DELROUTE, ACK, target)
}

/// Adds a rule.
pub fn add_rule(rule: &Rule) -> Vec<u8> {
    rule_message(RTM_NEWRULE, ACK | NLM_F_CREATE | NLM_F_EXCL, rule)
}

/// Removes a rule.
pub fn remove_rule(rule: &Rule) -> Vec<u8> {
    rule_message(RTM_DELRULE, ACK, rule)
}

fn ifaddrmsg(address: &Address) -> Vec<u8> {
    let mut body = vec![family(address.ip), address.prefix, 0, RT_SCOPE_UNIVERSE];
    body.extend_from_slice(&address.index.to_ne_bytes());
    body
}

fn address_attributes(address: &Address) -> Vec<u8> {
    let octets = octets(address.ip);
    [attribute(IFA_LOCAL, &octets), attribute(IFA_ADDRESS, &octets)].concat()
}

fn route_message(kind: u16, flags: u16, target: &Target) -> Vec<u8> {
    let scope = match target.via {
        None if target.to.is_ipv4() => RT_SCOPE_LINK,
        _ => RT_SCOPE_UNIVERSE,
    };
    let mut body = vec![family(target.to), target.prefix, 0, 0];
    body.extend([if target.table.is_some() { RT_TABLE_UNSPEC } else { RT_TABLE_MAIN }]);
    body.extend([RTPROT_DHCP, scope, RTN_UNICAST]);
    body.extend(if target.via.is_some() { RTNH_F_ONLINK } else { 0 }.to_ne_bytes());
    let mut attributes = attribute(RTA_OIF, &target.index.to_ne_bytes());
    attributes.extend(attribute(RTA_PRIORITY, &target.metric.to_ne_bytes()));
    if let Some(table) = target.table {
        attributes.extend(attribute(RTA_TABLE, &table.to_ne_bytes()));
    }
    if target.prefix > 0 {
        attributes.extend(attribute(RTA_DST, &octets(target.to)));
    }
    for (kind, ip) in [(RTA_GATEWAY, target.via), (RTA_PREFSRC, target.source)] {
        attributes.extend(ip.map(|ip| attribute(kind, &octets(ip))).unwrap_or_default());
    }
    request(kind, flags, &body, &attributes)
}

/// `struct fib_rule_hdr`, include/uapi/linux/fib_rules.h.
fn rule_message(kind: u16, flags: u16, rule: &Rule) -> Vec<u8> {
    let octets = octets(rule.from);
    let body =
        [family(rule.from), 0, (octets.len() * 8) as u8, 0, RT_TABLE_UNSPEC, 0, 0, FR_ACT_TO_TBL, 0, 0, 0, 0];
    let attributes = [
        attribute(FRA_SRC, &octets),
        attribute(FRA_PRIORITY, &rule.priority.to_ne_bytes()),
        attribute(FRA_TABLE, &rule.table.to_ne_bytes()),
    ];
    request(kind, flags, &body, &attributes.concat())
}

fn family(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { AF_INET } else { AF_INET6 }
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
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
                mtu: find(attributes, IFLA_MTU).and_then(|bytes| u32_at(bytes, 0)).unwrap_or_default(),
            }))
        }
        // With a family it has only left a bridge.
        RTM_DELLINK if body.first() == Some(&0) => u32_at(body, 4).map(Message::Gone),
        RTM_NEWADDR | RTM_DELADDR => {
            let [_family, prefix, flags, scope, ..] = *body else { return None };
            let attributes = body.get(8..)?;
            let bytes = find(attributes, IFA_LOCAL).or_else(|| find(attributes, IFA_ADDRESS))?;
            let (index, ip) = (u32_at(body, 4)?, ip(bytes)?);
            let usable = scope == RT_SCOPE_UNIVERSE && flags & IFA_F_TENTATIVE == 0;
            Some(match message.kind {
                RTM_DELADDR => Message::AddressGone(index, ip),
                _ => Message::Address(Address { index, ip, prefix, usable }),
            })
        }
        RTM_NEWROUTE => parse_route(body).map(Message::Route),
        _ => None,
    }
}

/// A unicast route of the main table.
fn parse_route(body: &[u8]) -> Option<Target> {
    let [family, prefix, _, _, RT_TABLE_MAIN, _, _, RTN_UNICAST, ..] = *body else { return None };
    let attributes = body.get(12..)?;
    let unspecified = match family {
        AF_INET => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        AF_INET6 => IpAddr::from(Ipv6Addr::UNSPECIFIED),
        _ => return None,
    };
    let address = |kind| find(attributes, kind).and_then(ip);
    Some(Target {
        via: address(RTA_GATEWAY),
        index: find(attributes, RTA_OIF).and_then(|bytes| u32_at(bytes, 0))?,
        to: address(RTA_DST).unwrap_or(unspecified),
        prefix,
        source: address(RTA_PREFSRC),
        metric: find(attributes, RTA_PRIORITY).and_then(|bytes| u32_at(bytes, 0)).unwrap_or(0),
        table: None,
    })
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
        for (ip, prefix) in [("10.9.0.50", 24), ("2001:db8::7", 64)] {
            let address = Address { index: 7, ip: ip.parse().unwrap(), prefix, usable: true };
            assert_eq!(parse(&add_address(&address)), [Message::Address(address)]);
        }
    }

    #[test]
    fn a_route_that_is_set_reads_back() {
        for (to, via) in [("0.0.0.0", "10.9.0.1"), ("2001:db8::", "fe80::1")] {
            let (to, via) = (to.parse().unwrap(), via.parse().ok());
            let prefix = if via.is_some_and(|via: IpAddr| via.is_ipv6()) { 32 } else { 0 };
            let target = Target { via, index: 3, to, prefix, source: None, metric: 512, table: None };
            assert_eq!(parse(&add_route(&target)), [Message::Route(target)]);
            // Those of other tables are not shown.
            assert_eq!(parse(&add_route(&Target { table: Some(7), ..target })), []);
        }
    }

    #[test]
    fn several_messages_in_one_datagram_are_all_read() {
        let link = request(
            RTM_NEWLINK,
            0,
            &ifinfomsg(2, IFF_UP | IFF_LOWER_UP),
            &[
                attribute(IFLA_ADDRESS, &[2, 0, 0, 0, 0, 7]),
                attribute(IFLA_IFNAME, b"eth0\0"),
                attribute(IFLA_MTU, &9000_u32.to_ne_bytes()),
            ]
            .concat(),
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
            mtu: 9000,
        };
        let expected = [Message::Link(link), Message::Gone(3), Message::Answer(-17), Message::Done];
        assert_eq!(messages, expected);
    }

    #[test]
    fn every_message_has_the_length_in_its_header() {
        let ip = IpAddr::from(Ipv4Addr::LOCALHOST);
        let to = IpAddr::from(Ipv4Addr::UNSPECIFIED);
        let target =
            Target { index: 3, to, prefix: 0, via: Some(ip), source: Some(ip), metric: 100, table: Some(7) };
        let rule = Rule { from: ip, table: 7, priority: 1000 };
        for message in [
            link_up(3),
            link_mtu(3, 9000),
            add_route(&target),
            remove_route(&target),
            add_rule(&rule),
            remove_rule(&rule),
            dump_links(),
            dump_addresses(),
            dump_routes(),
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
