// SPDX-License-Identifier: MIT OR Apache-2.0
//! The BMC: read, configured as it is wanted, proven, and never in the way.
//!
//! [`survey()`] reads how it is set, [`plan`] compares that with what is wanted, [`configure()`] writes what differs and
//! reads it back, [`health()`] reads what it knows of the hardware. All of it speaks through [`BmcSession`], whose
//! deadline ends it.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

mod configure;
pub mod current;
mod health;
mod lan;
mod makers;
pub mod password;
pub mod plan;
mod questions;
pub mod session;
mod survey;
pub mod text;
mod users;
mod write;

use std::convert::Infallible;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use stage1_contract::{BmcHealth, WantedBmc};

use crate::host::Machine;
use crate::host::power;
use ipmi::chassis::{ChassisControl, PowerAction};
use questions::Questions;
use session::device::Device;

pub use configure::{Escrow, configure, planned};
pub use health::{Depth, is_critical};
pub use session::{BmcSession, RetryPolicy, erase_sel};
pub use survey::Survey;

/// How the image wants the BMC, where the inventory does not say.
pub const POLICY: &str = "/etc/stage1/bmc.toml";

/// How long a device may take to appear where the firmware tells of a BMC: the driver starts when its module is loaded.
const APPEARS: Duration = Duration::from_secs(10);

/// How long a BMC may take for a power cycle.
const CYCLE: Duration = Duration::from_secs(60);

/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// The machine's BMC; `None` where it has none. One that is told of by the firmware is waited for a moment.
///
/// # Errors
/// Where it is told of and has no device, or its device cannot be opened.
pub fn open(machine: &Machine, is_told: bool, deadline: Instant) -> Result<Option<BmcSession>> {
    let appears = deadline.min(Instant::now() + APPEARS);
    loop {
        if let Some(device) = Device::open(machine).context("opening the IPMI device")? {
            return Ok(Some(BmcSession::new(Box::new(device), RetryPolicy::default(), deadline)));
        }
        if !is_told {
            return Ok(None);
        }
        if Instant::now() >= appears {
            bail!(
                "the firmware tells of a BMC, and no driver has found it: is ipmi_si or ipmi_ssif in the image, and is the \
                 BMC up?"
            );
        }
        thread::sleep(LOOK);
    }
}

/// What it is and how it is set; `None` where it does not even say what it is. With what went wrong.
pub fn survey(bmc: &mut BmcSession) -> (Option<Survey>, Vec<String>) {
    let mut questions = Questions::new(bmc);
    (survey::survey(&mut questions), questions.end())
}

/// What it knows of the hardware, with what went wrong.
pub fn health(bmc: &mut BmcSession, depth: Depth) -> (BmcHealth, Vec<String>) {
    let mut questions = Questions::new(bmc);
    (health::health(&mut questions, depth), questions.end())
}

/// How the BMC is wanted: as the inventory says, else as the image's policy does. `None` where neither says anything.
///
/// # Errors
/// Where what is said cannot be read.
pub fn wanted(machine: &Machine, told: Option<Value>) -> Result<Option<WantedBmc>> {
    if let Some(told) = told {
        // What serde says of it may show a secret; where it is, does not.
        return serde_json::from_value(told).map(Some).map_err(|error| {
            anyhow::anyhow!(
                "the inventory's settings for the BMC cannot be read ({:?} error)",
                error.classify()
            )
        });
    }
    if !machine.has(POLICY) {
        return Ok(None);
    }
    policy(&machine.read(POLICY)?).context(POLICY).map(Some)
}

/// The wanted settings in a file, which is TOML.
///
/// # Errors
/// Where it cannot be read. The message does not quote it.
pub fn policy(file: &[u8]) -> Result<WantedBmc> {
    let text = str::from_utf8(file).context("it is not UTF-8")?;
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
        anyhow::anyhow!("line {}: {}", line.unwrap_or(1), error.message())
    })
}

/// Has the BMC turn the host off and on again.
///
/// # Errors
/// Where there is no BMC, it refuses, firmware is half written, or the host is still on after a minute.
pub fn power_cycle(machine: &Machine) -> Result<Infallible> {
    let bmc = open(machine, false, Instant::now() + CYCLE)?;
    let mut bmc = bmc.context("a power cycle needs a BMC, and there is none")?;
    power::settle()?;
    bmc.ask(&ChassisControl { action: PowerAction::Cycle }).context("asking the BMC for a power cycle")?;
    thread::sleep(CYCLE);
    bail!("the BMC took the power cycle, and the host is still on after {} s", CYCLE.as_secs())
}
