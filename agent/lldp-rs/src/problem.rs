// SPDX-License-Identifier: MIT OR Apache-2.0
use core::error::Error;
use core::fmt;

/// What is wrong with a TLV, or with a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It ends before its last field.
    TooShort {
        /// How many bytes it needs.
        needed: usize,
        /// How many it has.
        actual: usize,
    },
    /// A field whose length does not fit its kind.
    BadLength {
        /// Which field.
        field: &'static str,
        /// The least bytes it may have.
        least: usize,
        /// The most bytes it may have.
        most: usize,
        /// The bytes it has.
        actual: usize,
    },
    /// Its length reaches beyond the end of the frame.
    BeyondEnd {
        /// The length that it declares.
        declared: usize,
        /// The bytes that are left for it.
        available: usize,
    },
    /// The frame ends within the TLV's header.
    CutHeader,
    /// A number that its field may not have.
    OutOfRange {
        /// Which field.
        field: &'static str,
        /// The most it may be.
        most: u16,
        /// What it is.
        actual: u16,
    },
    /// The checksum does not match.
    Checksum,
}

impl Problem {
    /// Whether a field has a length that it may have.
    pub(crate) fn check(field: &'static str, least: usize, most: usize, actual: usize) -> Result<(), Self> {
        if (least..=most).contains(&actual) {
            return Ok(());
        }
        Err(Self::BadLength { field, least, most, actual })
    }

    /// A VLAN ID, which may be 4094 at most: 4095 is reserved, and there are 12 bits (802.1Q-2018 Table 9-2).
    pub(crate) fn check_vlan(id: u16) -> Result<u16, Self> {
        const MOST: u16 = 4094;
        if id > MOST { Err(Self::OutOfRange { field: "VLAN ID", most: MOST, actual: id }) } else { Ok(id) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { needed, actual } => write!(f, "{actual} bytes where {needed} are needed"),
            Self::BadLength { field, least, most, actual } if least == most => {
                write!(f, "{field} of {actual} bytes where {least} are needed")
            }
            Self::BadLength { field, least, most, actual } => {
                write!(f, "{field} of {actual} bytes where {least} to {most} are allowed")
            }
            Self::BeyondEnd { declared, available } => {
                write!(f, "it declares {declared} bytes but the frame has {available} more")
            }
            Self::CutHeader => f.write_str("the frame ends within its header"),
            Self::OutOfRange { field, most, actual } => {
                write!(f, "{field} {actual} where {most} is the most")
            }
            Self::Checksum => f.write_str("wrong checksum"),
        }
    }
}

impl Error for Problem {}
