// SPDX-License-Identifier: MIT OR Apache-2.0
//! A process that does not outstay its work.

use std::fs::File;
use std::io::{self, Read, Write, pipe};
use std::os::fd::AsFd;

use nix::unistd::{ForkResult, dup2_stderr, dup2_stdin, dup2_stdout, fork};

use super::critical_section::wait_for_writers;

/// Does `work` in a process of its own and returns its exit code, although a thread of it may still hang in the
/// kernel, where nothing can end it: that thread is left behind, and with it its process. So is one that still writes
/// firmware. To be called while there
/// is a single thread.
///
/// # Errors
/// Where no process can be started, or it is killed.
pub fn run(work: impl FnOnce() -> u8) -> io::Result<u8> {
    let (mut result, mut done) = pipe()?;
    // SAFETY: there is a single thread, so the child may do all that the parent may.
    match unsafe { fork() }? {
        ForkResult::Parent { .. } => {
            drop(done);
            let mut code = [1];
            match result.read(&mut code)? {
                0 => Err(io::Error::other("the process ended without a word: it was killed")),
                _ => Ok(code[0]),
            }
        }
        ForkResult::Child => {
            let code = work();
            // Whoever reads what this process printed is to see its end.
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
