// SPDX-License-Identifier: MIT OR Apache-2.0
//! PCI devices.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// A PCI function, bridges included.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PciDevice {
    /// Domain, bus, device and function, `0000:3b:00.0`.
    pub address: String,
}

/// A GPU, or another processor beside the CPUs, told by its PCI class.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Accelerator {
    /// Its PCI address, which is one of [`super::Facts::pci`].
    pub pci_address: String,
}
