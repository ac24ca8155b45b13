// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operator's verbs. They work on the folder, whether a server runs on it or not.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde::Serialize;
use stage1_contract::{Artifact, Detail, Profile, printable};

use crate::server::answer::parse;
use crate::server::bmc::{self, Credential};
use crate::server::folder::Folder;
use crate::server::hosts::{Summary, action};
use crate::server::output::{print, table};
use crate::server::profiles::{self, Removal, Sources};
use crate::server::show::show;
use crate::server::store::Store;
use crate::server::wanted;

/// Verbs for hosts. HOST is an identity or how it begins, a host name, or a serial number.
#[derive(Subcommand)]
pub enum HostVerb {
    /// List the hosts
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show all about a host: what it is, its problems, its last run, its events
    Show {
        /// The host
        host: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Assign the profile that a host boots
    Assign {
        /// The host; a whole UUID may be of one that has not come yet
        host: String,
        /// The profile, or `none`
        profile: String,
    },
    /// Say what a host does after it registered
    Action {
        /// The host; a whole UUID may be of one that has not come yet
        host: String,
        /// `reboot` counts once; `default`: boot where a profile is assigned, else the server's default
        #[arg(value_parser = PossibleValuesParser::new(["boot", "shutdown", "reboot", "rescue", "wait", "default"]))]
        action: String,
    },
    /// Give a host its name, interfaces, DNS, NTP and further files
    Detail {
        /// The host; a whole UUID may be of one that has not come yet
        host: String,
        /// The detail as JSON
        file: PathBuf,
    },
    /// Forget what was tried on a host's firmware, so that it is tried again
    RetryFirmware {
        /// The host
        host: String,
    },
    /// Say how a host's BMC is wanted, in place of the folder's bmc.toml
    Bmc {
        /// The host; a whole UUID may be of one that has not come yet
        host: String,
        /// The settings as TOML
        #[arg(required_unless_present = "none")]
        file: Option<PathBuf>,
        /// As the folder's bmc.toml says
        #[arg(long, conflicts_with = "file")]
        none: bool,
    },
    /// Print the passwords of a host's BMC, those that are wanted and those that it made up
    Credentials {
        /// The host
        host: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Forget a host, and the passwords that its BMC was given
    Remove {
        /// The host
        host: String,
    },
}

/// Verbs for profiles.
#[derive(Subcommand)]
pub enum ProfileVerb {
    /// Add a profile, or replace the one of its name, copying its files
    Add(ProfileFiles),
    /// List the profiles
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a profile that is assigned to no host
    Remove {
        /// The profile
        name: String,
    },
    /// Delete the copied files that no profile uses any more; best while no host boots
    Prune,
}

/// What a profile is made of.
#[derive(Args)]
pub struct ProfileFiles {
    /// The profile's name
    name: String,
    /// The target kernel
    #[arg(long, value_name = "FILE", required_unless_present = "uki", conflicts_with = "uki")]
    kernel: Option<PathBuf>,
    /// An initrd; several are concatenated in this order
    #[arg(long = "initrd", value_name = "FILE", conflicts_with = "uki")]
    initrds: Vec<PathBuf>,
    /// A unified kernel image, in place of kernel and initrds
    #[arg(long, value_name = "FILE")]
    uki: Option<PathBuf>,
    /// The target kernel's command line; a unified kernel image's own is used where this is empty
    #[arg(
        long,
        value_name = "STRING",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    append: String,
}

/// Does what a verb for hosts says.
pub fn host(folder: &Folder, verb: HostVerb) -> Result<()> {
    let store = Store::open(&folder.database())?;
    let find = |host: &str| store.find(host)?.one(host);
    let find_or_expect = |host: &str| store.find(host)?.one_or_new(host, &store);
    match verb {
        HostVerb::List { json: true } => print_json(&store.hosts()?),
        HostVerb::List { json: false } => print(&list_hosts(&store.hosts()?)),
        HostVerb::Show { host, json: true } => print_json(&store.host(&find(&host)?)?),
        HostVerb::Show { host, json: false } => print(&show(&store.host(&find(&host)?)?)?),
        HostVerb::Assign { host, profile } => {
            let profile = Some(profile.as_str()).filter(|profile| *profile != "none");
            if let Some(name) = profile
                && store.profile(name)?.is_none()
            {
                bail!("there is no profile {name:?}; `profile list` shows those there are");
            }
            store.assign(&find_or_expect(&host)?, profile)?;
            Ok(())
        }
        HostVerb::Action { host, action: word } => {
            let wanted = if word == "default" { None } else { Some(action(&word)?) };
            store.put_action(&find_or_expect(&host)?, wanted.as_ref())
        }
        HostVerb::Detail { host, file } => {
            let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            if let Err(failure) = parse::<Detail>(&text) {
                bail!("{} is no detail: {}", file.display(), failure.detail);
            }
            store.put_detail(&find_or_expect(&host)?, &text)
        }
        HostVerb::RetryFirmware { host } => store.forget_firmware(&find(&host)?),
        HostVerb::Bmc { host, file, none: _ } => {
            let read = |file: PathBuf| {
                wanted::read(&file)?
                    .with_context(|| format!("reading {}: there is no such file", file.display()))
            };
            let wanted = file.map(read).transpose()?;
            store.put_bmc(&find_or_expect(&host)?, wanted.as_ref())
        }
        HostVerb::Credentials { host, json } => {
            let id = find(&host)?;
            let credentials = store.credentials(&id, bmc::wanted(folder, &store, &id)?)?;
            if json { print_json(&credentials) } else { print(&list_credentials(&credentials)) }
        }
        HostVerb::Remove { host } => store.remove(&find(&host)?),
    }
}

/// Does what a verb for profiles says.
pub fn profile(folder: &Folder, verb: ProfileVerb) -> Result<()> {
    let store = Store::open(&folder.database())?;
    match verb {
        ProfileVerb::Add(files) => {
            let sources = Sources {
                kernel: files.kernel.as_deref(),
                initrds: &files.initrds,
                uki: files.uki.as_deref(),
                append: &files.append,
            };
            let profile = profiles::add(folder, &store, &files.name, &sources)?;
            print(&list_profiles(&[profile]))
        }
        ProfileVerb::List { json: true } => print_json(&store.profiles()?),
        ProfileVerb::List { json: false } => print(&list_profiles(&store.profiles()?)),
        ProfileVerb::Remove { name } => match profiles::remove(&store, &name)? {
            Removal::Done => Ok(()),
            removal => bail!(removal.describe(&name)),
        },
        ProfileVerb::Prune => {
            let removed = profiles::prune(folder, &store)?;
            print(&removed.iter().map(|name| format!("removed {name}\n")).collect::<String>())
        }
    }
}

fn list_hosts(hosts: &[Summary]) -> String {
    let heading =
        ["HOST", "NAME", "PRODUCT", "SERIAL", "STATE", "ACTION", "PROFILE", "PROBLEMS", "LAST SEEN"];
    let text = |text: &Option<String>| printable(text.as_deref().unwrap_or("-"));
    let row = |host: &Summary| {
        vec![
            host.id.clone(),
            printable(&host.hostname),
            text(&host.product),
            text(&host.serial),
            host.state.clone(),
            host.action.clone().unwrap_or_else(|| "default".to_string()),
            text(&host.profile),
            host.problems.to_string(),
            text(&host.last_seen),
        ]
    };
    let rows: Vec<_> =
        std::iter::once(heading.map(ToString::to_string).to_vec()).chain(hosts.iter().map(row)).collect();
    table(&rows)
}

fn list_credentials(credentials: &[Credential]) -> String {
    let mut rows = vec![["USER", "PASSWORD", "SOURCE", "IN PLACE"].map(ToString::to_string).to_vec()];
    rows.extend(credentials.iter().map(|credential| {
        let in_place = if credential.in_place { "yes" } else { "no" };
        let password = credential.password.reveal();
        [&credential.user, password, credential.source, in_place].map(ToString::to_string).to_vec()
    }));
    table(&rows)
}

fn list_profiles(profiles: &[Profile]) -> String {
    let heading = ["PROFILE", "PART", "BYTES", "SHA-256"].map(ToString::to_string).to_vec();
    let mut rows = vec![heading];
    for profile in profiles {
        let mut part = |part: &str, artifact: &Artifact| {
            let (size, sha256) = (artifact.size.to_string(), artifact.sha256.clone());
            rows.push(vec![profile.name.clone(), part.to_string(), size, sha256]);
        };
        profile.kernel.iter().for_each(|kernel| part("kernel", kernel));
        profile.initrds.iter().for_each(|initrd| part("initrd", initrd));
        profile.uki.iter().for_each(|uki| part("uki", uki));
    }
    table(&rows)
}

fn print_json(value: &impl Serialize) -> Result<()> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?))
}
