// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opening the machine's BMC, and a power cycle.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::convert::Infallible;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ipmi::chassis::{ChassisControl, PowerAction};

use super::session::Device;
use super::{BmcSession, RetryPolicy};
use crate::host::{Cancellation, Machine, power};

/// How long the device of an expected BMC may take to appear: its driver probes the hardware when its module is loaded.
const DEVICE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often the device is looked for.
const DEVICE_POLL: Duration = Duration::from_millis(20);

/// How long a BMC may take for a power cycle.
const CYCLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Opens the machine's BMC; `None` if it has none. If the firmware reports a BMC (`is_expected`), its device is waited
/// for.
///
/// # Errors
/// If an expected BMC has no device, the device cannot be opened, or the wait was cancelled.
pub(crate) fn open(
    machine: &Machine,
    is_expected: bool,
    deadline: Instant,
    cancellation: &Cancellation,
) -> Result<Option<BmcSession>> {
    let device_deadline = deadline.min(Instant::now() + DEVICE_TIMEOUT);
    loop {
        if let Some(device) = Device::open(machine).context("opening the IPMI device")? {
            let mut session = BmcSession::new(Box::new(device), RetryPolicy::default(), deadline);
            let cancellation = cancellation.clone();
            session.cancel_with(move || cancellation.is_cancelled());
            return Ok(Some(session));
        }
        if !is_expected {
            return Ok(None);
        }
        if Instant::now() >= device_deadline {
            bail!(
                "the firmware reports a BMC, but no driver found it: check that ipmi_si or ipmi_ssif is in the image and \
                 that the BMC runs"
            );
        }
        cancellation.sleep(DEVICE_POLL)?;
    }
}

/// Has the BMC switch the host off and on.
///
/// # Errors
/// If there is no BMC, it refuses, firmware is being written, or the host is still on after a minute.
pub(crate) fn power_cycle(machine: &Machine) -> Result<Infallible> {
    let bmc = open(machine, false, Instant::now() + CYCLE_TIMEOUT, &Cancellation::default())?;
    let mut bmc = bmc.context("power cycle: this machine has no BMC")?;
    power::settle()?;
    bmc.ask(&ChassisControl { action: PowerAction::Cycle })
        .context("requesting a power cycle from the BMC")?;
    thread::sleep(CYCLE_TIMEOUT);
    bail!("power cycle: the BMC accepted it, but the host is still on after {} s", CYCLE_TIMEOUT.as_secs())
}
