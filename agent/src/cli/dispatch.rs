// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the arguments to the command that they name.

use std::time::{Duration, Instant};

use log::LevelFilter;

use super::{
    Arguments, BmcCommand, Command, FactsArguments, FirmwareArguments, FirmwareCommand, LldpArguments,
    RunArguments, SettingsArguments,
};
use crate::commands::facts::Capture;
use crate::commands::{self, Flags};
use crate::host::child;
use crate::stages::{RunMode, RunOptions};

impl Arguments {
    /// How much is logged.
    pub fn log_level(&self) -> LevelFilter {
        if self.verbose { LevelFilter::Debug } else { LevelFilter::Info }
    }

    /// Whether an init system runs the pipeline at boot.
    pub fn is_boot(&self) -> bool {
        matches!(self.command, Command::Run { boot: true, .. })
    }

    /// Runs the command, and returns its exit code. `started` is when this process started. To be called while there is a
    /// single thread.
    pub fn run(self, started: Instant) -> u8 {
        let at_boot = self.is_boot();
        let pipeline = |RunArguments { settings, plan }: RunArguments, mode| {
            let options = RunOptions { mode, plan, at_boot };
            in_child(|| commands::run(&settings.flags(), options, started))
        };
        match self.command {
            Command::Run { run, .. } => pipeline(run, RunMode::Run),
            Command::Register { run } => pipeline(run, RunMode::Register),
            Command::Boot { run } => pipeline(run, RunMode::Boot),
            Command::Facts(arguments) => commands::facts::run(arguments.request()),
            Command::Lldp(arguments) => commands::lldp::run(&arguments.request()),
            Command::Bmc(command) => commands::bmc::run(&command.request()),
            Command::Firmware(command) => command.run(),
            Command::Kexec { kernel, initrd, append, plan } => {
                commands::kexec(&kernel, &initrd, &append, plan)
            }
            Command::Status { json } => commands::status(json),
        }
    }
}

/// Runs `work` in a child process: threads of it that hang in the kernel do not delay the end of this one.
fn in_child(work: impl FnOnce() -> u8) -> u8 {
    child::run(work).unwrap_or_else(|error| commands::say(&error.into()))
}

impl FirmwareCommand {
    fn run(self) -> u8 {
        match self {
            Self::Check { firmware } => {
                let (flags, request) = firmware.request();
                commands::firmware::check(&flags, &request)
            }
            Self::Apply { firmware, plan, reset } => {
                let (flags, request) = firmware.request();
                in_child(|| commands::firmware::apply(&flags, &request, plan, reset))
            }
            Self::Lint { folder } => commands::firmware::lint(&folder),
        }
    }
}

impl FirmwareArguments {
    fn request(self) -> (Flags, commands::firmware::Request) {
        let Self { settings, json, only } = self;
        (settings.flags(), commands::firmware::Request { json, only })
    }
}

impl FactsArguments {
    fn request(self) -> commands::facts::Request {
        let Self { json, only, sysroot, capture, scrub } = self;
        let capture = capture.map(|file| Capture { file, scrub });
        commands::facts::Request { json, only, sysroot, capture }
    }
}

impl BmcCommand {
    fn request(self) -> commands::bmc::Request {
        use commands::bmc::Request;
        match self {
            Self::Show { json } => Request::Show { json },
            Self::Apply { policy, plan, json } => Request::Apply { policy, plan, json },
            Self::Sel { json, newest, clear } => Request::Sel { json, newest, clear },
            Self::Sensors { json } => Request::Sensors { json },
            Self::Reset { warm } => Request::Reset { warm },
        }
    }
}

impl LldpArguments {
    fn request(self) -> commands::lldp::Request {
        let Self { ports, json, watch, timeout, listen } = self;
        let timeout = Duration::from_secs(timeout.into());
        commands::lldp::Request { ports, json, watch, timeout, listen }
    }
}

impl SettingsArguments {
    pub(super) fn flags(self) -> Flags {
        let inventory = self.inventory.map(|url| ("inventory".to_string(), url));
        Flags { config: self.config, set: self.set.into_iter().chain(inventory).collect() }
    }
}
