// SPDX-License-Identifier: MIT OR Apache-2.0
//! The journal: the attempts to flash a host's firmware. `GET BASE/ID/firmware` and `PUT BASE/ID/firmware`.
//!
//! A host keeps no state between boots, so attempts are counted here. An attempt is recorded before it is made.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// The attempts of a host, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// [`crate::VERSION`].
    pub version: u32,
    /// The attempts.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
}

/// An attempt to flash a component. A component has at most one in a boot.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The name of the manifest entry.
    pub entry: String,
    /// The component: `board`; `serial/…`, the adapter's serial number by devlink; or `pci/0000:3b:00.0` for an adapter
    /// that reports none.
    pub device: String,
    /// The version that was to be flashed.
    pub version: String,
    /// The version that was running.
    pub from: String,
    /// The boot in which it was made (`/proc/sys/kernel/random/boot_id`).
    pub boot_id: String,
    /// When, in seconds since 1970 by the host's clock, which may be wrong.
    pub time: u64,
    /// The last phase that it reached.
    pub phase: Phase,
    /// How it ended; absent while that is unknown.
    pub outcome: Option<AttemptOutcome>,
    /// The reason, as text.
    pub detail: Option<String>,
}

/// The phase of an attempt; each is recorded before its act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The image is about to be written.
    Armed,
    /// It has been written and read back, and waits for its activation.
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
    /// In a later boot the component was running that version.
    Confirmed,
    /// The component refused the image, and nothing was written.
    Refused,
    /// It was not written, or not activated; the component works.
    Failed,
    /// The write was interrupted by a power cut or a reset.
    CutOff,
    /// It was activated, but in the next boot the component was not running that version.
    Unchanged,
    /// The flash holds neither the old version nor the new one; the host was not reset.
    Broken,
    /// An outcome this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}
