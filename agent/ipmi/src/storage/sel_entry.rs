// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get SEL Entry (IPMI 2.0, section 31.5).

use super::{Piece, PieceOf};
use crate::{Command, Malformed, NetFn};

/// Asks for a record of the log, or a piece of it.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_record_is_asked_and_read() {
        let command =
            GetSelEntry(PieceOf { reservation: 0, record: PieceOf::LAST, offset: 0, count: PieceOf::WHOLE });
        assert_eq!(command.data(), [0, 0, 0xff, 0xff, 0, 0xff]);
        let piece = command.answer(&[0xff, 0xff, 1, 2, 3]).unwrap();
        assert_eq!(piece, Piece { next: 0xffff, data: vec![1, 2, 3] });
        assert!(command.answer(&[0xff]).is_err());
    }
}
