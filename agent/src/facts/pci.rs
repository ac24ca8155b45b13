// SPDX-License-Identifier: MIT OR Apache-2.0
//! PCI functions.

use stage1_inventory::facts::{Accelerator, PciDevice};

use crate::machine::Machine;

/// PCI functions.
pub fn discover(_machine: &Machine, _problems: &mut Vec<String>) -> (Vec<PciDevice>, Vec<Accelerator>) {
    Default::default()
}
