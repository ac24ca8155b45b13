// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stage1 firmware`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use stage1_inventory::firmware::manifest::Component;
use stage1_inventory::firmware::{Decision, FirmwareReport, Journal};

use super::{DONE, FAILED, Flags, PROBLEMS, print, say, settings};
use crate::config::Settings;
use crate::facts::{self, Group};
use crate::firmware::matching::matches;
use crate::firmware::plan::plan;
use crate::firmware::{self, journal, lint, table};
use crate::inventory::{Client, Transport};
use crate::json;
use crate::machine::Machine;

/// What `check` is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// For programs.
    pub json: bool,
    /// Only components of this kind.
    pub only: Option<Kind>,
}

/// A kind of component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Network adapters.
    Nic,
    /// The board's own firmware.
    Bios,
}

/// Looks through the manifest sets of a folder, which are all its `.toml` files.
pub fn lint(folder: &Path) -> u8 {
    match look_through(folder) {
        Ok((text, wrong)) => print(&text, if wrong == 0 { DONE } else { FAILED }),
        Err(error) => say(&error),
    }
}

/// Compares firmware with the manifests, and prints what `apply` would do about it.
pub fn check(flags: &Flags, request: &Request) -> u8 {
    let mut problems = 0;
    match compare(flags, request, &mut problems) {
        Ok(report) => {
            let text = if request.json { json::pretty(&report) } else { table::table(&report) };
            let is_bad = |decision: &Decision| matches!(decision, Decision::Refused | Decision::Exhausted);
            let bad = report.components.iter().any(|component| is_bad(&component.decision));
            print(&text, if bad || problems > 0 { PROBLEMS } else { DONE })
        }
        Err(error) => say(&error),
    }
}

fn compare(flags: &Flags, request: &Request, problems: &mut u32) -> Result<FirmwareReport> {
    let machine = Machine::real();
    let (settings, complaints) = settings(&machine, flags)?;
    if let Some(complaint) = complaints.first() {
        bail!("{complaint}");
    }
    let mut problem = |words: String| {
        log::warn!("{words}");
        *problems += 1;
    };
    let groups = [Group::Smbios, Group::Firmware, Group::Nics, Group::Pci];
    let (facts, messages) = facts::discover(&machine, &groups);
    let client = client(&machine, &settings, &facts).unwrap_or_else(|error| {
        problem(format!("the inventory is not asked: {error:#}"));
        None
    });
    let Some(set) = firmware::manifests(&machine, &settings, client.as_ref(), &mut problem) else {
        return Ok(FirmwareReport::default());
    };
    messages.into_iter().for_each(&mut problem);
    let mut found = matches(&facts, &set.set);
    if let Some(only) = request.only {
        let wanted = |component: Component| (component == Component::Nic) == (only == Kind::Nic);
        found.matched.retain(|matched| wanted(matched.device.component));
        found.skipped.retain(|skipped| wanted(skipped.component));
    }
    let conditions = firmware::conditions(&machine, &facts, &set);
    // Without an inventory there is nothing to ask what was tried, and by hand it need not be known.
    let journal = match client.as_ref().map(Client::firmware_journal) {
        None => Some(Journal::default()),
        Some(Ok(mut journal)) => {
            journal::settle(&mut journal, &conditions.boot_id, &found.matched);
            Some(journal)
        }
        Some(Err(error)) => {
            problem(format!("asking for the journal: {error}"));
            None
        }
    };
    let plan = plan(found, journal.as_ref(), &conditions);
    Ok(firmware::report(&plan, &set, conditions.now))
}

/// A client of the inventory, where one is set.
fn client(machine: &Machine, settings: &Settings, facts: &stage1_inventory::Facts) -> Result<Option<Client>> {
    if settings.inventory.is_empty() {
        return Ok(None);
    }
    let identity = facts::identify(machine, facts)?;
    let transport = Transport::new(machine, settings)?;
    Ok(Some(Client::new(transport, &settings.inventory, &identity.id, settings.inventory_timeout)))
}

fn look_through(folder: &Path) -> Result<(String, usize)> {
    let mut files = Vec::new();
    toml_files(folder, &mut files)?;
    if files.is_empty() {
        bail!("{} holds no manifest set: no file whose name ends in .toml", folder.display());
    }
    files.sort();
    let (mut text, mut wrong, mut entries) = (String::new(), 0, 0);
    for file in &files {
        let content = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        let (set, findings) = lint::lint(&content);
        entries += set.map_or(0, |set| set.entries.len());
        for finding in findings {
            wrong += usize::from(finding.wrong);
            let level = if finding.wrong { "error" } else { "note" };
            let entry = finding.entry.map_or_else(String::new, |entry| format!(" {entry}:"));
            text += &format!("{}:{entry} {level}: {}\n", file.display(), finding.words);
        }
    }
    text += &format!("{} sets, {entries} entries, {wrong} errors\n", files.len());
    Ok((text, wrong))
}

fn toml_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let context = || format!("reading {}", folder.display());
    for entry in fs::read_dir(folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        if path.is_dir() {
            toml_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    Ok(())
}
