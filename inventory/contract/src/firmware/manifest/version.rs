// SPDX-License-Identifier: MIT OR Apache-2.0
//! The desired version, where the running one is read, and how both are compared.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// The desired version, and where the running one is read.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// The desired version; absent in a template.
    pub want: Option<String>,
    /// Where the running version is read.
    pub source: Source,
    /// How versions of this component are written and compared.
    pub format: Format,
    /// The security revision of the image, for components that refuse images of a lower revision than they have seen.
    pub security: Option<Security>,
}

/// A security revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Security {
    /// The revision of the image.
    pub revision: u64,
    /// Where the component's own revision is read: a number, decimal or with `0x`. With `esrt` it is the lowest
    /// supported version.
    pub source: Source,
}

/// Where a version is read: `dmi` (SMBIOS type 0, version), `dmi:release` (its release, `2.78`), `esrt` (`fw_version`
/// of the entry with the class `match.esrt`), `devlink:KEY` (devlink's running and stored versions of that name),
/// `ethtool` (the firmware version that the driver reports), `ethtool:N` (its Nth word, from 1), or `tool` (the output
/// of the program `method.exec.version`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(with = "String", extend("pattern" = "^(dmi|dmi:release|esrt|devlink:.+|ethtool|ethtool:[1-9]|tool)$"))
)]
#[serde(try_from = "String", into = "String")]
pub enum Source {
    /// SMBIOS BIOS information, version (type 0, 05h).
    Dmi,
    /// SMBIOS BIOS information, release (type 0, 14h and 15h).
    DmiRelease,
    /// The EFI System Resource Table.
    Esrt,
    /// The running and stored versions of this name in devlink.
    Devlink(String),
    /// The firmware version that the driver reports: all of it, or its word of this number, from 1.
    Ethtool(Option<u8>),
    /// The program of the method `exec`.
    Tool,
}

/// How versions are written and compared. A text that is written differently is not a version: nothing is guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Any text: equal or not, but neither older nor newer, so it needs the policy `exact`.
    Plain,
    /// A decimal number.
    Number,
    /// `A.B`; as 32 bits 16.16.
    Pair,
    /// `A.B.C`; as 32 bits 8.8.16.
    Triplet,
    /// `A.B.C.D`; as 32 bits 8.8.8.8.
    Quad,
    /// `0x` and hexadecimal digits.
    Hex,
    /// `A.B.C`; as 32 bits the lower three bytes.
    DellBios,
    /// `A.B.C`; as 32 bits the upper three bytes.
    DellBiosMsb,
    /// `A.B.C.D`; as 32 bits 3.5.8.16, with 11 subtracted from the first number.
    IntelMe,
    /// `A.B.C.D`; as 32 bits 4.4.8.16.
    IntelMe2,
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "{text:?} is not a source of versions; the sources are dmi, dmi:release, esrt, devlink:KEY, ethtool, ethtool:N, tool"
            )
        };
        match text.split_once(':') {
            None => match text {
                "dmi" => Ok(Self::Dmi),
                "esrt" => Ok(Self::Esrt),
                "ethtool" => Ok(Self::Ethtool(None)),
                "tool" => Ok(Self::Tool),
                _ => Err(bad()),
            },
            Some(("dmi", "release")) => Ok(Self::DmiRelease),
            Some(("devlink", key)) if !key.is_empty() => Ok(Self::Devlink(key.to_string())),
            Some(("ethtool", word)) => match word.as_bytes() {
                [digit @ b'1'..=b'9'] => Ok(Self::Ethtool(Some(digit - b'0'))),
                _ => Err(bad()),
            },
            Some(_) => Err(bad()),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Dmi => f.write_str("dmi"),
            Self::DmiRelease => f.write_str("dmi:release"),
            Self::Esrt => f.write_str("esrt"),
            Self::Devlink(key) => write!(f, "devlink:{key}"),
            Self::Ethtool(None) => f.write_str("ethtool"),
            Self::Ethtool(Some(word)) => write!(f, "ethtool:{word}"),
            Self::Tool => f.write_str("tool"),
        }
    }
}

impl TryFrom<String> for Source {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn sources_are_written_as_they_were_read() {
        for text in
            ["dmi", "dmi:release", "esrt", "devlink:fw.mgmt", "devlink:a:b", "ethtool", "ethtool:2", "tool"]
        {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
        for text in
            ["", "DMI", "dmi:", "devlink", "devlink:", "ethtool:0", "ethtool:10", "ethtool:x", "tool:1"]
        {
            assert!(text.parse::<Source>().is_err(), "{text}");
        }
    }
}
