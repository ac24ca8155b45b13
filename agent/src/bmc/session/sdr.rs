// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading sensor data records from the SDR repository, else from the device SDRs (IPMI 2.0, sections 33.12 and 35.3).

use super::walk::{List, Walk};
use super::{BmcSession, Error, walk::RecordProblem};
use ipmi::sensor::{GetDeviceSdr, ReserveDeviceSdrRepository};
use ipmi::storage::{GetSdr, GetSdrRepositoryInfo, PieceOf, ReserveSdrRepository, Sdr};

/// The sensor data records.
#[derive(Debug)]
pub struct Sdrs {
    /// The records, in the order of the repository.
    pub records: Vec<Sdr>,
    /// Problems in the repository.
    pub problems: Vec<RecordProblem>,
    /// Why reading ended early.
    pub ended: Option<Error>,
}

/// Reads all records.
pub fn read_sdrs(bmc: &mut BmcSession) -> Sdrs {
    let list = match bmc.ask(&GetSdrRepositoryInfo) {
        Ok(info) if info.records > 0 => &REPOSITORY,
        Ok(_) => &DEVICE,
        Err(error) if error.is_absent() => &DEVICE,
        Err(error) => return Sdrs { records: Vec::new(), problems: Vec::new(), ended: Some(error) },
    };
    let (mut records, mut problems) = (Vec::new(), Vec::new());
    let mut take = |record: &[u8]| {
        records.push(Sdr::parse(record)?);
        Ok(())
    };
    let ended = Walk::new(bmc, list).follow(PieceOf::FIRST, &mut take, &mut problems).err();
    Sdrs { records, problems, ended }
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
