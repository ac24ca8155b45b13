// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference inventory: a server for the hosts that netboot `stage1`, and its operator's commands.
//!
//! Floors, each uses only those below it:
//!
//! 1. `main`: the arguments
//! 2. `commands`, the operator's subcommands; `api`, the HTTP server
//! 3. `profiles`, `bmc_config`: rules on top of the database and the data folder
//! 4. `store`, the database; `folder`, the paths; `document`, `output`, `hex`

/// The `after_help` of a command.
macro_rules! examples {
    ($($line:literal),+ $(,)?) => {
        concat!("Examples:", $("\n    ", $line),+)
    };
}

mod api;
mod bmc_config;
mod commands;
mod document;
mod folder;
mod hex;
mod output;
mod profiles;
mod store;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand};
use rustls::pki_types::ServerName;
use stage1_contract::{Action, schema};

use crate::api::{Options, serve};
use crate::commands::{FirmwareCommand, HostCommand, ProfileCommand, firmware, host, profile};
use crate::folder::Folder;

/// Run the reference inventory for stage1, and operate it
///
/// Servers that netboot stage1 register here, and get their next action, their profile and their desired BMC
/// configuration. `serve` runs the server; all other commands work on its data folder, with or without a running
/// server.
#[derive(Parser)]
#[command(version, after_help = examples!(
    "stage1-inventory --dir /srv/inventory serve --name inventory.example.com --boot-listen 0.0.0.0:8080",
    "stage1-inventory --dir /srv/inventory host list",
))]
struct Arguments {
    /// The inventory's data folder
    #[arg(long, global = true, value_name = "DIR", default_value = "/var/lib/stage1-inventory")]
    dir: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the agents' and the operator's API
    ///
    /// Creates the data folder, the CA, the database and the operator's token if they do not exist. Put the CA's
    /// certificate, ca.pem, into the agents' image. Each request is logged on standard error.
    ///
    /// While the file agent.token exists in the data folder, agents must send this bearer token. Without it, whoever
    /// reaches the server can register as any host and gets the passwords of its BMC: keep the server in a provisioning
    /// network.
    ///
    /// While the file bmc.toml exists in the data folder, it is the desired BMC configuration of every host that has
    /// none of its own; see `host bmc --help`. A file with errors is logged, and BMCs stay as they are.
    #[command(after_help = examples!(
        "stage1-inventory serve --name inventory.example.com --boot-listen 0.0.0.0:8080",
        "stage1-inventory serve --listen 192.0.2.1:8443 --default-action wait",
    ))]
    Serve {
        /// Listen on this address for HTTPS
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:8443")]
        listen: SocketAddr,
        /// Listen on this address for plain HTTP, and serve boot/ of the data folder there, nothing else
        #[arg(long, value_name = "ADDRESS:PORT")]
        boot_listen: Option<SocketAddr>,
        /// Add this DNS name or IP address to the server's certificate; may be repeated
        #[arg(long = "name", value_name = "NAME", value_parser = name)]
        names: Vec<ServerName<'static>>,
        /// Make the server's certificate valid for this many days from the start of the server, instead of until 2200
        ///
        /// Hosts whose clock is wrong then need an NTP server: see the setting ntp.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..))]
        certificate_days: Option<u16>,
        /// The action for a host that has neither an action nor a profile
        #[arg(long, default_value = "shutdown", value_parser = default_action())]
        default_action: Action,
    },
    /// List, show and configure hosts
    #[command(subcommand, after_help = examples!(
        "stage1-inventory host list",
        "stage1-inventory host assign 4c4c4544 compute-1",
    ))]
    Host(HostCommand),
    /// Add, list and remove profiles: what hosts can boot
    #[command(subcommand, after_help = examples!(
        "stage1-inventory profile add compute-1 --kernel vmlinuz --initrd root.cpio.zst",
        "stage1-inventory profile list",
    ))]
    Profile(ProfileCommand),
    /// Sign, verify and publish firmware manifests
    #[command(subcommand, after_help = examples!(
        "stage1-inventory firmware sign --key fleet.key fleet.toml",
        "stage1-inventory firmware publish fleet.toml",
    ))]
    Firmware(FirmwareCommand),
    /// Print a JSON Schema of the contract
    ///
    /// `facts`: the output of `stage1 facts --json`; `report`: the body of PUT BASE/ID; `manifest`: a firmware
    /// manifest set; the remaining one: the desired BMC configuration.
    #[command(after_help = examples!(
        "stage1-inventory schema report",
        "stage1-inventory schema manifest > schema.json",
    ))]
    Schema {
        /// The schema
        #[arg(value_parser = PossibleValuesParser::new(schema::NAMES))]
        name: String,
    },
}

fn main() -> ExitCode {
    let Arguments { dir, command } = Arguments::parse();
    let result = match command {
        Command::Serve { listen, boot_listen, names, certificate_days, default_action } => {
            serve(Options { dir, listen, boot_listen, names, certificate_days, default_action })
        }
        Command::Host(command) => Folder::open(&dir).and_then(|folder| host(&folder, command)),
        Command::Profile(command) => Folder::open(&dir).and_then(|folder| profile(&folder, command)),
        Command::Firmware(command) => firmware(&dir, command),
        Command::Schema { name } => output::print(schema::published(&name).unwrap_or_default()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stage1-inventory: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn name(text: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(text.to_string()).map_err(|_| "neither a DNS name nor an IP address".to_string())
}

/// Without `reboot`: a new host would reboot for ever.
fn default_action() -> impl TypedValueParser<Value = Action> {
    PossibleValuesParser::new(["shutdown", "boot", "rescue", "wait"]).map(|name| match name.as_str() {
        "boot" => Action::Boot,
        "rescue" => Action::Rescue,
        "wait" => Action::Wait,
        _ => Action::Shutdown,
    })
}
