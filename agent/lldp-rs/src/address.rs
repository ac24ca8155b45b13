// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::problem::Problem;
use crate::text::colons;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A 48-bit MAC address. Displays as `00:1b:21:aa:bb:cc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Problem> {
        Problem::check("MAC address", 6, 6, bytes.len())?;
        let mut address = [0; 6];
        address.copy_from_slice(bytes);
        Ok(Self(address))
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        colons(f, &self.0)
    }
}

/// An address with its family's number (IANA Address Family Numbers; 802.1AB-2016 8.5.2.3 and 8.5.9.3).
///
/// Displays as IPv4, IPv6 or MAC; addresses of other families in hexadecimal, after the family's number.
///
/// ```
/// use lldp_rs::NetworkAddress;
///
/// let address = NetworkAddress { family: 1, bytes: vec![192, 0, 2, 7] };
/// assert_eq!(address.to_string(), "192.0.2.7");
/// let address = NetworkAddress { family: 6, bytes: vec![0, 0x1b, 0x21, 1, 2, 3] };
/// assert_eq!(address.to_string(), "00:1b:21:01:02:03");
/// let address = NetworkAddress { family: 8, bytes: vec![0x15, 0x55] };
/// assert_eq!(address.to_string(), "family 8: 15:55");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NetworkAddress {
    /// [`IPV4`](Self::IPV4), [`IPV6`](Self::IPV6), [`MAC`](Self::MAC) or another number.
    pub family: u8,
    /// The address in network byte order: 4 bytes for IPv4, 16 for IPv6.
    pub bytes: Vec<u8>,
}

impl NetworkAddress {
    /// IP version 4.
    pub const IPV4: u8 = 1;
    /// IP version 6.
    pub const IPV6: u8 = 2;
    /// All 802 media.
    pub const MAC: u8 = 6;

    /// The address, when it is an IP address.
    pub fn ip(&self) -> Option<IpAddr> {
        match self.family {
            Self::IPV4 => <[u8; 4]>::try_from(&*self.bytes).ok().map(|ip| Ipv4Addr::from(ip).into()),
            Self::IPV6 => <[u8; 16]>::try_from(&*self.bytes).ok().map(|ip| Ipv6Addr::from(ip).into()),
            _ => None,
        }
    }

    /// Family and address, which fill `bytes`.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Problem> {
        let [family, address @ ..] = bytes else {
            return Err(Problem::TooShort { needed: 2, actual: 0 });
        };
        match *family {
            Self::IPV4 => Problem::check("IPv4 address", 4, 4, address.len())?,
            Self::IPV6 => Problem::check("IPv6 address", 16, 16, address.len())?,
            _ => Problem::check("network address", 1, 254, address.len())?,
        }
        Ok(Self { family: *family, bytes: address.into() })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.family);
        out.extend_from_slice(&self.bytes);
    }
}

impl From<IpAddr> for NetworkAddress {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(ip) => Self { family: Self::IPV4, bytes: ip.octets().into() },
            IpAddr::V6(ip) => Self { family: Self::IPV6, bytes: ip.octets().into() },
        }
    }
}

impl fmt::Display for NetworkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip() {
            Some(ip) => ip.fmt(f),
            None if self.family == Self::MAC => colons(f, &self.bytes),
            None => {
                write!(f, "family {}: ", self.family)?;
                colons(f, &self.bytes)
            }
        }
    }
}
