// SPDX-License-Identifier: MIT OR Apache-2.0
//! The binary: parses the arguments and calls a verb.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use log::LevelFilter;
use stage1::commands::facts::{Capture, Request};
use stage1::commands::firmware::Kind;
use stage1::commands::{self, Flags};
use stage1::facts::Group;
use stage1::host::{child, logger};
use stage1::stages::{RunMode, RunOptions};
use stage1::{bmc, config, pid1};

/// The first-stage OS agent for bare-metal servers.
///
/// Results go to standard output, logs to standard error. Exit codes: 0 done, 1 failed, 2 usage,
/// 3 done but with problems, 4 the inventory wants a rescue shell.
#[derive(Parser)]
#[command(name = "stage1", version, after_long_help = settings_help())]
struct Arguments {
    /// Log more.
    #[arg(short, long, global = true)]
    verbose: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// The whole pipeline, as at boot; honours the inventory's action
    Run {
        #[command(flatten)]
        common: Common,
        /// For an init system's unit: log to the kernel's log too, and end a failure as the setting on-failure says
        #[arg(long)]
        boot: bool,
    },
    /// Print what the machine is
    Facts(FactsArguments),
    /// Print who is at the other end of each port
    Lldp(LldpArguments),
    /// Read the BMC, configure it, reset it
    #[command(subcommand)]
    Bmc(BmcVerb),
    /// Compare firmware with the manifests
    #[command(subcommand)]
    Firmware(FirmwareVerb),
    /// Register with the inventory
    Register {
        #[command(flatten)]
        common: Common,
    },
    /// Fetch the profile and jump into it
    Boot {
        #[command(flatten)]
        common: Common,
    },
    /// Load and execute a kernel, or a unified kernel image, by hand
    Kexec {
        /// The kernel, a bzImage or a unified kernel image
        #[arg(long, value_name = "FILE")]
        kernel: String,
        /// Initrds, in the order in which they are concatenated
        #[arg(long, value_name = "FILE")]
        initrd: Vec<String>,
        /// The command line; a unified kernel image has one of its own
        #[arg(long, value_name = "TEXT", default_value = "")]
        append: String,
        /// Say what would be loaded, and load nothing
        #[arg(long)]
        plan: bool,
    },
    /// What ran in this boot: the waterfall, problems, how it ended
    Status {
        /// For programs
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
enum FirmwareVerb {
    /// Print what runs, what should run, and what is to be done about it; changes nothing
    Check {
        #[command(flatten)]
        settings: SettingsArguments,
        /// For programs
        #[arg(long)]
        json: bool,
        /// Only components of this kind
        #[arg(long, value_name = "COMPONENT")]
        only: Option<Kind>,
    },
    /// Flash what is behind, each version at most as often as its manifest allows
    Apply {
        #[command(flatten)]
        settings: SettingsArguments,
        /// For programs
        #[arg(long)]
        json: bool,
        /// Only components of this kind
        #[arg(long, value_name = "COMPONENT")]
        only: Option<Kind>,
        /// Say what would be written where, and change nothing
        #[arg(long)]
        plan: bool,
        /// Reset the host where that makes the new firmware run
        #[arg(long, conflicts_with = "plan")]
        reset: bool,
    },
    /// Look for what is wrong with the manifest sets of a folder
    Lint {
        /// The folder; its .toml files, also in folders of it, are manifest sets
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

#[derive(Args)]
struct SettingsArguments {
    /// Base URL of the inventory (setting inventory)
    #[arg(long, value_name = "URL")]
    inventory: Option<String>,
    /// Set any setting; `stage1 --help` lists them
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
    /// The settings file, in place of /etc/stage1/config.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Args)]
struct Common {
    #[command(flatten)]
    settings: SettingsArguments,
    /// Say what would be done, and change nothing
    #[arg(long)]
    plan: bool,
}

#[derive(Args)]
struct FactsArguments {
    /// For programs; `stage1-inventory schema facts` prints its JSON Schema
    #[arg(long)]
    json: bool,
    /// Only these groups
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    only: Vec<Group>,
    /// Read a captured tree, or the tar that --capture wrote, in place of this machine
    #[arg(long, value_name = "PATH")]
    sysroot: Option<PathBuf>,
    /// Also write everything that was read into a tar, which --sysroot reads back
    #[arg(long, value_name = "FILE", conflicts_with = "only")]
    capture: Option<PathBuf>,
    /// Replace serial numbers, MAC addresses, UUIDs and the like in the capture, each the same everywhere
    #[arg(long, requires = "capture")]
    scrub: bool,
}

#[derive(Args)]
struct LldpArguments {
    /// Only these ports, which may also be virtual ones
    #[arg(value_name = "PORT")]
    ports: Vec<String>,
    /// For programs
    #[arg(long)]
    json: bool,
    /// Print neighbours as they are heard, until Ctrl-C
    #[arg(long, conflicts_with_all = ["json", "timeout"])]
    watch: bool,
    /// How long to wait for them
    #[arg(long, value_name = "SECONDS", default_value_t = 32)]
    timeout: u32,
    /// Only listen, and ask no switch: they send every 30 s
    #[arg(long)]
    listen: bool,
}

#[derive(Subcommand)]
enum BmcVerb {
    /// Print what it is, how it is set, and how the hardware is
    Show {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Apply the desired configuration and verify it
    Apply {
        /// Desired configuration, in TOML
        #[arg(long, value_name = "FILE", default_value = bmc::POLICY)]
        policy: PathBuf,
        /// Say what would be written, and write nothing
        #[arg(long)]
        plan: bool,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Print its event log, the oldest first
    Sel {
        /// For programs
        #[arg(long)]
        json: bool,
        /// Only so many, the newest
        #[arg(long, value_name = "COUNT", default_value_t = 4096)]
        newest: usize,
        /// Erase the log once it is printed
        #[arg(long)]
        clear: bool,
    },
    /// Print its sensors
    Sensors {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Start it anew; the host goes on
    Reset {
        /// Keep what a cold reset would lose
        #[arg(long)]
        warm: bool,
    },
}

fn main() -> ExitCode {
    let started = Instant::now();
    if pid1::is_init() {
        pid1::live(started);
    }
    let Arguments { verbose, verb } = Arguments::parse();
    let at_boot = matches!(verb, Verb::Run { boot: true, .. });
    logger::start(if verbose { LevelFilter::Debug } else { LevelFilter::Info }, at_boot);
    let run = |common: Common, mode| {
        let options = RunOptions { mode, plan: common.plan, at_boot };
        leave_behind(|| commands::run(&common.settings.flags(), options, started))
    };
    ExitCode::from(match verb {
        Verb::Run { common, .. } => run(common, RunMode::Run),
        Verb::Register { common } => run(common, RunMode::Register),
        Verb::Boot { common } => run(common, RunMode::Boot),
        Verb::Facts(arguments) => commands::facts::run(arguments.request()),
        Verb::Lldp(arguments) => commands::lldp::run(&arguments.request()),
        Verb::Bmc(verb) => commands::bmc::run(&verb.request()),
        Verb::Firmware(FirmwareVerb::Check { settings, json, only }) => {
            commands::firmware::check(&settings.flags(), &commands::firmware::Request { json, only })
        }
        Verb::Firmware(FirmwareVerb::Apply { settings, json, only, plan, reset }) => {
            let request = commands::firmware::Request { json, only };
            leave_behind(|| commands::firmware::apply(&settings.flags(), &request, plan, reset))
        }
        Verb::Firmware(FirmwareVerb::Lint { folder }) => commands::firmware::lint(&folder),
        Verb::Kexec { kernel, initrd, append, plan } => commands::kexec(&kernel, &initrd, &append, plan),
        Verb::Status { json } => commands::status(json),
    })
}

/// Does not wait for threads that hang in the kernel.
fn leave_behind(work: impl FnOnce() -> u8) -> u8 {
    child::run(work).unwrap_or_else(|error| commands::say(&error.into()))
}

impl FactsArguments {
    fn request(self) -> Request {
        let Self { json, only, sysroot, capture, scrub } = self;
        let capture = capture.map(|file| Capture { file, scrub });
        Request { json, only, sysroot, capture }
    }
}

impl BmcVerb {
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
    fn flags(self) -> Flags {
        let inventory = self.inventory.map(|url| ("inventory".to_string(), url));
        Flags { config: self.config, set: self.set.into_iter().chain(inventory).collect() }
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("KEY=VALUE is needed")?;
    Ok((key.to_string(), value.to_string()))
}

fn settings_help() -> String {
    let lines = config::HELP.iter().map(|(key, meaning)| format!("  {key:<20}{meaning}\n"));
    format!(
        "Settings, later ones win: {}, stage1.KEY=VALUE on the kernel command line, flags:\n{}",
        config::FILE,
        lines.collect::<String>()
    )
}
