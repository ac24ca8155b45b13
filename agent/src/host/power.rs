// SPDX-License-Identifier: MIT OR Apache-2.0
//! Power-off and reboot, and what must happen before them.

use std::convert::Infallible;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::termios::tcdrain;
use nix::unistd::sync;

use super::task::Task;
use super::{Machine, critical_section};

/// Longest wait until the console has printed everything.
const DRAIN: Duration = Duration::from_secs(2);
/// Longest wait until the disks are flushed. One that hangs must not keep the host from a reset.
const SYNC: Duration = Duration::from_secs(10);

/// The kind of reset that the kernel uses.
const MODE: &str = "/sys/kernel/reboot/mode";

/// Powers the host off.
///
/// # Errors
/// If the kernel refuses it (CAP_SYS_BOOT), or firmware may be half written.
pub fn off() -> Result<Infallible> {
    settle()?;
    reboot(RebootMode::RB_POWER_OFF).context("powering off")
}

/// Reboots the host through its firmware.
///
/// # Errors
/// As [`off`].
pub fn restart() -> Result<Infallible> {
    settle()?;
    reboot(RebootMode::RB_AUTOBOOT).context("rebooting")
}

/// Reboots the host through its firmware with this kind of reset: `warm` or `cold`.
///
/// # Errors
/// As [`off`].
pub fn restart_by(machine: &Machine, mode: &str) -> Result<Infallible> {
    // Documentation/ABI/testing/sysfs-kernel-reboot. Without the file the kernel chooses the kind of reset itself.
    if let Err(error) = fs::write(machine.path(MODE), mode) {
        log::warn!("setting the kernel's reset to {mode}: writing {MODE}: {error}");
    }
    restart()
}

/// Call it before the host is reset: waits until no firmware is being written, and flushes the console and disks.
///
/// # Errors
/// If firmware may be half written.
pub fn settle() -> Result<()> {
    critical_section::wait_until_disarmed(&Machine::real());
    critical_section::may_end(&Machine::real())?;
    drain();
    Ok(())
}

/// Flushes the console and disks. A stopped console (Ctrl-S, or line noise that looks like it) delays this by 2 s at most,
/// and a disk that hangs by 10 s.
pub fn drain() {
    let drains = || {
        let _ = tcdrain(std::io::stdout());
        let _ = tcdrain(std::io::stderr());
    };
    let _ = Task::start("drain", drains).map(|task| task.wait(DRAIN));
    let _ = Task::start("sync", sync).map(|task| task.wait(SYNC));
}
