// SPDX-License-Identifier: MIT OR Apache-2.0
//! The neighbours of each port, received by LLDP (IEEE 802.1AB) or CDP.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// A port and its neighbours.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PortNeighbours {
    /// The interface name in this boot.
    pub port: String,
    /// The permanent MAC address, or the current one if there is no permanent one.
    pub mac: Option<String>,
    /// Link speed in Mbit/s.
    pub speed_mbps: Option<u32>,
    /// The outcome of the collection on this port.
    pub outcome: PortOutcome,
    /// Time from when the port was set up, or was first seen up, to its first carrier, in milliseconds; absent if it had none.
    pub carrier_after_ms: Option<u64>,
    /// How long the port has listened since it got carrier, in milliseconds; absent if there are neighbours.
    pub listened_ms: Option<u64>,
    /// What was done about the LLDP agent in the adapter's firmware, which keeps the frames from the host; absent if the
    /// driver has no setting for it.
    pub firmware_agent: Option<String>,
    /// The first malformed frame, neighbours beyond the limit, another port of the host at the other end of the cable, the
    /// reason why the port cannot receive.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// The neighbours: bridges and routers first, LLDP before CDP, then in the order of their first frames.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub neighbours: Vec<Neighbour>,
}

/// The outcome of the collection on a port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PortOutcome {
    /// The port has neighbours.
    Neighbours,
    /// The port has no carrier, and had no neighbour before it lost carrier.
    NoCarrier,
    /// The port has carrier, and no neighbour by the deadline.
    Silent,
    /// The port has carrier and no neighbour, and the LLDP agent in the adapter's firmware, which keeps the frames, could
    /// not be disabled.
    Swallowed,
    /// The port cannot receive; [`PortNeighbours::faults`] has the reason.
    Failed,
    /// The collection goes on.
    #[default]
    Listening,
    /// An outcome this version of the contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// A neighbour. Its texts are printable: other characters are escaped.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Neighbour {
    /// `lldp` or `cdp`.
    pub protocol: String,
    /// Chassis ID: the device (802.1AB-2016 8.5.2).
    pub chassis_id: String,
    /// Subtype of the chassis ID: `mac`, `local`, `ifname` and so on, as lldpcli names it.
    pub chassis_id_subtype: String,
    /// Port ID: the device's port (802.1AB-2016 8.5.3).
    pub port_id: String,
    /// Subtype of the port ID: `mac`, `ifname`, `ifalias`, `local` and so on, as lldpcli names it.
    pub port_id_subtype: String,
    /// TTL: how long the information is valid, in seconds (802.1AB-2016 8.5.4).
    pub ttl_seconds: u16,
    /// Time from carrier to the neighbour's first frame, in milliseconds.
    pub heard_after_ms: u64,
    /// Port description (802.1AB-2016 8.5.5).
    pub port_description: Option<String>,
    /// System name (802.1AB-2016 8.5.6).
    pub system_name: Option<String>,
    /// System description: hardware and software (802.1AB-2016 8.5.7).
    pub system_description: Option<String>,
    /// Model, from the LLDP-MED inventory TLVs or CDP.
    pub model: Option<String>,
    /// Serial number, from the LLDP-MED inventory TLVs.
    pub serial: Option<String>,
    /// Enabled system capabilities (802.1AB-2016 8.5.8): `bridge`, `router` and so on, as lldpcli names them, in lower case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// Management addresses (802.1AB-2016 8.5.9).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub management_addresses: Vec<String>,
    /// Port VLAN ID: the VLAN of untagged frames (802.1Q D.2.1).
    pub vlan: Option<u16>,
    /// VLAN names (802.1Q D.2.3).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vlan_names: Vec<VlanName>,
    /// The port's link aggregation ID; 0 if it is capable of aggregation and not aggregated (802.1AX, 802.3 79.3.3).
    pub aggregation_id: Option<u32>,
    /// Maximum frame size in bytes (802.3 79.3.4).
    pub maximum_frame_bytes: Option<u16>,
    /// The priorities that have priority-based flow control (802.1Q D.2.10, or DCBX before it), in ascending order; absent if
    /// the neighbour does not say.
    pub flow_control_priorities: Option<Vec<u8>>,
    /// Where the manufacturer describes how the device uses the network (MUD URL, RFC 8520 12).
    pub mud_url: Option<String>,
    /// Malformed TLVs, with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

/// A VLAN ID and its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct VlanName {
    /// VLAN ID (802.1Q 9.6).
    pub vlan: u16,
    /// The name that the switch sends for it.
    pub name: String,
}
