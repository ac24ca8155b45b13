// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stage1 firmware`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use stage1_contract::Facts;
use stage1_contract::firmware::manifest::Component;
use stage1_contract::firmware::{Decision, FirmwareReport};

use super::{DONE, FAILED, Flags, PROBLEMS, print, say, settings};
use crate::config::Settings;
use crate::facts;
use crate::firmware::apply::Means;
use crate::firmware::plan::plan;
use crate::firmware::{self, Known, Look, lint, table};
use crate::host::Machine;
use crate::inventory::{Client, Transport};
use crate::json;

/// What `check` and `apply` are asked for.
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
    with_machine(flags, request, |look, facts, _, problems| {
        let report = check_machine(look, facts, false, problems)
            .map_or_else(FirmwareReport::default, |(_, report)| report);
        let is_bad = |decision: &Decision| matches!(decision, Decision::Refused | Decision::Exhausted);
        let bad = report.components.iter().any(|component| is_bad(&component.decision));
        let text = if request.json { json::pretty(&report) } else { table::table(&report) };
        Ok(print(&text, if bad || problems.0 > 0 { PROBLEMS } else { DONE }))
    })
}

/// Flashes what is behind, or only prints what would be written where. Resets the host afterwards only where it is told to.
pub fn apply(flags: &Flags, request: &Request, plan_only: bool, reset: bool) -> u8 {
    with_machine(flags, request, |look, facts, transport, problems| {
        let Some((known, _)) = check_machine(look, facts, !plan_only, problems) else {
            return Ok(print(&table::table(&FirmwareReport::default()), DONE));
        };
        if plan_only {
            let plan = plan(look.find(facts, &known.set.set), known.journal.as_ref(), &known.conditions);
            return Ok(print(&table::acts(&plan), if problems.0 > 0 { PROBLEMS } else { DONE }));
        }
        if look.inventory.is_none() {
            log::warn!("no inventory is set: nobody counts how often a version is tried");
        }
        let means = Means { look: *look, transport, tell: &|words| log::info!("{words}") };
        let applied = firmware::apply(&means, facts, known);
        applied.problems.into_iter().for_each(|words| problems.add(words));
        let text = if request.json { json::pretty(&applied.report) } else { table::table(&applied.report) };
        let code = print(&text, if problems.0 > 0 { PROBLEMS } else { DONE });
        match applied.reset {
            Some(by) if reset => firmware::reset(look.machine, by).map(|never| match never {}),
            Some(by) => {
                log::info!("a {} reset makes it run", json::word(&by));
                Ok(code)
            }
            None => Ok(code),
        }
    })
}

/// What went wrong, counted.
struct Problems(u32);

impl Problems {
    fn add(&mut self, words: String) {
        log::warn!("{words}");
        self.0 += 1;
    }
}

fn check_machine(
    look: &Look,
    facts: &Facts,
    settle: bool,
    problems: &mut Problems,
) -> Option<(Known, FirmwareReport)> {
    let set = firmware::manifests(look.machine, look.settings, look.inventory, |words| problems.add(words))?;
    Some(firmware::check(look, facts, set, settle, &mut |words| problems.add(words)))
}

fn with_machine(
    flags: &Flags,
    request: &Request,
    work: impl FnOnce(&Look, &Facts, &Transport, &mut Problems) -> Result<u8>,
) -> u8 {
    let machine = Machine::real();
    let mut problems = Problems(0);
    let run = || {
        let (settings, complaints) = settings(&machine, flags)?;
        if let Some(complaint) = complaints.first() {
            bail!("{complaint}");
        }
        let transport = Transport::new(&machine, &settings)?;
        let (facts, messages) = firmware::facts(&machine);
        let inventory = client(&machine, &settings, &facts).unwrap_or_else(|error| {
            problems.add(format!("the inventory is not asked: {error:#}"));
            None
        });
        messages.into_iter().for_each(|words| problems.add(words));
        let only = request.only.map(|kind| if kind == Kind::Nic { Component::Nic } else { Component::Bios });
        let look = Look { machine: &machine, settings: &settings, inventory: inventory.as_ref(), only };
        work(&look, &facts, &transport, &mut problems)
    };
    run().unwrap_or_else(|error| say(&error))
}

/// A client of the inventory, where one is set.
fn client(machine: &Machine, settings: &Settings, facts: &Facts) -> Result<Option<Client>> {
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
