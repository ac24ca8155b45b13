// SPDX-License-Identifier: MIT OR Apache-2.0
//! The journal: what was tried on a host's firmware. `GET BASE/ID/firmware` and `PUT BASE/ID/firmware`.
//!
//! A host remembers nothing between boots; what it must not try for ever is remembered here. It is written before the
//! act that it tells of.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Every attempt, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// [`crate::VERSION`].
    pub version: u32,
    /// The attempts.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
}

/// One attempt to bring a component to a version. A component has at most one in a boot.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The manifest's entry.
    pub entry: String,
    /// Which component it is: `board`; `serial/…`, the adapter's serial number by devlink; or `pci/0000:3b:00.0` for
    /// one that tells none.
    pub device: String,
    /// The version it was to be brought to.
    pub version: String,
    /// The version that ran.
    pub from: String,
    /// The boot in which it was made.
    pub boot_id: String,
    /// When, in seconds since 1970 by the host's clock, which may be wrong.
    pub time: u64,
    /// How far it came.
    pub phase: Phase,
    /// How it ended; absent while that is not known.
    pub outcome: Option<AttemptOutcome>,
    /// Why, in words.
    pub detail: Option<String>,
}

/// How far an attempt came; each is recorded before the act itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It is about to be written.
    Armed,
    /// It is written and read back, and waits for its activation.
    Staged,
    /// It is about to be activated.
    Activating,
    /// A phase this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AttemptOutcome {
    /// In a later boot the component ran that version.
    Confirmed,
    /// The component refused it, and nothing was written.
    Refused,
    /// It was not written, or did not come to run; the component works.
    Failed,
    /// The attempt was cut off while it was written, by a power cut or a reset.
    CutOff,
    /// It was activated, and in the next boot the component did not run that version.
    Unchanged,
    /// What is in the flash is neither the old version nor the new one, and the host stayed up.
    Broken,
    /// An outcome this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}
