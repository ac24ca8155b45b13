// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Cisco Discovery Protocol, versions 1 and 2, as far as it has what LLDP has.
//!
//! There is no public standard. The layout is that of Cisco's "Frame Formats" and of the dissectors of Wireshark
//! (packet-cdp.c) and lldpd (cdp.c).

use crate::address::NetworkAddress;
use crate::basic::Capabilities;
use crate::fault::{Fault, Kind};
use crate::problem::Problem;
use crate::read::Reader;
use crate::text::Text;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

/// A CDP message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cdp {
    /// 1 or 2.
    pub version: u8,
    /// How long the message is valid, in seconds.
    pub ttl: u8,
    /// TLV 1: the sending device: its name or serial number.
    pub device_id: Text,
    /// TLV 3: the sending port.
    pub port_id: Text,
    /// TLV 2: addresses of the port.
    pub addresses: Vec<NetworkAddress>,
    /// TLV 4: what the device does.
    pub capabilities: Option<CdpCapabilities>,
    /// TLV 5: the software's version, often several lines.
    pub software_version: Option<Text>,
    /// TLV 6: the device's model.
    pub platform: Option<Text>,
    /// TLV 10 (version 2): the VLAN of untagged frames.
    pub native_vlan: Option<u16>,
    /// TLV 20 (version 2): the device's SNMP name.
    pub system_name: Option<Text>,
    /// TLV 22 (version 2): where the device is managed.
    pub management_addresses: Vec<NetworkAddress>,
    /// The TLVs that could not be read, and why; a wrong checksum.
    pub faults: Vec<Fault>,
}

impl Cdp {
    /// Reads what follows the SNAP header, without padding: the checksum covers all of it. A wrong checksum is one of the
    /// faults: some devices send none.
    pub fn decode(message: &[u8]) -> Result<Self, CdpError> {
        let short = |_| CdpError::TooShort { actual: message.len() };
        let mut header = Reader::new(message);
        let version = header.u8().map_err(short)?;
        let ttl = header.u8().map_err(short)?;
        header.u16().map_err(short)?;
        if !matches!(version, 1 | 2) {
            return Err(CdpError::Version(version));
        }
        let mut cdp = Self {
            version,
            ttl,
            device_id: Text::default(),
            port_id: Text::default(),
            addresses: Vec::new(),
            capabilities: None,
            software_version: None,
            platform: None,
            native_vlan: None,
            system_name: None,
            management_addresses: Vec::new(),
            faults: Vec::new(),
        };
        if ![LastByte::Cisco, LastByte::Rfc1071].into_iter().any(|rule| sum(message, rule) == 0xffff) {
            cdp.faults.push(Fault { kind: Kind::CdpHeader, offset: 2, problem: Problem::Checksum });
        }
        let mut offset = message.len() - header.left();
        while let Some(rest) = message.get(offset..).filter(|rest| !rest.is_empty()) {
            offset += cdp.read(rest, offset);
        }
        for (name, kind) in [(&cdp.device_id, DEVICE_ID), (&cdp.port_id, PORT_ID)] {
            if name.as_bytes().is_empty() {
                return Err(CdpError::Missing(Kind::Cdp(kind)));
            }
        }
        Ok(cdp)
    }

    /// Reads the TLV at the front, and returns its length. Its length includes the four bytes of its header.
    fn read(&mut self, rest: &[u8], offset: usize) -> usize {
        let mut reader = Reader::new(rest);
        let (Ok(kind), Ok(declared)) = (reader.u16(), reader.u16()) else {
            let kind = rest.first().map_or(0, |&high| u16::from_be_bytes([high, 0]));
            self.fault(kind, offset, Problem::CutHeader);
            return rest.len();
        };
        let declared = usize::from(declared);
        let available = rest.len();
        let info = match declared.checked_sub(4) {
            None => Err(Problem::TooShort { needed: 4, actual: declared }),
            Some(length) => reader.take(length).map_err(|_| Problem::BeyondEnd { declared, available }),
        };
        match info {
            Ok(info) => {
                if let Err(problem) = self.store(kind, info) {
                    self.fault(kind, offset, problem);
                }
                declared
            }
            Err(problem) => {
                self.fault(kind, offset, problem);
                available
            }
        }
    }

    fn store(&mut self, kind: u16, info: &[u8]) -> Result<(), Problem> {
        match kind {
            DEVICE_ID => self.device_id = name(info)?,
            PORT_ID => self.port_id = name(info)?,
            ADDRESSES => self.addresses = addresses(info)?,
            CAPABILITIES => self.capabilities = Some(CdpCapabilities(Reader::new(info).u32()?)),
            SOFTWARE_VERSION => self.software_version = Some(info.into()),
            PLATFORM => self.platform = Some(info.into()),
            NATIVE_VLAN => self.native_vlan = Some(Problem::check_vlan(Reader::new(info).u16()?)?),
            SYSTEM_NAME => self.system_name = Some(info.into()),
            MANAGEMENT_ADDRESSES => self.management_addresses = addresses(info)?,
            _ => {}
        }
        Ok(())
    }

    fn fault(&mut self, kind: u16, offset: usize, problem: Problem) {
        self.faults.push(Fault { kind: Kind::Cdp(kind), offset, problem });
    }
}

const DEVICE_ID: u16 = 1;
const ADDRESSES: u16 = 2;
const PORT_ID: u16 = 3;
const CAPABILITIES: u16 = 4;
const SOFTWARE_VERSION: u16 = 5;
const PLATFORM: u16 = 6;
const NATIVE_VLAN: u16 = 10;
const SYSTEM_NAME: u16 = 20;
const MANAGEMENT_ADDRESSES: u16 = 22;

fn name(info: &[u8]) -> Result<Text, Problem> {
    Problem::check("name", 1, usize::from(u16::MAX), info.len())?;
    Ok(info.into())
}

/// A count, and for each address: protocol type, protocol length, protocol, address length, address. IPv4 is NLPID
/// 0xcc; IPv6 is its EtherType in SNAP. Addresses of other protocols are passed over.
fn addresses(info: &[u8]) -> Result<Vec<NetworkAddress>, Problem> {
    const IPV4: (u8, &[u8]) = (1, &[0xcc]);
    const IPV6: (u8, &[u8]) = (2, &[0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00, 0x86, 0xdd]);
    let mut reader = Reader::new(info);
    let mut addresses = Vec::new();
    for _ in 0..reader.u32()? {
        let protocol_type = reader.u8()?;
        let length = reader.u8()?.into();
        let protocol = reader.take(length)?;
        let length = reader.u16()?.into();
        let address = reader.take(length)?;
        let family = match (protocol_type, protocol) {
            IPV4 => NetworkAddress::IPV4,
            IPV6 => NetworkAddress::IPV6,
            _ => continue,
        };
        let address = NetworkAddress { family, bytes: address.into() };
        if address.ip().is_some() {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

/// How the last byte of a message of uneven length enters the checksum.
#[derive(Clone, Copy)]
enum LastByte {
    /// Cisco takes it as a signed low byte, and is off by one when it is negative (Wireshark, packet-cdp.c).
    Cisco,
    /// As RFC 1071 has it, and as others implement CDP: a zero follows.
    Rfc1071,
}

/// One's complement sum of 16-bit words: 0xffff when the message and the checksum in it are whole.
fn sum(message: &[u8], rule: LastByte) -> u64 {
    let (words, last) = message.as_chunks::<2>();
    let words: u64 = words.iter().map(|&word| u64::from(u16::from_be_bytes(word))).sum();
    let last = match (rule, last.first()) {
        (_, None) => 0,
        (LastByte::Rfc1071, Some(&byte)) => u64::from(byte) << 8,
        (LastByte::Cisco, Some(&byte @ ..0x80)) => u64::from(byte),
        (LastByte::Cisco, Some(&byte)) => 0xff00 | u64::from(byte - 1),
    };
    let mut sum = words + last;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum
}

/// What a device does, as CDP has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CdpCapabilities(pub u32);

/// As LLDP has it: router, transparent and source-route bridge, switch, host, repeater, telephone, two-port MAC relay.
impl From<CdpCapabilities> for Capabilities {
    fn from(CdpCapabilities(bits): CdpCapabilities) -> Self {
        [
            (0x001, Self::ROUTER),
            (0x002 | 0x004 | 0x008, Self::BRIDGE),
            (0x010, Self::STATION),
            (0x040, Self::REPEATER),
            (0x080, Self::TELEPHONE),
            (0x400, Self::TWO_PORT_MAC_RELAY),
        ]
        .into_iter()
        .filter(|(mask, _)| bits & mask != 0)
        .fold(Self::default(), |set, (_, capability)| set | capability)
    }
}

/// Why a CDP message was discarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CdpError {
    /// It ends within its header of four bytes.
    TooShort {
        /// How many bytes it has.
        actual: usize,
    },
    /// A version other than 1 and 2.
    Version(u8),
    /// A TLV that identifies the neighbour is missing.
    Missing(Kind),
}

impl fmt::Display for CdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { actual } => write!(f, "CDP message of {actual} bytes where 4 are needed"),
            Self::Version(version) => write!(f, "CDP version {version} is not known"),
            Self::Missing(kind) => write!(f, "no {kind} TLV, which identifies the neighbour"),
        }
    }
}

impl Error for CdpError {}
