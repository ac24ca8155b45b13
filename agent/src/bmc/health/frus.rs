// SPDX-License-Identifier: MIT OR Apache-2.0
//! FRU data.

use stage1_contract::BmcFru;

use crate::bmc::session::{LenientSession, read_fru};
use crate::display::utc;
use ipmi::storage::{Fru, Sdr, SdrContent};

/// FRU devices that are read at most.
const MOST_FRUS: usize = 32;

/// FRU 0, which every BMC with FRU data has, and those that the SDR repository lists, with their names.
pub(super) fn devices(records: &[Sdr]) -> Vec<(u8, Option<String>)> {
    let mut devices: Vec<(u8, Option<String>)> = vec![(0, None)];
    for record in records {
        let SdrContent::Fru(fru) = &record.content else { continue };
        match devices.iter_mut().find(|(id, _)| *id == fru.device) {
            _ if !fru.is_of_bmc() || !fru.is_inventory() => {}
            Some((_, name)) => *name = Some(fru.name.clone()),
            None => devices.push((fru.device, Some(fru.name.clone()))),
        }
    }
    devices.truncate(MOST_FRUS);
    devices
}

/// Reads these devices; it is `now`, in seconds since 1970.
pub(super) fn read(session: &mut LenientSession, devices: &[(u8, Option<String>)], now: u64) -> Vec<BmcFru> {
    let mut frus = Vec::new();
    for (id, name) in devices {
        match session.with(|bmc| read_fru(bmc, *id)) {
            Some(Ok(fru)) => frus.extend(reported(*id, name.clone(), fru, now)),
            Some(Err(error)) if error.is_absent() || *id > 0 => {}
            Some(Err(error)) => session.problem(format!("reading FRU {id}: {error}")),
            None => break,
        }
    }
    frus
}

/// A FRU for the report; `None` if it has no data and no defect.
fn reported(id: u8, name: Option<String>, fru: Fru, now: u64) -> Option<BmcFru> {
    let Fru { chassis, board, product, warnings, .. } = fru;
    if chassis.is_none() && board.is_none() && product.is_none() && warnings.is_empty() {
        return None;
    }
    let (chassis_type, chassis) = (chassis.as_ref().map(|chassis| chassis.kind), chassis.unwrap_or_default());
    let (board, product) = (board.unwrap_or_default(), product.unwrap_or_default());
    Some(BmcFru {
        id,
        name,
        chassis_type,
        chassis_part_number: chassis.part_number,
        chassis_serial: chassis.serial,
        board_made: board.manufactured.map(|made| utc(made.seconds(now))),
        board_manufacturer: board.manufacturer,
        board_product: board.product,
        board_serial: board.serial,
        board_part_number: board.part_number,
        product_manufacturer: product.manufacturer,
        product_name: product.name,
        product_part_number: product.part_number,
        product_version: product.version,
        product_serial: product.serial,
        asset_tag: product.asset_tag,
        problems: warnings.iter().map(ToString::to_string).collect(),
    })
}
