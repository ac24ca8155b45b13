// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading FRU data (IPMI 2.0, section 34).

use super::records::{CHUNK, smaller_chunk};
use super::{BmcSession, Error};
use ipmi::storage::{Fru, FruArea, GetFruInventoryAreaInfo, ReadFruData, extent};

/// Reads the areas of the FRU data. If the BMC refuses to return their end, they are read up to there.
///
/// # Errors
/// If the BMC does not have the device, refuses its first bytes, or stops responding.
pub fn read_fru(bmc: &mut BmcSession, device: u8) -> Result<Fru, Error> {
    let area = bmc.ask(&GetFruInventoryAreaInfo { device })?;
    let mut bytes = Vec::new();
    let mut chunk = CHUNK;
    while let Some((offset, count)) = next(area, &bytes, chunk) {
        match bmc.ask(&ReadFruData { device, area, offset, count }) {
            Ok(data) if data.is_empty() => break,
            Ok(data) => bytes.extend(data),
            Err(error) => match smaller_chunk(count, error) {
                Ok(smaller) => chunk = smaller,
                Err(error) if bytes.is_empty() || error.is_fatal() => return Err(error),
                Err(_) => break,
            },
        }
    }
    Ok(Fru::parse(&bytes))
}

/// The next offset and count; `None` at the end.
fn next(area: FruArea, bytes: &[u8], chunk: u8) -> Option<(u16, u8)> {
    let offset = u16::try_from(bytes.len()).ok()?;
    let missing =
        extent(bytes).min(usize::from(area.size)).checked_sub(bytes.len()).filter(|missing| *missing > 0)?;
    let count = u8::try_from(missing).unwrap_or(chunk).min(chunk);
    // A word has two bytes: after half of one, reading cannot continue.
    match (area.is_by_words, offset % 2) {
        (true, 1) => None,
        (true, _) => Some((offset, count.next_multiple_of(2))),
        (false, _) => Some((offset, count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipmi::storage::FruWarning;

    use crate::bmc::session::model::Model;

    /// A product with the longest possible name, followed by the bytes of an erased EEPROM.
    fn model() -> Model {
        let mut product = [&[1, 10, 0, 0xc0, 0xff][..], &[b'x'; 63], &[0xc1]].concat();
        product.resize(79, 0);
        product.push(product.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte)));
        let fru = [&[1, 0, 0, 0, 1, 0, 0, 0xfe], &product[..], &[0xff; 4000]].concat();
        Model { fru_size: fru.len() as u16, fru, ..Model::default() }
    }

    fn read(model: Model) -> (Fru, usize) {
        let (mut bmc, shared) = model.bmc();
        let fru = read_fru(&mut bmc, 0).unwrap();
        let requests = shared.model().received.len();
        (fru, requests)
    }

    #[test]
    fn only_areas_are_read() {
        let (fru, requests) = read(model());
        assert_eq!(fru.warnings, []);
        assert_eq!(fru.product.unwrap().name.unwrap().len(), 63);
        assert!(requests <= 6, "{requests} requests");
    }

    #[test]
    fn chunks_are_as_large_as_the_bmc_returns() {
        for (most, is_by_words) in [(1, false), (5, false), (16, false), (2, true), (7, true), (0, true)] {
            let (fru, _) = read(Model { most, is_by_words, ..model() });
            assert_eq!(fru.warnings, [], "{most}");
            assert_eq!(fru, read(model()).0);
        }
    }

    #[test]
    fn with_a_wrong_size_the_existing_bytes_are_read() {
        let mut model = model();
        model.fru.truncate(40);
        let (fru, _) = read(model);
        assert_eq!(fru.warnings, [FruWarning::Truncated("product area")]);
    }

    #[test]
    fn a_bmc_that_stops_responding_is_an_error() {
        let (mut bmc, _) = Model { stops_after: Some(3), ..model() }.bmc();
        assert!(read_fru(&mut bmc, 0).unwrap_err().is_fatal());
        let (mut bmc, _) = Model { fru: Vec::new(), ..model() }.bmc();
        assert!(read_fru(&mut bmc, 0).unwrap_err().completion().is_some(), "there is not one byte");
    }
}
