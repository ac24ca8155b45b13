// SPDX-License-Identifier: MIT OR Apache-2.0
//! Progress of a run: `POST BASE/ID/events` and `POST BASE/ID/installed`.

use serde::{Deserialize, Serialize};

use crate::{Problem, StageName, Timeline};

/// A progress event, sent best effort.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// [`crate::VERSION`].
    pub version: u32,
    /// The boot it belongs to.
    pub boot_id: String,
    /// Milliseconds since the agent started.
    pub at_ms: u64,
    /// The kind of event.
    pub kind: EventKind,
    /// The stage it happened in.
    pub stage: StageName,
    /// What happened, as text.
    pub message: String,
    /// With [`EventKind::Failed`]: all problems of the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// The kind of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// The run continues.
    Progress,
    /// The run failed; `message` has the reason.
    Failed,
    /// A kind this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// The target is loaded; the next step executes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// [`crate::VERSION`].
    pub version: u32,
    /// The boot it belongs to.
    pub boot_id: String,
    /// The profile's name.
    pub profile: String,
    /// The loaded files, with the digests that the host computed.
    pub artifacts: Vec<InstalledArtifact>,
    /// Random, new at every boot, also in `/run/stage1/nonce` of the target, so that the target can prove that it is the
    /// one that this call announced.
    pub nonce: String,
    /// The whole run.
    pub timeline: Timeline,
}

/// A file that was loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledArtifact {
    /// The URL it came from.
    pub url: String,
    /// SHA-256 of the loaded file, lower-case hex.
    pub sha256: String,
    /// Size in bytes.
    pub size: u64,
}
