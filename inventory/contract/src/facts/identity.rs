// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who the host is.

use serde::{Deserialize, Serialize};

/// Who the host is, and how that was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Identity {
    /// The `ID` of every call: a lower-case UUID.
    pub id: String,
    /// Which candidate was chosen.
    pub source: IdentitySource,
    /// Why that one, in words for an operator.
    pub reason: String,
    /// Every candidate that was looked at, in order of preference.
    pub candidates: Vec<Candidate>,
}

/// Where an identity comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum IdentitySource {
    /// The SMBIOS system UUID (DSP0134 7.2, offset 08h).
    SystemUuid,
    /// A UUIDv5 of manufacturer, product and serial numbers.
    Serials,
    /// A UUIDv5 of the permanent MAC addresses.
    MacAddresses,
    /// A source this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// One possible identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Candidate {
    /// Where it comes from.
    pub source: IdentitySource,
    /// The UUID it gives, where it gives one.
    pub value: Option<String>,
    /// Whether it may be used.
    pub usable: bool,
    /// What it was made of, or why it may not be used.
    pub reason: String,
}
