// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ways a run ends that it does not come back from.

use std::convert::Infallible;
use std::fs;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::termios::tcdrain;
use nix::unistd::sync;
use stage1_inventory::firmware::manifest::Activation;

use crate::bmc;
use crate::firmware::backend::guard;
use crate::ipmi::chassis::{ChassisControl, PowerAction};
use crate::machine::Machine;

/// Longest wait for the console.
const DRAIN: Duration = Duration::from_secs(2);

/// How the kernel resets.
const MODE: &str = "/sys/kernel/reboot/mode";
/// How long a BMC may take for a power cycle.
const CYCLE: Duration = Duration::from_secs(60);

/// Powers the host off.
///
/// # Errors
/// Where the kernel refuses (CAP_SYS_BOOT), or firmware is half written.
pub fn off() -> Result<Infallible> {
    settle()?;
    reboot(RebootMode::RB_POWER_OFF).context("powering off")
}

/// Starts the host again from its firmware.
///
/// # Errors
/// As [`off`].
pub fn restart() -> Result<Infallible> {
    settle()?;
    reboot(RebootMode::RB_AUTOBOOT).context("rebooting")
}

/// Resets the host as new firmware needs it.
///
/// # Errors
/// As [`off`]; for a power cycle, where there is no BMC or it does not do that. Nothing weaker is done then.
pub fn reset(machine: &Machine, by: Activation) -> Result<Infallible> {
    let mode = match by {
        Activation::Reload | Activation::Warm => "warm",
        Activation::Cold => "cold",
        Activation::PowerCycle => return power_cycle(machine),
    };
    // Documentation/ABI/testing/sysfs-kernel-reboot; where it is not there, the kernel has its own way.
    if let Err(error) = fs::write(machine.path(MODE), mode) {
        log::warn!("asking the kernel for a {mode} reset in {MODE}: {error}");
    }
    restart()
}

fn power_cycle(machine: &Machine) -> Result<Infallible> {
    let bmc = bmc::open(machine, false, Instant::now() + CYCLE)?;
    let mut bmc = bmc.context("a power cycle needs a BMC, and there is none")?;
    settle()?;
    bmc.ask(&ChassisControl { action: PowerAction::Cycle }).context("asking the BMC for a power cycle")?;
    thread::sleep(CYCLE);
    bail!("the BMC took the power cycle, and the host is still on after {} s", CYCLE.as_secs())
}

/// To be called before the host ends: waits until no firmware is being written, and lets the console and any disk have
/// what was written for them.
///
/// # Errors
/// Where firmware is half written.
pub fn settle() -> Result<()> {
    guard::wait_until_disarmed(&Machine::real());
    guard::may_end(&Machine::real())?;
    drain();
    Ok(())
}

/// Lets the console and any disk have what was written for them. A console that takes nothing (Ctrl-S, or a line noise
/// that looks like it) is not waited for longer than a moment.
pub fn drain() {
    let (done, wait) = channel();
    thread::spawn(move || {
        let _ = tcdrain(std::io::stdout());
        let _ = tcdrain(std::io::stderr());
        let _ = done.send(());
    });
    let _ = wait.recv_timeout(DRAIN);
    sync();
}
