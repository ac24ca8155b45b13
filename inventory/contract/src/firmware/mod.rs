// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware: the manifests that say what should run, and what a host tells of what it did about them.

mod journal;
pub mod manifest;
mod report;

pub use journal::{Attempt, AttemptOutcome, Journal, Phase};
pub use manifest::ManifestSet;
pub use report::{
    Decision, FirmwareComponent, FirmwareReport, FirmwareSet, FirmwareSkipped, SetSource, SignedManifests,
};
