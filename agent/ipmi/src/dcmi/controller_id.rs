// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get and Set Management Controller Identifier String (DCMI, sections 6.4.6.1 and 6.4.6.2): up to 63 bytes and a NUL,
//! piece by piece.

use super::GROUP;
use super::piece::{LONGEST, Piece, split, write};
use crate::{Command, Malformed, NetFn};

/// Reads 16 bytes of the management controller ID, which the BMC sends as its host name in DHCP requests.
#[derive(Clone, Copy, Debug)]
pub struct GetControllerId {
    /// The first byte, 0 to 63.
    pub offset: u8,
}

/// Sets up to 16 bytes of it. The BMC applies the string when the piece with the closing NUL arrives.
#[derive(Clone, Debug)]
pub struct SetControllerId {
    offset: u8,
    bytes: Vec<u8>,
}

impl SetControllerId {
    /// The commands that set a string; `None` if it is longer than 63 bytes or has a NUL.
    pub fn pieces(name: &str) -> Option<Vec<Self>> {
        if name.len() > 63 || name.contains('\0') {
            return None;
        }
        let bytes = [name.as_bytes(), &[0]].concat();
        Some(split(&bytes).map(|(offset, bytes)| Self { offset, bytes }).collect())
    }
}

impl Command for GetControllerId {
    const NAME: &'static str = "Get Management Controller Identifier String";
    const NET_FN: NetFn = NetFn::Group;
    const CODE: u8 = 0x09;
    type Answer = Piece;

    fn data(&self) -> Vec<u8> {
        vec![GROUP, self.offset, LONGEST]
    }

    fn answer(&self, data: &[u8]) -> Result<Piece, Malformed> {
        Piece::read(data)
    }
}

impl Command for SetControllerId {
    const NAME: &'static str = "Set Management Controller Identifier String";
    const NET_FN: NetFn = NetFn::Group;
    const CODE: u8 = 0x0a;
    const CHANGES: bool = true;
    type Answer = ();

    fn data(&self) -> Vec<u8> {
        write(self.offset, &self.bytes)
    }

    fn answer(&self, _: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_in_pieces() {
        assert_eq!(GetControllerId { offset: 16 }.data(), [0xdc, 16, 16]);
        let piece = GetControllerId { offset: 16 }.answer(b"\xdc\x13end").unwrap();
        assert_eq!(piece, Piece { length: 19, bytes: b"end".to_vec() });
        assert!(GetControllerId { offset: 0 }.answer(&[0xdc]).is_err());
    }

    #[test]
    fn a_name_is_written_in_pieces() {
        let data = |name| -> Vec<_> {
            SetControllerId::pieces(name).unwrap().iter().map(SetControllerId::data).collect()
        };
        assert_eq!(data("rack1-host17"), [b"\xdc\0\x0drack1-host17\0".to_vec()]);
        assert_eq!(
            data("rack1-host17-bmc"),
            [b"\xdc\0\x10rack1-host17-bmc".to_vec(), b"\xdc\x10\x01\0".to_vec()]
        );
        assert_eq!(data(&"x".repeat(63)).len(), 4);
        assert!(SetControllerId::pieces(&"x".repeat(64)).is_none());
        assert!(SetControllerId::pieces("a\0b").is_none());
    }
}
