// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a tool's exit code and output mean, which each vendor decides anew. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What an exit code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// All was written.
    Done,
    /// Nothing was written.
    Refused,
    /// It failed, and what was there before is there still.
    Failed,
    /// Nobody knows.
    Unknown,
}

/// What the code means by the table. A code that is not in it is unknown; without one, a signal has ended the tool.
pub fn meaning(codes: &BTreeMap<i32, Meaning>, code: Option<i32>) -> Meaning {
    code.and_then(|code| codes.get(&code).copied()).unwrap_or(Meaning::Unknown)
}

/// What stands in the output between the first `before` and the next `after`, or the line's end.
pub fn between<'a>(output: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let line = output.split_once(before)?.1.lines().next()?;
    let value = if after.is_empty() { line } else { line.split_once(after)?.0 }.trim();
    (!value.is_empty()).then_some(value)
}

/// The end of what was said, in bytes that are no more than a limit.
pub struct Tail {
    bytes: Vec<u8>,
    limit: usize,
}

impl Tail {
    /// Nothing, up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit }
    }

    /// Goes on with `bytes`.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.bytes.drain(..self.bytes.len().saturating_sub(self.limit));
    }

    /// As text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    #[test]
    fn codes_mean_what_the_table_says() {
        // Dell's update packages: 0 done, 2 done and reboot, 3 same or older.
        let codes = BTreeMap::from([(0, Meaning::Done), (2, Meaning::Done), (3, Meaning::Refused)]);
        assert_eq!(meaning(&codes, Some(2)), Meaning::Done);
        assert_eq!(meaning(&codes, Some(3)), Meaning::Refused);
        assert_eq!((meaning(&codes, Some(1)), meaning(&codes, None)), (Meaning::Unknown, Meaning::Unknown));
    }

    #[test]
    fn a_version_stands_between_words() {
        let output = "Image type:      FS4\nFW Version:      22.39.2048\nPSID: MT_0000000359 (x)\n";
        assert_eq!(between(output, "FW Version:", ""), Some("22.39.2048"));
        assert_eq!(between(output, "PSID:", "("), Some("MT_0000000359"));
        assert_eq!(between(output, "PSID:", "["), None);
        assert_eq!(between(output, "(x)", ""), None);
        assert_eq!(between(output, "Rom Info:", ""), None);
    }

    proptest! {
        #[test]
        fn the_tail_is_the_end(pushes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..9), limit in 0_usize..20) {
            let mut tail = Tail::new(limit);
            pushes.iter().for_each(|bytes| tail.push(bytes));
            let all = pushes.concat();
            prop_assert_eq!(&tail.bytes, &all[all.len().saturating_sub(limit)..]);
        }
    }
}
