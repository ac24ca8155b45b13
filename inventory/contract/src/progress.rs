// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a host says on its way: `POST BASE/ID/events` and `POST BASE/ID/installed`.

use serde::{Deserialize, Serialize};

use crate::{Problem, Timeline};

/// Progress, sent best effort.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// [`crate::VERSION`].
    pub version: u32,
    /// The boot it belongs to.
    pub boot_id: String,
    /// Milliseconds since the agent started.
    pub at_ms: u64,
    /// What happened.
    pub kind: EventKind,
    /// The stage it happened in.
    pub stage: String,
    /// In words.
    pub message: String,
    /// With [`EventKind::Failed`]: every problem of the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// What an event tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// The run goes on.
    Progress,
    /// The run failed; `message` says why.
    Failed,
    /// A kind this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// Everything is loaded; the next instruction is the jump.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// [`crate::VERSION`].
    pub version: u32,
    /// The boot it belongs to.
    pub boot_id: String,
    /// The profile's name.
    pub profile: String,
    /// What was loaded, as measured by the host.
    pub artifacts: Vec<InstalledArtifact>,
    /// Random, new at every boot, also in `/run/stage1/nonce` of the target, so that the target can show that
    /// it is the one this call announced.
    pub nonce: String,
    /// The whole run.
    pub timeline: Timeline,
}

/// A file that was loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledArtifact {
    /// The URL it came from.
    pub url: String,
    /// SHA-256 of what was loaded, lower-case hex.
    pub sha256: String,
    /// Size in bytes.
    pub size: u64,
}
