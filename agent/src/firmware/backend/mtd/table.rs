// SPDX-License-Identifier: MIT OR Apache-2.0
//! `/proc/mtd`, and which blocks of a partition an image changes. Pure.

use std::ops::Range;

/// A partition of a flash chip, or a whole chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Partition {
    /// The kernel's name of the device: `mtd1`.
    pub device: String,
    /// Size in bytes.
    pub size: u64,
    /// Size of an erase block in bytes.
    pub erase_size: u64,
    /// The name of the partition: `bios-code`.
    pub name: String,
}

/// The partitions of `/proc/mtd` (drivers/mtd/mtdcore.c, `mtd_proc_show`): `mtd1: 0037c000 00001000 "bios-code"`.
pub(super) fn partitions(text: &str) -> Vec<Partition> {
    text.lines().filter_map(partition).collect()
}

fn partition(line: &str) -> Option<Partition> {
    let (device, rest) = line.split_once(": ")?;
    let (size, rest) = rest.split_once(' ')?;
    let (erase_size, name) = rest.split_once(' ')?;
    let hex = |digits| u64::from_str_radix(digits, 16).ok();
    Some(Partition {
        device: device.to_string(),
        size: hex(size)?,
        erase_size: hex(erase_size).filter(|size| *size > 0)?,
        name: name.strip_prefix('"')?.strip_suffix('"')?.to_string(),
    })
}

/// The blocks of `length` bytes in which `new` differs from `old`.
pub(super) fn changed_blocks<'a>(
    old: &'a [u8],
    new: &'a [u8],
    length: usize,
) -> impl Iterator<Item = Range<usize>> + 'a {
    (0..new.len())
        .step_by(length)
        .map(move |start| start..(start + length).min(new.len()))
        .filter(|block| old.get(block.clone()) != new.get(block.clone()))
}

/// The offset of the first byte in which the two differ.
pub(super) fn first_difference(one: &[u8], other: &[u8]) -> Option<u64> {
    let within = one.iter().zip(other).position(|(one, other)| one != other);
    let at = within.or((one.len() != other.len()).then(|| one.len().min(other.len())));
    at.map(|at| at as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{Strategy, any, prop, prop_assert_eq, proptest};

    #[test]
    fn partitions_are_read_by_name() {
        let text = "dev:    size   erasesize  name\n\
                    mtd0: 00084000 00001000 \"bios-vars\"\n\
                    mtd1: 0037c000 00001000 \"bios code: \"a\"\"\n\
                    mtd2: 00000000 00000000 \"nothing\"\n\
                    mtd3: what\n";
        let partition = |device: &str, size, name: &str| Partition {
            device: device.to_string(),
            size,
            erase_size: 4096,
            name: name.to_string(),
        };
        assert_eq!(
            partitions(text),
            [partition("mtd0", 0x84000, "bios-vars"), partition("mtd1", 0x37c000, "bios code: \"a\"")]
        );
    }

    #[test]
    fn only_blocks_that_differ_are_written() {
        let blocks = |old: &[u8], new: &[u8]| changed_blocks(old, new, 4).collect::<Vec<_>>();
        assert_eq!(blocks(b"aaaabbbbcc", b"aaaaxbbbcx"), [4..8, 8..10]);
        assert_eq!(blocks(b"aaaabbbbcc", b"axaabbbbcx"), [0..4, 8..10]);
        assert!(blocks(b"aaaa", b"aaaa").is_empty());
        assert_eq!(first_difference(b"abc", b"abd"), Some(2));
        assert_eq!((first_difference(b"abc", b"ab"), first_difference(b"a", b"a")), (Some(2), None));
    }

    proptest! {
        #[test]
        fn writing_the_changed_blocks_yields_the_new_image(
            (old, new) in prop::collection::vec((any::<bool>(), any::<bool>()), 0..64)
                .prop_map(|pairs: Vec<(bool, bool)>| pairs.into_iter().unzip::<bool, bool, Vec<_>, Vec<_>>()),
            length in 1_usize..9,
        ) {
            let bytes = |bits: &[bool]| bits.iter().map(|bit| u8::from(*bit)).collect::<Vec<u8>>();
            let (old, new) = (bytes(&old), bytes(&new));
            let mut written = old.clone();
            for block in changed_blocks(&old, &new, length) {
                written[block.clone()].copy_from_slice(&new[block]);
            }
            prop_assert_eq!(first_difference(&written, &new), None);
        }

        #[test]
        fn no_text_panics(text in ".{0,80}") {
            let _ = partitions(&text);
        }
    }
}
