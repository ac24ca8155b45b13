// SPDX-License-Identifier: MIT OR Apache-2.0
//! The subcommands, one file each. Each returns the exit code.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

pub mod bmc;
pub mod facts;
pub mod failure;
pub mod firmware;
mod kexec;
pub mod lldp;
mod network;
mod run;
mod status;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::config::{self, SettingError, Settings};
use crate::host::Machine;

pub use kexec::kexec;
pub use network::network;
pub use run::{run, run_at_boot};
pub use status::status;

/// Exit code: done.
pub const DONE: u8 = 0;
/// Exit code: failed.
pub const FAILED: u8 = 1;
/// Exit code: done, but there were problems.
pub const PROBLEMS: u8 = 3;
/// Exit code: the inventory asks for a rescue shell, or the host must not go on.
pub const RESCUE: u8 = 4;
/// Exit code, from the run to PID 1 only: a signal has ended the run, which is no failure of the host.
pub(crate) const STOPPED: u8 = 5;

/// Columns of the waterfall.
const WIDTH: usize = 80;

/// Settings of the command line of `run`, `register` and `boot`.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// The settings file, in place of `/etc/stage1/config.toml`.
    pub config: Option<PathBuf>,
    /// Single settings.
    pub set: Vec<(String, String)>,
}

/// The settings of file, kernel command line and flags. The file may be missing, unless a flag names it.
fn settings(machine: &Machine, flags: &Flags) -> Result<(Settings, Vec<SettingError>)> {
    let file = match &flags.config {
        Some(path) => Some(machine.read(path)?),
        None if machine.has(config::FILE) => Some(machine.read(config::FILE)?),
        None => None,
    };
    let file = file.map(String::from_utf8).transpose().context("the settings file is not UTF-8")?;
    let mut line = machine.attribute("/proc/cmdline").unwrap_or_default();
    if machine.has(config::INITRD_RELEASE) {
        line = config::dracut::removed(&line);
    }
    Ok(Settings::merge(file.as_deref(), &line, &flags.set))
}

/// Prints a command's result. If printing fails, the exit code is that of a failure.
fn print(text: &str, code: u8) -> u8 {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => code,
        Err(error) => say(&anyhow::Error::new(error).context("writing to standard output")),
    }
}

/// Logs why a command failed, and returns its exit code.
pub fn say(error: &anyhow::Error) -> u8 {
    log::error!("{error:#}");
    FAILED
}
