// SPDX-License-Identifier: MIT OR Apache-2.0
//! How firmware is written and activated.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// How the image is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// A UEFI capsule: the platform firmware writes it, at the next warm reset.
    Capsule,
    /// The driver of the adapter writes it (devlink flash).
    Devlink(Devlink),
    /// An MTD partition, such as one of the board's SPI flash.
    Mtd(Mtd),
    /// A program of the vendor, which the image of stage1 contains.
    Exec(Exec),
}

/// The driver of the adapter writes it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Devlink {
    /// One component of the device; absent: the whole device.
    pub component: Option<String>,
}

/// An MTD partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Mtd {
    /// Its name, `/sys/class/mtd/mtd*/name`. The image must have the size of the partition.
    pub partition: String,
}

/// A program. In its arguments `{image}` is the path of the image, `{device}` the PCI address of the adapter, and
/// `{port}` the name of its first network interface.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// The path of the program, and its arguments.
    pub argv: Vec<String>,
    /// What its exit codes mean, such as `"0" = "done"`. A code that is not listed means `failed`.
    pub codes: BTreeMap<String, ExitMeaning>,
    /// How its versions are read, for the source `tool`.
    pub version: Option<ToolVersion>,
}

/// What an exit code means. Only the running version proves an update, never an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ExitMeaning {
    /// The image was written, and has to be activated.
    Done,
    /// Nothing was written: the component has this version.
    Unchanged,
    /// Nothing was written: the program or the component refused.
    Refused,
    /// It failed, and what was written is unknown.
    Failed,
}

/// How versions are read from a program's output. A marker is a text in the output; the version follows it, after white
/// space, up to white space, a quotation mark, a comma or `<`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ToolVersion {
    /// The path of the program, and its arguments. It must not change anything.
    pub argv: Vec<String>,
    /// The marker before the running version.
    pub running: String,
    /// The marker before the stored version. If the output has only this one, the running version is the same.
    pub stored: Option<String>,
}

/// How the new version is activated.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Activate {
    /// What activates it.
    pub by: Activation,
    /// With `reload`: what activates it if the device refuses the reload; a warm reset by default.
    pub otherwise: Option<Activation>,
    /// Whether the ports may lose their link meanwhile.
    #[serde(default)]
    pub may_lose_link: bool,
}

/// What activates a new version, from the weakest to the strongest.
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
    /// Power off and on, by the BMC. If that fails, no weaker reset takes its place.
    PowerCycle,
}
