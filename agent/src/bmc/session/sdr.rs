// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading of the sensor data records: of the SDR repository, else of the BMC's own sensors (IPMI 2.0, sections 33.12
//! and 35.3).

use super::walk::{List, Walk};
use super::{BmcSession, Error, walk::Doubt};
use ipmi::sensor::{GetDeviceSdr, ReserveDeviceSdrRepository};
use ipmi::storage::{GetSdr, GetSdrRepositoryInfo, PieceOf, ReserveSdrRepository, Sdr};

/// The sensor data records.
#[derive(Debug)]
pub struct Sdrs {
    /// In the order in which they are linked.
    pub records: Vec<Sdr>,
    /// What is wrong with them.
    pub doubts: Vec<Doubt>,
    /// Why they are not all.
    pub ended: Option<Error>,
}

/// Reads all of them.
pub fn read_sdrs(bmc: &mut BmcSession) -> Sdrs {
    let list = match bmc.ask(&GetSdrRepositoryInfo) {
        Ok(info) if info.records > 0 => &REPOSITORY,
        Ok(_) => &DEVICE,
        Err(error) if error.is_absent() => &DEVICE,
        Err(error) => return Sdrs { records: Vec::new(), doubts: Vec::new(), ended: Some(error) },
    };
    let (mut records, mut doubts) = (Vec::new(), Vec::new());
    let mut take = |record: &[u8]| {
        records.push(Sdr::parse(record)?);
        Ok(())
    };
    let ended = Walk::new(bmc, list).follow(PieceOf::FIRST, &mut take, &mut doubts).err();
    Sdrs { records, doubts, ended }
}

const REPOSITORY: List = List {
    name: "SDR repository",
    reserve: |bmc| bmc.ask(&ReserveSdrRepository),
    piece: |bmc, of| bmc.ask(&GetSdr(of)),
    length,
};

const DEVICE: List = List {
    name: "device SDR repository",
    reserve: |bmc| bmc.ask(&ReserveDeviceSdrRepository),
    piece: |bmc, of| bmc.ask(&GetDeviceSdr(of)),
    length,
};

fn length(record: &[u8]) -> usize {
    Sdr::length(record).unwrap_or(Sdr::HEADER)
}
