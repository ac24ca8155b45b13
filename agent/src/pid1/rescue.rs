// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rescue shell on the console.

#![allow(unsafe_code, reason = "system calls that nix does not have")]

use std::fs::OpenOptions;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout, setsid};

use crate::host::Machine;
use crate::run::status::Status;

nix::ioctl_write_int_bad!(set_controlling_terminal, libc::TIOCSCTTY);

/// Prints why, and becomes a shell on the console. `words` say how the run ended where its own
/// status does not.
pub fn shell(words: &str) -> u8 {
    take_console();
    let status = Status::read(&Machine::real()).ok().flatten();
    match &status {
        Some(status) => eprint!("\n{}", status.text(80)),
        None => eprintln!("\nstage1: {words}"),
    }
    if status.is_some_and(|status| status.end.is_none()) {
        eprintln!("stage1: {words}");
    }
    eprintln!(
        "\n'stage1 run' tries again, 'stage1 status' shows this again, 'reboot' and 'poweroff' do what they say."
    );
    let error = Command::new("/bin/sh")
        .env("PS1", "stage1 rescue# ")
        .env("PATH", "/usr/bin:/usr/sbin:/bin:/sbin")
        .env("HOME", "/root")
        .env("TERM", "vt102")
        .exec();
    eprintln!("stage1: starting /bin/sh: {error}; is busybox in this image?");
    std::thread::sleep(std::time::Duration::from_secs(60));
    1
}

/// A shell without a controlling terminal has no Ctrl-C. `/dev/console` cannot be one, the terminal
/// behind it can: the last name in `/sys/class/tty/console/active`.
fn take_console() {
    let machine = Machine::real();
    let active = machine.attribute("/sys/class/tty/console/active").unwrap_or_default();
    let name = active.split(' ').next_back().filter(|name| !name.is_empty()).unwrap_or("console");
    let _ = setsid();
    if let Ok(tty) = OpenOptions::new().read(true).write(true).open(machine.path(format!("/dev/{name}"))) {
        // SAFETY: TIOCSCTTY takes an int, and 0 asks not to steal the terminal from another session.
        let _ = unsafe { set_controlling_terminal(tty.as_raw_fd(), 0) };
        let _ = dup2_stdin(&tty).and_then(|()| dup2_stdout(&tty)).and_then(|()| dup2_stderr(&tty));
    }
}
