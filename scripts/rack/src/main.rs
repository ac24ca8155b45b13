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
use stage1_rack::spec::RackSpec;
use stage1_rack::{console, firmware_scenario, namespace, scenario};

/// A virtual rack: bare-metal servers, their boot network and an inventory
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Bring a rack up, and stay until Ctrl-C or `rack down`
    Up {
        /// The file that declares the rack
        file: PathBuf,
        /// Leave the hosts off
        #[arg(long)]
        off: bool,
    },
    /// Bring a rack up, and take every host from power-on over its registration to a target; where the rack offers firmware,
    /// by way of that
    Run {
        /// The file that declares the rack
        file: PathBuf,
        /// Leave the rack up at the end
        #[arg(long)]
        keep: bool,
    },
    /// Turn a host on or off
    Power {
        /// The host
        host: String,
        /// What to do
        action: Power,
        #[command(flatten)]
        which: Which,
    },
    /// Look at what a host's BMC is asked, or have it do wrong
    Bmc {
        /// The host
        host: String,
        #[command(subcommand)]
        command: BmcCommand,
        #[command(flatten)]
        which: Which,
    },
    /// Write all of a host's BIOS chip from outside, while the host is off
    Program {
        /// The host
        host: String,
        /// What to write
        version: Bios,
        #[command(flatten)]
        which: Which,
    },
    /// Join the terminal with a host's serial console; Ctrl-] leaves
    Console {
        /// The host
        host: String,
        #[command(flatten)]
        which: Which,
    },
    /// Show the hosts of a rack
    Status {
        #[command(flatten)]
        which: Which,
    },
    /// Take a rack down
    Down {
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Power {
    /// Press the power button of a host that is off
    On,
    /// Press the power button of a host that is on
    Off,
    /// Pull the plug
    Cut,
    /// Press the reset button of a host that is on
    Reset,
}

#[derive(Subcommand)]
enum BmcCommand {
    /// Have it do wrong what RULES say, and nothing else
    Faults {
        /// NETFN CMD[/DATA] [after N] [times N] FAULT; none: it does all well
        rules: Vec<String>,
    },
    /// Show what it was asked, and what it answered
    Log,
    /// Show how often it was asked what
    Counts,
    /// Forget what it was asked
    Reset,
}

#[derive(Clone, Copy, ValueEnum)]
enum Bios {
    /// Debian 12's OVMF
    Old,
    /// The newer one
    New,
    /// The one that takes capsules
    Capsule,
}

#[derive(Args)]
struct Which {
    /// The rack, by the name of its file; needed where several are up
    #[arg(long)]
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
    // Only while there is a single thread.
    if matches!(command, Command::Up { .. } | Command::Run { .. }) {
        namespace::become_root()?;
    }
    match command {
        Command::Up { file, off } => up(&paths, &file, off),
        Command::Run { file, keep } => play(&paths, &file, keep),
        Command::Power { host, action, which } => {
            let action = action.to_possible_value().context("naming the action")?;
            print_answer(ask(&paths, &which, &format!("power {host} {}", action.get_name()))?)
        }
        Command::Bmc { host, command, which } => {
            let words = match command {
                BmcCommand::Faults { rules } => format!("faults {}", rules.join(";")),
                BmcCommand::Log => "log".to_string(),
                BmcCommand::Counts => "counts".to_string(),
                BmcCommand::Reset => "reset".to_string(),
            };
            print_answer(ask(&paths, &which, &format!("bmc {host} {words}"))?)
        }
        Command::Program { host, version, which } => {
            let version = version.to_possible_value().context("naming the version")?;
            print_answer(ask(&paths, &which, &format!("program {host} {}", version.get_name()))?)
        }
        Command::Console { host, which } => {
            let client = ask(&paths, &which, &format!("console {host}"))?;
            eprintln!("This is the console of {host}; Ctrl-] leaves.\r");
            console::attach(client.into_stream())
        }
        Command::Status { which } => print_answer(ask(&paths, &which, "status")?),
        Command::Down { which } => print_answer(ask(&paths, &which, "down")?),
    }
}

fn up(paths: &Paths, file: &Path, off: bool) -> Result<()> {
    let progress = Progress::start();
    let (rack, downs) = bring_up(paths, file, progress)?;
    for host in rack.hosts().iter().filter(|_| !off) {
        host.power_on()?;
        progress.say(&format!("{}: powered on", host.name()));
    }
    stay(&downs, progress)
}

fn play(paths: &Paths, file: &Path, keep: bool) -> Result<()> {
    let progress = Progress::start();
    let (rack, downs) = bring_up(paths, file, progress)?;
    let (result, ending) = if rack.manifests().is_ok() {
        (firmware_scenario::play(&rack, progress), "new firmware, one reset, confirmed; then the target")
    } else {
        (scenario::play(&rack, progress), "from power-on over the inventory to the target")
    };
    for host in rack.hosts() {
        if let Ok(id) = scenario::identity(&rack, host) {
            println!("\n{}", rack.inventory().command(&["host", "show", &id])?);
        }
    }
    let hosts: Vec<&str> = rack.hosts().iter().map(|host| host.name()).collect();
    let hosts = hosts.join(", ");
    match &result {
        Ok(()) => progress.say(&format!("PASS: {hosts}: {ending}")),
        Err(error) => {
            let error = format!("{error:#}");
            println!("{error}");
            let reason = error.lines().next().unwrap_or_default();
            progress
                .say(&format!("FAIL: {reason}; consoles: {}/HOST/serial.log", rack.directory().display()));
        }
    }
    if keep {
        stay(&downs, progress)?;
    }
    result.map_err(|_| anyhow!("the scenario did not come to its end"))
}

/// Brings up the rack that is called like its file, and lets others talk to it.
fn bring_up(paths: &Paths, file: &Path, progress: Progress) -> Result<(Arc<Rack>, Receiver<UnixStream>)> {
    let spec = RackSpec::read(file)?;
    let name = file.file_stem().context("naming the rack after its file")?.to_string_lossy();
    let rack = Arc::new(Rack::up(&name, &spec, paths)?);
    let (down, downs) = mpsc::channel();
    control::serve(&rack, down)?;
    let inventory = rack.inventory().url();
    progress.say(&format!(
        "the rack {name} is up: inventory at {inventory}, files in {}",
        rack.directory().display()
    ));
    Ok((rack, downs))
}

/// Keeps the rack up until `rack down`. Ctrl-C ends the process, and with it everything.
fn stay(downs: &Receiver<UnixStream>, progress: Progress) -> Result<()> {
    progress.say(
        "in another terminal: rack status, rack console HOST, rack power HOST on|off|cut|reset, rack down",
    );
    progress.say("Ctrl-C takes the rack down");
    let mut asker = downs.recv().context("waiting for requests")?;
    progress.say("the rack is down");
    // The asker may have left.
    let _ = asker.write_all(b"the rack is down\n");
    Ok(())
}

fn ask(paths: &Paths, which: &Which, words: &str) -> Result<Client> {
    Client::request(&paths.racks, which.rack.as_deref(), words)
}

fn print_answer(client: Client) -> Result<()> {
    io::stdout().write_all(client.rest()?.as_bytes()).context("printing the answer")
}
