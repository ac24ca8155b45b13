// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stage1-inventory profile`: what hosts can boot.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use stage1_contract::{Artifact, Profile};

use crate::folder::Folder;
use crate::output::{print, print_json, table};
use crate::profiles::{self, Sources};
use crate::store::Store;

/// Add, list and remove profiles
#[derive(Subcommand)]
pub(crate) enum ProfileCommand {
    /// Add a profile, or replace the one of the same name
    ///
    /// The files are copied into the data folder and served from there. A host that is downloading the replaced
    /// profile still gets its files: they are kept until `profile prune`.
    #[command(after_help = examples!(
        "stage1-inventory profile add compute-1 --kernel vmlinuz --initrd root.cpio.zst --append \"console=ttyS0\"",
        "stage1-inventory profile add compute-2 --uki compute.efi",
    ))]
    Add(ProfileFiles),
    /// List the profiles and their files
    #[command(after_help = examples!(
        "stage1-inventory profile list",
        "stage1-inventory profile list --json | jq -r '.[].name'",
    ))]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a profile
    ///
    /// A profile that is assigned to a host is not removed. The files stay until `profile prune`.
    #[command(after_help = examples!(
        "stage1-inventory profile remove compute-1",
        "stage1-inventory profile remove compute-1 && stage1-inventory profile prune",
    ))]
    Remove {
        /// The profile
        name: String,
    },
    /// Delete copied files that no profile uses any more
    ///
    /// A host that is downloading such a file fails: run this when no host is booting. Files in images/ that
    /// `profile add` has not made are kept.
    #[command(after_help = examples!(
        "stage1-inventory profile prune",
        "stage1-inventory --dir /srv/inventory profile prune",
    ))]
    Prune,
}

/// A new profile and its files.
#[derive(Args)]
pub(crate) struct ProfileFiles {
    /// The profile's name
    name: String,
    /// The target kernel
    #[arg(long, value_name = "FILE", required_unless_present = "uki", conflicts_with = "uki")]
    kernel: Option<PathBuf>,
    /// An initrd; may be repeated, they are concatenated in this order
    #[arg(long = "initrd", value_name = "FILE", conflicts_with = "uki")]
    initrds: Vec<PathBuf>,
    /// A unified kernel image, instead of kernel and initrds
    #[arg(long, value_name = "FILE")]
    uki: Option<PathBuf>,
    /// The target kernel's command line; if empty, a unified kernel image uses its own
    #[arg(
        long,
        value_name = "STRING",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    append: String,
}

/// Runs a command on profiles.
pub(crate) fn profile(folder: &Folder, command: ProfileCommand) -> Result<()> {
    let store = Store::open(&folder.database())?;
    match command {
        ProfileCommand::Add(files) => {
            let sources = Sources {
                kernel: files.kernel.as_deref(),
                initrds: &files.initrds,
                uki: files.uki.as_deref(),
                append: &files.append,
            };
            let profile = profiles::add(folder, &store, &files.name, &sources)?;
            print(&list_profiles(&[profile]))
        }
        ProfileCommand::List { json: true } => print_json(&store.profiles()?),
        ProfileCommand::List { json: false } => print(&list_profiles(&store.profiles()?)),
        ProfileCommand::Remove { name } => Ok(profiles::remove(&store, &name)?),
        ProfileCommand::Prune => {
            let removed = profiles::prune(folder, &store)?;
            print(&removed.iter().map(|name| format!("removed {name}\n")).collect::<String>())
        }
    }
}

fn list_profiles(profiles: &[Profile]) -> String {
    let mut rows = Vec::new();
    for profile in profiles {
        let mut part = |part: &str, artifact: &Artifact| {
            let (size, sha256) = (artifact.size.to_string(), artifact.sha256.clone());
            rows.push(vec![profile.name.clone(), part.to_string(), size, sha256]);
        };
        profile.kernel.iter().for_each(|kernel| part("kernel", kernel));
        profile.initrds.iter().for_each(|initrd| part("initrd", initrd));
        profile.uki.iter().for_each(|uki| part("uki", uki));
    }
    table(["PROFILE", "PART", "BYTES", "SHA-256"], rows)
}
