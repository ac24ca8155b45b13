// SPDX-License-Identifier: MIT OR Apache-2.0
//! The manifest set: which firmware a board or an adapter should run. It is a TOML file; `firmware-manifests/README.md`
//! is its manual. An unknown key is an error: a misspelt key must not pass for an absent one.

mod match_on;
mod method;
mod version;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

pub use match_on::{Match, PciPattern};
pub use method::{Activate, Activation, Devlink, Exec, ExitMeaning, Method, Mtd, ToolVersion};
pub use version::{Format, Security, Source, Version};

/// The version of the format that this program reads.
pub const SCHEMA: u32 = 1;

/// A manifest set: one file, signed as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ManifestSet {
    /// The version of this format: 1.
    pub schema: u32,
    /// Increases with every change of the set. Of two sets, the image's and the inventory's, the one with the greater
    /// serial is used.
    pub serial: u64,
    /// The last day, such as `2027-06-30`, in UTC, on which this set is used for flashing.
    pub expires: String,
    /// One entry for each model of component.
    #[serde(default, rename = "entry", skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Entry>,
}

/// What one model of component should run. An entry without `version.want` and `image` is a template and matches
/// nothing.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name in reports, unique in the set.
    pub name: String,
    /// The kind of component.
    pub component: Component,
    /// Which machines or adapters it is for. Everything that is given must match.
    #[serde(rename = "match")]
    pub matches: Match,
    /// The desired version, and where the running one is read.
    pub version: Version,
    /// In which cases that version is flashed.
    #[serde(default)]
    pub policy: Policy,
    /// The image file that is written.
    pub image: Option<Image>,
    /// What must hold before anything is written.
    #[serde(default)]
    pub requires: Requires,
    /// How the image is written.
    pub method: Method,
    /// How the new version is activated.
    pub activate: Activate,
    /// Deadlines, and the number of attempts.
    #[serde(default)]
    pub limits: Limits,
    /// Protection against a component that no longer works.
    #[serde(default)]
    pub safety: Safety,
}

/// A kind of component. All NICs are flashed before the BIOS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    /// A network adapter.
    Nic,
    /// The firmware of the machine's board, BIOS or UEFI.
    Bios,
}

/// In which cases the desired version is flashed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Whether a newer version is replaced.
    pub update: Update,
    /// From which running versions the desired one may be flashed.
    pub from: FromVersions,
    /// Intermediate versions, ascending and below the desired one. A component that runs an older version than one of
    /// these gets that one first; of several, the lowest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<Intermediate>,
}

/// Whether a newer version is replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Update {
    /// A newer version stays.
    #[default]
    UpgradeOnly,
    /// Any other version is replaced, also a newer one.
    Exact,
}

/// From which running versions a version may be flashed. A key that is absent does not restrict.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct FromVersions {
    /// From this version or newer.
    pub min: Option<String>,
    /// Only from these versions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// Not from these versions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
}

/// An intermediate version, which has to run before the desired one can be flashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Intermediate {
    /// The version.
    pub version: String,
    /// From which running versions it may be flashed.
    #[serde(default)]
    pub from: FromVersions,
    /// Its image file.
    pub image: Image,
}

/// An image file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Where it is downloaded from, tried in order; absolute, or relative to the inventory's `BASE/`.
    pub urls: Vec<String>,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the whole file, lower-case hex.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[0-9a-f]{64}$")))]
    pub sha256: String,
}

/// What must hold before anything is written.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Requires {
    /// Versions that other components of the machine must run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<RequiredVersion>,
    /// Every power supply that is present must work and be plugged in.
    pub power: bool,
    /// The BMC must respond.
    pub bmc: bool,
    /// Memory that must be available, in MiB, in addition to the size of the image.
    pub memory_mib: Option<u64>,
}

/// A version that another component must run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RequiredVersion {
    /// The name of the other entry. It must match at least one component, and every one that it matches counts.
    pub entry: String,
    /// The lowest version, in the format of that entry.
    pub min: String,
}

/// Deadlines, and the number of attempts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Deadline of the write, in seconds. After it the result is unknown, and the component is read back.
    pub flash_seconds: u32,
    /// Deadline of reading back, in seconds.
    pub verify_seconds: u32,
    /// How often a version is tried on one component, over all boots.
    pub max_attempts: u32,
    /// The pause after a failed attempt, in seconds.
    pub backoff_seconds: u32,
}

/// Protection against a component that no longer works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Safety {
    /// The component keeps the running version in a bank of its own until the new one is complete.
    pub banks: bool,
    /// Read the old content first, and restore it if the new one cannot be written.
    pub backup: bool,
    /// Compare what was written with the image before a reset, if the method can.
    pub read_back: bool,
    /// What the host does if the component cannot be brought to the desired version.
    pub on_fail: OnFail,
}

/// What the host does if a component cannot be brought to the desired version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnFail {
    /// It reports the problem, and goes on.
    #[default]
    Continue,
    /// It reports the problem, and does not boot a target.
    Quarantine,
}

impl Entry {
    /// Whether the entry is a template, without version and image.
    pub fn is_template(&self) -> bool {
        self.version.want.is_none() && self.image.is_none()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { flash_seconds: 900, verify_seconds: 300, max_attempts: 3, backoff_seconds: 0 }
    }
}

impl Default for Safety {
    fn default() -> Self {
        Self { banks: false, backup: false, read_back: true, on_fail: OnFail::Continue }
    }
}
