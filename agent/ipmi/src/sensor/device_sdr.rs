// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get Device SDR (IPMI 2.0, section 35.3): for a controller that has sensors, but no SDR repository.

use crate::storage::{Piece, PieceOf};
use crate::{Command, Malformed, NetFn};

/// Asks for a record of the controller's own sensors, or a piece of it.
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
        (code == 0x80).then_some("the record changed while it was read")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_asked() {
        let command = GetDeviceSdr(PieceOf { reservation: 1, record: 0, offset: 0, count: 5 });
        assert_eq!(command.data(), [1, 0, 0, 0, 0, 5]);
        assert_eq!(command.answer(&[2, 0, 7]).unwrap(), Piece { next: 2, data: vec![7] });
    }
}
