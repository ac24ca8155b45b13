// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::dot1::LinkAggregation;
use crate::power::MdiPower;
use crate::problem::Problem;
use crate::read::Reader;
use alloc::vec::Vec;

/// The TLVs of IEEE 802.3 (802.3-2018 clause 79), OUI 00-12-0F.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dot3 {
    /// Subtype 1 (79.3.1).
    MacPhy(MacPhy),
    /// Subtype 2 (79.3.2).
    Power(MdiPower),
    /// Subtype 3 (79.3.3), deprecated in favour of [`Dot1::LinkAggregation`](crate::Dot1::LinkAggregation).
    LinkAggregation(LinkAggregation),
    /// Subtype 4 (79.3.4): the longest frame in bytes, with header and checksum.
    MaximumFrameSize(u16),
    /// Subtype 5 (79.3.5).
    EnergyEfficient(EnergyEfficient),
}

impl Dot3 {
    /// IEEE 802.3.
    pub const OUI: [u8; 3] = [0x00, 0x12, 0x0f];

    /// The subtype on the wire.
    pub fn subtype(&self) -> u8 {
        match self {
            Self::MacPhy(_) => 1,
            Self::Power(_) => 2,
            Self::LinkAggregation(_) => 3,
            Self::MaximumFrameSize(_) => 4,
            Self::EnergyEfficient(_) => 5,
        }
    }

    pub(crate) fn name(subtype: u8) -> &'static str {
        match subtype {
            1 => "MAC/PHY configuration/status",
            2 => "power via MDI",
            3 => "link aggregation",
            4 => "maximum frame size",
            5 => "energy-efficient Ethernet",
            6 => "energy-efficient Ethernet fast wake",
            7 => "additional Ethernet capabilities",
            _ => "unknown",
        }
    }

    /// Nothing for a subtype that is not known here.
    pub(crate) fn decode(subtype: u8, info: &[u8]) -> Result<Option<Self>, Problem> {
        let mut reader = Reader::new(info);
        Ok(Some(match subtype {
            1 => {
                let status = reader.u8()?;
                Self::MacPhy(MacPhy {
                    autonegotiation_supported: status & 1 != 0,
                    autonegotiation_enabled: status & 2 != 0,
                    advertised: reader.u16()?,
                    mau_type: reader.u16()?,
                })
            }
            2 => Self::Power(MdiPower::decode(&mut reader)?),
            3 => Self::LinkAggregation(LinkAggregation::decode(info)?),
            4 => Self::MaximumFrameSize(reader.u16()?),
            5 => Self::EnergyEfficient(EnergyEfficient {
                transmit: reader.u16()?,
                receive: reader.u16()?,
                fallback_receive: reader.u16()?,
                echo_transmit: reader.u16()?,
                echo_receive: reader.u16()?,
            }),
            _ => return Ok(None),
        }))
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::MacPhy(phy) => {
                out.push(
                    u8::from(phy.autonegotiation_supported) | (u8::from(phy.autonegotiation_enabled) << 1),
                );
                out.extend([phy.advertised, phy.mau_type].into_iter().flat_map(u16::to_be_bytes));
            }
            Self::Power(power) => power.encode(out),
            Self::LinkAggregation(aggregation) => aggregation.encode(out),
            Self::MaximumFrameSize(bytes) => out.extend(bytes.to_be_bytes()),
            Self::EnergyEfficient(times) => {
                let EnergyEfficient { transmit, receive, fallback_receive, echo_transmit, echo_receive } =
                    times;
                let times = [transmit, receive, fallback_receive, echo_transmit, echo_receive];
                out.extend(times.into_iter().flat_map(|time| time.to_be_bytes()));
            }
        }
    }
}

/// Speed and duplex of the port (802.3-2018 79.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MacPhy {
    /// The port can negotiate.
    pub autonegotiation_supported: bool,
    /// It does so now.
    pub autonegotiation_enabled: bool,
    /// What it offers, as the bits of ifMauAutoNegCapAdvertisedBits (RFC 4836): the highest is bOther(0), the lowest
    /// b1000baseTFD(15). Some devices send the bits in the wrong order.
    pub advertised: u16,
    /// What it runs now, as dot3MauType (IANA-MAU-MIB); 30: 1000BASE-T full duplex.
    pub mau_type: u16,
}

impl MacPhy {
    /// Of a sender that does not know: what it offers is bOther(0), what it runs is dot3MauTypeOther.
    pub const UNKNOWN: Self = Self {
        autonegotiation_supported: false,
        autonegotiation_enabled: false,
        advertised: 1 << 15,
        mau_type: 0,
    };
}

/// Wake times for energy-efficient Ethernet, in microseconds (802.3-2018 79.3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnergyEfficient {
    /// How long the sender waits before it sends.
    pub transmit: u16,
    /// How long its neighbour is requested to wait.
    pub receive: u16,
    /// How long it would rather have it wait.
    pub fallback_receive: u16,
    /// The neighbour's transmit time as the sender knows it.
    pub echo_transmit: u16,
    /// The neighbour's receive time as the sender knows it.
    pub echo_receive: u16,
}
