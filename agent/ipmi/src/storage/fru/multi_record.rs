// SPDX-License-Identifier: MIT OR Apache-2.0
//! The multi-record area (FRU Information Storage Definition, sections 16 to 18).

use super::area::{FruWarning, adds_up};

/// A power supply information record (section 18.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerSupply {
    /// Overall capacity in watts.
    pub watts: u16,
    /// Peak capacity in watts; `None` if not specified.
    pub peak_watts: Option<u16>,
    /// It supports hot swap.
    pub is_hot_swappable: bool,
}

/// The power supply records of the area at `offset`, in multiples of 8 bytes; an offset of 0 means no area.
pub(super) fn power_supplies(
    inventory: &[u8],
    offset: u8,
    warnings: &mut Vec<FruWarning>,
) -> Vec<PowerSupply> {
    let mut supplies = Vec::new();
    let mut at = usize::from(offset) * 8;
    while at != 0 {
        let Some(header) = Header::at(inventory, at) else {
            warnings.push(FruWarning::Truncated(AREA));
            break;
        };
        if !header.is_right {
            warnings.push(FruWarning::Checksum(AREA));
            break;
        }
        if header.kind == POWER_SUPPLY {
            supplies.extend(power_supply(inventory, at, &header, warnings));
        }
        at = if header.is_last { 0 } else { header.end };
    }
    supplies
}

/// The header of a record (section 16.1).
pub(super) struct Header {
    kind: u8,
    /// No record follows.
    pub(super) is_last: bool,
    sum: u8,
    /// Its checksum is right and it is not all zeros. If not, its length is not to be trusted.
    pub(super) is_right: bool,
    /// Offset of the record's end.
    pub(super) end: usize,
}

impl Header {
    pub(super) const LENGTH: usize = 5;

    pub(super) fn at(inventory: &[u8], at: usize) -> Option<Self> {
        let header: &[u8; Self::LENGTH] = inventory.get(at..)?.first_chunk()?;
        let [kind, format, length, sum, _] = *header;
        let is_right = adds_up(header) && *header != [0; Self::LENGTH];
        let end = at + Self::LENGTH + usize::from(length);
        Some(Self { kind, is_last: format & 0x80 != 0, sum, is_right, end })
    }
}

fn power_supply(
    inventory: &[u8],
    at: usize,
    header: &Header,
    warnings: &mut Vec<FruWarning>,
) -> Option<PowerSupply> {
    let Some(data) = inventory.get(at + Header::LENGTH..header.end).filter(|data| data.len() >= 2) else {
        warnings.push(FruWarning::Truncated(RECORD));
        return None;
    };
    if !adds_up(&[&[header.sum], data].concat()) {
        warnings.push(FruWarning::Checksum(RECORD));
    }
    let watts = |at: usize| {
        let bytes = data.get(at..)?.first_chunk()?;
        Some(u16::from_le_bytes(*bytes) & 0x0fff)
    };
    Some(PowerSupply {
        watts: watts(0)?,
        peak_watts: watts(18).filter(|watts| *watts != 0),
        is_hot_swappable: data.get(17).is_some_and(|flags| flags & 0x08 != 0),
    })
}

/// The type of a power supply's record (section 16.2.1).
const POWER_SUPPLY: u8 = 0x00;

const AREA: &str = "multi-record area";
const RECORD: &str = "power supply record";
