// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading the versions of an adapter: of devlink, of ethtool, or of what a program printed. Pure.

use std::collections::BTreeMap;

use stage1_contract::firmware::manifest::{Source, ToolVersion};
use thiserror::Error;

/// The versions of a component.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The running version.
    pub running: String,
    /// The stored version, which runs after the next activation; `None` if the component does not report one.
    pub stored: Option<String>,
    /// The lowest version that the component accepts (UEFI 23.4).
    pub lowest: Option<String>,
}

/// Why a version could not be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ReadError {
    /// The source has no version for this component.
    #[error("no version found at {0}")]
    Missing(Source),
    /// The functions of one adapter, which share a flash, report different versions.
    #[error("its functions report different versions at {at}: {one}, {other}")]
    Disagreement {
        /// Where they were read.
        at: Source,
        /// One version.
        one: String,
        /// Another one.
        other: String,
    },
    /// The version of the source `tool` has not been queried yet.
    #[error("its version program has not been run")]
    NotQueried,
    /// The program of the source `tool` failed.
    #[error("{0}")]
    Tool(String),
    /// A security revision that is not a number.
    #[error("its security revision at {at}, {text:?}, is not a number")]
    NotANumber {
        /// Where it was read.
        at: Source,
        /// What is there.
        text: String,
    },
}

/// The running and the stored version of this name in what devlink reports (devlink-info.rst). Either may be missing: a
/// bank that holds no valid image has no version.
pub(crate) fn devlink<'a>(
    running: &'a BTreeMap<String, String>,
    stored: &'a BTreeMap<String, String>,
    name: &str,
) -> (Option<&'a str>, Option<&'a str>) {
    (running.get(name).map(String::as_str), stored.get(name).map(String::as_str))
}

/// The version in the text of `ETHTOOL_GDRVINFO`: all of it, or its word of this number, counted from 1.
pub(crate) fn ethtool(text: &str, word: Option<u8>) -> Option<&str> {
    match word {
        Some(word) => text.split_whitespace().nth(usize::from(word).checked_sub(1)?),
        None => Some(text),
    }
}

/// The versions in a program's output; `None` if it has none. If only the stored version is printed, it is the running
/// one, too.
pub(crate) fn tool(output: &str, version: &ToolVersion) -> Option<Reading> {
    let find = |marker: &str| after(output, marker).map(str::to_string);
    let stored = version.stored.as_deref().and_then(find);
    let running = find(&version.running).or_else(|| stored.clone())?;
    Some(Reading { running, stored, lowest: None })
}

/// The version that follows the first `marker`: after white space, up to white space, a quotation mark, a comma or `<`.
fn after<'a>(output: &'a str, marker: &str) -> Option<&'a str> {
    let (_, rest) = output.split_once(marker)?;
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '<');
    rest.trim_start().split(ends).next().filter(|version| !version.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    #[test]
    fn the_version_in_a_programs_output_is_the_word_after_the_marker() {
        let flint = "Image type: FS4\nFW Version:            22.39.2048\nFW Version(Running):   22.31.1014\n\
                     PSID: MT_0000000359 (x)\n";
        assert_eq!(after(flint, "FW Version:"), Some("22.39.2048"));
        assert_eq!(after(flint, "FW Version(Running):"), Some("22.31.1014"));
        assert_eq!(after(flint, "PSID:"), Some("MT_0000000359"));
        let xml = "<Module type=\"NVM\" version=\"800029C8\" previous=\"\"/><V>1.2</V>";
        assert_eq!(after(xml, "type=\"NVM\" version=\""), Some("800029C8"));
        assert_eq!(after(xml, "<V>"), Some("1.2"));
        assert_eq!(after(xml, "previous=\""), None);
        assert_eq!(after(flint, "Rom Info:"), None);
        assert_eq!(after("PSID:  ", "PSID:"), None);
    }

    #[test]
    fn a_stored_version_alone_is_the_running_one_too() {
        let version = |stored: Option<&str>| ToolVersion {
            argv: Vec::new(),
            running: "Version:".to_string(),
            stored: stored.map(str::to_string),
        };
        let both = tool("Version: 1\nPending: 2", &version(Some("Pending:"))).unwrap();
        assert_eq!((both.running.as_str(), both.stored.as_deref()), ("1", Some("2")));
        assert_eq!(tool("Version: 1", &version(None)).unwrap().stored, None);
        // As mstflint prints them.
        let only_stored = tool("Pending: 2", &version(Some("Pending:"))).unwrap();
        assert_eq!((only_stored.running.as_str(), only_stored.stored.as_deref()), ("2", Some("2")));
        assert_eq!(tool("no device", &version(Some("Pending:"))), None);
    }

    #[test]
    fn words_of_ethtool_are_counted_from_one() {
        let text = "22.31.1014 (MT_0000000359)";
        assert_eq!(ethtool(text, None), Some(text));
        assert_eq!(ethtool(text, Some(1)), Some("22.31.1014"));
        assert_eq!((ethtool(text, Some(3)), ethtool(text, Some(0))), (None, None));
    }

    proptest! {
        #[test]
        fn no_output_panics(text in any::<String>(), marker in any::<String>()) {
            let _ = after(&text, &marker);
        }
    }
}
