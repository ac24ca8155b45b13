// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rescue shell on the console.

#![allow(unsafe_code, reason = "system calls that nix does not have")]

use std::fs::OpenOptions;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout, setsid};

use crate::host::Machine;
use crate::run::status::Status;

nix::ioctl_write_int_bad!(set_controlling_terminal, libc::TIOCSCTTY);

/// Prints how the run ended, and becomes a shell on the console. `message` is printed if the record of the run does not
/// have its end.
pub(super) fn shell(message: &str) -> u8 {
    take_console();
    let status = Status::read(&Machine::real()).ok().flatten();
    match &status {
        Some(status) => print(&format!("\n{}", status.text(80))),
        None => print(&format!("\nstage1: {message}\n")),
    }
    if status.is_some_and(|status| status.end.is_none()) {
        print(&format!("stage1: {message}\n"));
    }
    print(
        "\n'stage1 run' tries again, 'stage1 status' prints this again, 'reboot' restarts the host, 'poweroff' turns it off.\n",
    );
    let error = Command::new("/bin/sh")
        .env("PS1", "stage1 rescue# ")
        .env("PATH", "/usr/bin:/usr/sbin:/bin:/sbin")
        .env("HOME", "/root")
        .env("TERM", "vt102")
        .exec();
    print(&format!("stage1: starting /bin/sh: {error}; is busybox in this image?\n"));
    std::thread::sleep(std::time::Duration::from_secs(60));
    1
}

/// Unlike `eprint!` it does not panic if there is no console.
fn print(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Makes the console the controlling terminal, which Ctrl-C needs. `/dev/console` cannot be one, but the terminal behind it
/// can: the last name in `/sys/class/tty/console/active`.
fn take_console() {
    let machine = Machine::real();
    let active = machine.attribute("/sys/class/tty/console/active").unwrap_or_default();
    let name = active.split(' ').next_back().filter(|name| !name.is_empty()).unwrap_or("console");
    let _ = setsid();
    if let Ok(tty) = OpenOptions::new().read(true).write(true).open(machine.path(format!("/dev/{name}"))) {
        // SAFETY: TIOCSCTTY takes an int, and 0 does not take the terminal from another session.
        let _ = unsafe { set_controlling_terminal(tty.as_raw_fd(), 0) };
        let _ = dup2_stdin(&tty).and_then(|()| dup2_stdout(&tty)).and_then(|()| dup2_stderr(&tty));
    }
}
