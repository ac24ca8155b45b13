// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether there is a BMC.

use stage1_inventory::facts::BmcPresence;

use crate::machine::Machine;

/// Whether there is a BMC.
pub fn discover(_machine: &Machine, _problems: &mut Vec<String>) -> Option<BmcPresence> {
    Default::default()
}
