// SPDX-License-Identifier: MIT OR Apache-2.0
//! The report: `PUT BASE/ID`, and by JSON merge patch `PATCH BASE/ID`.

use serde::{Deserialize, Serialize};

use crate::firmware::FirmwareReport;
use crate::{BmcReport, Facts, Identity, PortNeighbours};

/// The report that a host sends when it registers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// [`crate::VERSION`].
    pub version: u32,
    /// The agent's version.
    pub agent: String,
    /// UUID of this boot, from the kernel.
    pub boot_id: String,
    /// What the run is for.
    pub run: RunKind,
    /// The host's identity.
    pub identity: Identity,
    /// The host's hardware and firmware.
    pub facts: Facts,
    /// The neighbours of each port that are known so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lldp: Vec<PortNeighbours>,
    /// The BMC; absent if there is none, or it was not read yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bmc: Option<BmcReport>,
    /// The firmware compared with the manifests, and the attempts to flash it; absent if it was not compared yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware: Option<FirmwareReport>,
    /// The problems so far.
    #[serde(default)]
    pub problems: Vec<Problem>,
    /// The stages so far, with their times.
    #[serde(default)]
    pub timeline: Timeline,
}

/// What a run is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RunKind {
    /// `stage1 run`: register, then carry out the inventory's action.
    Run,
    /// `stage1 register`: register only.
    Register,
    /// A kind this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// A failure that did not end the run, or the one that did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// The stage in which it occurred.
    pub stage: StageName,
    /// What went wrong, naming the object.
    pub message: String,
    /// What an operator can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// When each stage ran, in milliseconds on the monotonic clock since the agent started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Timeline {
    /// Milliseconds from the kernel's start to the agent's.
    pub agent_started_ms: u64,
    /// The stages in the order they started.
    pub stages: Vec<Stage>,
}

/// One stage of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stage {
    /// Name of the stage.
    pub name: StageName,
    /// When it started.
    pub start_ms: u64,
    /// When it ended; absent while it runs.
    pub end_ms: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
    /// A short result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The stages of a run, and its final actions.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum StageName {
    /// The initramfs is whole.
    Image,
    /// Some port has an address.
    Network,
    /// The settings are good, and there is a client for the inventory.
    Settings,
    /// Firmware manifests are read and verified.
    Manifests,
    /// LLDP neighbours are collected.
    Lldp,
    /// Drivers are loaded.
    Modules,
    /// Facts are discovered.
    Facts,
    /// The BMC is read.
    Bmc,
    /// The host's identity is chosen.
    Identity,
    /// Firmware is compared with the manifests.
    Firmware,
    /// The host registers.
    Register,
    /// The desired configuration of the BMC is applied and verified.
    #[serde(rename = "bmc config")]
    BmcConfig,
    /// Neighbours that came after the report are sent.
    Neighbours,
    /// The outcome for the BMC is sent.
    #[serde(rename = "bmc report")]
    BmcReport,
    /// Firmware is written.
    Flash,
    /// The profile is fetched.
    Profile,
    /// The detail is fetched.
    Detail,
    /// What would be booted is shown.
    Plan,
    /// The target is downloaded.
    Download,
    /// The target is loaded.
    Load,
    /// The inventory is informed that the target is loaded.
    Installed,
    /// The jump into the target.
    Jump,
    /// Powering off.
    #[serde(rename = "power off")]
    PowerOff,
    /// Rebooting.
    Reboot,
    /// The reset after which new firmware runs.
    Reset,
    /// A stage this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

impl std::fmt::Display for StageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

/// How a stage ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Still running.
    Running,
    /// Succeeded.
    Done,
    /// Succeeded with problems; the run continued.
    Problem,
    /// Failed, which ended the run.
    Failed,
    /// Did not run; the note has the reason.
    Skipped,
    /// Ended early, since the run had failed or was stopped.
    Stopped,
    /// An outcome this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}
