// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lists of processors, as the kernel writes them. Pure.

use std::ops::RangeInclusive;

/// A list of processors, `0-27,56-83`. It is kept as ranges, so that a wrong one cannot be long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CpuList(Vec<RangeInclusive<u32>>);

impl CpuList {
    /// What of the text is a list (Documentation/core-api/printk-formats, `%*pbl`); the rest is left out.
    pub(super) fn parse(text: &str) -> Self {
        let range = |part: &str| {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let range = from.trim().parse().ok()?..=to.trim().parse().ok()?;
            (!range.is_empty()).then_some(range)
        };
        Self(text.split(',').filter_map(range).collect())
    }

    /// Whether the processor is in it.
    pub(super) fn contains(&self, number: u32) -> bool {
        self.0.iter().any(|range| range.contains(&number))
    }

    /// How many processors it has.
    pub(super) fn len(&self) -> u32 {
        let sizes = self.0.iter().map(|range| (range.end() - range.start()).saturating_add(1));
        sizes.fold(0, u32::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn ranges_and_single_processors() {
        let list = CpuList::parse("0-27,56-83,100\n");
        assert_eq!(list.len(), 57);
        assert!([0, 27, 56, 83, 100].iter().all(|number| list.contains(*number)));
        assert!([28, 55, 84, 99, 101].iter().all(|number| !list.contains(*number)));
        assert_eq!(CpuList::parse("").len(), 0);
        assert_eq!(CpuList::parse("5-3,x,-1").len(), 0);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[0-9,\\- ]*|.*", number in any::<u32>()) {
            let list = CpuList::parse(&text);
            assert!(list.len() > 0 || !list.contains(number));
        }

        #[test]
        fn a_written_list_is_read_back(ranges in proptest::collection::vec((0..9000u32, 0..300u32), 0..20)) {
            let words: Vec<String> = ranges.iter().map(|(from, more)| format!("{from}-{}", from + more)).collect();
            let list = CpuList::parse(&words.join(","));
            assert_eq!(list.len(), ranges.iter().map(|(_, more)| more + 1).sum::<u32>());
            assert!(ranges.iter().all(|(from, more)| list.contains(*from) && list.contains(from + more)));
        }
    }
}
