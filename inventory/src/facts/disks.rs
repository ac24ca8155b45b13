// SPDX-License-Identifier: MIT OR Apache-2.0
//! Disks.

use serde::{Deserialize, Serialize};

/// A disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disk {
    /// The kernel's name in this boot.
    pub name: String,
    /// Capacity in bytes.
    pub size_bytes: u64,
    /// The model as the device gives it.
    pub model: Option<String>,
    /// The serial number as the device gives it.
    pub serial: Option<String>,
    /// Whether it has spinning platters.
    pub rotational: Option<bool>,
}
