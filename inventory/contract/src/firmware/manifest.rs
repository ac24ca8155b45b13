// SPDX-License-Identifier: MIT OR Apache-2.0
//! The manifest set: which firmware a board or an adapter should run. A TOML file, `firmware-manifests/README.md`
//! teaches it. A key that is not known here is an error: what is misspelt must not be taken for absent.

mod match_on;
mod method;
mod version;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

pub use match_on::{Match, PciPattern};
pub use method::{Activate, Activation, Devlink, Exec, ExitMeaning, Method, Mtd, ToolVersion};
pub use version::{Format, Security, Source, Version};

/// The format that this program reads.
pub const SCHEMA: u32 = 1;

/// A manifest set: one file, signed as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ManifestSet {
    /// The version of this format: 1.
    pub schema: u32,
    /// Grows with every change of the set. Of two sets, the image's and the inventory's, the greater serial wins.
    pub serial: u64,
    /// The last day, `2027-06-30` in UTC, on which anything is flashed by this set.
    pub expires: String,
    /// One entry for each kind of component.
    #[serde(default, rename = "entry", skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Entry>,
}

/// What one kind of component should run. Without `version.want` and `image` it is a template: it shows how, and
/// matches nothing.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name in reports, unique in the set.
    pub name: String,
    /// What kind of component it is.
    pub component: Component,
    /// Which machines or adapters it is for. Everything that is given has to hold.
    #[serde(rename = "match")]
    pub matches: Match,
    /// The version that should run, and where the one that does is read.
    pub version: Version,
    /// When that version is flashed.
    #[serde(default)]
    pub policy: Policy,
    /// The file that is written.
    pub image: Option<Image>,
    /// What has to be so before anything is written.
    #[serde(default)]
    pub requires: Requires,
    /// How it is written.
    pub method: Method,
    /// What makes the new version run.
    pub activate: Activate,
    /// How long, and how often.
    #[serde(default)]
    pub limits: Limits,
    /// What is done against losing the component.
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

/// When the wanted version is flashed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// In which direction.
    pub update: Update,
    /// From which running versions the wanted one may be flashed.
    pub from: FromVersions,
    /// Versions on the way, ascending and below the wanted one: a component that runs an older version than one of
    /// these gets that one first, the lowest of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<Stone>,
}

/// In which direction versions may change.
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

/// From which running versions a version may be flashed. What is not given does not restrict.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct FromVersions {
    /// From this one on.
    pub min: Option<String>,
    /// Only from these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// Not from these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
}

/// A stepping stone: a version that has to run before the wanted one can be flashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Stone {
    /// The version.
    pub version: String,
    /// From which running versions it may be flashed.
    #[serde(default)]
    pub from: FromVersions,
    /// Its file.
    pub image: Image,
}

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Where it can be had, tried in order; absolute, or relative to the inventory's `BASE/`.
    pub urls: Vec<String>,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the whole file, lower-case hex.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[0-9a-f]{64}$")))]
    pub sha256: String,
}

/// What has to be so before anything is written.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Requires {
    /// What other components of the machine have to run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<RequiredVersion>,
    /// Every power supply that is present works and is plugged in.
    pub power: bool,
    /// The BMC answers.
    pub bmc: bool,
    /// So much memory is available beside the image, in MiB.
    pub memory_mib: Option<u64>,
}

/// A version that another component has to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RequiredVersion {
    /// The name of the other entry. Every component that it matches counts, and there has to be one.
    pub entry: String,
    /// At least this one, in the format of that entry.
    pub min: String,
}

/// How long, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// How long writing may take, in seconds; after that its outcome is unknown, and read back.
    pub flash_seconds: u32,
    /// How long reading back may take, in seconds.
    pub verify_seconds: u32,
    /// How often a version is tried on one component, ever.
    pub max_attempts: u32,
    /// How long after a failed attempt the next one may be made, in seconds.
    pub backoff_seconds: u32,
}

/// What is done against losing the component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Safety {
    /// The component keeps the version that runs in a bank of its own until the new one is whole.
    pub banks: bool,
    /// Read the old content first, and write it back where the new one cannot be written.
    pub backup: bool,
    /// Compare what was written with the image before anything is reset, where the method can.
    pub read_back: bool,
    /// What a host does whose component could not be brought to the wanted version.
    pub on_fail: OnFail,
}

/// What a host does whose component could not be brought to the wanted version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnFail {
    /// It reports that, and goes on.
    #[default]
    Continue,
    /// It reports that, and boots no target.
    Quarantine,
}

impl Entry {
    /// Whether the entry only shows how: it wants no version.
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
