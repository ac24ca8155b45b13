// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::dcb::Cee;
use crate::dot1::Dot1;
use crate::dot3::Dot3;
use crate::med::Med;
use crate::problem::Problem;
use crate::tlv::Value;
use core::error::Error;
use core::fmt;

/// Which TLV: the TLV type, and for organizationally specific ones (type 127) whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A TLV of the basic management set, 0 to 126 (802.1AB-2016 Table 8-1). 127 only when its header is cut.
    Basic(u8),
    /// An organizationally specific TLV (802.1AB-2016 8.6).
    Organization {
        /// Organizationally unique identifier.
        oui: [u8; 3],
        /// The organization's own number for the TLV.
        subtype: u8,
    },
    /// Not LLDP: a TLV of the Cisco Discovery Protocol.
    Cdp(u16),
    /// No TLV: the header of the Cisco Discovery Protocol.
    CdpHeader,
}

impl Kind {
    /// End Of LLDPDU (802.1AB-2016 8.5.1).
    pub const END: Self = Self::Basic(0);
    /// Chassis ID (802.1AB-2016 8.5.2).
    pub const CHASSIS_ID: Self = Self::Basic(1);
    /// Port ID (802.1AB-2016 8.5.3).
    pub const PORT_ID: Self = Self::Basic(2);
    /// Time To Live (802.1AB-2016 8.5.4).
    pub const TIME_TO_LIVE: Self = Self::Basic(3);
    /// Port Description (802.1AB-2016 8.5.5).
    pub const PORT_DESCRIPTION: Self = Self::Basic(4);
    /// System Name (802.1AB-2016 8.5.6).
    pub const SYSTEM_NAME: Self = Self::Basic(5);
    /// System Description (802.1AB-2016 8.5.7).
    pub const SYSTEM_DESCRIPTION: Self = Self::Basic(6);
    /// System Capabilities (802.1AB-2016 8.5.8).
    pub const SYSTEM_CAPABILITIES: Self = Self::Basic(7);
    /// Management Address (802.1AB-2016 8.5.9).
    pub const MANAGEMENT_ADDRESS: Self = Self::Basic(8);
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::END => f.write_str("end of LLDPDU"),
            Self::CHASSIS_ID => f.write_str("chassis ID"),
            Self::PORT_ID => f.write_str("port ID"),
            Self::TIME_TO_LIVE => f.write_str("time to live"),
            Self::PORT_DESCRIPTION => f.write_str("port description"),
            Self::SYSTEM_NAME => f.write_str("system name"),
            Self::SYSTEM_DESCRIPTION => f.write_str("system description"),
            Self::SYSTEM_CAPABILITIES => f.write_str("system capabilities"),
            Self::MANAGEMENT_ADDRESS => f.write_str("management address"),
            Self::Basic(kind) => write!(f, "type {kind}"),
            Self::Organization { oui: Dot1::OUI, subtype } => write!(f, "802.1 {}", Dot1::name(subtype)),
            Self::Organization { oui: Dot3::OUI, subtype } => write!(f, "802.3 {}", Dot3::name(subtype)),
            Self::Organization { oui: Med::OUI, subtype } => write!(f, "LLDP-MED {}", Med::name(subtype)),
            Self::Organization { oui: Cee::OUI, subtype: Cee::SUBTYPE } => f.write_str("CEE DCBX"),
            Self::Organization { oui: Value::IANA, subtype: Value::MUD_URL } => f.write_str("MUD URL"),
            Self::Organization { oui: [a, b, c], subtype } => {
                write!(f, "{a:02x}-{b:02x}-{c:02x} subtype {subtype}")
            }
            Self::Cdp(kind) => write!(f, "CDP type {kind}"),
            Self::CdpHeader => f.write_str("CDP header"),
        }
    }
}

/// One TLV that cannot be read, where it is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which TLV.
    pub kind: Kind,
    /// Where its header is, in bytes from the start of the LLDPDU (for CDP, of the CDP message).
    pub offset: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tlv = if self.kind == Kind::CdpHeader { "" } else { " TLV" };
        write!(f, "{}{tlv} at byte {}: {}", self.kind, self.offset, self.problem)
    }
}

impl Error for Fault {}

/// Why a received LLDPDU was discarded: a fault in one of the three mandatory TLVs
/// (802.1AB-2016 9.2.7.7.1). Faults elsewhere cost only their own TLV: see [`Lldpdu::faults`](crate::Lldpdu::faults).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Chassis ID, port ID and time to live must be the first three TLVs, in this order.
    Missing {
        /// The TLV that must be here.
        expected: Kind,
        /// The TLV that is here; nothing at the end of the frame.
        found: Option<Kind>,
        /// Where, in bytes from the start of the LLDPDU.
        offset: usize,
    },
    /// A mandatory TLV that is malformed.
    Malformed(Fault),
    /// A mandatory TLV that comes twice.
    Repeated {
        /// Which one.
        kind: Kind,
        /// Where it is for the second time, in bytes from the start of the LLDPDU.
        offset: usize,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { expected, found: Some(found), offset } => {
                write!(f, "{found} TLV at byte {offset} where the {expected} TLV must be")
            }
            Self::Missing { expected, found: None, offset } => {
                write!(f, "the frame ends at byte {offset} where the {expected} TLV must be")
            }
            Self::Malformed(fault) => fault.fmt(f),
            Self::Repeated { kind, offset } => {
                write!(f, "{kind} TLV at byte {offset} comes for the second time")
            }
        }
    }
}

impl Error for DecodeError {}

/// Why a value cannot be put into a TLV.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// More than the 511 bytes that a TLV holds (802.1AB-2016 8.4.2).
    TooLong {
        /// Which TLV.
        kind: Kind,
        /// How many bytes of information it would have.
        length: usize,
    },
    /// A receiver would find a fault in it.
    Malformed(Fault),
    /// A receiver would read another value, because a field is larger than its place or a number has its own variant.
    ReadDifferently {
        /// Which TLV.
        kind: Kind,
    },
    /// Mandatory TLVs and the end are written by [`Lldpdu::new`](crate::Lldpdu::new) itself.
    Misplaced {
        /// Which TLV.
        kind: Kind,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { kind, length } => write!(f, "{kind} TLV: {length} bytes where a TLV holds 511"),
            Self::Malformed(fault) => write!(f, "{} TLV: {}", fault.kind, fault.problem),
            Self::ReadDifferently { kind } => {
                write!(f, "{kind} TLV: a field does not fit, it would be read back as another value")
            }
            Self::Misplaced { kind } => write!(f, "{kind} TLV: not an optional one"),
        }
    }
}

impl Error for EncodeError {}
