// SPDX-License-Identifier: MIT OR Apache-2.0
//! The system event log: Get SEL Info, Reserve SEL, Get SEL Entry and Clear SEL (IPMI 2.0, sections 31.2, 31.4, 31.5
//! and 31.9).

use super::{Piece, PieceOf, Timestamp};
use crate::{Command, Malformed, NetFn, Reader};

/// Reads how full the system event log is.
#[derive(Clone, Copy, Debug)]
pub struct GetSelInfo;

/// Size and times of change of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelInfo {
    /// Version of the SEL commands, BCD with the digits swapped: 51h is 1.5, also in IPMI 2.0.
    pub version: u8,
    /// The number of records.
    pub records: u16,
    /// Free space in bytes; FFFFh is that or more.
    pub free: u16,
    /// When a record was last added.
    pub last_addition: Timestamp,
    /// When it was last erased.
    pub last_erase: Timestamp,
    /// Events were lost because the log was full.
    pub has_overflowed: bool,
    /// Reserve SEL is supported.
    pub can_reserve: bool,
}

impl Command for GetSelInfo {
    const NAME: &'static str = "Get SEL Info";
    const NET_FN: NetFn = NetFn::Storage;
    const CODE: u8 = 0x40;
    type Answer = SelInfo;

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, data: &[u8]) -> Result<SelInfo, Malformed> {
        let mut reader = Reader::new(data);
        let version = reader.byte("SEL version")?;
        let records = reader.word("number of entries")?;
        let free = reader.word("free space")?;
        let last_addition = reader.long("most recent addition")?.into();
        let last_erase = reader.long("most recent erase")?.into();
        let support = reader.byte("operation support")?;
        Ok(SelInfo {
            version,
            records,
            free,
            last_addition,
            last_erase,
            has_overflowed: support & 0x80 != 0,
            can_reserve: support & 0x02 != 0,
        })
    }

    fn own_completion(code: u8) -> Option<&'static str> {
        (code == 0x81).then_some("the SEL is being erased")
    }
}

/// Gets a reservation ID, which becomes invalid when the log changes.
#[derive(Clone, Copy, Debug)]
pub struct ReserveSel;

impl Command for ReserveSel {
    const NAME: &'static str = "Reserve SEL";
    const NET_FN: NetFn = NetFn::Storage;
    const CODE: u8 = 0x42;
    type Answer = u16;

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, data: &[u8]) -> Result<u16, Malformed> {
        Reader::new(data).word("reservation ID")
    }

    fn own_completion(code: u8) -> Option<&'static str> {
        (code == 0x81).then_some("the SEL is being erased")
    }
}

/// Reads a record of the log, or a piece of it.
#[derive(Clone, Copy, Debug)]
pub struct GetSelEntry(pub PieceOf);

impl Command for GetSelEntry {
    const NAME: &'static str = "Get SEL Entry";
    const NET_FN: NetFn = NetFn::Storage;
    const CODE: u8 = 0x43;
    type Answer = Piece;

    fn data(&self) -> Vec<u8> {
        self.0.data()
    }

    fn answer(&self, data: &[u8]) -> Result<Piece, Malformed> {
        Piece::parse(data)
    }

    fn own_completion(code: u8) -> Option<&'static str> {
        (code == 0x81).then_some("the SEL is being erased")
    }
}

/// Begins to erase the whole log.
#[derive(Clone, Copy, Debug)]
pub struct ClearSel {
    /// The reservation ID, of [`ReserveSel`].
    pub reservation: u16,
}

/// Reads the progress of the erasure.
#[derive(Clone, Copy, Debug)]
pub struct ClearSelStatus {
    /// The reservation ID, of [`ReserveSel`].
    pub reservation: u16,
}

/// Progress of an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// Still erasing.
    InProgress,
    /// The log is empty.
    Completed,
}

impl Command for ClearSel {
    const NAME: &'static str = "Clear SEL";
    const NET_FN: NetFn = NetFn::Storage;
    const CODE: u8 = 0x47;
    const CHANGES: bool = true;
    type Answer = Erasure;

    fn data(&self) -> Vec<u8> {
        request(self.reservation, 0xaa)
    }

    fn answer(&self, data: &[u8]) -> Result<Erasure, Malformed> {
        erasure(data)
    }
}

impl Command for ClearSelStatus {
    const NAME: &'static str = "Clear SEL";
    const NET_FN: NetFn = NetFn::Storage;
    const CODE: u8 = 0x47;
    type Answer = Erasure;

    fn data(&self) -> Vec<u8> {
        request(self.reservation, 0x00)
    }

    fn answer(&self, data: &[u8]) -> Result<Erasure, Malformed> {
        erasure(data)
    }
}

fn request(reservation: u16, action: u8) -> Vec<u8> {
    let [low, high] = reservation.to_le_bytes();
    vec![low, high, b'C', b'L', b'R', action]
}

fn erasure(data: &[u8]) -> Result<Erasure, Malformed> {
    match Reader::new(data).byte("erasure progress")? & 0x0f {
        0 => Ok(Erasure::InProgress),
        1 => Ok(Erasure::Completed),
        value => Err(Malformed::Impossible {
            field: "erasure progress",
            value: value.into(),
            why: "0 is in progress, 1 is completed",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read() {
        let data = [0x51, 0x22, 0x00, 0xe0, 0x3f, 0x4e, 0x17, 0x6e, 0x5f, 0xff, 0xff, 0xff, 0xff, 0x8a];
        let info = GetSelInfo.answer(&data).unwrap();
        assert_eq!((info.version, info.records, info.free), (0x51, 34, 0x3fe0));
        assert_eq!(
            (info.last_addition, info.last_erase),
            (Timestamp::Clock(0x5f6e_174e), Timestamp::Unspecified)
        );
        assert!(info.has_overflowed && info.can_reserve);
    }

    #[test]
    fn a_reservation_is_read() {
        assert_eq!(ReserveSel.answer(&[0x34, 0x12]).unwrap(), 0x1234);
        assert!(ReserveSel.answer(&[0x34]).is_err());
    }

    #[test]
    fn a_whole_record_is_requested_and_read() {
        let command =
            GetSelEntry(PieceOf { reservation: 0, record: PieceOf::LAST, offset: 0, count: PieceOf::WHOLE });
        assert_eq!(command.data(), [0, 0, 0xff, 0xff, 0, 0xff]);
        let piece = command.answer(&[0xff, 0xff, 1, 2, 3]).unwrap();
        assert_eq!(piece, Piece { next: 0xffff, data: vec![1, 2, 3] });
        assert!(command.answer(&[0xff]).is_err());
    }

    #[test]
    fn starting_and_polling_an_erasure_differ_in_the_last_byte() {
        assert_eq!(ClearSel { reservation: 0x0102 }.data(), [2, 1, 0x43, 0x4c, 0x52, 0xaa]);
        assert_eq!(ClearSelStatus { reservation: 0x0102 }.data(), [2, 1, 0x43, 0x4c, 0x52, 0x00]);
    }

    #[test]
    fn the_progress_is_read() {
        let status = ClearSelStatus { reservation: 1 };
        assert_eq!(status.answer(&[0xf0]).unwrap(), Erasure::InProgress);
        assert_eq!(status.answer(&[0x01]).unwrap(), Erasure::Completed);
        assert!(status.answer(&[0x02]).is_err());
    }
}
