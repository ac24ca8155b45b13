// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stage1 network`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::{DONE, FAILED, Flags, print, say, settings};
use crate::host::Machine;

/// Prints the files for systemd-networkd that the settings make, or writes them to a folder.
pub fn network(flags: &Flags, folder: Option<&Path>) -> u8 {
    let (settings, errors) = match settings(&Machine::real(), flags) {
        Ok(settings) => settings,
        Err(error) => return say(&error),
    };
    // The files of the good settings are written still: a host that can be reached is easier to repair.
    errors.iter().for_each(|error| log::error!("{error}"));
    let code = if errors.is_empty() { DONE } else { FAILED };
    let files = settings.network.networkd_files();
    match folder {
        Some(folder) => match files.iter().try_for_each(|(name, text)| write(folder, name, text)) {
            Ok(()) => code,
            Err(error) => say(&error),
        },
        None if files.is_empty() => {
            print("no static network configuration: every port uses DHCP and IPv6\n", code)
        }
        None => {
            let text: Vec<String> = files.iter().map(|(name, text)| format!("# {name}\n{text}")).collect();
            print(&text.join("\n"), code)
        }
    }
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    let path = folder.join(name);
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}
