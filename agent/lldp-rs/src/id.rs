// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::address::{MacAddress, NetworkAddress};
use crate::problem::Problem;
use crate::read::Reader;
use crate::text::{Text, colons};
use alloc::vec::Vec;
use core::fmt;

/// The sending device: the chassis ID TLV (802.1AB-2016 8.5.2, Table 8-2).
///
/// Displays as operators expect: addresses as addresses, names as they are, other bytes in hexadecimal.
///
/// ```
/// use lldp_rs::{ChassisId, MacAddress, Text};
///
/// let id = ChassisId::MacAddress(MacAddress([0, 0x1b, 0x21, 1, 2, 3]));
/// assert_eq!(id.to_string(), "00:1b:21:01:02:03");
/// assert_eq!(ChassisId::Local(Text::from("rack 7")).to_string(), "rack 7");
/// assert_eq!(ChassisId::Local(Text::from(&[0, 0, 1][..])).to_string(), "00:00:01");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ChassisId {
    /// Subtype 1: entPhysicalAlias of a chassis (RFC 4133).
    ChassisComponent(Text),
    /// Subtype 2: ifAlias (RFC 2863).
    InterfaceAlias(Text),
    /// Subtype 3: entPhysicalAlias of a port or backplane (RFC 4133).
    PortComponent(Text),
    /// Subtype 4.
    MacAddress(MacAddress),
    /// Subtype 5.
    NetworkAddress(NetworkAddress),
    /// Subtype 6: ifName (RFC 2863).
    InterfaceName(Text),
    /// Subtype 7: locally assigned.
    Local(Text),
    /// Subtypes 0 and 8 to 255 are reserved.
    Reserved {
        /// The subtype.
        subtype: u8,
        /// The ID.
        id: Text,
    },
}

impl ChassisId {
    /// The chassis ID subtype on the wire.
    pub fn subtype(&self) -> u8 {
        match self {
            Self::ChassisComponent(_) => 1,
            Self::InterfaceAlias(_) => 2,
            Self::PortComponent(_) => 3,
            Self::MacAddress(_) => 4,
            Self::NetworkAddress(_) => 5,
            Self::InterfaceName(_) => 6,
            Self::Local(_) => 7,
            Self::Reserved { subtype, .. } => *subtype,
        }
    }

    pub(crate) fn decode(info: &[u8]) -> Result<Self, Problem> {
        let (subtype, id) = split(info)?;
        Ok(match subtype {
            1 => Self::ChassisComponent(id.into()),
            2 => Self::InterfaceAlias(id.into()),
            3 => Self::PortComponent(id.into()),
            4 => Self::MacAddress(MacAddress::decode(id)?),
            5 => Self::NetworkAddress(NetworkAddress::decode(id)?),
            6 => Self::InterfaceName(id.into()),
            7 => Self::Local(id.into()),
            _ => Self::Reserved { subtype, id: id.into() },
        })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.subtype());
        match self {
            Self::MacAddress(address) => out.extend_from_slice(&address.0),
            Self::NetworkAddress(address) => address.encode(out),
            Self::ChassisComponent(id)
            | Self::InterfaceAlias(id)
            | Self::PortComponent(id)
            | Self::InterfaceName(id)
            | Self::Local(id)
            | Self::Reserved { id, .. } => out.extend_from_slice(id.as_bytes()),
        }
    }
}

impl fmt::Display for ChassisId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MacAddress(address) => address.fmt(f),
            Self::NetworkAddress(address) => address.fmt(f),
            Self::ChassisComponent(id)
            | Self::InterfaceAlias(id)
            | Self::PortComponent(id)
            | Self::InterfaceName(id)
            | Self::Local(id)
            | Self::Reserved { id, .. } => name_or_bytes(f, id),
        }
    }
}

/// The sending port: the port ID TLV (802.1AB-2016 8.5.3, Table 8-3). Displays as [`ChassisId`] does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PortId {
    /// Subtype 1: ifAlias (RFC 2863).
    InterfaceAlias(Text),
    /// Subtype 2: entPhysicalAlias of a port or backplane (RFC 4133).
    PortComponent(Text),
    /// Subtype 3.
    MacAddress(MacAddress),
    /// Subtype 4.
    NetworkAddress(NetworkAddress),
    /// Subtype 5: ifName (RFC 2863).
    InterfaceName(Text),
    /// Subtype 6: agent circuit ID (RFC 3046).
    AgentCircuitId(Text),
    /// Subtype 7: locally assigned.
    Local(Text),
    /// Subtypes 0 and 8 to 255 are reserved.
    Reserved {
        /// The subtype.
        subtype: u8,
        /// The ID.
        id: Text,
    },
}

impl PortId {
    /// The port ID subtype on the wire.
    pub fn subtype(&self) -> u8 {
        match self {
            Self::InterfaceAlias(_) => 1,
            Self::PortComponent(_) => 2,
            Self::MacAddress(_) => 3,
            Self::NetworkAddress(_) => 4,
            Self::InterfaceName(_) => 5,
            Self::AgentCircuitId(_) => 6,
            Self::Local(_) => 7,
            Self::Reserved { subtype, .. } => *subtype,
        }
    }

    pub(crate) fn decode(info: &[u8]) -> Result<Self, Problem> {
        let (subtype, id) = split(info)?;
        Ok(match subtype {
            1 => Self::InterfaceAlias(id.into()),
            2 => Self::PortComponent(id.into()),
            3 => Self::MacAddress(MacAddress::decode(id)?),
            4 => Self::NetworkAddress(NetworkAddress::decode(id)?),
            5 => Self::InterfaceName(id.into()),
            6 => Self::AgentCircuitId(id.into()),
            7 => Self::Local(id.into()),
            _ => Self::Reserved { subtype, id: id.into() },
        })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.subtype());
        match self {
            Self::MacAddress(address) => out.extend_from_slice(&address.0),
            Self::NetworkAddress(address) => address.encode(out),
            Self::InterfaceAlias(id)
            | Self::PortComponent(id)
            | Self::InterfaceName(id)
            | Self::AgentCircuitId(id)
            | Self::Local(id)
            | Self::Reserved { id, .. } => out.extend_from_slice(id.as_bytes()),
        }
    }
}

impl fmt::Display for PortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MacAddress(address) => address.fmt(f),
            Self::NetworkAddress(address) => address.fmt(f),
            Self::InterfaceAlias(id)
            | Self::PortComponent(id)
            | Self::InterfaceName(id)
            | Self::AgentCircuitId(id)
            | Self::Local(id)
            | Self::Reserved { id, .. } => name_or_bytes(f, id),
        }
    }
}

/// Subtype and 1 to 255 bytes of ID (802.1AB-2016 8.5.2.3, 8.5.3.3).
fn split(info: &[u8]) -> Result<(u8, &[u8]), Problem> {
    let mut reader = Reader::new(info);
    let subtype = reader.u8()?;
    let id = reader.rest();
    Problem::check("ID", 1, 255, id.len())?;
    Ok((subtype, id))
}

fn name_or_bytes(f: &mut fmt::Formatter<'_>, id: &Text) -> fmt::Result {
    match id.as_printable() {
        Some(name) if !name.is_empty() => f.pad(name),
        _ => colons(f, id.as_bytes()),
    }
}
