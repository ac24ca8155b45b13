// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much of an inventory there is to read. Pure.

use super::HEADER;
use super::multi_record::Header;

/// How many bytes are wanted, as far as those that are known tell. Once that is not more than are known, it is all.
///
/// A BMC reads its EEPROMs slowly, and the most of many a one is empty.
pub fn extent(known: &[u8]) -> usize {
    let Some(&[format, _, chassis, board, product, multi_record, ..]) = known.first_chunk::<HEADER>() else {
        return HEADER;
    };
    if format & 0x0f != 1 {
        return HEADER;
    }
    let areas = [chassis, board, product].map(|offset| area_end(known, usize::from(offset) * 8));
    areas.into_iter().fold(HEADER, usize::max).max(records_end(known, usize::from(multi_record) * 8))
}

fn area_end(known: &[u8], at: usize) -> usize {
    match (at, known.get(at + 1)) {
        (0, _) => HEADER,
        (_, None) => at + 2,
        (_, Some(eights)) => at + usize::from(*eights) * 8,
    }
}

fn records_end(known: &[u8], start: usize) -> usize {
    let mut at = start;
    while at != 0 {
        let Some(header) = Header::at(known, at) else { return at + Header::LENGTH };
        if header.is_last || !header.is_right {
            return header.end;
        }
        at = header.end;
    }
    HEADER
}
