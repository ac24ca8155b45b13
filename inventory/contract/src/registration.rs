// SPDX-License-Identifier: MIT OR Apache-2.0
//! The inventory's answer to a report, and its errors.

use serde::{Deserialize, Serialize};

/// What the inventory wants of a host that registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// [`crate::VERSION`].
    pub version: u32,
    /// What to do next.
    pub action: Action,
    /// With [`Action::Wait`]: seconds until the host asks again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// The wanted BMC settings, a [`crate::WantedBmc`], or null: leave the BMC as it is. Raw, so that settings which an
    /// agent cannot read cost the BMC's stage and not the boot.
    #[serde(default)]
    pub bmc: Option<serde_json::Value>,
}

/// What a host does after it registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Fetch the profile and boot it.
    Boot,
    /// Power off: the host is registered and joins the stock.
    Shutdown,
    /// Start again from the firmware.
    Reboot,
    /// Stay up with a shell on the console.
    Rescue,
    /// Ask again after [`Registration::seconds`].
    Wait,
    /// An action this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// An error answer (RFC 9457, section 3), `application/problem+json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProblemDocument {
    /// What kind of problem, a URI reference; `about:blank` where the status says it all.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// A short summary of the kind.
    pub title: Option<String>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// What went wrong in this case.
    pub detail: Option<String>,
}
