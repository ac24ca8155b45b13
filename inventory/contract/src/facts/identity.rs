// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's identity.

use serde::{Deserialize, Serialize};

/// The host's identity, and how it was derived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Identity {
    /// The `ID` of every call: a lower-case UUID.
    pub id: String,
    /// The source of the candidate that was chosen.
    pub source: IdentitySource,
    /// Why that candidate was chosen, for an operator.
    pub reason: String,
    /// Every candidate that was looked at, in order of preference.
    pub candidates: Vec<Candidate>,
}

/// What an identity is derived from.
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

/// A possible identity, and whether it is good enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Candidate {
    /// What it is derived from.
    pub source: IdentitySource,
    /// The UUID it gives, where it gives one.
    pub value: Option<String>,
    /// Whether it identifies this machine and no other.
    pub usable: bool,
    /// What it was derived from, or why it is not usable.
    pub reason: String,
}
