// SPDX-License-Identifier: MIT OR Apache-2.0
//! The SDR repository: Get SDR Repository Info, Reserve SDR Repository and Get SDR (IPMI 2.0, sections 33.9, 33.11 and
//! 33.12).

use super::{Piece, PieceOf, Timestamp};
use crate::{Command, Malformed, NetFn, Reader};

/// Reads how many sensor data records there are.
#[derive(Clone, Copy, Debug)]
pub struct GetSdrRepositoryInfo;

/// Size and times of change of the SDR repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SdrRepositoryInfo {
    /// Version of the SDR commands: 51h.
    pub version: u8,
    /// The number of records.
    pub records: u16,
    /// When a record was last added.
    pub last_addition: Timestamp,
    /// When a record was last erased.
    pub last_erase: Timestamp,
}

impl Command for GetSdrRepositoryInfo {
    const NAME: &'static str = "Get SDR Repository Info";
    const NET_FN: NetFn = NetFn::Storage;
    const CODE: u8 = 0x20;
    type Answer = SdrRepositoryInfo;

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, data: &[u8]) -> Result<SdrRepositoryInfo, Malformed> {
        let mut reader = Reader::new(data);
        let version = reader.byte("SDR version")?;
        let records = reader.word("record count")?;
        reader.word("free space")?;
        let last_addition = reader.long("most recent addition")?.into();
        let last_erase = reader.long("most recent erase")?.into();
        Ok(SdrRepositoryInfo { version, records, last_addition, last_erase })
    }
}

/// Gets a reservation ID, which becomes invalid when the repository changes.
#[derive(Clone, Copy, Debug)]
pub struct ReserveSdrRepository;

impl Command for ReserveSdrRepository {
    const NAME: &'static str = "Reserve SDR Repository";
    const NET_FN: NetFn = NetFn::Storage;
    const CODE: u8 = 0x22;
    type Answer = u16;

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, data: &[u8]) -> Result<u16, Malformed> {
        Reader::new(data).word("reservation ID")
    }
}

/// Reads a sensor data record, or a piece of it.
#[derive(Clone, Copy, Debug)]
pub struct GetSdr(pub PieceOf);

impl Command for GetSdr {
    const NAME: &'static str = "Get SDR";
    const NET_FN: NetFn = NetFn::Storage;
    const CODE: u8 = 0x23;
    type Answer = Piece;

    fn data(&self) -> Vec<u8> {
        self.0.data()
    }

    fn answer(&self, data: &[u8]) -> Result<Piece, Malformed> {
        Piece::parse(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_read() {
        let data = [0x51, 0x9c, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x22];
        let info = GetSdrRepositoryInfo.answer(&data).unwrap();
        assert_eq!((info.version, info.records), (0x51, 156));
        assert_eq!(info.last_addition, Timestamp::SinceStart(1));
        assert!(GetSdrRepositoryInfo.answer(&data[..12]).is_err());
    }

    #[test]
    fn a_reservation_is_read() {
        assert_eq!(ReserveSdrRepository.answer(&[0x01, 0x80]).unwrap(), 0x8001);
    }

    #[test]
    fn a_piece_is_requested() {
        let command = GetSdr(PieceOf { reservation: 0x0203, record: 0x0104, offset: 5, count: 0x20 });
        assert_eq!(command.data(), [3, 2, 4, 1, 5, 0x20]);
        assert_eq!(command.answer(&[5, 1, 9]).unwrap(), Piece { next: 0x0105, data: vec![9] });
    }
}
