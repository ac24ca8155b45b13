// SPDX-License-Identifier: MIT OR Apache-2.0
//! Links that are made: VLANs and bonds (include/uapi/linux/if_link.h, if_bonding.h).

use crate::message::{ACK, attribute, request};

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_VLAN_ID: u16 = 1;
/// Set in the type of an attribute that has attributes.
const NLA_F_NESTED: u16 = 0x8000;
const IFF_UP: u32 = 0x1;

/// The parameters of a bond, with the numbers that the kernel has for them (Documentation/networking/bonding.rst).
/// `None`: the kernel's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bond {
    /// Mode, 0 (balance-rr) to 6 (balance-alb); 4 is 802.3ad.
    pub mode: u8,
    /// Milliseconds between checks of the members' carrier.
    pub miimon: Option<u32>,
    /// Milliseconds that a member has carrier before it is used.
    pub updelay: Option<u32>,
    /// Milliseconds without carrier before a member is no longer used.
    pub downdelay: Option<u32>,
    /// LACP rate: 0 slow, 1 fast.
    pub lacp_rate: Option<u8>,
    /// Transmit hash policy: 0 layer2, 1 layer3+4, 2 layer2+3, 3 encap2+3, 4 encap3+4, 5 vlan+srcmac.
    pub xmit_hash_policy: Option<u8>,
    /// How many members must have carrier for the bond to have it.
    pub min_links: Option<u32>,
    /// Selection of the aggregator: 0 stable, 1 bandwidth, 2 count.
    pub ad_select: Option<u8>,
    /// Which MAC address the members have: 0 none (all the same), 1 active, 2 follow.
    pub fail_over_mac: Option<u8>,
}

/// Makes a VLAN on the link of index `parent`.
pub fn add_vlan(name: &str, parent: u32, id: u16) -> Vec<u8> {
    let data = attribute(IFLA_VLAN_ID, &id.to_ne_bytes());
    let link = attribute(IFLA_LINK, &parent.to_ne_bytes());
    add(name, "vlan", &data, &link)
}

/// Makes a bond without members.
pub fn add_bond(name: &str, bond: &Bond) -> Vec<u8> {
    // In the kernel's order: the delays need miimon, and what is for one mode needs the mode.
    let byte = |kind, value: Option<u8>| value.map(|value| attribute(kind, &[value])).unwrap_or_default();
    let number = |kind, value: Option<u32>| {
        value.map(|value| attribute(kind, &value.to_ne_bytes())).unwrap_or_default()
    };
    let data = [
        byte(1, Some(bond.mode)),
        number(3, bond.miimon),
        number(4, bond.updelay),
        number(5, bond.downdelay),
        byte(13, bond.fail_over_mac),
        byte(14, bond.xmit_hash_policy),
        number(18, bond.min_links),
        byte(21, bond.lacp_rate),
        byte(22, bond.ad_select),
    ];
    add(name, "bond", &data.concat(), &[])
}

/// Makes the link of index `member` a member of the bond of index `bond`; it must be down.
pub fn join_bond(member: u32, bond: u32) -> Vec<u8> {
    request(RTM_NEWLINK, ACK, &ifinfomsg(member, 0, 0), &attribute(IFLA_MASTER, &bond.to_ne_bytes()))
}

/// Sets a link down.
pub fn link_down(index: u32) -> Vec<u8> {
    request(RTM_NEWLINK, ACK, &ifinfomsg(index, 0, IFF_UP), &[])
}

/// Removes the link of this name.
pub fn remove(name: &str) -> Vec<u8> {
    let attributes = attribute(IFLA_IFNAME, &[name.as_bytes(), b"\0"].concat());
    request(RTM_DELLINK, ACK, &ifinfomsg(0, 0, 0), &attributes)
}

/// Gives a link a MAC address; most drivers need it down.
pub fn set_mac(index: u32, mac: [u8; 6]) -> Vec<u8> {
    request(RTM_NEWLINK, ACK, &ifinfomsg(index, 0, 0), &attribute(IFLA_ADDRESS, &mac))
}

fn add(name: &str, kind: &str, data: &[u8], more: &[u8]) -> Vec<u8> {
    let info = [attribute(IFLA_INFO_KIND, kind.as_bytes()), attribute(IFLA_INFO_DATA | NLA_F_NESTED, data)];
    let attributes = [
        attribute(IFLA_IFNAME, &[name.as_bytes(), b"\0"].concat()),
        more.to_vec(),
        attribute(IFLA_LINKINFO | NLA_F_NESTED, &info.concat()),
    ];
    request(RTM_NEWLINK, ACK | NLM_F_CREATE | NLM_F_EXCL, &ifinfomsg(0, 0, 0), &attributes.concat())
}

/// `struct ifinfomsg` with the flags that are set or cleared: those in `change`.
fn ifinfomsg(index: u32, flags: u32, change: u32) -> [u8; 16] {
    let mut body = [0; 16];
    body[4..8].copy_from_slice(&index.to_ne_bytes());
    body[8..12].copy_from_slice(&flags.to_ne_bytes());
    body[12..16].copy_from_slice(&change.to_ne_bytes());
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{attributes, find, messages, text, u32_at};

    fn body(sent: &[u8]) -> Vec<u8> {
        let message = messages(sent).next().unwrap();
        assert_eq!((message.kind, u32_at(sent, 0)), (RTM_NEWLINK, Some(sent.len() as u32)));
        message.body.to_vec()
    }

    fn data(sent: &[u8], kind: &[u8]) -> Vec<(u16, Vec<u8>)> {
        let body = body(sent);
        let info = find(&body[16..], IFLA_LINKINFO).unwrap();
        assert_eq!(find(info, IFLA_INFO_KIND), Some(kind));
        let data = find(info, IFLA_INFO_DATA).unwrap();
        attributes(data).map(|(kind, value)| (kind, value.to_vec())).collect()
    }

    #[test]
    fn a_vlan_has_a_name_a_parent_and_an_id() {
        let sent = add_vlan("bond0.120", 7, 120);
        assert_eq!(find(&body(&sent)[16..], IFLA_IFNAME).map(text).as_deref(), Some("bond0.120"));
        assert_eq!(find(&body(&sent)[16..], IFLA_LINK), Some(&7_u32.to_ne_bytes()[..]));
        assert_eq!(data(&sent, b"vlan"), [(IFLA_VLAN_ID, 120_u16.to_ne_bytes().to_vec())]);
    }

    #[test]
    fn a_bond_has_the_parameters_that_are_set_and_no_others() {
        let number = |value: u32| value.to_ne_bytes().to_vec();
        let bond =
            Bond { mode: 4, miimon: Some(100), lacp_rate: Some(1), min_links: Some(1), ..Bond::default() };
        let expected = [(1, vec![4]), (3, number(100)), (18, number(1)), (21, vec![1])];
        assert_eq!(data(&add_bond("bond0", &bond), b"bond"), expected);
        assert_eq!(data(&add_bond("bond0", &Bond::default()), b"bond"), [(1, vec![0])]);
    }

    #[test]
    fn a_member_joins_and_is_set_down_before() {
        let joined = body(&join_bond(3, 9));
        assert_eq!(
            (u32_at(&joined, 4), find(&joined[16..], IFLA_MASTER)),
            (Some(3), Some(&9_u32.to_ne_bytes()[..]))
        );
        let down = body(&link_down(3));
        assert_eq!((u32_at(&down, 8), u32_at(&down, 12)), (Some(0), Some(IFF_UP)));
    }
}
