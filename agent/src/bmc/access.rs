// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opening the BMC, and loading its desired configuration.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::convert::Infallible;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use stage1_contract::{BmcHealth, DesiredBmcConfig};

use super::session::device::Device;
use super::tolerant::TolerantSession;
use super::{BmcSession, Depth, RetryPolicy, Survey};
use crate::host::Machine;
use crate::host::power;
use ipmi::chassis::{ChassisControl, PowerAction};

/// Desired configuration in the image, used if the inventory has none.
pub const POLICY: &str = "/etc/stage1/bmc.toml";

/// Time limit for the device to appear if the firmware reports a BMC: the driver starts when its module is loaded.
const APPEARS: Duration = Duration::from_secs(10);

/// Time limit for a power cycle.
const CYCLE: Duration = Duration::from_secs(60);

/// Interval between attempts to open the device.
const LOOK: Duration = Duration::from_millis(20);

/// The machine's BMC; `None` if it has none. If the firmware reports one (`is_expected`), its device is waited for.
///
/// # Errors
/// If it is expected and has no device, or its device cannot be opened.
pub fn open(machine: &Machine, is_expected: bool, deadline: Instant) -> Result<Option<BmcSession>> {
    let appears = deadline.min(Instant::now() + APPEARS);
    loop {
        if let Some(device) = Device::open(machine).context("opening the IPMI device")? {
            return Ok(Some(BmcSession::new(Box::new(device), RetryPolicy::default(), deadline)));
        }
        if !is_expected {
            return Ok(None);
        }
        if Instant::now() >= appears {
            bail!(
                "the firmware reports a BMC, but no driver found it: check that ipmi_si or ipmi_ssif is in the image and \
                 that the BMC runs"
            );
        }
        thread::sleep(LOOK);
    }
}

/// Reads what the BMC is and how it is configured, and returns that with the problems; `None` if it does not answer.
pub fn survey(bmc: &mut BmcSession) -> (Option<Survey>, Vec<String>) {
    let mut session = TolerantSession::new(bmc);
    (super::survey::survey(&mut session), session.end())
}

/// Reads what the BMC knows of the hardware, and returns that with the problems.
pub fn health(bmc: &mut BmcSession, depth: Depth) -> (BmcHealth, Vec<String>) {
    let mut session = TolerantSession::new(bmc);
    (super::health::health(&mut session, depth), session.end())
}

/// The desired configuration: the inventory's, else the image's; `None` if there is neither.
///
/// # Errors
/// If it cannot be parsed.
pub fn desired(machine: &Machine, of_inventory: Option<Value>) -> Result<Option<DesiredBmcConfig>> {
    if let Some(value) = of_inventory {
        // serde's message may quote a secret; its category does not.
        return serde_json::from_value(value).map(Some).map_err(|error| {
            anyhow::anyhow!("parsing the inventory's BMC configuration: {:?} error", error.classify())
        });
    }
    if !machine.has(POLICY) {
        return Ok(None);
    }
    policy(&machine.read(POLICY)?).context(POLICY).map(Some)
}

/// Parses a desired configuration in TOML.
///
/// # Errors
/// If it is not UTF-8 or not a valid configuration. The message quotes no value.
pub fn policy(file: &[u8]) -> Result<DesiredBmcConfig> {
    let text = str::from_utf8(file).context("not UTF-8")?;
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
        anyhow::anyhow!("line {}: {}", line.unwrap_or(1), error.message())
    })
}

/// Power-cycles the host through its BMC. Returns only on failure.
///
/// # Errors
/// If there is no BMC, it refuses, a firmware write is unfinished, or the host is still on after a minute.
pub fn power_cycle(machine: &Machine) -> Result<Infallible> {
    let bmc = open(machine, false, Instant::now() + CYCLE)?;
    let mut bmc = bmc.context("a power cycle needs a BMC, and there is none")?;
    power::settle()?;
    bmc.ask(&ChassisControl { action: PowerAction::Cycle }).context("asking the BMC for a power cycle")?;
    thread::sleep(CYCLE);
    bail!("the BMC took the power cycle, and the host is still on after {} s", CYCLE.as_secs())
}
