// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading the sensor data records, from the SDR repository or else from the BMC's device SDRs (IPMI 2.0, sections 33.12
//! and 35.3).

use super::records::{RecordList, RecordReader};
use super::{BmcSession, Error, ParseWarning};
use ipmi::sensor::{GetDeviceSdr, ReserveDeviceSdrRepository};
use ipmi::storage::{GetSdr, GetSdrRepositoryInfo, PieceOf, ReserveSdrRepository, Sdr};

/// The sensor data records of a BMC.
#[derive(Debug)]
pub struct Sdrs {
    /// The records, in the order of their links.
    pub records: Vec<Sdr>,
    /// Defects of the records.
    pub warnings: Vec<ParseWarning>,
    /// Why reading ended early.
    pub ended: Option<Error>,
}

/// Reads all sensor data records.
pub fn read_sdrs(bmc: &mut BmcSession) -> Sdrs {
    let list = match bmc.ask(&GetSdrRepositoryInfo) {
        Ok(info) if info.records > 0 => &REPOSITORY,
        Ok(_) => &DEVICE,
        Err(error) if error.is_absent() => &DEVICE,
        Err(error) => return Sdrs { records: Vec::new(), warnings: Vec::new(), ended: Some(error) },
    };
    let (mut records, mut warnings) = (Vec::new(), Vec::new());
    let mut take = |record: &[u8]| {
        records.push(Sdr::parse(record)?);
        Ok(())
    };
    let ended = RecordReader::new(bmc, list).follow(PieceOf::FIRST, &mut take, &mut warnings).err();
    Sdrs { records, warnings, ended }
}

const REPOSITORY: RecordList = RecordList {
    name: "SDR repository",
    reserve: |bmc| bmc.ask(&ReserveSdrRepository),
    piece: |bmc, of| bmc.ask(&GetSdr(of)),
    length,
};

const DEVICE: RecordList = RecordList {
    name: "device SDR repository",
    reserve: |bmc| bmc.ask(&ReserveDeviceSdrRepository),
    piece: |bmc, of| bmc.ask(&GetDeviceSdr(of)),
    length,
};

fn length(record: &[u8]) -> usize {
    Sdr::length(record).unwrap_or(Sdr::HEADER)
}
