// SPDX-License-Identifier: MIT OR Apache-2.0
//! How firmware is written, and what makes it run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// How the image is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// A UEFI capsule: the firmware itself writes it, at the next warm reset.
    Capsule,
    /// The kernel's driver writes it (devlink flash).
    Devlink(Devlink),
    /// An MTD partition, such as the board's SPI flash.
    Mtd(Mtd),
    /// A program of the vendor's, in the image.
    Exec(Exec),
}

/// The kernel's driver writes it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Devlink {
    /// The component of the device, where it has several; absent: the whole device.
    pub component: Option<String>,
}

/// An MTD partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Mtd {
    /// Its name, `/sys/class/mtd/mtd*/name`; the image is as long as it is.
    pub partition: String,
}

/// A program. In arguments `{image}` is the image's path, `{device}` the adapter's PCI address, `{port}` the kernel's
/// name of its first port.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// The program's path and its arguments.
    pub argv: Vec<String>,
    /// What its exit codes mean, `"0" = "done"`. One that is not here means `failed`.
    pub codes: BTreeMap<String, ExitMeaning>,
    /// How it tells the version, for the source `tool`.
    pub version: Option<ToolVersion>,
}

/// What an exit code means. A program's word is never proof: the running version is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ExitMeaning {
    /// It was written; `activate` says what makes it run.
    Done,
    /// Nothing was written, since there was nothing to do.
    Unchanged,
    /// Nothing was written, since the program or the component refused.
    Refused,
    /// It failed, and nobody knows what was written.
    Failed,
}

/// How a program tells versions. A marker is a text in its output; the version follows it, after white space, up to
/// white space, a quotation mark, a comma or `<`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ToolVersion {
    /// The program's path and its arguments; it must change nothing.
    pub argv: Vec<String>,
    /// The marker before the running version.
    pub running: String,
    /// The marker before the stored version. Where the output has this one only, the two versions are the same.
    pub stored: Option<String>,
}

/// What makes the new version run.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Activate {
    /// What is done.
    pub by: Activation,
    /// With `reload`: what is done where the device refuses it; a warm reset where nothing is said.
    pub otherwise: Option<Activation>,
    /// Whether the port's link goes away meanwhile.
    #[serde(default)]
    pub may_lose_link: bool,
}

/// What makes a new version run, from the weakest to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// The driver activates it (devlink reload, `fw_activate`).
    Reload,
    /// A warm reset.
    Warm,
    /// A cold reset.
    Cold,
    /// Power off and on, by the BMC. Where that fails, nothing weaker is done in its place.
    PowerCycle,
}
