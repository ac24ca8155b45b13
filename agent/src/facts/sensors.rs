// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sensors that the kernel shows.

use stage1_inventory::facts::Sensor;

use crate::machine::Machine;

/// Sensors that the kernel shows.
pub fn discover(_machine: &Machine, _problems: &mut Vec<String>) -> Vec<Sensor> {
    Default::default()
}
