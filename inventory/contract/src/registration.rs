// SPDX-License-Identifier: MIT OR Apache-2.0
//! The inventory's response to a report, and its errors.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The inventory's instructions for a host that registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// [`crate::VERSION`].
    pub version: u32,
    /// What to do next.
    pub action: Action,
    /// With [`Action::Wait`]: seconds until the host registers again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// The desired BMC configuration, a [`crate::DesiredBmcConfig`], or null: do not change the BMC. Raw JSON, so that a
    /// configuration which an agent cannot parse fails the BMC stage and not the boot.
    #[serde(default)]
    pub bmc: Option<serde_json::Value>,
}

/// The next action of a host that registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Fetch the profile and boot it.
    Boot,
    /// Power off: the host is registered and joins the stock.
    Shutdown,
    /// Reboot.
    Reboot,
    /// Start a rescue shell on the console.
    Rescue,
    /// Register again after [`Registration::seconds`].
    Wait,
    /// An action this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// An error response (RFC 9457, section 3), `application/problem+json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProblemDocument {
    /// The problem type, a URI reference; `about:blank` if the status is the whole information.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// A short summary of the problem type.
    pub title: Option<String>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// An explanation of this occurrence.
    pub detail: Option<String>,
    /// The mistakes in the body, one for each field (RFC 9457, section 3, the example with `errors`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// A mistake in one field of a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// What is wrong, and what would be right.
    pub detail: String,
    /// The field, a JSON pointer (RFC 6901) as a URI fragment: `#/interfaces/0/mtu`.
    pub pointer: String,
}

impl FieldError {
    /// A mistake in a field that is written as in JavaScript: `interfaces[0].mtu`.
    pub(crate) fn new(field: &str, detail: impl Into<String>) -> Self {
        let pointer = field.replace(['[', '.'], "/").replace(']', "");
        Self { detail: detail.into(), pointer: format!("#/{pointer}") }
    }

    /// The field for people: `interfaces[0].mtu`.
    pub fn field(&self) -> String {
        let parts = self.pointer.trim_start_matches("#/").split('/');
        parts.fold(String::new(), |field, part| match part.parse::<usize>() {
            Ok(index) => format!("{field}[{index}]"),
            Err(_) if field.is_empty() => part.to_string(),
            Err(_) => format!("{field}.{part}"),
        })
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field(), self.detail)
    }
}
