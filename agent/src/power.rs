// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ways a run ends that it does not come back from.

use std::convert::Infallible;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::termios::tcdrain;
use nix::unistd::sync;

use crate::firmware::backend::guard;
use crate::machine::Machine;

/// Longest wait for the console.
const DRAIN: Duration = Duration::from_secs(2);

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

/// Waits until no firmware is being written, and lets the console and any disk have what was written for them. A console that takes nothing (Ctrl-S, or a line noise
/// that looks like it) is not waited for longer than a moment.
pub fn settle() {
    guard::wait_until_disarmed(&Machine::real());
    let (done, wait) = channel();
    thread::spawn(move || {
        let _ = tcdrain(std::io::stdout());
        let _ = tcdrain(std::io::stderr());
        let _ = done.send(());
    });
    let _ = wait.recv_timeout(DRAIN);
    sync();
}
