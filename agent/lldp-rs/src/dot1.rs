// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::basic::low_byte;
use crate::dcb::{ApplicationPriority, Ets, FlowControl};
use crate::problem::Problem;
use crate::read::{Reader, bit};
use crate::text::Text;
use alloc::vec::Vec;

/// The TLVs of IEEE 802.1 (802.1Q-2018 Annex D.2), OUI 00-80-C2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dot1 {
    /// Subtype 1 (D.2.1): the VLAN of untagged frames; 0: the port has none.
    PortVlanId(u16),
    /// Subtype 2 (D.2.2): a VLAN for a protocol.
    PortProtocolVlanId {
        /// The port can sort by protocol.
        supported: bool,
        /// It does so now.
        enabled: bool,
        /// The VLAN; 0: none.
        id: u16,
    },
    /// Subtype 3 (D.2.3): a VLAN and what people call it.
    VlanName {
        /// The VLAN.
        id: u16,
        /// Its name, at most 32 bytes by the standard.
        name: Text,
    },
    /// Subtype 4 (D.2.4): the first bytes of the frames of a protocol that can be reached through the port.
    ProtocolIdentity(Vec<u8>),
    /// Subtype 5 (D.2.5): CRC-32 over the table of VLANs in use.
    VidUsageDigest(u32),
    /// Subtype 6 (D.2.6): the VLAN for management; 0: none.
    ManagementVid(u16),
    /// Subtype 7 (Table D-1; 802.1AX).
    LinkAggregation(LinkAggregation),
    /// Subtype 8 (D.2.7): congestion notification.
    CongestionNotification {
        /// The priorities that are congestion notification priority values: bit 0 is priority 0.
        priorities: u8,
        /// Those that are ready.
        ready: u8,
    },
    /// Subtype 9 (D.2.8).
    EtsConfiguration(Ets),
    /// Subtype 10 (D.2.9): what the neighbour should use; only the tables are sent.
    EtsRecommendation(Ets),
    /// Subtype 11 (D.2.10).
    FlowControl(FlowControl),
    /// Subtype 12 (D.2.11).
    ApplicationPriority(Vec<ApplicationPriority>),
}

impl Dot1 {
    /// IEEE 802.1.
    pub const OUI: [u8; 3] = [0x00, 0x80, 0xc2];

    /// The subtype on the wire.
    pub fn subtype(&self) -> u8 {
        match self {
            Self::PortVlanId(_) => 1,
            Self::PortProtocolVlanId { .. } => 2,
            Self::VlanName { .. } => 3,
            Self::ProtocolIdentity(_) => 4,
            Self::VidUsageDigest(_) => 5,
            Self::ManagementVid(_) => 6,
            Self::LinkAggregation(_) => 7,
            Self::CongestionNotification { .. } => 8,
            Self::EtsConfiguration(_) => 9,
            Self::EtsRecommendation(_) => 10,
            Self::FlowControl(_) => 11,
            Self::ApplicationPriority(_) => 12,
        }
    }

    pub(crate) fn name(subtype: u8) -> &'static str {
        match subtype {
            1 => "port VLAN ID",
            2 => "port and protocol VLAN ID",
            3 => "VLAN name",
            4 => "protocol identity",
            5 => "VID usage digest",
            6 => "management VID",
            7 => "link aggregation",
            8 => "congestion notification",
            9 => "ETS configuration",
            10 => "ETS recommendation",
            11 => "priority-based flow control",
            12 => "application priority",
            _ => "unknown",
        }
    }

    /// Nothing for a subtype that is not known here.
    pub(crate) fn decode(subtype: u8, info: &[u8]) -> Result<Option<Self>, Problem> {
        let mut reader = Reader::new(info);
        Ok(Some(match subtype {
            1 => Self::PortVlanId(Problem::check_vlan(reader.u16()?)?),
            2 => {
                let flags = reader.u8()?;
                let (supported, enabled) = (flags & 2 != 0, flags & 4 != 0);
                Self::PortProtocolVlanId { supported, enabled, id: Problem::check_vlan(reader.u16()?)? }
            }
            3 => {
                let id = Problem::check_vlan(reader.u16()?)?;
                let length = reader.u8()?.into();
                Self::VlanName { id, name: reader.take(length)?.into() }
            }
            4 => {
                let length = reader.u8()?.into();
                Self::ProtocolIdentity(reader.take(length)?.into())
            }
            5 => Self::VidUsageDigest(reader.u32()?),
            6 => Self::ManagementVid(Problem::check_vlan(reader.u16()?)?),
            7 => Self::LinkAggregation(LinkAggregation::decode(info)?),
            8 => Self::CongestionNotification { priorities: reader.u8()?, ready: reader.u8()? },
            9 => Self::EtsConfiguration(Ets::decode(info)?),
            10 => Self::EtsRecommendation(Ets {
                willing: false,
                credit_based_shaper: false,
                traffic_classes: 0,
                ..Ets::decode(info)?
            }),
            11 => Self::FlowControl(FlowControl::decode(info)?),
            12 => Self::ApplicationPriority(ApplicationPriority::decode_all(info)?),
            _ => return Ok(None),
        }))
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::PortVlanId(id) | Self::ManagementVid(id) => out.extend(id.to_be_bytes()),
            Self::PortProtocolVlanId { supported, enabled, id } => {
                out.push((u8::from(*supported) << 1) | (u8::from(*enabled) << 2));
                out.extend(id.to_be_bytes());
            }
            Self::VlanName { id, name } => {
                out.extend(id.to_be_bytes());
                out.push(low_byte(name.as_bytes().len()));
                out.extend_from_slice(name.as_bytes());
            }
            Self::ProtocolIdentity(bytes) => {
                out.push(low_byte(bytes.len()));
                out.extend_from_slice(bytes);
            }
            Self::VidUsageDigest(digest) => out.extend(digest.to_be_bytes()),
            Self::LinkAggregation(aggregation) => aggregation.encode(out),
            Self::CongestionNotification { priorities, ready } => out.extend([*priorities, *ready]),
            Self::EtsConfiguration(ets) => ets.encode(out),
            Self::EtsRecommendation(ets) => {
                out.push(0);
                ets.encode_tables(out);
            }
            Self::FlowControl(control) => control.encode(out),
            Self::ApplicationPriority(applications) => {
                out.push(0);
                applications.iter().for_each(|application| application.encode(out));
            }
        }
    }
}

/// Whether the port is part of an aggregation (802.1AX; formerly 802.3-2008 79.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkAggregation {
    /// The port can be aggregated.
    pub capable: bool,
    /// It is.
    pub enabled: bool,
    /// The sender: 0 not specified, 1 the aggregation port, 2 the aggregator, 3 an aggregator of a single port.
    pub port_type: u8,
    /// The aggregator's interface number; 0 when not aggregated.
    pub port_id: u32,
}

impl LinkAggregation {
    pub(crate) fn decode(info: &[u8]) -> Result<Self, Problem> {
        let mut reader = Reader::new(info);
        let status = reader.u8()?;
        Ok(Self {
            capable: status & 1 != 0,
            enabled: status & 2 != 0,
            port_type: (status >> 2) & 3,
            port_id: reader.u32()?,
        })
    }

    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        let status = bit(0, self.capable) | bit(1, self.enabled) | (u32::from(self.port_type) << 2);
        out.push(status.to_le_bytes()[0]);
        out.extend(self.port_id.to_be_bytes());
    }
}
