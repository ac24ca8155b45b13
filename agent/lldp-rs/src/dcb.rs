// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::problem::Problem;
use crate::read::{Reader, bit};
use alloc::vec::Vec;

/// A number for each of the eight priorities or traffic classes, the lowest first.
pub type PerPriority = [u8; 8];

/// Enhanced transmission selection: which traffic class a priority has, and what each class gets (802.1Q-2018 D.2.8 and
/// D.2.9). The recommendation has the tables only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ets {
    /// The sender takes over what its neighbour recommends.
    pub willing: bool,
    /// The credit-based shaper is supported.
    pub credit_based_shaper: bool,
    /// The most traffic classes, 3 bits; 0: eight.
    pub traffic_classes: u8,
    /// The traffic class of each priority, 4 bits.
    pub classes: PerPriority,
    /// The bandwidth of each traffic class, in percent.
    pub bandwidth: PerPriority,
    /// How each traffic class is scheduled: 0 strict priority, 1 credit-based shaper, 2 enhanced transmission selection,
    /// 255 vendor specific.
    pub algorithms: PerPriority,
}

impl Ets {
    pub(crate) fn decode(info: &[u8]) -> Result<Self, Problem> {
        let mut reader = Reader::new(info);
        let flags = reader.u8()?;
        Ok(Self {
            willing: flags & 0x80 != 0,
            credit_based_shaper: flags & 0x40 != 0,
            traffic_classes: flags & 7,
            classes: nibbles(reader.array()?),
            bandwidth: reader.array()?,
            algorithms: reader.array()?,
        })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(flags(self.willing, self.credit_based_shaper) | self.traffic_classes);
        self.encode_tables(out);
    }

    pub(crate) fn encode_tables(&self, out: &mut Vec<u8>) {
        out.extend(packed(self.classes));
        out.extend(self.bandwidth);
        out.extend(self.algorithms);
    }
}

/// Priority-based flow control (802.1Q-2018 D.2.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowControl {
    /// The sender takes over its neighbour's setting.
    pub willing: bool,
    /// The sender cannot bypass MACsec when it is off (MBC).
    pub macsec_bypass: bool,
    /// How many traffic classes may have it at the same time, 4 bits.
    pub capability: u8,
    /// The priorities that have it: bit 0 is priority 0.
    pub enabled: u8,
}

impl FlowControl {
    pub(crate) fn decode(info: &[u8]) -> Result<Self, Problem> {
        let mut reader = Reader::new(info);
        let flags = reader.u8()?;
        Ok(Self {
            willing: flags & 0x80 != 0,
            macsec_bypass: flags & 0x40 != 0,
            capability: flags & 0xf,
            enabled: reader.u8()?,
        })
    }

    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        out.extend([flags(self.willing, self.macsec_bypass) | self.capability, self.enabled]);
    }
}

/// The priority of an application's frames (802.1Q-2018 D.2.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ApplicationPriority {
    /// The priority, 3 bits.
    pub priority: u8,
    /// What the protocol is, 3 bits: 1 an EtherType, 2 a TCP port, 3 a UDP port, 4 a port of both, 5 a DSCP.
    pub selector: u8,
    /// The protocol.
    pub protocol: u16,
}

impl ApplicationPriority {
    pub(crate) fn decode_all(info: &[u8]) -> Result<Vec<Self>, Problem> {
        let mut reader = Reader::new(info);
        reader.u8()?;
        let mut all = Vec::new();
        while reader.left() > 0 {
            let bits = reader.u8()?;
            all.push(Self { priority: bits >> 5, selector: bits & 7, protocol: reader.u16()? });
        }
        Ok(all)
    }

    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        out.push((self.priority << 5) | self.selector);
        out.extend(self.protocol.to_be_bytes());
    }
}

fn flags(high: bool, next: bool) -> u8 {
    (bit(7, high) | bit(6, next)).to_le_bytes()[0]
}

/// Eight numbers of four bits, the first in the high half of the first byte.
fn nibbles(bytes: [u8; 4]) -> PerPriority {
    let [a, b, c, d] = bytes;
    [a >> 4, a & 15, b >> 4, b & 15, c >> 4, c & 15, d >> 4, d & 15]
}

fn packed([a, b, c, d, e, f, g, h]: PerPriority) -> [u8; 4] {
    [a << 4 | b, c << 4 | d, e << 4 | f, g << 4 | h]
}

/// A part of the DCBX TLV of the Converged Enhanced Ethernet authors (DCB Capability Exchange Protocol Base Specification
/// 1.01), OUI 00-1B-21, subtype 2: what switches spoke before 802.1Q had DCBX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cee {
    /// Type 1.
    Control {
        /// The version in use.
        operating_version: u8,
        /// The latest version that is supported.
        max_version: u8,
        /// Changes with each change of the settings.
        sequence: u32,
        /// The last sequence number that came from the neighbour.
        acknowledgement: u32,
    },
    /// Type 2: what ETS became.
    PriorityGroups {
        /// The state of the feature.
        feature: CeeFeature,
        /// The group of each priority, 4 bits; 15: strict priority.
        groups: PerPriority,
        /// The bandwidth of each group, in percent.
        bandwidth: PerPriority,
        /// The most traffic classes.
        traffic_classes: u8,
    },
    /// Type 3.
    FlowControl {
        /// The state of the feature.
        feature: CeeFeature,
        /// The priorities that have it: bit 0 is priority 0.
        enabled: u8,
        /// How many traffic classes may have it at the same time.
        traffic_classes: u8,
    },
    /// Type 4.
    Applications {
        /// The state of the feature.
        feature: CeeFeature,
        /// The applications.
        applications: Vec<CeeApplication>,
    },
    /// Another type.
    Other {
        /// The type, 7 bits.
        part_type: u8,
        /// Its content, undecoded.
        info: Vec<u8>,
    },
}

/// The state of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CeeFeature {
    /// The version in use.
    pub operating_version: u8,
    /// The latest version that is supported.
    pub max_version: u8,
    /// The feature is on.
    pub enabled: bool,
    /// The sender takes over its neighbour's setting.
    pub willing: bool,
    /// The settings of the two do not match.
    pub error: bool,
    /// Mostly 0.
    pub subtype: u8,
}

/// The priorities of an application's frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CeeApplication {
    /// The protocol.
    pub protocol: u16,
    /// What the protocol is, 2 bits: 0 an EtherType, 1 a TCP or UDP port.
    pub selector: u8,
    /// The organization that the number is of; its two lowest bits are not sent.
    pub oui: [u8; 3],
    /// The priorities: bit 0 is priority 0.
    pub priorities: u8,
}

impl Cee {
    /// Intel, for the authors.
    pub const OUI: [u8; 3] = [0x00, 0x1b, 0x21];
    /// The subtype of the TLV.
    pub const SUBTYPE: u8 = 2;

    pub(crate) fn decode_all(info: &[u8]) -> Result<Vec<Self>, Problem> {
        let mut reader = Reader::new(info);
        let mut all = Vec::new();
        while reader.left() > 0 {
            let header = reader.u16()?;
            let [part_type, _] = (header >> 1).to_be_bytes();
            let (declared, available) = (usize::from(header & 0x1ff), reader.left());
            let part = reader.take(declared).map_err(|_| Problem::BeyondEnd { declared, available })?;
            all.push(Self::decode(part_type, part)?);
        }
        Ok(all)
    }

    fn decode(part_type: u8, info: &[u8]) -> Result<Self, Problem> {
        let mut reader = Reader::new(info);
        Ok(match part_type {
            1 => Self::Control {
                operating_version: reader.u8()?,
                max_version: reader.u8()?,
                sequence: reader.u32()?,
                acknowledgement: reader.u32()?,
            },
            2 => Self::PriorityGroups {
                feature: CeeFeature::decode(&mut reader)?,
                groups: nibbles(reader.array()?),
                bandwidth: reader.array()?,
                traffic_classes: reader.u8()?,
            },
            3 => Self::FlowControl {
                feature: CeeFeature::decode(&mut reader)?,
                enabled: reader.u8()?,
                traffic_classes: reader.u8()?,
            },
            4 => {
                let feature = CeeFeature::decode(&mut reader)?;
                let mut applications = Vec::new();
                while reader.left() > 0 {
                    let protocol = reader.u16()?;
                    let [upper, middle, lower] = reader.array()?;
                    applications.push(CeeApplication {
                        protocol,
                        selector: upper & 3,
                        oui: [upper & 0xfc, middle, lower],
                        priorities: reader.u8()?,
                    });
                }
                Self::Applications { feature, applications }
            }
            _ => Self::Other { part_type, info: info.into() },
        })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let mut info = Vec::new();
        let part_type = match self {
            Self::Control { operating_version, max_version, sequence, acknowledgement } => {
                info.extend([*operating_version, *max_version]);
                info.extend([sequence, acknowledgement].into_iter().flat_map(|number| number.to_be_bytes()));
                1
            }
            Self::PriorityGroups { feature, groups, bandwidth, traffic_classes } => {
                feature.encode(&mut info);
                info.extend(packed(*groups));
                info.extend(bandwidth);
                info.push(*traffic_classes);
                2
            }
            Self::FlowControl { feature, enabled, traffic_classes } => {
                feature.encode(&mut info);
                info.extend([*enabled, *traffic_classes]);
                3
            }
            Self::Applications { feature, applications } => {
                feature.encode(&mut info);
                for application in applications {
                    let [upper, middle, lower] = application.oui;
                    info.extend(application.protocol.to_be_bytes());
                    info.extend([upper | application.selector, middle, lower, application.priorities]);
                }
                4
            }
            Self::Other { part_type, info: bytes } => {
                info.extend_from_slice(bytes);
                *part_type
            }
        };
        // What is longer than the 9 bits is longer than the TLV, which is refused.
        let length = u16::try_from(info.len()).unwrap_or(u16::MAX) & 0x1ff;
        out.extend((u16::from(part_type) << 9 | length).to_be_bytes());
        out.append(&mut info);
    }
}

impl CeeFeature {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Problem> {
        let (operating_version, max_version, flags) = (reader.u8()?, reader.u8()?, reader.u8()?);
        Ok(Self {
            operating_version,
            max_version,
            enabled: flags & 0x80 != 0,
            willing: flags & 0x40 != 0,
            error: flags & 0x20 != 0,
            subtype: reader.u8()?,
        })
    }

    fn encode(self, out: &mut Vec<u8>) {
        let state = flags(self.enabled, self.willing) | u8::from(self.error) << 5;
        out.extend([self.operating_version, self.max_version, state, self.subtype]);
    }
}
