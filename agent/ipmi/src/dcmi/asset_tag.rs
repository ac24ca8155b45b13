// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get and Set Asset Tag (DCMI, sections 6.4.2 and 6.4.3): up to 63 bytes, piece by piece.

use super::GROUP;
use super::piece::{LONGEST, Piece, split, write};
use crate::{Command, Malformed, NetFn};

/// Reads up to 16 bytes of the asset tag.
#[derive(Clone, Copy, Debug)]
pub struct GetAssetTag {
    /// The first byte, 0 to 62.
    pub offset: u8,
    /// How many bytes, up to 16; 0 reads the length only. Some BMCs refuse to read beyond the end.
    pub count: u8,
}

/// Sets up to 16 bytes of it.
#[derive(Clone, Debug)]
pub struct SetAssetTag {
    offset: u8,
    bytes: Vec<u8>,
}

impl GetAssetTag {
    /// The command that reads on after `offset` bytes of a tag of `length` bytes; `None` at its end.
    pub fn next(offset: u8, length: u8) -> Option<Self> {
        let count = length.checked_sub(offset).filter(|left| *left > 0)?.min(LONGEST);
        Some(Self { offset, count })
    }
}

impl SetAssetTag {
    /// The commands that set a tag; `None` if it is empty or longer than 63 bytes.
    pub fn pieces(tag: &str) -> Option<Vec<Self>> {
        if !(1..=63).contains(&tag.len()) {
            return None;
        }
        Some(split(tag.as_bytes()).map(|(offset, bytes)| Self { offset, bytes }).collect())
    }
}

impl Command for GetAssetTag {
    const NAME: &'static str = "Get Asset Tag";
    const NET_FN: NetFn = NetFn::Group;
    const CODE: u8 = 0x06;
    type Answer = Piece;

    fn data(&self) -> Vec<u8> {
        vec![GROUP, self.offset, self.count]
    }

    fn answer(&self, data: &[u8]) -> Result<Piece, Malformed> {
        Piece::read(data)
    }
}

impl Command for SetAssetTag {
    const NAME: &'static str = "Set Asset Tag";
    const NET_FN: NetFn = NetFn::Group;
    const CODE: u8 = 0x08;
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
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn a_tag_is_read_as_ipmitool_does() {
        assert_eq!(GetAssetTag { offset: 0, count: 0 }.data(), [0xdc, 0, 0]);
        assert_eq!(GetAssetTag::next(0, 24).unwrap().data(), [0xdc, 0, 16]);
        assert_eq!(GetAssetTag::next(16, 24).unwrap().data(), [0xdc, 16, 8]);
        assert!(GetAssetTag::next(24, 24).is_none() && GetAssetTag::next(30, 24).is_none());
        let piece = GetAssetTag { offset: 16, count: 8 }.answer(b"\xdc\x18-21-BYTE").unwrap();
        assert_eq!(piece, Piece { length: 24, bytes: b"-21-BYTE".to_vec() });
        assert!(GetAssetTag { offset: 0, count: 0 }.answer(&[0xdc]).is_err());
    }

    #[test]
    fn a_tag_is_written_as_ipmitool_does() {
        let data =
            |tag| -> Vec<_> { SetAssetTag::pieces(tag).unwrap().iter().map(SetAssetTag::data).collect() };
        assert_eq!(data("NEW-TAG"), [b"\xdc\0\x07NEW-TAG".to_vec()]);
        assert_eq!(
            data("NEW-TAG-OF-21-BYTES--X"),
            [b"\xdc\0\x10NEW-TAG-OF-21-BY".to_vec(), b"\xdc\x10\x06TES--X".to_vec()]
        );
        assert!(SetAssetTag::pieces("").is_none() && SetAssetTag::pieces(&"x".repeat(64)).is_none());
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_tag(tag in "[ -~]{1,63}") {
            let pieces = SetAssetTag::pieces(&tag).unwrap();
            let mut stored: Vec<u8> = Vec::new();
            for data in pieces.iter().map(SetAssetTag::data) {
                prop_assert_eq!(usize::from(data[1]), stored.len());
                stored.extend(&data[3..3 + usize::from(data[2])]);
            }
            prop_assert_eq!(stored.as_slice(), tag.as_bytes());
        }
    }
}
