// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rack`: a virtual rack at the command line.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use anyhow::{Context, Result, anyhow};
use clap::{Args, Parser, Subcommand, ValueEnum};
use stage1_rack::control::{self, Client};
use stage1_rack::paths::Paths;
use stage1_rack::progress::Progress;
use stage1_rack::rack::Rack;
use stage1_rack::scenario::Form;
use stage1_rack::spec::RackSpec;
use stage1_rack::{console, firmware_scenario, namespace, scenario};

/// A virtual rack: bare-metal servers, their boot network and an inventory, in QEMU
///
/// A rack is declared in a TOML file; scripts/rack/racks/example.toml has every key.
/// Its files and console logs are in target/rack/NAME, where NAME is that of the file without .toml.
/// It runs in network namespaces of its own, and ends with the process that brought it up.
#[derive(Parser)]
#[command(
    version,
    verbatim_doc_comment,
    after_help = "Examples:\n  rack run scripts/rack/racks/demo.toml\n  rack up scripts/rack/racks/example.toml"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Bring up a rack, power on its hosts, and stay until Ctrl-C or `rack down`
    #[command(after_help = "Examples:\n  rack up scripts/rack/racks/lldp.toml\n  rack up --off my-rack.toml")]
    Up {
        /// File that declares the rack
        file: PathBuf,
        /// Leave the hosts powered off
        #[arg(long)]
        off: bool,
    },
    /// Bring up a rack and run every host from power-on over registration to its target
    ///
    /// Where the file has a [firmware] table, every host is updated first, and powered on
    /// again to show that current firmware is not written twice. Prints PASS or FAIL at the
    /// end; the exit code is 0 or 1.
    #[command(
        verbatim_doc_comment,
        after_help = "Examples:\n  rack run scripts/rack/racks/demo.toml\n  rack run --keep scripts/rack/racks/demo-uefi.toml"
    )]
    Run {
        /// File that declares the rack
        file: PathBuf,
        /// Leave the rack up at the end
        #[arg(long)]
        keep: bool,
    },
    /// Power a host on or off, or reset it
    #[command(after_help = "Examples:\n  rack power a on\n  rack power a cut --rack demo")]
    Power {
        /// Name of the host
        host: String,
        /// Change of its power
        action: Power,
        #[command(flatten)]
        which: Which,
    },
    /// Show the IPMI requests to a host's BMC, or inject faults into its responses
    #[command(after_help = "Examples:\n  rack bmc a log\n  rack bmc a faults '06 46 times 2 cc C0'")]
    Bmc {
        /// Name of the host
        host: String,
        #[command(subcommand)]
        command: BmcCommand,
        #[command(flatten)]
        which: Which,
    },
    /// Program a host's BIOS chip, as with an external programmer; the host must be off
    #[command(after_help = "Examples:\n  rack program a old\n  rack program a new --rack demo-firmware")]
    Program {
        /// Name of the host
        host: String,
        /// Content of the chip
        version: Bios,
        #[command(flatten)]
        which: Which,
    },
    /// Attach the terminal to a host's serial console; Ctrl-] detaches
    #[command(after_help = "Examples:\n  rack console a\n  rack console a --rack demo")]
    Console {
        /// Name of the host
        host: String,
        #[command(flatten)]
        which: Which,
    },
    /// Show the hosts of a rack, their power and their console logs
    #[command(after_help = "Examples:\n  rack status\n  rack status --rack demo")]
    Status {
        #[command(flatten)]
        which: Which,
    },
    /// Take a rack down
    #[command(after_help = "Examples:\n  rack down\n  rack down --rack demo")]
    Down {
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Power {
    /// Power on
    On,
    /// Press the power button, and wait until the system has powered off
    Off,
    /// Cut the power
    Cut,
    /// Press the reset button
    Reset,
}

#[derive(Subcommand)]
enum BmcCommand {
    /// Inject exactly these faults
    #[command(
        after_help = "FAULT is one of: cc XX, answer XX..., drop, lose, delay MS, late, twice, data XX..., cut N, blank XX,\n\
                      checksum, sequence, shorten N, hang, disconnect\n\n\
                      Examples:\n  rack bmc a faults '06 46 times 2 cc C0'\n  rack bmc a faults"
    )]
    Faults {
        /// NETFN CMD[/DATA] [after N] [times N] FAULT, in hex; without any rule, the BMC has no faults
        rules: Vec<String>,
    },
    /// Show every request and its response
    #[command(after_help = "Examples:\n  rack bmc a log\n  rack bmc a log --rack demo")]
    Log,
    /// Show the number of requests of each command
    #[command(after_help = "Examples:\n  rack bmc a counts\n  rack bmc a counts --rack demo")]
    Counts,
    /// Clear the log and the counts
    #[command(after_help = "Examples:\n  rack bmc a reset\n  rack bmc a reset --rack demo")]
    Reset,
}

#[derive(Clone, Copy, ValueEnum)]
enum Bios {
    /// OVMF of Debian 12
    Old,
    /// A newer OVMF, which scripts/rack/firmware/build fetches
    New,
    /// An OVMF that accepts capsules, which scripts/rack/firmware/ovmf/build makes
    Capsule,
}

#[derive(Args)]
struct Which {
    /// Name of the rack; required where several are up
    #[arg(long, global = true)]
    rack: Option<String>,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rack: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let paths = Paths::of_checkout()?;
    // Only possible while there is a single thread.
    if matches!(command, Command::Up { .. } | Command::Run { .. }) {
        namespace::become_root()?;
    }
    match command {
        Command::Up { file, off } => up(&paths, &file, off),
        Command::Run { file, keep } => run_scenario(&paths, &file, keep),
        Command::Power { host, action, which } => {
            let action = action.to_possible_value().context("action without a name")?;
            print_response(ask(&paths, &which, &format!("power {host} {}", action.get_name()))?)
        }
        Command::Bmc { host, command, which } => {
            let words = match command {
                BmcCommand::Faults { rules } => format!("faults {}", rules.join(";")),
                BmcCommand::Log => "log".to_string(),
                BmcCommand::Counts => "counts".to_string(),
                BmcCommand::Reset => "reset".to_string(),
            };
            print_response(ask(&paths, &which, &format!("bmc {host} {words}"))?)
        }
        Command::Program { host, version, which } => {
            let version = version.to_possible_value().context("version without a name")?;
            print_response(ask(&paths, &which, &format!("program {host} {}", version.get_name()))?)
        }
        Command::Console { host, which } => {
            let client = ask(&paths, &which, &format!("console {host}"))?;
            eprintln!("Console of {host}; Ctrl-] detaches.\r");
            console::attach(client.into_stream())
        }
        Command::Status { which } => print_response(ask(&paths, &which, "status")?),
        Command::Down { which } => print_response(ask(&paths, &which, "down")?),
    }
}

fn up(paths: &Paths, file: &Path, off: bool) -> Result<()> {
    let progress = Progress::start();
    let (rack, downs) = bring_up(paths, file, progress)?;
    for host in rack.hosts().iter().filter(|_| !off) {
        host.power_on()?;
        progress.print(&format!("{}: powered on", host.name()));
    }
    stay(&downs, progress)
}

fn run_scenario(paths: &Paths, file: &Path, keep: bool) -> Result<()> {
    let progress = Progress::start();
    let (rack, downs) = bring_up(paths, file, progress)?;
    let (result, passed) = if rack.manifests().is_ok() {
        (firmware_scenario::run(&rack, progress), "firmware updated, confirmed after one reset, target up")
    } else {
        (scenario::run(&rack, Form::Kernel, progress), "registered, configured, target up")
    };
    for host in rack.hosts() {
        if let Ok(id) = scenario::identity(&rack, host) {
            println!("\n{}", rack.inventory().run(&["host", "show", &id])?);
        }
    }
    let hosts: Vec<&str> = rack.hosts().iter().map(|host| host.name()).collect();
    let hosts = hosts.join(", ");
    match &result {
        Ok(()) => progress.print(&format!("PASS: {hosts}: {passed}")),
        Err(error) => {
            let error = format!("{error:#}");
            println!("{error}");
            let reason = error.lines().next().unwrap_or_default();
            progress.print(&format!(
                "FAIL: {reason}; console logs: {}/HOST/serial.log",
                rack.directory().display()
            ));
        }
    }
    if keep {
        stay(&downs, progress)?;
    }
    result.map_err(|_| anyhow!("the scenario failed"))
}

/// Brings up the rack, named after its file, and accepts requests of other processes.
fn bring_up(paths: &Paths, file: &Path, progress: Progress) -> Result<(Arc<Rack>, Receiver<UnixStream>)> {
    let spec = RackSpec::read(file)?;
    let name = file.file_stem().context("naming the rack after its file")?.to_string_lossy();
    let rack = Arc::new(Rack::up(&name, &spec, paths)?);
    let (down, downs) = mpsc::channel();
    control::serve(&rack, down)?;
    let inventory = rack.inventory().url();
    progress
        .print(&format!("rack {name} is up: inventory {inventory}, files {}", rack.directory().display()));
    Ok((rack, downs))
}

/// Keeps the rack up until `rack down`. Ctrl-C ends the process, and with it all of the rack.
fn stay(downs: &Receiver<UnixStream>, progress: Progress) -> Result<()> {
    progress.print(
        "in another terminal: rack status, rack console HOST, rack power HOST on|off|cut|reset, rack down",
    );
    progress.print("Ctrl-C takes the rack down");
    let mut client = downs.recv().context("waiting for requests")?;
    progress.print("the rack is down");
    // The client may have disconnected.
    let _ = client.write_all(b"the rack is down\n");
    Ok(())
}

fn ask(paths: &Paths, which: &Which, words: &str) -> Result<Client> {
    Client::request(&paths.racks, which.rack.as_deref(), words)
}

fn print_response(client: Client) -> Result<()> {
    io::stdout().write_all(client.rest()?.as_bytes()).context("printing the response")
}
