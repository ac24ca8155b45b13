// SPDX-License-Identifier: MIT OR Apache-2.0
//! Termination signals: SIGTERM, SIGINT, SIGHUP.

use std::io;

use nix::sys::signal::{SigSet, Signal};

/// The termination signals.
pub const TERMINATION: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP];

/// Calls `act` for each termination signal from now on; the signal does not end the process. Call it while there is a
/// single thread: only this thread and those that it starts later are protected.
///
/// # Errors
/// Those of sigprocmask, and of starting a thread.
pub fn on_termination(act: impl Fn(Signal) + Send + 'static) -> io::Result<()> {
    let signals: SigSet = TERMINATION.into_iter().collect();
    signals.thread_block()?;
    let wait = move || {
        while let Ok(signal) = signals.wait() {
            act(signal);
        }
    };
    super::task::serve("signals", wait).map(drop)
}
