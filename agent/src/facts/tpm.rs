// SPDX-License-Identifier: MIT OR Apache-2.0
//! The TPM.

use stage1_inventory::facts::Tpm;

use crate::machine::Machine;

/// The TPM.
pub fn discover(_machine: &Machine, _problems: &mut Vec<String>) -> Option<Tpm> {
    Default::default()
}
