// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tables whose structures have the lengths that the versions gave them, and any values in their fields.

use crate::builder::{Structure, Tables};

/// The lengths that the fields of each type can have; what is of variable length comes after.
const LENGTHS: &[(u8, &[usize])] = &[
    (0, &[0x12, 0x13, 0x14, 0x18, 0x1a]),
    (1, &[0x08, 0x19, 0x1b]),
    (2, &[0x08, 0x09, 0x0a, 0x0e]),
    (3, &[0x09, 0x0d, 0x11, 0x13]),
    (4, &[0x1a, 0x20, 0x23, 0x28, 0x2a, 0x30, 0x32, 0x33]),
    (7, &[0x0f, 0x13, 0x1b]),
    (9, &[0x0c, 0x0d, 0x11]),
    (10, &[0x06, 0x08, 0x0e]),
    (16, &[0x0f, 0x17]),
    (17, &[0x15, 0x17, 0x1b, 0x1c, 0x22, 0x28, 0x54, 0x5c, 0x64]),
    (32, &[0x0b, 0x14]),
    (38, &[0x10, 0x12]),
    (39, &[0x10, 0x16]),
    (41, &[0x0b]),
    (43, &[0x1f]),
];

/// Values that mean something of their own in one field or another.
const SPECIAL: &[u8] = &[0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x7f, 0x80, 0xbe, 0xfe, 0xff, 0xff];

/// Always the same numbers for the same seed (xorshift64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % bound
    }

    fn byte(&mut self) -> u8 {
        match self.below(3) {
            0 => SPECIAL[self.below(SPECIAL.len())],
            1 => u8::try_from(self.below(0x48)).unwrap(),
            _ => u8::try_from(self.below(256)).unwrap(),
        }
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }
}

/// Tables with 100 structures.
pub fn tables(seed: u64) -> Tables {
    let mut random = Random::new(seed);
    let mut structures: Vec<Structure> = (0..100).map(|handle| structure(&mut random, handle)).collect();
    structures.push(Structure::new(127, 0x7f00));
    match random.below(4) {
        0 => Tables::bits32(2, u8::try_from(random.below(9)).unwrap(), &structures),
        1 => Tables::legacy(2, 0, &structures),
        _ => Tables::bits64(3, u8::try_from(random.below(8)).unwrap(), &structures),
    }
}

fn structure(random: &mut Random, handle: u16) -> Structure {
    let (kind, lengths) = LENGTHS[random.below(LENGTHS.len())];
    let length = lengths[random.below(lengths.len())];
    let mut structure = Structure::new(kind, handle).bytes(&random.bytes(length - 4));
    if random.below(2) == 0 && Some(&length) == lengths.last() {
        structure = with_list(random, kind, structure);
    }
    // Bit 31 of the extended speeds is reserved, and dmidecode takes it for part of them (DSP0134 7.18.4).
    if kind == 17 && length >= 0x5c {
        structure = structure.replaced(0x57, 0).replaced(0x5b, 0);
    }
    // Families above FFh are only read where the narrow field refers to it.
    if kind == 4 && length >= 0x2a && random.below(2) == 0 {
        let family = [0x100, 0x118, 0x12c, 0x200, 0x258, 0x26c, 0x300][random.below(7)] + random.below(12);
        let [low, high] = u16::try_from(family).unwrap().to_le_bytes();
        structure = structure.replaced(0x06, 0xfe).replaced(0x28, low).replaced(0x29, high);
    }
    for number in 0..random.below(8) {
        let text = format!(
            "{}{number}",
            ["AMD ", "Intel ", "x", " padded ", "Intel(R) Core(TM)2 "][random.below(5)]
        );
        structure = structure.unnamed(text.as_bytes());
    }
    structure
}

/// What follows the fields of some types: a count and as many items, and fields after those.
fn with_list(random: &mut Random, kind: u8, structure: Structure) -> Structure {
    let count = u8::try_from(random.below(4)).unwrap();
    let items = usize::from(count);
    match kind {
        2 => structure.byte(count).bytes(&random.bytes(2 * items)),
        3 => structure.byte(count).byte(3).bytes(&random.bytes(3 * items + 1)),
        9 => structure.byte(8).byte(count).bytes(&random.bytes(5 * items)).bytes(&random.bytes(5)),
        _ => structure,
    }
}
