// SPDX-License-Identifier: MIT OR Apache-2.0
//! Texts that are read and set piece by piece (DCMI, section 6.4).

use super::{GROUP, group};
use crate::{Malformed, Reader};

/// The most bytes that one command reads or sets.
pub(super) const LONGEST: u8 = 16;

/// A piece of a text, as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Length of the whole text in bytes; some BMCs count a NUL at its end.
    pub length: u8,
    /// The piece, which may include bytes after the end of the text.
    pub bytes: Vec<u8>,
}

impl Piece {
    pub(super) fn read(data: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(data);
        group(&mut reader)?;
        Ok(Self { length: reader.byte("length of the text")?, bytes: reader.rest().to_vec() })
    }
}

/// The pieces of a text of at most 64 bytes, each with its offset.
pub(super) fn split(text: &[u8]) -> impl Iterator<Item = (u8, Vec<u8>)> {
    let pieces = text.chunks(LONGEST.into()).map(<[u8]>::to_vec);
    (0..).step_by(LONGEST.into()).zip(pieces)
}

/// The data of a command that sets a piece.
pub(super) fn write(offset: u8, bytes: &[u8]) -> Vec<u8> {
    [&[GROUP, offset, bytes.len() as u8], bytes].concat()
}
