// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stage1-inventory host`: list, show and configure hosts.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use stage1_contract::{Detail, printable};

use crate::bmc_config;
use crate::commands::show::show;
use crate::document::parse;
use crate::folder::Folder;
use crate::output::{print, print_json, table};
use crate::store::Store;
use crate::store::bmc::Credential;
use crate::store::hosts::{Summary, parse_action};

/// List, show and configure hosts
#[derive(Subcommand)]
pub(crate) enum HostCommand {
    /// List the hosts
    ///
    /// Prints one line per host, ordered by host name. The state is `unregistered`, `registered`, `booting`,
    /// `installed` or `failed`. The action `wait (conflict)` means that the host may be the same machine as another one, see
    /// `host show` and `host accept`.
    #[command(after_help = examples!(
        "stage1-inventory host list",
        "stage1-inventory host list --json | jq -r '.[] | select(.state == \"failed\").id'",
    ))]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a host: its facts, BMC, firmware, problems, last run and events
    ///
    /// Passwords are never shown; see `host credentials`.
    #[command(after_help = examples!(
        "stage1-inventory host show 4c4c4544",
        "stage1-inventory host show --json 5B25JK2 | jq .report.facts",
    ))]
    Show {
        /// The host: its identity, the beginning of it, its host name or its serial number
        host: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Assign the profile that a host boots
    ///
    /// From its next registration on the host boots this profile, unless `host action` sets another action.
    #[command(after_help = examples!(
        "stage1-inventory host assign 4c4c4544 compute-1",
        "stage1-inventory host assign compute-17 none",
    ))]
    Assign {
        /// The host; it may be a whole UUID that has not registered yet
        host: String,
        /// The profile, or `none` to remove the assignment
        profile: String,
    },
    /// Set what a host does after it has registered
    ///
    /// `reboot` applies once. `default` means: boot if a profile is assigned, otherwise the server's
    /// --default-action. `wait` lets the host ask again until something else is set.
    #[command(after_help = examples!(
        "stage1-inventory host action 4c4c4544 rescue",
        "stage1-inventory host action compute-17 default",
    ))]
    Action {
        /// The host; it may be a whole UUID that has not registered yet
        host: String,
        /// The action
        #[arg(value_parser = PossibleValuesParser::new(["boot", "shutdown", "reboot", "rescue", "wait", "default"]))]
        action: String,
    },
    /// Accept a host that is held because of a conflict
    ///
    /// A host is held in `wait` if another host has the same MAC address, serial numbers or system UUID, or if another
    /// machine has reported under its identity. If one of two hosts is only an earlier identity of the same machine, use
    /// `host remove` on it. If they are two machines, or the ports of a machine were replaced, accept it.
    #[command(after_help = examples!(
        "stage1-inventory host accept 4c4c4544",
        "stage1-inventory host accept compute-17",
    ))]
    Accept {
        /// The host
        host: String,
    },
    /// Set a host's name, interfaces, DNS, NTP and extra files
    ///
    /// The detail is given to the target system at the next boot. FILE is JSON as `GET BASE/ID/detail` returns it. All
    /// fields are checked; mistakes are listed by field, and nothing is changed.
    #[command(after_help = examples!(
        "stage1-inventory host detail 4c4c4544 compute-17.json",
        "stage1-inventory host detail 4c4c4544-0042-3510-8052-b4c04f4a4b32 compute-17.json",
    ))]
    Detail {
        /// The host; it may be a whole UUID that has not registered yet
        host: String,
        /// The detail in JSON
        file: PathBuf,
    },
    /// Clear a host's firmware journal, so that failed updates are tried again
    ///
    /// A version that failed on a component is not written again until the journal is cleared.
    #[command(after_help = examples!(
        "stage1-inventory host retry-firmware 4c4c4544",
        "stage1-inventory host retry-firmware compute-17",
    ))]
    RetryFirmware {
        /// The host
        host: String,
    },
    /// Set the desired BMC configuration of a host
    ///
    /// It replaces the data folder's `bmc.toml` for this host, as a whole. It is sent at each registration; settings
    /// that it leaves out stay as they are on the BMC.
    #[command(after_help = format!("All settings:\n{}\n{}", bmc_config::EXAMPLE, examples!(
        "stage1-inventory host bmc 4c4c4544 compute-17.toml",
        "stage1-inventory host bmc 4c4c4544 --none",
    )))]
    Bmc {
        /// The host; it may be a whole UUID that has not registered yet
        host: String,
        /// The configuration in TOML
        #[arg(required_unless_present = "none")]
        file: Option<PathBuf>,
        /// Use the data folder's bmc.toml again
        #[arg(long, conflicts_with = "file")]
        none: bool,
    },
    /// Print the passwords of a host's BMC
    ///
    /// These are the configured passwords and those that the host generated. IN PLACE means that the host has reported
    /// the password as set. No other command prints passwords.
    #[command(after_help = examples!(
        "stage1-inventory host credentials 4c4c4544",
        "stage1-inventory host credentials --json compute-17",
    ))]
    Credentials {
        /// The host
        host: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a host, with its events and the passwords of its BMC
    ///
    /// The host is added again when it registers the next time. Print its BMC's passwords first: generated ones are
    /// stored nowhere else.
    #[command(after_help = examples!(
        "stage1-inventory host credentials compute-17",
        "stage1-inventory host remove compute-17",
    ))]
    Remove {
        /// The host
        host: String,
    },
}

/// Runs a command on hosts.
pub(crate) fn host(folder: &Folder, command: HostCommand) -> Result<()> {
    let store = Store::open(&folder.database())?;
    let find = |host: &str| store.find(host)?.one(host);
    let find_or_add = |host: &str| store.find(host)?.one_or_new(host, &store);
    match command {
        HostCommand::List { json: true } => print_json(&store.hosts()?),
        HostCommand::List { json: false } => print(&list_hosts(&store.hosts()?)),
        HostCommand::Show { host, json: true } => print_json(&store.host(&find(&host)?)?),
        HostCommand::Show { host, json: false } => print(&show(&store.host(&find(&host)?)?)?),
        HostCommand::Assign { host, profile } => {
            let profile = Some(profile.as_str()).filter(|profile| *profile != "none");
            if let Some(name) = profile
                && store.profile(name)?.is_none()
            {
                bail!("assigning profile {name:?}: no such profile; `profile list` lists them");
            }
            store.assign(&find_or_add(&host)?, profile)?;
            Ok(())
        }
        HostCommand::Action { host, action } => {
            let action = if action == "default" { None } else { Some(parse_action(&action)?) };
            store.put_action(&find_or_add(&host)?, action.as_ref())
        }
        HostCommand::Accept { host } => store.accept(&find(&host)?),
        HostCommand::Detail { host, file } => {
            let text = read_detail(&file).with_context(|| format!("reading {}", file.display()))?;
            store.put_detail(&find_or_add(&host)?, &text)
        }
        HostCommand::RetryFirmware { host } => store.clear_firmware_journal(&find(&host)?),
        HostCommand::Bmc { host, file, none: _ } => {
            let read = |file: PathBuf| {
                bmc_config::read(&file)?.with_context(|| format!("reading {}: no such file", file.display()))
            };
            let config = file.map(read).transpose()?;
            store.put_bmc_config(&find_or_add(&host)?, config.as_ref())
        }
        HostCommand::Credentials { host, json } => {
            let id = find(&host)?;
            let credentials = store.credentials(&id, bmc_config::of_host(folder, &store, &id)?)?;
            if json { print_json(&credentials) } else { print(&list_credentials(&credentials)) }
        }
        HostCommand::Remove { host } => store.remove(&find(&host)?),
    }
}

fn read_detail(file: &Path) -> Result<String> {
    let text = fs::read_to_string(file)?;
    let errors = parse::<Detail>(&text)?.check();
    if errors.is_empty() {
        return Ok(text);
    }
    let lines: Vec<String> = errors.iter().map(|error| format!("\n  {error}")).collect();
    bail!("{} field(s) that no target can use:{}", errors.len(), lines.concat())
}

fn list_hosts(hosts: &[Summary]) -> String {
    let text = |text: &Option<String>| printable(text.as_deref().unwrap_or("-"));
    let action = |host: &Summary| match host.conflicts {
        0 => host.action.clone().unwrap_or_else(|| "default".to_string()),
        _ => "wait (conflict)".to_string(),
    };
    let row = |host: &Summary| {
        vec![
            host.id.clone(),
            printable(&host.hostname),
            text(&host.product),
            text(&host.serial),
            host.state.clone(),
            action(host),
            text(&host.profile),
            host.problems.to_string(),
            text(&host.last_seen),
        ]
    };
    table(
        ["HOST", "NAME", "PRODUCT", "SERIAL", "STATE", "ACTION", "PROFILE", "PROBLEMS", "LAST SEEN"],
        hosts.iter().map(row).collect(),
    )
}

fn list_credentials(credentials: &[Credential]) -> String {
    let row = |credential: &Credential| {
        let in_place = if credential.in_place { "yes" } else { "no" };
        let password = credential.password.reveal();
        [&credential.user, password, credential.source, in_place].map(ToString::to_string).to_vec()
    };
    table(["USER", "PASSWORD", "SOURCE", "IN PLACE"], credentials.iter().map(row).collect())
}
