// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a tool's exit code and output mean, which each vendor decides anew. Pure.

use std::collections::BTreeMap;

use stage1_contract::firmware::manifest::ExitMeaning;

/// What the code means by the table. A code that is not in it is a failure; without one, a signal has ended the tool.
pub fn meaning(codes: &BTreeMap<String, ExitMeaning>, code: Option<i32>) -> ExitMeaning {
    code.and_then(|code| codes.get(&code.to_string()).copied()).unwrap_or(ExitMeaning::Failed)
}

/// The version after the first `marker`: what follows white space, up to white space, a quotation mark, a comma or `<`.
pub fn version<'a>(output: &'a str, marker: &str) -> Option<&'a str> {
    let rest = output.split_once(marker)?.1.trim_start();
    let end = |letter: char| letter.is_whitespace() || ['"', '\'', ',', '<'].contains(&letter);
    rest.split(end).next().filter(|version| !version.is_empty())
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

    #[test]
    fn a_version_follows_its_marker() {
        let output =
            "Image type:      FS4\nFW Version:      22.39.2048\nPSID: MT_0000000359 (x)\n<V a=\"9.20\"/>";
        assert_eq!(version(output, "FW Version:"), Some("22.39.2048"));
        assert_eq!(version(output, "PSID:"), Some("MT_0000000359"));
        assert_eq!(version(output, "a=\""), Some("9.20"));
        assert_eq!((version(output, "/>"), version(output, "Rom Info:")), (None, None));
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
