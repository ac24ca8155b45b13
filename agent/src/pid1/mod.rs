// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent as PID 1: the duties of init, and nothing else, since the kernel panics when PID 1 ends.
//!
//! PID 1 mounts file systems, starts the run as a child and reaps processes. However the child ends, PID 1 reports it and
//! opens the rescue shell.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]
#![allow(unsafe_code, reason = "system calls that nix does not have")]

mod rescue;

use std::convert::Infallible;
use std::io::{ErrorKind, Write};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::reboot::set_cad_enabled;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use crate::commands::failure::{apply_policy, policy};
use crate::commands::{self, DONE, FAILED, PROBLEMS, RESCUE, STOPPED};
use crate::host::signals::TERMINATION;
use crate::host::{child, mounts, power};

/// Pause before a shell that has ended is started again.
const RESPAWN: Duration = Duration::from_secs(1);

/// How a child ended.
enum End {
    Exit(u8),
    Signal(Signal),
}

/// Whether the kernel started this process as `/init`. PID 1 of a container has another name.
pub fn is_init() -> bool {
    std::process::id() == 1 && std::env::args().next().is_some_and(|name| name.ends_with("/init"))
}

impl End {
    /// What the console has of a run that ended so, and whether it is a failure, which the policy is for. Who has sent a
    /// signal is at work on this host, and decides what follows.
    fn of_run(&self) -> (String, bool) {
        match self {
            Self::Exit(DONE | PROBLEMS | RESCUE) => (String::new(), false),
            Self::Exit(STOPPED) => ("the run was ended by a signal".to_string(), false),
            Self::Exit(FAILED) => ("the run failed".to_string(), true),
            Self::Exit(code) => (format!("the run ended with code {code}"), true),
            Self::Signal(signal) => {
                (format!("the run was killed by {signal}"), !TERMINATION.contains(signal))
            }
        }
    }
}

/// Runs as PID 1. It never returns. `started` is when this process started.
pub fn live(started: Instant) -> ! {
    let signals = watched_signals();
    let _ = signals.thread_block();
    // Ctrl-Alt-Del sends SIGINT to PID 1. By default the kernel resets the host at once, even while firmware is written.
    let _ = set_cad_enabled(false);
    mounts::mount_all().iter().for_each(|problem| print(&format!("warning: {problem}")));
    let (message, is_failure) = match start(|| run(started)) {
        Ok(child) => wait_for(child, &signals).of_run(),
        Err(errno) => (format!("starting the run: {errno}"), true),
    };
    if is_failure {
        apply_policy(&message, policy());
    }
    loop {
        match start(|| rescue::shell(&message)) {
            Ok(child) => drop(wait_for(child, &signals)),
            Err(errno) => print(&format!("starting the rescue shell: {errno}")),
        }
        sleep(RESPAWN);
    }
}

/// The run, in a further child: a thread that hangs in the kernel, at a broken flash chip or disk, must not delay the rescue
/// shell.
fn run(started: Instant) -> u8 {
    child::run(|| commands::run_at_boot(started)).unwrap_or_else(|error| {
        print(&format!("the run: {error}"));
        if error.kind() == ErrorKind::Interrupted { STOPPED } else { FAILED }
    })
}

/// Prints a line on the console. Unlike `eprintln!` it does not panic if there is none.
fn print(line: &str) {
    let _ = writeln!(std::io::stderr(), "stage1: {line}");
}

/// Runs `work` in a child process, whose exit code it returns.
fn start(work: impl FnOnce() -> u8) -> nix::Result<Pid> {
    // SAFETY: PID 1 has a single thread, so the child may use all of Rust.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            let _ = SigSet::all().thread_unblock();
            let code = work();
            power::drain();
            std::process::exit(code.into());
        }
    }
}

/// Reaps processes until `child` has ended. Meanwhile a signal reboots the host or powers it off.
fn wait_for(child: Pid, signals: &SigSet) -> End {
    loop {
        match signals.wait() {
            Ok(Signal::SIGUSR2 | Signal::SIGUSR1) => print_refusal(power::off()),
            Ok(Signal::SIGTERM | Signal::SIGINT) => print_refusal(power::restart()),
            Ok(_) => {}
            Err(_) => sleep(Duration::from_secs(1)),
        }
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) if pid == child => return End::Exit(code.to_le_bytes()[0]),
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => return End::Signal(signal),
                Ok(WaitStatus::StillAlive) | Err(_) => break,
                Ok(_) => {}
            }
        }
    }
}

fn print_refusal(result: anyhow::Result<Infallible>) {
    let Err(error) = result;
    print(&format!("{error:#}"));
}

/// SIGCHLD, and the signals that busybox's `poweroff`, `halt` and `reboot` send to PID 1.
fn watched_signals() -> SigSet {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGTERM, Signal::SIGINT] {
        signals.add(signal);
    }
    signals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_ends_a_run_by_a_signal_decides_what_follows() {
        for (end, expected) in [
            (End::Exit(DONE), ("", false)),
            (End::Exit(RESCUE), ("", false)),
            (End::Exit(FAILED), ("the run failed", true)),
            (End::Exit(101), ("the run ended with code 101", true)),
            (End::Exit(STOPPED), ("the run was ended by a signal", false)),
            (End::Signal(Signal::SIGTERM), ("the run was killed by SIGTERM", false)),
            // As the kernel does where memory is short.
            (End::Signal(Signal::SIGKILL), ("the run was killed by SIGKILL", true)),
        ] {
            let (message, is_failure) = end.of_run();
            assert_eq!((message.as_str(), is_failure), expected);
        }
    }
}
