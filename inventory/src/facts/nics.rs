// SPDX-License-Identifier: MIT OR Apache-2.0
//! Physical network ports.

use serde::{Deserialize, Serialize};

/// A physical network port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Nic {
    /// The kernel's name in this boot.
    pub name: String,
    /// The address in use.
    pub mac: Option<String>,
    /// The address burnt in, where the driver tells.
    pub permanent_mac: Option<String>,
    /// The kernel driver.
    pub driver: Option<String>,
    /// The PCI address, `0000:00:02.0`.
    pub pci_address: Option<String>,
    /// Whether the port has carrier; absent while it is down.
    pub carrier: Option<bool>,
    /// Link speed in Mbit/s; absent where the driver does not tell.
    pub speed_mbps: Option<u32>,
}
