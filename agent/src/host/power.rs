// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ways a run ends that it does not come back from.

use std::convert::Infallible;
use std::fs;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::termios::tcdrain;
use nix::unistd::sync;

use super::{Machine, critical_section};

/// Longest wait for the console.
const DRAIN: Duration = Duration::from_secs(2);

/// How the kernel resets.
const MODE: &str = "/sys/kernel/reboot/mode";

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

/// Starts the host again from its firmware, by a reset of this kind: `warm` or `cold`.
///
/// # Errors
/// As [`off`].
pub fn restart_by(machine: &Machine, mode: &str) -> Result<Infallible> {
    // Documentation/ABI/testing/sysfs-kernel-reboot; where it is not there, the kernel has its own way.
    if let Err(error) = fs::write(machine.path(MODE), mode) {
        log::warn!("asking the kernel for a {mode} reset in {MODE}: {error}");
    }
    restart()
}

/// To be called before the host ends: waits until no firmware is being written, and lets the console and any disk have
/// what was written for them.
///
/// # Errors
/// Where firmware is half written.
pub fn settle() -> Result<()> {
    critical_section::wait_until_disarmed(&Machine::real());
    critical_section::may_end(&Machine::real())?;
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
