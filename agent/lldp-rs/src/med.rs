// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::problem::Problem;
use crate::read::{Reader, bit};
use crate::text::Text;
use alloc::vec::Vec;
use core::fmt;

/// The TLVs of LLDP for Media Endpoint Devices (ANSI/TIA-1057 10.2), OUI 00-12-BB.
///
/// Inventory texts have at most 32 bytes by the standard; some switches fill them up with NULs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Med {
    /// Subtype 1 (10.2.2).
    Capabilities {
        /// Which TLVs of LLDP-MED the device may send.
        capabilities: MedCapabilities,
        /// What kind of device it is.
        device: DeviceType,
    },
    /// Subtype 2 (10.2.3).
    NetworkPolicy(NetworkPolicy),
    /// Subtype 3 (10.2.4).
    Location {
        /// 1 coordinates (RFC 3825), 2 civic address (RFC 4776), 3 emergency call number.
        format: u8,
        /// The location in that format.
        data: Vec<u8>,
    },
    /// Subtype 4 (10.2.5).
    ExtendedPower(ExtendedPower),
    /// Subtype 5 (10.2.6.1).
    HardwareRevision(Text),
    /// Subtype 6 (10.2.6.2).
    FirmwareRevision(Text),
    /// Subtype 7 (10.2.6.3).
    SoftwareRevision(Text),
    /// Subtype 8 (10.2.6.4).
    SerialNumber(Text),
    /// Subtype 9 (10.2.6.5).
    Manufacturer(Text),
    /// Subtype 10 (10.2.6.6).
    Model(Text),
    /// Subtype 11 (10.2.6.7).
    AssetId(Text),
}

impl Med {
    /// Telecommunications Industry Association, TR-41 committee.
    pub const OUI: [u8; 3] = [0x00, 0x12, 0xbb];

    /// The subtype on the wire.
    pub fn subtype(&self) -> u8 {
        match self {
            Self::Capabilities { .. } => 1,
            Self::NetworkPolicy(_) => 2,
            Self::Location { .. } => 3,
            Self::ExtendedPower(_) => 4,
            Self::HardwareRevision(_) => 5,
            Self::FirmwareRevision(_) => 6,
            Self::SoftwareRevision(_) => 7,
            Self::SerialNumber(_) => 8,
            Self::Manufacturer(_) => 9,
            Self::Model(_) => 10,
            Self::AssetId(_) => 11,
        }
    }

    pub(crate) fn name(subtype: u8) -> &'static str {
        match subtype {
            1 => "capabilities",
            2 => "network policy",
            3 => "location identification",
            4 => "extended power via MDI",
            5 => "hardware revision",
            6 => "firmware revision",
            7 => "software revision",
            8 => "serial number",
            9 => "manufacturer name",
            10 => "model name",
            11 => "asset ID",
            _ => "unknown",
        }
    }

    /// Nothing for a subtype that is not known here.
    pub(crate) fn decode(subtype: u8, info: &[u8]) -> Result<Option<Self>, Problem> {
        let mut reader = Reader::new(info);
        Ok(Some(match subtype {
            1 => {
                let capabilities = MedCapabilities(reader.u16()?);
                Self::Capabilities { capabilities, device: DeviceType(reader.u8()?) }
            }
            2 => Self::NetworkPolicy(NetworkPolicy::decode(&mut reader)?),
            3 => Self::Location { format: reader.u8()?, data: reader.rest().into() },
            4 => Self::ExtendedPower(ExtendedPower::decode(&mut reader)?),
            5 => Self::HardwareRevision(info.into()),
            6 => Self::FirmwareRevision(info.into()),
            7 => Self::SoftwareRevision(info.into()),
            8 => Self::SerialNumber(info.into()),
            9 => Self::Manufacturer(info.into()),
            10 => Self::Model(info.into()),
            11 => Self::AssetId(info.into()),
            _ => return Ok(None),
        }))
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Capabilities { capabilities, device } => {
                out.extend(capabilities.0.to_be_bytes());
                out.push(device.0);
            }
            Self::NetworkPolicy(policy) => policy.encode(out),
            Self::Location { format, data } => {
                out.push(*format);
                out.extend_from_slice(data);
            }
            Self::ExtendedPower(power) => power.encode(out),
            Self::HardwareRevision(text)
            | Self::FirmwareRevision(text)
            | Self::SoftwareRevision(text)
            | Self::SerialNumber(text)
            | Self::Manufacturer(text)
            | Self::Model(text)
            | Self::AssetId(text) => out.extend_from_slice(text.as_bytes()),
        }
    }
}

/// Which TLVs of LLDP-MED a device may send (ANSI/TIA-1057 10.2.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MedCapabilities(pub u16);

impl MedCapabilities {
    /// LLDP-MED capabilities; every LLDP-MED device has it.
    pub const CAPABILITIES: Self = Self(1 << 0);
    /// Network policy.
    pub const NETWORK_POLICY: Self = Self(1 << 1);
    /// Location identification.
    pub const LOCATION: Self = Self(1 << 2);
    /// Extended power via MDI, as the one that gives power.
    pub const POWER_SOURCE: Self = Self(1 << 3);
    /// Extended power via MDI, as the one that takes power.
    pub const POWER_DEVICE: Self = Self(1 << 4);
    /// Inventory.
    pub const INVENTORY: Self = Self(1 << 5);

    /// Whether all of `other` are in this set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl core::ops::BitOr for MedCapabilities {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The class of an LLDP-MED device (ANSI/TIA-1057 10.2.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceType(pub u8);

impl DeviceType {
    /// Not an LLDP-MED device, or not specified.
    pub const UNDEFINED: Self = Self(0);
    /// An endpoint with the basic services.
    pub const ENDPOINT_CLASS_I: Self = Self(1);
    /// An endpoint that streams media.
    pub const ENDPOINT_CLASS_II: Self = Self(2);
    /// An endpoint for people, as a telephone.
    pub const ENDPOINT_CLASS_III: Self = Self(3);
    /// A switch, router or access point.
    pub const NETWORK_CONNECTIVITY: Self = Self(4);
}

impl fmt::Display for DeviceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UNDEFINED => f.pad("undefined"),
            Self::ENDPOINT_CLASS_I => f.pad("endpoint class I"),
            Self::ENDPOINT_CLASS_II => f.pad("endpoint class II"),
            Self::ENDPOINT_CLASS_III => f.pad("endpoint class III"),
            Self::NETWORK_CONNECTIVITY => f.pad("network connectivity"),
            Self(number) => write!(f, "type {number}"),
        }
    }
}

/// VLAN and priority for one application (ANSI/TIA-1057 10.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NetworkPolicy {
    /// 1 voice, 2 voice signalling, 3 guest voice, 4 guest voice signalling, 5 softphone voice, 6 video conferencing,
    /// 7 streaming video, 8 video signalling.
    pub application: u8,
    /// The policy is required but not known; the other fields mean nothing.
    pub unknown: bool,
    /// The application's frames are tagged.
    pub tagged: bool,
    /// The VLAN, 12 bits; 0: priority tag only.
    pub vlan: u16,
    /// Priority of layer 2, 3 bits.
    pub priority: u8,
    /// Differentiated services code point, 6 bits.
    pub dscp: u8,
}

impl NetworkPolicy {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Problem> {
        let application = reader.u8()?;
        let bits = reader.u24()?;
        let [dscp, ..] = (bits & 0x3f).to_le_bytes();
        let [priority, ..] = ((bits >> 6) & 7).to_le_bytes();
        let [low, high, ..] = ((bits >> 9) & 0xfff).to_le_bytes();
        Ok(Self {
            application,
            unknown: bits & (1 << 23) != 0,
            tagged: bits & (1 << 22) != 0,
            vlan: Problem::check_vlan(u16::from_le_bytes([low, high]))?,
            priority,
            dscp,
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let bits = bit(23, self.unknown)
            | bit(22, self.tagged)
            | (u32::from(self.vlan) << 9)
            | (u32::from(self.priority) << 6)
            | u32::from(self.dscp);
        let [_, bits @ ..] = bits.to_be_bytes();
        out.push(self.application);
        out.extend(bits);
    }
}

/// Power over Ethernet (ANSI/TIA-1057 10.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExtendedPower {
    /// 0 gives power (PSE), 1 takes power (PD).
    pub power_type: u8,
    /// For one that gives: 0 unknown, 1 primary, 2 backup. For one that takes: 0 unknown, 1 the source, 2 local,
    /// 3 both.
    pub source: u8,
    /// 0 unknown, 1 critical, 2 high, 3 low.
    pub priority: u8,
    /// Power offered or requested, in tenths of a watt.
    pub value: u16,
}

impl ExtendedPower {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Problem> {
        let bits = reader.u8()?;
        Ok(Self { power_type: bits >> 6, source: (bits >> 4) & 3, priority: bits & 15, value: reader.u16()? })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let bits =
            (u32::from(self.power_type) << 6) | (u32::from(self.source) << 4) | u32::from(self.priority);
        out.push(bits.to_le_bytes()[0]);
        out.extend(self.value.to_be_bytes());
    }
}
