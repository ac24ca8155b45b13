// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get SDR (IPMI 2.0, section 33.12).

use super::{Piece, PieceOf};
use crate::{Command, Malformed, NetFn};

/// Asks for a sensor data record, or a piece of it.
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
    fn a_piece_is_asked() {
        let command = GetSdr(PieceOf { reservation: 0x0203, record: 0x0104, offset: 5, count: 0x20 });
        assert_eq!(command.data(), [3, 2, 4, 1, 5, 0x20]);
        assert_eq!(command.answer(&[5, 1, 9]).unwrap(), Piece { next: 0x0105, data: vec![9] });
    }
}
