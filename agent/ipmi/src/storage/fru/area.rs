// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the chassis, board and product areas have in common (FRU Information Storage Definition, sections 10 to 13).
//! Pure.

use super::{FruProblem, adds_up};
use crate::storage::text;

/// An area, of which fields are taken in their order.
pub(super) struct Area<'a> {
    name: &'static str,
    rest: &'a [u8],
    /// The language of its text.
    pub language: u8,
    problems: &'a mut Vec<FruProblem>,
}

impl<'a> Area<'a> {
    /// The area at `offset`, in eights of bytes, behind its version and length; none if the offset is zero or
    /// beyond the end, or the length is zero.
    pub(super) fn find(
        name: &'static str,
        inventory: &'a [u8],
        offset: u8,
        problems: &'a mut Vec<FruProblem>,
    ) -> Option<Self> {
        if offset == 0 {
            return None;
        }
        let start = inventory.get(usize::from(offset) * 8..).unwrap_or_default();
        let [_, eights, rest @ ..] = start else {
            problems.push(FruProblem::Cut(name));
            return None;
        };
        let rest = match start.get(..usize::from(*eights) * 8) {
            Some(area @ [_, _, fields @ .., _]) => {
                if !adds_up(area) {
                    problems.push(FruProblem::Checksum(name));
                }
                fields
            }
            Some(_) => {
                problems.push(FruProblem::Cut(name));
                return None;
            }
            None => {
                problems.push(FruProblem::Cut(name));
                rest
            }
        };
        Some(Self { name, rest, language: 0, problems })
    }

    /// The next `N` bytes, zeros if they are not there.
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let Some((bytes, rest)) = self.rest.split_first_chunk() else {
            self.cut();
            return [0; N];
        };
        self.rest = rest;
        *bytes
    }

    /// The next field; nothing if it is empty, or none is left.
    pub(super) fn field(&mut self) -> Option<String> {
        self.text().filter(|text| !text.is_empty())
    }

    /// All fields that are left and not empty.
    pub(super) fn fields(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.text()).filter(|text| !text.is_empty()).collect()
    }

    fn text(&mut self) -> Option<String> {
        let (kind, rest) = self.rest.split_first()?;
        if *kind == END {
            self.rest = &[];
            return None;
        }
        let Some((bytes, rest)) = rest.split_at_checked(usize::from(kind & 0x3f)) else {
            self.cut();
            return None;
        };
        self.rest = rest;
        Some(text::of_fru(*kind, bytes, self.language))
    }

    fn cut(&mut self) {
        self.rest = &[];
        let problem = FruProblem::Cut(self.name);
        if self.problems.last() != Some(&problem) {
            self.problems.push(problem);
        }
    }
}

/// The type/length byte behind the last field.
const END: u8 = 0xc1;
