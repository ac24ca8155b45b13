// SPDX-License-Identifier: MIT OR Apache-2.0
//! The meaning of a tool's exit code, which differs by vendor, and the end of its output. Pure.

use std::collections::BTreeMap;

use stage1_contract::firmware::manifest::ExitMeaning;

/// The meaning of an exit code. A code that is not in the table is a failure, and so is `None`: the tool was ended by a
/// signal.
pub(super) fn meaning(codes: &BTreeMap<String, ExitMeaning>, code: Option<i32>) -> ExitMeaning {
    code.and_then(|code| codes.get(&code.to_string()).copied()).unwrap_or(ExitMeaning::Failed)
}

/// The end of an output, up to a limit in bytes.
pub(super) struct Tail {
    bytes: Vec<u8>,
    limit: usize,
}

impl Tail {
    /// Empty; it keeps `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit }
    }

    /// Appends `bytes`.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.bytes.drain(..self.bytes.len().saturating_sub(self.limit));
    }

    /// The kept bytes as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    #[test]
    fn codes_have_the_meaning_in_the_table() {
        // Dell's update packages: 0 done, 2 done and reboot, 3 same or older.
        let codes = [("0", ExitMeaning::Done), ("2", ExitMeaning::Done), ("3", ExitMeaning::Unchanged)]
            .map(|(code, meaning)| (code.to_string(), meaning));
        let codes = BTreeMap::from(codes);
        assert_eq!(meaning(&codes, Some(2)), ExitMeaning::Done);
        assert_eq!(meaning(&codes, Some(3)), ExitMeaning::Unchanged);
        assert_eq!(
            (meaning(&codes, Some(1)), meaning(&codes, None)),
            (ExitMeaning::Failed, ExitMeaning::Failed)
        );
    }

    proptest! {
        #[test]
        fn the_tail_is_the_end_of_the_output(pushes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..9), limit in 0_usize..20) {
            let mut tail = Tail::new(limit);
            pushes.iter().for_each(|bytes| tail.push(bytes));
            let all = pushes.concat();
            prop_assert_eq!(&tail.bytes, &all[all.len().saturating_sub(limit)..]);
        }
    }
}
