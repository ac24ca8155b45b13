// SPDX-License-Identifier: MIT OR Apache-2.0
//! The signals that ask a process to end: SIGTERM, SIGINT, SIGHUP.

use std::io;
use std::thread;

use nix::sys::signal::{SigSet, Signal};

/// The signals that ask a process to end.
pub const TERMINATION: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP];

/// From here on the signals that ask this process to end do not end it: `act` is called for each. To be called while
/// there is a single thread, since only this one and those that it starts are protected.
///
/// # Errors
/// Those of sigprocmask, and of starting a thread.
pub fn on_termination(act: impl Fn(Signal) + Send + 'static) -> io::Result<()> {
    let signals: SigSet = TERMINATION.into_iter().collect();
    signals.thread_block()?;
    thread::Builder::new()
        .name("signals".to_string())
        .spawn(move || {
            while let Ok(signal) = signals.wait() {
                act(signal);
            }
        })
        .map(drop)
}
