// SPDX-License-Identifier: MIT OR Apache-2.0
//! The records of a controller that has sensors, but no SDR repository: Get Device SDR and Reserve Device SDR
//! Repository (IPMI 2.0, sections 35.3 and 35.4).

use crate::piece::{Piece, PieceOf};
use crate::{Command, Malformed, NetFn, Reader};

/// Reads a record of the controller's own sensors, or a piece of it.
#[derive(Clone, Copy, Debug)]
pub struct GetDeviceSdr(pub PieceOf);

impl Command for GetDeviceSdr {
    const NAME: &'static str = "Get Device SDR";
    const NET_FN: NetFn = NetFn::Sensor;
    const CODE: u8 = 0x21;
    type Answer = Piece;

    fn data(&self) -> Vec<u8> {
        self.0.data()
    }

    fn answer(&self, data: &[u8]) -> Result<Piece, Malformed> {
        Piece::parse(data)
    }

    fn own_completion(code: u8) -> Option<&'static str> {
        (code == 0x80).then_some("the record changed during the read")
    }
}

/// Gets a reservation ID, which becomes invalid when the controller's records change.
#[derive(Clone, Copy, Debug)]
pub struct ReserveDeviceSdrRepository;

impl Command for ReserveDeviceSdrRepository {
    const NAME: &'static str = "Reserve Device SDR Repository";
    const NET_FN: NetFn = NetFn::Sensor;
    const CODE: u8 = 0x22;
    type Answer = u16;

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, data: &[u8]) -> Result<u16, Malformed> {
        Reader::new(data).word("reservation ID")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_requested() {
        let command = GetDeviceSdr(PieceOf { reservation: 1, record: 0, offset: 0, count: 5 });
        assert_eq!(command.data(), [1, 0, 0, 0, 0, 5]);
        assert_eq!(command.answer(&[2, 0, 7]).unwrap(), Piece { next: 2, data: vec![7] });
    }

    #[test]
    fn a_reservation_is_read() {
        assert_eq!(ReserveDeviceSdrRepository.answer(&[0x05, 0x00]).unwrap(), 5);
    }
}
