// SPDX-License-Identifier: MIT OR Apache-2.0
//! LAN parameters 50 to 56, 59, 64, 65, 67, 68, 73 and 74: IPv6 (IPMI 2.0, table 23-4, as of errata 5).

use std::net::Ipv6Addr;

use super::LanParameter;
use crate::codes::codes;
use crate::{Malformed, Parameter, Reader, Writable};

/// Parameter 50: what the BMC can do with IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6Support {
    /// IPv6 alone, with IPv4 disabled.
    pub ipv6_only: bool,
    /// IPv6 and IPv4 at the same time.
    pub dual_stack: bool,
    /// Alerts are sent to IPv6 addresses.
    pub alerting: bool,
}

codes! {
    /// Parameter 51: which of the two is on.
    pub enum Ipv6Enables {
        /// IPv4.
        Ipv4 = 0,
        /// IPv6.
        Ipv6 = 1,
        /// Both.
        Both = 2,
    }
}

/// Parameter 52: the traffic class of packets that the BMC sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6TrafficClass(pub u8);

/// Parameter 53: their hop limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6HopLimit(pub u8);

/// Parameter 54: their flow label, 20 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6FlowLabel(pub u32);

/// Parameter 55: how many addresses there may be, and where from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6Status {
    /// The most entries of [`Ipv6StaticAddress`].
    pub static_addresses: u8,
    /// The most entries of [`Ipv6DynamicAddress`].
    pub dynamic_addresses: u8,
    /// It can use DHCPv6.
    pub dhcp: bool,
    /// It can configure itself by router advertisements.
    pub slaac: bool,
}

/// Parameter 56: a static address. A list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6StaticAddress(pub Ipv6Entry);

/// Parameter 59: an address from DHCPv6 or SLAAC. A list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6DynamicAddress(pub Ipv6Entry);

/// An address of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6Entry {
    /// Its number in the list, the set selector.
    pub set: u8,
    /// It is in use. Without meaning in a dynamic address.
    pub is_enabled: bool,
    /// Where it comes from.
    pub source: Ipv6Source,
    /// The address; `::` if there is none.
    pub address: Ipv6Addr,
    /// Prefix length in bits.
    pub prefix: u8,
    /// Its state; read-only.
    pub status: Ipv6EntryStatus,
}

codes! {
    /// Where an address comes from.
    pub enum Ipv6Source {
        /// Configured by hand.
        Static = 0,
        /// A router advertises its prefix.
        Slaac = 1,
        /// DHCPv6.
        Dhcp = 2,
    }
}

codes! {
    /// The state of an address.
    pub enum Ipv6EntryStatus {
        /// In use.
        Active = 0,
        /// Not in use.
        Disabled = 1,
        /// Duplicate address detection is running.
        Pending = 2,
        /// Duplicate: another host has it.
        Failed = 3,
        /// Its preferred lifetime has ended.
        Deprecated = 4,
        /// Its valid lifetime has ended.
        Invalid = 5,
    }
}

/// Parameter 64: which routers are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6RouterControl {
    /// Static routers.
    pub is_static: bool,
    /// Routers from router advertisements.
    pub is_dynamic: bool,
}

/// Parameter 65: the first static router; `::` is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6Router(pub Ipv6Addr);

/// Parameter 67: the length of the prefix that this router leads to; 0 is anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6RouterPrefixLength(pub u8);

/// Parameter 68: the prefix that this router leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6RouterPrefix(pub Ipv6Addr);

/// Parameter 73: how many entries [`Ipv6DynamicRouter`] has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6DynamicRouterCount(pub u8);

/// Parameter 74: a router from a router advertisement. A list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6DynamicRouter(pub Ipv6Addr);

impl LanParameter for Ipv6Support {}

impl Parameter for Ipv6Support {
    const NAME: &'static str = "LAN parameter 50, IPv6 support";
    const NUMBER: u8 = 50;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let support = reader.byte("IPv6 support")?;
        Ok(Self {
            ipv6_only: support & 0x01 != 0,
            dual_stack: support & 0x02 != 0,
            alerting: support & 0x04 != 0,
        })
    }
}

impl LanParameter for Ipv6Enables {}

impl Parameter for Ipv6Enables {
    const NAME: &'static str = "LAN parameter 51, IPv6 enables";
    const NUMBER: u8 = 51;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.byte("IPv6 enables").map(Self::from)
    }
}

impl Writable for Ipv6Enables {
    fn encode(&self) -> Vec<u8> {
        vec![(*self).into()]
    }
}

macro_rules! bytes {
    ($($name:ident = $number:literal, $text:literal;)+) => {$(
        impl LanParameter for $name {}

        impl Parameter for $name {
            const NAME: &'static str = concat!("LAN parameter ", $number, ", ", $text);
            const NUMBER: u8 = $number;

            fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
                reader.byte($text).map(Self)
            }
        }
    )+};
}

bytes! {
    Ipv6TrafficClass = 52, "IPv6 header static traffic class";
    Ipv6HopLimit = 53, "IPv6 header static hop limit";
    Ipv6RouterPrefixLength = 67, "IPv6 static router 1 prefix length";
    Ipv6DynamicRouterCount = 73, "number of IPv6 dynamic routers";
}

impl Writable for Ipv6TrafficClass {
    fn encode(&self) -> Vec<u8> {
        vec![self.0]
    }
}

impl Writable for Ipv6HopLimit {
    fn encode(&self) -> Vec<u8> {
        vec![self.0]
    }
}

impl Writable for Ipv6RouterPrefixLength {
    fn encode(&self) -> Vec<u8> {
        vec![self.0]
    }
}

impl LanParameter for Ipv6FlowLabel {}

impl Parameter for Ipv6FlowLabel {
    const NAME: &'static str = "LAN parameter 54, IPv6 header flow label";
    const NUMBER: u8 = 54;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let [high, middle, low] = reader.array("IPv6 header flow label")?;
        Ok(Self(u32::from_be_bytes([0, high & 0x0f, middle, low])))
    }
}

impl Writable for Ipv6FlowLabel {
    fn encode(&self) -> Vec<u8> {
        let [_, high, middle, low] = self.0.to_be_bytes();
        vec![high & 0x0f, middle, low]
    }
}

impl LanParameter for Ipv6Status {}

impl Parameter for Ipv6Status {
    const NAME: &'static str = "LAN parameter 55, IPv6 status";
    const NUMBER: u8 = 55;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let [static_addresses, dynamic_addresses, support] = reader.array("IPv6 status")?;
        Ok(Self {
            static_addresses,
            dynamic_addresses,
            dhcp: support & 0x01 != 0,
            slaac: support & 0x02 != 0,
        })
    }
}

impl LanParameter for Ipv6StaticAddress {}

impl Parameter for Ipv6StaticAddress {
    const NAME: &'static str = "LAN parameter 56, IPv6 static addresses";
    const NUMBER: u8 = 56;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ipv6Entry::decode(reader).map(Self)
    }
}

impl Writable for Ipv6StaticAddress {
    /// With a last byte for the status, which OpenBMC requires and all BMCs ignore.
    fn encode(&self) -> Vec<u8> {
        let Ipv6Entry { set, is_enabled, source, address, prefix, status: _ } = self.0;
        let mut data = vec![set, u8::from(is_enabled) << 7 | u8::from(source) & 0x0f];
        data.extend(address.octets());
        data.extend([prefix, 0]);
        data
    }
}

impl LanParameter for Ipv6DynamicAddress {}

impl Parameter for Ipv6DynamicAddress {
    const NAME: &'static str = "LAN parameter 59, IPv6 dynamic addresses";
    const NUMBER: u8 = 59;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ipv6Entry::decode(reader).map(Self)
    }
}

impl LanParameter for Ipv6RouterControl {}

impl Parameter for Ipv6RouterControl {
    const NAME: &'static str = "LAN parameter 64, IPv6 router address configuration control";
    const NUMBER: u8 = 64;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let control = reader.byte("IPv6 router control")?;
        Ok(Self { is_static: control & 0x01 != 0, is_dynamic: control & 0x02 != 0 })
    }
}

impl Writable for Ipv6RouterControl {
    fn encode(&self) -> Vec<u8> {
        vec![u8::from(self.is_static) | u8::from(self.is_dynamic) << 1]
    }
}

impl LanParameter for Ipv6Router {}

impl Parameter for Ipv6Router {
    const NAME: &'static str = "LAN parameter 65, IPv6 static router 1 address";
    const NUMBER: u8 = 65;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        address(reader, "IPv6 static router 1 address").map(Self)
    }
}

impl Writable for Ipv6Router {
    fn encode(&self) -> Vec<u8> {
        self.0.octets().to_vec()
    }
}

impl LanParameter for Ipv6RouterPrefix {}

impl Parameter for Ipv6RouterPrefix {
    const NAME: &'static str = "LAN parameter 68, IPv6 static router 1 prefix";
    const NUMBER: u8 = 68;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        address(reader, "IPv6 static router 1 prefix").map(Self)
    }
}

impl Writable for Ipv6RouterPrefix {
    fn encode(&self) -> Vec<u8> {
        self.0.octets().to_vec()
    }
}

impl LanParameter for Ipv6DynamicRouter {}

impl Parameter for Ipv6DynamicRouter {
    const NAME: &'static str = "LAN parameter 74, IPv6 dynamic router address";
    const NUMBER: u8 = 74;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.byte("set selector")?;
        address(reader, "IPv6 dynamic router address").map(Self)
    }
}

impl Ipv6Entry {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let set = reader.byte("set selector")?;
        let source = reader.byte("IPv6 address source")?;
        Ok(Self {
            set,
            is_enabled: source & 0x80 != 0,
            source: Ipv6Source::from(source & 0x0f),
            address: address(reader, "IPv6 address")?,
            prefix: reader.byte("IPv6 prefix length")?,
            status: reader.byte("IPv6 address status")?.into(),
        })
    }
}

fn address(reader: &mut Reader<'_>, field: &'static str) -> Result<Ipv6Addr, Malformed> {
    reader.array::<16>(field).map(Ipv6Addr::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;
    use crate::transport::{GetLanParameter, SetLanParameter};

    const ADDRESS: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10);

    fn decode<P: Parameter>(bytes: &[u8]) -> P {
        P::decode(&mut Reader::new(bytes)).unwrap()
    }

    #[test]
    fn support_and_status_are_read() {
        let support = decode::<Ipv6Support>(&[0x06]);
        assert_eq!(support, Ipv6Support { ipv6_only: false, dual_stack: true, alerting: true });
        let status = decode::<Ipv6Status>(&[1, 16, 0x01]);
        assert!(status.dhcp && !status.slaac);
        assert_eq!((status.static_addresses, status.dynamic_addresses), (1, 16));
    }

    #[test]
    fn an_address_goes_there_and_back() {
        let get = GetLanParameter::<Ipv6StaticAddress>::entry(1, 2);
        assert_eq!(get.data(), [1, 56, 2, 0]);
        let mut bytes = vec![2, 0x80];
        bytes.extend(ADDRESS.octets());
        bytes.extend([64, 0]);
        let value = get.answer(&[&[0x11], bytes.as_slice()].concat()).unwrap();
        let entry = Ipv6Entry {
            set: 2,
            is_enabled: true,
            source: Ipv6Source::Static,
            address: ADDRESS,
            prefix: 64,
            status: Ipv6EntryStatus::Active,
        };
        assert_eq!(value, Ipv6StaticAddress(entry));
        assert_eq!(SetLanParameter { channel: 1, value }.data(), [&[1, 56], bytes.as_slice()].concat());
        bytes[1] = 0x02;
        bytes[19] = 0x02;
        let Ipv6DynamicAddress(entry) = decode(&bytes);
        assert_eq!((entry.source, entry.status), (Ipv6Source::Dhcp, Ipv6EntryStatus::Pending));
        assert!(Ipv6DynamicAddress::decode(&mut Reader::new(&bytes[..19])).is_err());
    }

    #[test]
    fn what_can_be_written_comes_back() {
        fn there_and_back<P: Writable + PartialEq + std::fmt::Debug>(value: P, bytes: &[u8]) {
            assert_eq!(value.encode(), bytes, "{}", P::NAME);
            assert_eq!(decode::<P>(bytes), value, "{}", P::NAME);
        }
        there_and_back(Ipv6Enables::Both, &[2]);
        there_and_back(Ipv6TrafficClass(7), &[7]);
        there_and_back(Ipv6HopLimit(64), &[64]);
        there_and_back(Ipv6FlowLabel(0x000a_bcde), &[0x0a, 0xbc, 0xde]);
        there_and_back(Ipv6RouterControl { is_static: true, is_dynamic: false }, &[1]);
        there_and_back(Ipv6RouterControl { is_static: false, is_dynamic: true }, &[2]);
        there_and_back(Ipv6Router(ADDRESS), &ADDRESS.octets());
        there_and_back(Ipv6RouterPrefixLength(48), &[48]);
        there_and_back(Ipv6RouterPrefix(ADDRESS), &ADDRESS.octets());
    }

    #[test]
    fn routers_that_advertise_themselves_are_read() {
        assert_eq!(decode::<Ipv6DynamicRouterCount>(&[3]), Ipv6DynamicRouterCount(3));
        assert_eq!(GetLanParameter::<Ipv6DynamicRouter>::entry(1, 1).data(), [1, 74, 1, 0]);
        let bytes = [&[1], ADDRESS.octets().as_slice()].concat();
        assert_eq!(decode::<Ipv6DynamicRouter>(&bytes), Ipv6DynamicRouter(ADDRESS));
    }
}
