// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware: the manifests with the desired versions, the journal of attempts, and the host's report.

mod journal;
pub mod manifest;
mod report;

pub use journal::{Attempt, AttemptOutcome, Journal, Phase};
pub use manifest::ManifestSet;
pub use report::{
    Decision, FirmwareComponent, FirmwareReport, FirmwareSet, FirmwareSkipped, SetSource, SignedManifests,
    SkipReason,
};
