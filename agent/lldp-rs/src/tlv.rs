// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::basic::{ManagementAddress, SystemCapabilities};
use crate::dcb::Cee;
use crate::dot1::Dot1;
use crate::dot3::Dot3;
use crate::fault::{EncodeError, Fault, Kind};
use crate::id::{ChassisId, PortId};
use crate::med::Med;
use crate::problem::Problem;
use crate::read::Reader;
use crate::text::Text;
use alloc::vec::Vec;

/// The most bytes of information that a TLV holds: 9 bits of length (802.1AB-2016 8.4.2).
const LONGEST: usize = 511;

/// One TLV: its bytes as they are on the wire, and their value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tlv {
    bytes: Vec<u8>,
    kind: Kind,
    value: Result<Value, Fault>,
}

impl Tlv {
    /// Encodes `value`, so that every receiver decodes exactly that.
    pub fn new(value: Value) -> Result<Self, EncodeError> {
        let kind = value.kind();
        let mut info = Vec::new();
        value.encode(&mut info);
        let too_long = EncodeError::TooLong { kind, length: info.len() };
        let length = u16::try_from(info.len()).ok().filter(|&length| usize::from(length) <= LONGEST);
        let header = length.ok_or(too_long)? | (u16::from(value.tlv_type()) << 9);
        let mut bytes = Vec::from(header.to_be_bytes());
        bytes.append(&mut info);
        match Self::decode(&bytes, 0) {
            Some(Self { value: Err(fault), .. }) => Err(EncodeError::Malformed(fault)),
            Some(tlv) if tlv.value == Ok(value) => Ok(tlv),
            _ => Err(EncodeError::ReadDifferently { kind }),
        }
    }

    /// The value of the TLV, or why it cannot be decoded.
    pub fn value(&self) -> Result<&Value, &Fault> {
        self.value.as_ref()
    }

    /// Which TLV it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The bytes on the wire, header included. They may hold more than the value: reserved bits, fields of a later
    /// edition of the standard, padding.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The TLV at `offset`, or nothing when the LLDPDU ends there.
    pub(crate) fn decode(lldpdu: &[u8], offset: usize) -> Option<Self> {
        let rest = lldpdu.get(offset..).filter(|rest| !rest.is_empty())?;
        let whole = |kind, length, value: Result<Value, Problem>| Self {
            bytes: rest.get(..length).unwrap_or(rest).into(),
            kind,
            value: value.map_err(|problem| Fault { kind, offset, problem }),
        };
        let mut reader = Reader::new(rest);
        let Ok(header) = reader.u16() else {
            let kind = Kind::Basic(rest.first()? >> 1);
            return Some(whole(kind, rest.len(), Err(Problem::CutHeader)));
        };
        let [tlv_type, _] = (header >> 1).to_be_bytes();
        let declared = usize::from(header & 0x1ff);
        let available = reader.left();
        let (info, cut) = match reader.take(declared) {
            Ok(info) => (info, None),
            Err(_) => (reader.rest(), Some(Problem::BeyondEnd { declared, available })),
        };
        let kind = kind(tlv_type, info);
        Some(whole(kind, 2 + info.len(), cut.map_or_else(|| Value::decode(tlv_type, info), Err)))
    }
}

fn kind(tlv_type: u8, info: &[u8]) -> Kind {
    match (tlv_type, info) {
        (Value::ORGANIZATION, &[a, b, c, subtype, ..]) => Kind::Organization { oui: [a, b, c], subtype },
        _ => Kind::Basic(tlv_type),
    }
}

/// The value of a TLV.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Type 0 (802.1AB-2016 8.5.1): nothing follows.
    End,
    /// Type 1 (8.5.2): the sending device.
    ChassisId(ChassisId),
    /// Type 2 (8.5.3): the sending port.
    PortId(PortId),
    /// Type 3 (8.5.4): how long the LLDPDU is valid, in seconds; 0: shutdown.
    TimeToLive(u16),
    /// Type 4 (8.5.5): what people call the port (ifDescr or ifAlias).
    PortDescription(Text),
    /// Type 5 (8.5.6): the device's name (sysName).
    SystemName(Text),
    /// Type 6 (8.5.7): hardware, operating system, version (sysDescr).
    SystemDescription(Text),
    /// Type 7 (8.5.8).
    SystemCapabilities(SystemCapabilities),
    /// Type 8 (8.5.9).
    ManagementAddress(ManagementAddress),
    /// Type 127, OUI 00-80-C2.
    Dot1(Dot1),
    /// Type 127, OUI 00-12-0F.
    Dot3(Dot3),
    /// Type 127, OUI 00-12-BB.
    Med(Med),
    /// Type 127, OUI 00-1B-21, subtype 2: DCBX before 802.1Q had it.
    Cee(Vec<Cee>),
    /// Type 127, OUI 00-00-5E (IANA), subtype 1: where the manufacturer describes how the device uses the network
    /// (RFC 8520 12).
    MudUrl(Text),
    /// Type 127 (8.6), of an organization or with a subtype that is not known here.
    Organization {
        /// Organizationally unique identifier.
        oui: [u8; 3],
        /// The organization's own number for the TLV.
        subtype: u8,
        /// The information bytes, undecoded.
        info: Vec<u8>,
    },
    /// Types 9 to 126 are reserved; a later edition of the standard may use them.
    Reserved {
        /// The TLV type.
        tlv_type: u8,
        /// The information bytes, undecoded.
        info: Vec<u8>,
    },
}

impl Value {
    const ORGANIZATION: u8 = 127;
    pub(crate) const IANA: [u8; 3] = [0x00, 0x00, 0x5e];
    pub(crate) const MUD_URL: u8 = 1;

    /// The TLV that carries this value.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Dot1(dot1) => Kind::Organization { oui: Dot1::OUI, subtype: dot1.subtype() },
            Self::Dot3(dot3) => Kind::Organization { oui: Dot3::OUI, subtype: dot3.subtype() },
            Self::Med(med) => Kind::Organization { oui: Med::OUI, subtype: med.subtype() },
            Self::Cee(_) => Kind::Organization { oui: Cee::OUI, subtype: Cee::SUBTYPE },
            Self::MudUrl(_) => Kind::Organization { oui: Self::IANA, subtype: Self::MUD_URL },
            Self::Organization { oui, subtype, .. } => Kind::Organization { oui: *oui, subtype: *subtype },
            _ => Kind::Basic(self.tlv_type()),
        }
    }

    fn tlv_type(&self) -> u8 {
        match self {
            Self::End => 0,
            Self::ChassisId(_) => 1,
            Self::PortId(_) => 2,
            Self::TimeToLive(_) => 3,
            Self::PortDescription(_) => 4,
            Self::SystemName(_) => 5,
            Self::SystemDescription(_) => 6,
            Self::SystemCapabilities(_) => 7,
            Self::ManagementAddress(_) => 8,
            Self::Dot1(_)
            | Self::Dot3(_)
            | Self::Med(_)
            | Self::Cee(_)
            | Self::MudUrl(_)
            | Self::Organization { .. } => Self::ORGANIZATION,
            Self::Reserved { tlv_type, .. } => *tlv_type,
        }
    }

    fn decode(tlv_type: u8, info: &[u8]) -> Result<Self, Problem> {
        Ok(match tlv_type {
            0 => {
                Problem::check("information", 0, 0, info.len())?;
                Self::End
            }
            1 => Self::ChassisId(ChassisId::decode(info)?),
            2 => Self::PortId(PortId::decode(info)?),
            3 => Self::TimeToLive(Reader::new(info).u16()?),
            4 => Self::PortDescription(info.into()),
            5 => Self::SystemName(info.into()),
            6 => Self::SystemDescription(info.into()),
            7 => Self::SystemCapabilities(SystemCapabilities::decode(info)?),
            8 => Self::ManagementAddress(ManagementAddress::decode(info)?),
            Self::ORGANIZATION => {
                let mut reader = Reader::new(info);
                let (oui, subtype) = (reader.array()?, reader.u8()?);
                let info = reader.rest();
                let known = match oui {
                    Dot1::OUI => Dot1::decode(subtype, info)?.map(Self::Dot1),
                    Dot3::OUI => Dot3::decode(subtype, info)?.map(Self::Dot3),
                    Med::OUI => Med::decode(subtype, info)?.map(Self::Med),
                    Cee::OUI if subtype == Cee::SUBTYPE => Some(Self::Cee(Cee::decode_all(info)?)),
                    Self::IANA if subtype == Self::MUD_URL => Some(Self::MudUrl(info.into())),
                    _ => None,
                };
                known.unwrap_or_else(|| Self::Organization { oui, subtype, info: info.into() })
            }
            _ => Self::Reserved { tlv_type, info: info.into() },
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        if let Kind::Organization { oui, subtype } = self.kind() {
            out.extend(oui);
            out.push(subtype);
        }
        match self {
            Self::End => {}
            Self::ChassisId(id) => id.encode(out),
            Self::PortId(id) => id.encode(out),
            Self::TimeToLive(seconds) => out.extend(seconds.to_be_bytes()),
            Self::PortDescription(text) | Self::SystemName(text) | Self::SystemDescription(text) => {
                out.extend_from_slice(text.as_bytes());
            }
            Self::SystemCapabilities(capabilities) => capabilities.encode(out),
            Self::ManagementAddress(address) => address.encode(out),
            Self::Dot1(dot1) => dot1.encode(out),
            Self::Dot3(dot3) => dot3.encode(out),
            Self::Med(med) => med.encode(out),
            Self::Cee(parts) => parts.iter().for_each(|part| part.encode(out)),
            Self::MudUrl(url) => out.extend_from_slice(url.as_bytes()),
            Self::Organization { info, .. } | Self::Reserved { info, .. } => out.extend_from_slice(info),
        }
    }
}
