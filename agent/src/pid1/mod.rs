// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent as PID 1: what init must do, and nothing that could bring the kernel down.
//!
//! PID 1 only mounts, reaps and starts: the run itself is a child, so that whatever happens to it,
//! PID 1 is there to say so and to open the rescue shell.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]
#![allow(unsafe_code, reason = "system calls that nix does not have")]

mod rescue;

use std::convert::Infallible;
use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::reboot::set_cad_enabled;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use crate::commands::failure::{apply_policy, policy};
use crate::commands::{self, DONE, FAILED, PROBLEMS, RESCUE};
use crate::host::child;
use crate::host::{mounts, power};

/// Before a shell that ended is started again.
const RESPAWN: Duration = Duration::from_secs(1);

/// How a child ended.
enum End {
    Exit(u8),
    Signal(Signal),
}

/// Whether the kernel started this process as `/init`; a container's PID 1 is not meant.
pub fn is_init() -> bool {
    std::process::id() == 1 && std::env::args().next().is_some_and(|name| name.ends_with("/init"))
}

/// The life of PID 1. It never ends.
pub fn live(started: Instant) -> ! {
    let signals = watched_signals();
    let _ = signals.thread_block();
    // Else the kernel resets the host at once, whatever is being written; so PID 1 gets SIGINT.
    let _ = set_cad_enabled(false);
    mounts::mount_all().iter().for_each(|problem| say(&format!("warning: {problem}")));
    let words = match start(|| run(started)) {
        Ok(child) => match wait_for(child, &signals) {
            End::Exit(DONE | PROBLEMS | RESCUE) => String::new(),
            End::Exit(FAILED) => "the run failed".to_string(),
            End::Exit(code) => format!("the run ended with code {code}"),
            End::Signal(signal) => format!("the run was ended by {signal}"),
        },
        Err(errno) => format!("starting the run: {errno}"),
    };
    if !words.is_empty() {
        apply_policy(&words, policy());
    }
    loop {
        match start(|| rescue::shell(&words)) {
            Ok(child) => drop(wait_for(child, &signals)),
            Err(errno) => say(&format!("starting the rescue shell: {errno}")),
        }
        sleep(RESPAWN);
    }
}

/// The run. One of its threads may hang in the kernel, at a dead flash chip or disk, and that must not keep the rescue
/// shell away.
fn run(started: Instant) -> u8 {
    child::run(|| commands::run_at_boot(started)).unwrap_or_else(|error| {
        say(&format!("the run: {error}"));
        FAILED
    })
}

/// A line on the console. Unlike `eprintln!` it does not panic where there is none.
fn say(words: &str) {
    let _ = writeln!(std::io::stderr(), "stage1: {words}");
}

/// Runs `work` in a child.
fn start(work: impl FnOnce() -> u8) -> nix::Result<Pid> {
    // SAFETY: PID 1 has a single thread, so the child may go on with all of Rust.
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

/// Reaps every process that ends, until `child` has; does what signals ask for meanwhile.
fn wait_for(child: Pid, signals: &SigSet) -> End {
    loop {
        match signals.wait() {
            Ok(Signal::SIGUSR2 | Signal::SIGUSR1) => refused(power::off()),
            Ok(Signal::SIGTERM | Signal::SIGINT) => refused(power::restart()),
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

fn refused(never: anyhow::Result<Infallible>) {
    let Err(error) = never;
    say(&format!("{error:#}"));
}

/// SIGCHLD, and what busybox's `poweroff`, `halt` and `reboot` send to PID 1.
fn watched_signals() -> SigSet {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGTERM, Signal::SIGINT] {
        signals.add(signal);
    }
    signals
}
