// SPDX-License-Identifier: MIT OR Apache-2.0
//! Watchdogs.

use stage1_inventory::facts::Watchdog;

use crate::machine::Machine;

/// Watchdogs.
pub fn discover(_machine: &Machine, _problems: &mut Vec<String>) -> Vec<Watchdog> {
    Default::default()
}
