// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is at the other end of each port: LLDP neighbours (IEEE 802.1AB), and those that speak CDP.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// A port, and who was heard on it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PortNeighbours {
    /// The kernel's name of the port in this boot.
    pub port: String,
    /// Its permanent MAC address, else the one in use.
    pub mac: Option<String>,
    /// Its speed in Mbit/s.
    pub speed_mbps: Option<u32>,
    /// What came of listening on it.
    pub outcome: PortOutcome,
    /// How long it has been listened to since it had carrier, in milliseconds; absent where somebody was heard.
    pub listened_ms: Option<u64>,
    /// What was done about an LLDP agent in the adapter's own firmware, which keeps the frames from the host.
    pub firmware_agent: Option<String>,
    /// What went wrong: the first frame that could not be read, neighbours beyond those that are kept, a port that could
    /// not be listened to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// Who was heard, in the order in which they were first heard.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub neighbours: Vec<Neighbour>,
}

/// What came of listening on a port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PortOutcome {
    /// Somebody was heard.
    Neighbours,
    /// The port has no carrier, and nobody was heard on it before.
    NoCarrier,
    /// The port has carrier, and nobody was heard by the deadline.
    Silent,
    /// The port has carrier, and the adapter's firmware keeps LLDP frames to itself.
    Swallowed,
    /// The port could not be listened to; the faults say why.
    Failed,
    /// It is still listened to.
    #[default]
    Listening,
    /// An outcome this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// A neighbour. Text of the other side is printable: what is not is escaped.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Neighbour {
    /// `lldp` or `cdp`.
    pub protocol: String,
    /// Which device it is (802.1AB-2016 8.5.2).
    pub chassis_id: String,
    /// What kind of chassis ID that is: `mac`, `local`, `ifname` and so on, as lldpcli names it.
    pub chassis_id_subtype: String,
    /// Which of its ports (802.1AB-2016 8.5.3).
    pub port_id: String,
    /// What kind of port ID that is: `mac`, `ifname`, `ifalias`, `local` and so on, as lldpcli names it.
    pub port_id_subtype: String,
    /// For how long it is true, in seconds (802.1AB-2016 8.5.4).
    pub ttl_seconds: u16,
    /// How long after the port had carrier it was first heard, in milliseconds.
    pub heard_after_ms: u64,
    /// What people call the port.
    pub port_description: Option<String>,
    /// The device's name.
    pub system_name: Option<String>,
    /// Its hardware and software.
    pub system_description: Option<String>,
    /// Its model, from LLDP-MED's inventory or CDP.
    pub model: Option<String>,
    /// Its serial number, from LLDP-MED's inventory.
    pub serial: Option<String>,
    /// What it does: `bridge`, `router` and so on, as lldpcli names it in lower case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// Where it is managed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub management_addresses: Vec<String>,
    /// The VLAN of untagged frames (802.1Q D.2.1).
    pub vlan: Option<u16>,
    /// VLANs with names (802.1Q D.2.3).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vlan_names: Vec<VlanName>,
    /// The port's number in a link aggregation that it is part of; 0 where it could be and is not
    /// (802.1AX, 802.3 79.3.3).
    pub aggregation_id: Option<u32>,
    /// The longest frame that it takes, in bytes (802.3 79.3.4).
    pub maximum_frame_bytes: Option<u16>,
    /// TLVs that could not be read, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

/// A VLAN, and what people call it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct VlanName {
    /// The VLAN's number.
    pub vlan: u16,
    /// Its name.
    pub name: String,
}
