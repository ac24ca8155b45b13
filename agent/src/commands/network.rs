// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stage1 network`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::{DONE, FAILED, Flags, print, say, settings};
use crate::config::Settings;
use crate::host::Machine;
use crate::net::identity::networkd_drop_in;

/// The file of the image for every port.
const IMAGE_NETWORK: &str = "80-physical.network";

/// Prints the files for systemd-networkd that the settings make, or writes them to a folder.
pub fn network(flags: &Flags, folder: Option<&Path>) -> u8 {
    let machine = Machine::real();
    let (settings, errors) = match settings(&machine, flags) {
        Ok(settings) => settings,
        Err(error) => return say(&error),
    };
    // The files of the good settings are written still: a host that can be reached is easier to repair.
    errors.iter().for_each(|error| log::error!("{error}"));
    let code = if errors.is_empty() { DONE } else { FAILED };
    let mut files = settings.network.networkd_files();
    let is_static = !files.is_empty();
    match folder {
        // The identity in DHCP is for all files, also for the image's own.
        Some(folder) => match with_identity(&machine, &settings, &mut files)
            .iter()
            .try_for_each(|(name, text)| write(folder, name, text))
        {
            Ok(()) => code,
            Err(error) => say(&error),
        },
        None if !is_static => print("no static network configuration: every port uses DHCP and IPv6\n", code),
        None => {
            let text: Vec<String> = files.iter().map(|(name, text)| format!("# {name}\n{text}")).collect();
            print(&text.join("\n"), code)
        }
    }
}

/// The files, with a drop-in for each and for the image's own.
fn with_identity<'a>(
    machine: &Machine,
    settings: &Settings,
    files: &'a mut BTreeMap<String, String>,
) -> &'a BTreeMap<String, String> {
    let text = networkd_drop_in(machine, settings);
    let networks = files.keys().filter(|name| name.ends_with(".network")).map(String::as_str);
    let drop_ins: Vec<(String, String)> =
        networks.chain([IMAGE_NETWORK]).map(|name| (format!("{name}.d/dhcp.conf"), text.clone())).collect();
    files.extend(drop_ins);
    files
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    let folder = path.parent().unwrap_or(folder);
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}
