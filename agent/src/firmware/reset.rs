// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reset after which new firmware runs.

use std::convert::Infallible;

use anyhow::Result;
use stage1_contract::firmware::manifest::Activation;

use crate::bmc;
use crate::host::{Machine, power};

/// Resets the host as new firmware needs it.
///
/// # Errors
/// Where firmware is half written or the kernel refuses (CAP_SYS_BOOT); for a power cycle, where there is no BMC or it
/// does not do that. Nothing weaker is done then.
pub fn reset(machine: &Machine, by: Activation) -> Result<Infallible> {
    match by {
        Activation::Reload | Activation::Warm => power::restart_by(machine, "warm"),
        Activation::Cold => power::restart_by(machine, "cold"),
        Activation::PowerCycle => bmc::power_cycle(machine),
    }
}
