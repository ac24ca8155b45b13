// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference inventory: tells servers that netboot `stage1` what to do, and remembers what they are.
//!
//! # Starting
//!
//! ```text
//! stage1-inventory serve --dir /srv/inventory --name inventory.example.com --boot-listen 0.0.0.0:8080
//! ```
//!
//! The folder may be empty or missing; everything in it is made on the first start:
//!
//! | file | what it is |
//! | --- | --- |
//! | `ca.pem`, `ca.key` | the inventory's own CA. Bake `ca.pem` into the agents' image; keep `ca.key`, with it the CA survives a move |
//! | `operator.token` | the bearer token of `/api/v1` |
//! | `agent.token` | yours to write: while it exists, the agents' API asks for this bearer token |
//! | `bmc.toml` | yours to write: while it exists, it says how the BMC of every host is wanted |
//! | `inventory.db` | the database (SQLite). The passwords of the hosts' BMCs are in it |
//! | `images/` | what profiles are made of, served at `/images/` over https |
//! | `boot/` | yours to fill with the agents' kernel, image and `boot.ipxe`; served at `/boot/` over plain http by `--boot-listen`, since firmware rarely speaks https. Nothing else is served there |
//!
//! The server's certificate is made at each start, for `--name`s, the address that it listens on,
//! `localhost` and the host name; it and the CA are valid from 1970 on, since servers' clocks are often wrong.
//!
//! Whoever reaches the server can, without `agent.token`, ask for a host's detail and register in its name, and is
//! told the passwords of its BMC: it belongs into a provisioning network. The images ask for no token.
//!
//! # Daily work
//!
//! ```text
//! stage1-inventory profile add compute-1 --kernel vmlinuz --initrd root.cpio.zst --append "console=ttyS0"
//! stage1-inventory host list
//! stage1-inventory host assign 4c4c4544 compute-1
//! stage1-inventory host show 4c4c4544
//! ```
//!
//! Firmware manifests are signed where the key is, and published where the inventory is:
//!
//! ```text
//! stage1-inventory firmware keygen fleet.key
//! stage1-inventory firmware sign --key fleet.key fleet.toml
//! stage1-inventory firmware publish fleet.toml
//! ```
//!
//! `fleet.key.pub` goes into the image as `/etc/stage1/firmware.pub`.
//!
//! A host that nobody decided anything about does `--default-action`; one with a profile boots it; an action
//! that was set comes before both. All verbs work on the folder itself, with or without a running server.
//!
//! # BMCs
//!
//! `bmc.toml` says how every BMC is wanted; what it leaves out is left as it is. It is read at each registration:
//!
//! ```toml
//! unknown_users = "disable"    # enabled users that are not below; else they are reported
//! ipmi_over_lan = true
//! cipher_suite_0 = false
//! serial_over_lan = true
//! set_clock = true
//! identify_off = true
//! power_restore = "previous"   # always-off, previous, always-on
//!
//! [[users]]
//! name = "admin"
//! generate = true              # the host makes up a password and tells it
//!
//! [[users]]
//! name = "watch"
//! privilege = "operator"       # callback, user, operator, administrator, oem
//! password = "up to 20 bytes"
//!
//! [lan]
//! source = "dhcp"              # or static, with address, prefix and gateway
//! vlan = 40                    # 0 is untagged
//!
//! [watchdog]
//! action = "stop"              # stop, reset, power-off, power-cycle
//! seconds = 0
//! ```
//!
//! A host may have settings of its own; they take the place of all of these:
//!
//! ```text
//! stage1-inventory host bmc 4c4c4544 own.toml
//! stage1-inventory host bmc 4c4c4544 --none
//! stage1-inventory host credentials 4c4c4544
//! ```
//!
//! The last one prints the passwords, and nothing else does. Settings that are wrong are refused; a `bmc.toml` that is
//! wrong is in the log, and hosts boot with their BMC as it is.
//!
//! # Over HTTP
//!
//! With `Authorization: Bearer` and the operator's token, below `/api/v1`; `HOST` is what it is for the verbs:
//!
//! | call | body, answer |
//! | --- | --- |
//! | `GET hosts`, `GET hosts/HOST` | what `host list --json` and `host show --json` print |
//! | `DELETE hosts/HOST` | 204 |
//! | `PUT hosts/HOST/action` | `{"action": "boot"}`, null for the default; 204 |
//! | `PUT hosts/HOST/profile` | `{"profile": "compute-1"}`, null for none; 204 |
//! | `PUT hosts/HOST/detail` | a detail of the contract; 204 |
//! | `PUT hosts/HOST/bmc` | a wanted BMC of the contract (`schema wanted-bmc`), null for that of `bmc.toml`; 204 |
//! | `GET profiles` | all profiles |
//! | `PUT profiles/NAME` | a profile of the contract, its files anywhere; 201 or 204 |
//! | `DELETE profiles/NAME` | 204; 409 while it is assigned |
//!
//! Errors are RFC 9457 problem documents. Each request is one line on standard error.

mod server;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand};
use rustls::pki_types::ServerName;
use stage1_contract::{Action, schema};

use crate::server::{FirmwareVerb, Folder, HostVerb, Options, ProfileVerb};

/// The reference inventory for stage1
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The inventory's folder
    #[arg(long, global = true, value_name = "DIR", default_value = "/var/lib/stage1-inventory")]
    dir: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Serve the agents and the operator; makes the folder where it is missing
    Serve {
        /// Where https listens
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:8443")]
        listen: SocketAddr,
        /// Where plain http listens, for the files in the folder's boot/ only
        #[arg(long, value_name = "ADDRESS:PORT")]
        boot_listen: Option<SocketAddr>,
        /// A name or address that agents reach this server by; may be given several times
        #[arg(long = "name", value_name = "NAME", value_parser = name)]
        names: Vec<ServerName<'static>>,
        /// What a host does that nobody decided anything about
        #[arg(long, default_value = "shutdown", value_parser = default_action())]
        default_action: Action,
    },
    /// List, show and direct hosts
    #[command(subcommand)]
    Host(HostVerb),
    /// Add, list and remove what hosts can boot
    #[command(subcommand)]
    Profile(ProfileVerb),
    /// Make keys for firmware manifests, sign, verify and publish them
    #[command(subcommand)]
    Firmware(FirmwareVerb),
    /// Print a JSON Schema of the contract
    Schema {
        /// What `stage1 facts --json` prints, the body of PUT BASE/ID, the BMC's settings, or a firmware manifest set
        #[arg(value_parser = PossibleValuesParser::new(schema::NAMES))]
        name: String,
    },
}

fn main() -> ExitCode {
    let Arguments { dir, verb } = Arguments::parse();
    let done = match verb {
        Verb::Serve { listen, boot_listen, names, default_action } => {
            server::serve(Options { dir, listen, boot_listen, names, default_action })
        }
        Verb::Host(verb) => Folder::open(&dir).and_then(|folder| server::host(&folder, verb)),
        Verb::Profile(verb) => Folder::open(&dir).and_then(|folder| server::profile(&folder, verb)),
        Verb::Firmware(verb) => server::firmware(&dir, verb),
        Verb::Schema { name } => {
            print!("{}", schema::published(&name).unwrap_or_default());
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stage1-inventory: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn name(text: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(text.to_string())
        .map_err(|_| "it is neither a DNS name nor an IP address".to_string())
}

/// Reboot is not among them: every new host would do nothing else for ever.
fn default_action() -> impl TypedValueParser<Value = Action> {
    PossibleValuesParser::new(["shutdown", "boot", "rescue", "wait"]).map(|word| match word.as_str() {
        "boot" => Action::Boot,
        "rescue" => Action::Rescue,
        "wait" => Action::Wait,
        _ => Action::Shutdown,
    })
}
