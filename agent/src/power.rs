// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ways a run ends that it does not come back from.

use std::convert::Infallible;

use anyhow::{Context, Result};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::termios::tcdrain;
use nix::unistd::sync;

/// Powers the host off.
///
/// # Errors
/// Where the kernel refuses (CAP_SYS_BOOT).
pub fn off() -> Result<Infallible> {
    settle();
    reboot(RebootMode::RB_POWER_OFF).context("powering off")
}

/// Starts the host again from its firmware.
///
/// # Errors
/// As [`off`].
pub fn restart() -> Result<Infallible> {
    settle();
    reboot(RebootMode::RB_AUTOBOOT).context("rebooting")
}

/// Lets the console and any disk have what was written for them.
pub fn settle() {
    let _ = tcdrain(std::io::stdout());
    let _ = tcdrain(std::io::stderr());
    sync();
}
