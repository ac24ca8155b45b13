// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a host tells of its firmware, and how it gets the manifests.

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
    /// The set's TOML, as it was signed.
    pub set: String,
    /// The Ed25519 signature (RFC 8032) of the bytes of `set`, base64; absent where it is not signed.
    pub signature: Option<String>,
}

/// What became of the firmware in a run.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct FirmwareReport {
    /// The manifest set that was used; absent where there was none.
    pub set: Option<FirmwareSet>,
    /// The components that an entry of it matched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<FirmwareComponent>,
    /// The components that were left alone, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<FirmwareSkipped>,
}

/// The manifest set that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FirmwareSet {
    /// Its serial.
    pub serial: u64,
    /// Where it came from.
    pub source: SetSource,
    /// Whether a key of the image has signed it.
    pub signed: bool,
    /// Whether its last day is over, by the host's clock.
    pub expired: bool,
}

/// Where a manifest set came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SetSource {
    /// The image.
    Image,
    /// The inventory.
    Inventory,
    /// A source this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// A component, what runs, and what was decided.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FirmwareComponent {
    /// The name of the manifest's entry.
    pub name: String,
    /// What kind of component it is.
    pub component: Component,
    /// Which one: `board`, or the PCI address of the adapter's first function.
    pub device: String,
    /// The version that runs, as the machine tells it.
    pub running: Option<String>,
    /// The version that is stored, where the component tells it apart.
    pub stored: Option<String>,
    /// The version that should run.
    pub want: String,
    /// What was decided.
    pub decision: Decision,
    /// The version that is flashed now: the wanted one, or one on the way.
    pub target: Option<String>,
    /// Why, in words.
    pub reason: Option<String>,
    /// What came of it.
    pub outcome: Option<AttemptOutcome>,
    /// How often that version was tried on this component.
    pub attempts: u32,
    /// How long it took, in milliseconds.
    pub took_ms: Option<u64>,
}

/// What is decided about a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It runs what it should, or something newer where that may stay.
    Current,
    /// It is written, and does not run yet.
    PendingActivation,
    /// It is to be flashed.
    Update,
    /// It should run another version, and is left alone; the reason says why.
    Refused,
    /// It should run another version, and was tried as often as the manifest allows.
    Exhausted,
    /// A decision this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// A component that was left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FirmwareSkipped {
    /// What kind of component it is.
    pub component: Component,
    /// Which one: `board`, or the PCI address of the adapter's first function.
    pub device: String,
    /// Why.
    pub reason: String,
}
