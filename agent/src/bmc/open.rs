// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opening the machine's BMC, and a power cycle.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::convert::Infallible;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ipmi::app::GetDeviceId;
use ipmi::chassis::{ChassisControl, PowerAction};

use super::reprobe::Reprobe;
use super::session::Device;
use super::{BmcSession, RetryPolicy};
use crate::host::{Cancellation, Machine, modules, power};

/// How long the device of an expected BMC may take to appear: its driver probes the hardware when its module is loaded.
const DEVICE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a BMC may take for its device ID where there are several devices.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// How often the device is looked for.
const DEVICE_POLL: Duration = Duration::from_millis(20);

/// How long a BMC may take for a power cycle.
const CYCLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Opens the machine's BMC; `None` if it has none. If the firmware reports a BMC (`is_expected`), its device is waited for, as
/// long as its drivers are loaded; they look for it again at the place that the firmware names.
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
    let mut reprobe = is_expected.then(|| Reprobe::new(machine));
    loop {
        let devices = Device::open_all(machine).context("opening the IPMI device")?;
        if let Some(session) = first_that_responds(devices, deadline, cancellation) {
            return Ok(Some(session));
        }
        let Some(reprobe) = &mut reprobe else { return Ok(None) };
        reprobe.poll(machine);
        if let Some(missing) = missing_driver(machine).filter(|_| !reprobe.can_probe() || reprobe.is_idle()) {
            bail!(
                "the firmware reports a BMC, but {missing} is not loaded{}: check that it is in the image and that the BMC runs",
                cause(reprobe)
            );
        }
        if Instant::now() >= device_deadline {
            bail!(
                "the firmware reports a BMC, but its driver found none within {} s{}: check that the BMC runs",
                DEVICE_TIMEOUT.as_secs(),
                cause(reprobe)
            );
        }
        cancellation.sleep(DEVICE_POLL)?;
    }
}

fn cause(reprobe: &Reprobe) -> String {
    match reprobe.errors() {
        [] => String::new(),
        errors => format!(" ({})", errors.join("; ")),
    }
}

/// The first device whose BMC responds, or else the first; a single one is not asked.
fn first_that_responds(
    devices: Vec<Device>,
    deadline: Instant,
    cancellation: &Cancellation,
) -> Option<BmcSession> {
    let sessions = devices.into_iter().map(|device| {
        let mut session = BmcSession::new(Box::new(device), RetryPolicy::default(), deadline);
        let cancellation = cancellation.clone();
        session.cancel_with(move || cancellation.is_cancelled());
        session
    });
    let mut sessions: Vec<BmcSession> = sessions.collect();
    let at = match sessions.len() {
        0 | 1 => 0,
        _ => sessions.iter_mut().position(responds).unwrap_or(0),
    };
    (at < sessions.len()).then(|| sessions.swap_remove(at))
}

fn responds(session: &mut BmcSession) -> bool {
    session.set_policy(RetryPolicy { timeout: PROBE_TIMEOUT, attempts: 1, ..RetryPolicy::default() });
    let responds = session.ask(&GetDeviceId).is_ok();
    session.set_policy(RetryPolicy::default());
    responds
}

/// What the device of a BMC needs, and this kernel does not have. ipmi_si unloads itself if it finds no BMC.
fn missing_driver(machine: &Machine) -> Option<&'static str> {
    let loaded = |module: &&str| modules::is_loaded(machine, module);
    if !["ipmi_si", "ipmi_ssif"].iter().any(loaded) {
        return Some("its driver (ipmi_si or ipmi_ssif)");
    }
    (!loaded(&"ipmi_devintf")).then_some("ipmi_devintf")
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a machine that has these modules, and how long it took to find out.
    fn open_with(modules: &[&str], is_expected: bool) -> (Option<String>, Duration) {
        let dir = tempfile::tempdir().unwrap();
        for module in modules {
            std::fs::create_dir_all(dir.path().join("sys/module").join(module)).unwrap();
        }
        let begin = Instant::now();
        let deadline = begin + Duration::from_millis(300);
        let result = open(&Machine::at(dir.path()), is_expected, deadline, &Cancellation::default());
        (result.err().map(|error| error.to_string()), begin.elapsed())
    }

    #[test]
    fn only_a_loaded_driver_is_waited_for() {
        let (error, _) = open_with(&[], false);
        assert_eq!(error, None, "none is expected");
        for (modules, expected) in [
            (&[][..], "its driver (ipmi_si or ipmi_ssif) is not loaded"),
            (&["ipmi_msghandler", "ipmi_devintf"], "its driver (ipmi_si or ipmi_ssif) is not loaded"),
            (&["ipmi_msghandler", "ipmi_ssif"], "ipmi_devintf is not loaded"),
        ] {
            let (error, took) = open_with(modules, true);
            assert!(error.as_ref().is_some_and(|error| error.contains(expected)), "{modules:?}: {error:?}");
            assert!(took < Duration::from_millis(200), "{modules:?} took {took:?}");
        }
        let (error, took) = open_with(&["ipmi_si", "ipmi_devintf"], true);
        assert!(error.is_some_and(|error| error.contains("found none")));
        assert!(took >= Duration::from_millis(300), "{took:?}");
    }
}
