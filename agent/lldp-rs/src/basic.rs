// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::address::NetworkAddress;
use crate::problem::Problem;
use crate::read::Reader;
use alloc::vec::Vec;
use core::fmt;

/// Functions that a device supports, and those that are enabled (802.1AB-2016 8.5.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SystemCapabilities {
    /// Supported functions.
    pub capable: Capabilities,
    /// Enabled functions.
    pub enabled: Capabilities,
}

impl SystemCapabilities {
    pub(crate) fn decode(info: &[u8]) -> Result<Self, Problem> {
        let mut reader = Reader::new(info);
        Ok(Self { capable: Capabilities(reader.u16()?), enabled: Capabilities(reader.u16()?) })
    }

    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        out.extend(self.capable.0.to_be_bytes());
        out.extend(self.enabled.0.to_be_bytes());
    }
}

/// A set of functions of a device (802.1AB-2016 Table 8-4). Displays as `bridge, router`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Capabilities(pub u16);

impl Capabilities {
    /// None of the others.
    pub const OTHER: Self = Self(1 << 0);
    /// Repeater (RFC 2108).
    pub const REPEATER: Self = Self(1 << 1);
    /// MAC bridge component (802.1Q).
    pub const BRIDGE: Self = Self(1 << 2);
    /// 802.11 access point.
    pub const WLAN_ACCESS_POINT: Self = Self(1 << 3);
    /// Router (RFC 1812).
    pub const ROUTER: Self = Self(1 << 4);
    /// Telephone (RFC 4293).
    pub const TELEPHONE: Self = Self(1 << 5);
    /// DOCSIS cable device (RFC 4639, RFC 4546).
    pub const DOCSIS: Self = Self(1 << 6);
    /// An end station, and nothing else.
    pub const STATION: Self = Self(1 << 7);
    /// C-VLAN component of a VLAN bridge (802.1Q).
    pub const C_VLAN: Self = Self(1 << 8);
    /// S-VLAN component of a VLAN bridge (802.1Q).
    pub const S_VLAN: Self = Self(1 << 9);
    /// Two-port MAC relay component (802.1Q).
    pub const TWO_PORT_MAC_RELAY: Self = Self(1 << 10);

    const NAMES: [&str; 11] = [
        "other",
        "repeater",
        "bridge",
        "wlan-access-point",
        "router",
        "telephone",
        "docsis",
        "station",
        "c-vlan",
        "s-vlan",
        "two-port-mac-relay",
    ];

    /// Whether all of `other` are in this set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names of those that the standard defines; reserved bits have none.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        (0..).zip(Self::NAMES).filter(move |(bit, _)| self.0 & (1 << bit) != 0).map(|(_, name)| name)
    }
}

impl core::ops::BitOr for Capabilities {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.names().collect::<Vec<_>>().join(", "))
    }
}

/// Where a device is managed (802.1AB-2016 8.5.9).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ManagementAddress {
    /// The address.
    pub address: NetworkAddress,
    /// What the interface number counts.
    pub numbering: InterfaceNumbering,
    /// The interface that has the address; zero when unknown.
    pub interface: u32,
    /// What kind of hardware or protocol has the address; mostly empty.
    pub oid: ObjectId,
}

impl ManagementAddress {
    pub(crate) fn decode(info: &[u8]) -> Result<Self, Problem> {
        let mut reader = Reader::new(info);
        // 8.5.9.2: address family number and 1 to 31 bytes of address.
        let length = usize::from(reader.u8()?);
        Problem::check("management address", 2, 32, length)?;
        let address = NetworkAddress::decode(reader.take(length)?)?;
        let numbering = InterfaceNumbering::from(reader.u8()?);
        let interface = reader.u32()?;
        let length = usize::from(reader.u8()?);
        Ok(Self { address, numbering, interface, oid: ObjectId(reader.take(length)?.into()) })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(low_byte(self.address.bytes.len() + 1));
        self.address.encode(out);
        out.push(self.numbering.into());
        out.extend(self.interface.to_be_bytes());
        out.push(low_byte(self.oid.0.len()));
        out.extend_from_slice(&self.oid.0);
    }
}

/// The length's low byte; a longer field is then refused, because it reads differently.
pub(crate) fn low_byte(length: usize) -> u8 {
    length.to_le_bytes()[0]
}

/// What an interface number counts (802.1AB-2016 8.5.9.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InterfaceNumbering {
    /// The interface is not known.
    Unknown,
    /// ifIndex (RFC 2863).
    IfIndex,
    /// System port number.
    SystemPort,
    /// A number without a meaning in the standard.
    Reserved(u8),
}

impl From<u8> for InterfaceNumbering {
    fn from(number: u8) -> Self {
        match number {
            1 => Self::Unknown,
            2 => Self::IfIndex,
            3 => Self::SystemPort,
            _ => Self::Reserved(number),
        }
    }
}

impl From<InterfaceNumbering> for u8 {
    fn from(numbering: InterfaceNumbering) -> Self {
        match numbering {
            InterfaceNumbering::Unknown => 1,
            InterfaceNumbering::IfIndex => 2,
            InterfaceNumbering::SystemPort => 3,
            InterfaceNumbering::Reserved(number) => number,
        }
    }
}

/// An object identifier in BER, without tag and length (802.1AB-2016 8.5.9.8). Displays as `1.3.6.1.4.1`.
///
/// ```
/// let oid = lldp_rs::ObjectId(vec![0x2b, 6, 1, 4, 1, 0x87, 0x67]);
/// assert_eq!(oid.to_string(), "1.3.6.1.4.1.999");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ObjectId(pub Vec<u8>);

/// X.690 8.19: seven bits a byte, the high bit means that more follow, and the first number holds two arcs. An arc
/// which does not fit 64 bits, or is cut, ends the text with an ellipsis.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_slice();
        let mut first = true;
        while !rest.is_empty() {
            let Some((arc, tail)) = arc(rest) else { return f.write_str("…") };
            if first {
                let root = (arc / 40).min(2);
                write!(f, "{root}.{}", arc - root * 40)?;
            } else {
                write!(f, ".{arc}")?;
            }
            (rest, first) = (tail, false);
        }
        Ok(())
    }
}

fn arc(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let last = bytes.iter().position(|byte| byte & 0x80 == 0)?;
    let (arc, tail) = bytes.split_at_checked(last + 1)?;
    let value =
        arc.iter().try_fold(0u64, |value, byte| Some(value.checked_mul(128)? + u64::from(byte & 0x7f)))?;
    Some((value, tail))
}
