// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reset that activates new firmware.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::convert::Infallible;

use anyhow::Result;
use stage1_contract::firmware::manifest::Activation;

use crate::bmc;
use crate::host::{Machine, power};

/// Resets the host in the way that new firmware needs.
///
/// # Errors
/// If a component is marked as half written, or the kernel refuses (CAP_SYS_BOOT); for a power cycle, if there is no
/// BMC or it fails. No weaker reset is tried then.
pub(crate) fn reset(machine: &Machine, by: Activation) -> Result<Infallible> {
    match by {
        Activation::Reload | Activation::Warm => power::restart_by(machine, "warm"),
        Activation::Cold => power::restart_by(machine, "cold"),
        Activation::PowerCycle => bmc::power_cycle(machine),
    }
}
