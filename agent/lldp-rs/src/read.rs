// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::problem::Problem;

/// Takes fields off the front of bytes that may be too few.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    taken: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, taken: 0 }
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Problem> {
        let short = Problem::TooShort { needed: self.taken + count, actual: self.taken + self.bytes.len() };
        let (head, tail) = self.bytes.split_at_checked(count).ok_or(short)?;
        self.bytes = tail;
        self.taken += count;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Problem> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Problem> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Problem> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u24(&mut self) -> Result<u32, Problem> {
        self.array().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Problem> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.taken += self.bytes.len();
        core::mem::take(&mut self.bytes)
    }
}

/// The bit of a flag; as in the standards, bit 0 is the lowest.
pub(crate) fn bit(number: u32, set: bool) -> u32 {
    u32::from(set) << number
}
