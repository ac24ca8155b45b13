// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs work in a child process, so that a thread that hangs in the kernel does not delay the end of the command.

#![allow(unsafe_code, reason = "system calls that nix does not have")]

use std::fs::File;
use std::io::{self, Read, Write, pipe};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, fork};

use super::critical_section::wait_for_writers;
use super::signals::TERMINATION;

/// How long a child has to exit after it has reported its exit code. One that cannot exit is detached.
const END: Duration = Duration::from_secs(1);

/// Runs `work` in a child process and returns its exit code. Termination signals are forwarded to the child. The child is
/// detached if it cannot exit, because one of its threads hangs in the kernel or still writes firmware. Call it while there
/// is a single thread.
///
/// # Errors
/// If no process can be started, or the child is killed: [`io::ErrorKind::Interrupted`] if it was by a termination signal.
pub fn run(work: impl FnOnce() -> u8) -> io::Result<u8> {
    let signals: SigSet = TERMINATION.into_iter().chain([Signal::SIGCHLD]).collect();
    let (result, done) = pipe()?;
    signals.thread_block()?;
    // SAFETY: there is a single thread, so the child may use all of Rust.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => {
            drop(done);
            let signals = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
            supervise(child, &OwnedFd::from(result).into(), &signals)
        }
        ForkResult::Child => {
            drop(result);
            let mut done = File::from(OwnedFd::from(done));
            // Until `work` handles signals itself, they end it.
            signals.thread_unblock()?;
            // If the parent is killed, the child gets SIGTERM.
            let _ = set_pdeathsig(Signal::SIGTERM);
            let code = work();
            let _ = set_pdeathsig(None);
            // Closes the output, so that a reader of a pipe gets its end even if this process is detached.
            let _ = io::stdout().flush();
            if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
                let _ = dup2_stdin(null.as_fd());
                let _ = dup2_stdout(null.as_fd());
                let _ = dup2_stderr(null.as_fd());
            }
            let _ = done.write_all(&[code]);
            drop(done);
            wait_for_writers();
            std::process::exit(i32::from(code));
        }
    }
}

/// Waits for the child's exit code, and then for a moment for its end.
fn supervise(child: Pid, result: &File, signals: &SignalFd) -> io::Result<u8> {
    let mut code: Option<u8> = None;
    let mut deadline: Option<Instant> = None;
    loop {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()).as_millis() + 1);
        let timeout =
            left.map_or(PollTimeout::NONE, |ms| PollTimeout::try_from(ms).unwrap_or(PollTimeout::MAX));
        let mut fds = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        if code.is_none() && deadline.is_none() {
            fds.push(PollFd::new(result.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        if fds.get(1).is_some_and(|fd| fd.any() == Some(true)) {
            let mut byte = [0];
            code = (&mut &*result).read(&mut byte).is_ok_and(|length| length == 1).then_some(byte[0]);
            deadline = Some(Instant::now() + END);
        }
        while let Ok(Some(signal)) = signals.read_signal() {
            let signal =
                i32::try_from(signal.ssi_signo).ok().and_then(|number| Signal::try_from(number).ok());
            if let Some(signal) = signal.filter(|signal| *signal != Signal::SIGCHLD) {
                let _ = kill(child, signal);
            }
        }
        let killed = || io::Error::other("the process that does the work was killed");
        match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, status)) => return Ok(code.unwrap_or(status.to_le_bytes()[0])),
            Ok(WaitStatus::Signaled(_, signal, _)) => {
                let interrupted = || io::Error::new(io::ErrorKind::Interrupted, format!("ended by {signal}"));
                let is_termination = TERMINATION.contains(&signal);
                return code.ok_or_else(|| if is_termination { interrupted() } else { killed() });
            }
            Ok(_) => {}
            Err(errno) => return code.ok_or_else(|| errno.into()),
        }
        if deadline.is_some_and(|at| Instant::now() >= at) {
            return code.ok_or_else(killed);
        }
    }
}
