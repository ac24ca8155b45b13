// SPDX-License-Identifier: MIT OR Apache-2.0
//! The firmware in a host's report, and the manifests as the inventory serves them.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::AttemptOutcome;
use super::manifest::Component;

/// A manifest set with its signature: `GET BASE/firmware-manifests`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedManifests {
    /// [`crate::VERSION`].
    pub version: u32,
    /// The TOML of the set, byte for byte as it was signed.
    pub set: String,
    /// The Ed25519 signature (RFC 8032) of the bytes of `set`, base64; absent if it is not signed.
    pub signature: Option<String>,
}

/// The firmware of a host, and what a run did about it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct FirmwareReport {
    /// The manifest set that was used; absent if there was none.
    pub set: Option<FirmwareSet>,
    /// The components that an entry of the set matches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<FirmwareComponent>,
    /// The components that were skipped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<FirmwareSkipped>,
}

/// The manifest set that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FirmwareSet {
    /// The serial of the set.
    pub serial: u64,
    /// Where it came from.
    pub source: SetSource,
    /// Whether its signature is valid for a key of the image.
    pub signed: bool,
    /// Whether its last day is over, by the host's clock.
    pub expired: bool,
}

/// Where a manifest set came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SetSource {
    /// The image of stage1.
    Image,
    /// The inventory.
    Inventory,
    /// A source this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// A component: its versions, the decision about it, and the outcome.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FirmwareComponent {
    /// The name of the manifest entry.
    pub name: String,
    /// The kind of component.
    pub component: Component,
    /// The component: `board`, or the PCI address of the adapter's first function.
    pub device: String,
    /// The running version, as the machine reports it.
    pub running: Option<String>,
    /// The stored version, if the component reports it separately.
    pub stored: Option<String>,
    /// The desired version.
    pub want: String,
    /// The decision.
    pub decision: Decision,
    /// The version that is flashed now: the desired one, or an intermediate one.
    pub target: Option<String>,
    /// The reason of the decision, as text.
    pub reason: Option<String>,
    /// The outcome of the last attempt.
    pub outcome: Option<AttemptOutcome>,
    /// How often that version was tried on this component.
    pub attempts: u32,
    /// How long flashing took, in milliseconds.
    pub took_ms: Option<u64>,
}

/// A decision about a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It runs the desired version, or a newer one that may stay.
    Current,
    /// The version is stored, and does not run yet.
    PendingActivation,
    /// It is to be flashed.
    Update,
    /// It should run another version, but is not flashed, for the reason that is given.
    Refused,
    /// It should run another version, which was tried as often as the manifest allows.
    Exhausted,
    /// A decision this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// A component that was skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FirmwareSkipped {
    /// The kind of component.
    pub component: Component,
    /// The component: `board`, or the PCI address of the adapter's first function.
    pub device: String,
    /// Why.
    pub reason: SkipReason,
}

/// Why a component was skipped. On the wire it is a text: `no entry matches it`, or `2 entries match it: a, b`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "String"))]
#[serde(from = "String", into = "String")]
pub enum SkipReason {
    /// No entry of the manifest set matches it.
    NoEntry,
    /// These entries match it, so none is used.
    Ambiguous(Vec<String>),
    /// A reason this version of the contract does not know.
    Unknown(String),
}

const NO_ENTRY: &str = "no entry matches it";

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::NoEntry => f.write_str(NO_ENTRY),
            Self::Ambiguous(entries) => {
                write!(f, "{} entries match it: {}", entries.len(), entries.join(", "))
            }
            Self::Unknown(text) => f.write_str(text),
        }
    }
}

impl From<String> for SkipReason {
    fn from(text: String) -> Self {
        if text == NO_ENTRY {
            return Self::NoEntry;
        }
        let names = text.split_once(" entries match it: ").map(|(_, names)| names);
        let names = names.map(|names| names.split(", ").map(str::to_string).collect());
        // A text that would be written differently is kept as it is.
        names.map(Self::Ambiguous).filter(|reason| reason.to_string() == text).unwrap_or(Self::Unknown(text))
    }
}

impl From<SkipReason> for String {
    fn from(reason: SkipReason) -> Self {
        reason.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::SkipReason;

    #[test]
    fn reasons_are_written_as_they_were_read() {
        let both = SkipReason::Ambiguous(vec!["a".to_string(), "b".to_string()]);
        let unknown = |text: &str| SkipReason::Unknown(text.to_string());
        for (text, reason) in [
            ("no entry matches it", SkipReason::NoEntry),
            ("2 entries match it: a, b", both),
            ("3 entries match it: a, b", unknown("3 entries match it: a, b")),
            ("it is on fire", unknown("it is on fire")),
            ("", unknown("")),
        ] {
            assert_eq!(SkipReason::from(text.to_string()), reason);
            assert_eq!(String::from(reason), text);
        }
    }
}
