// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stage1 firmware`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use stage1_contract::Facts;
use stage1_contract::firmware::manifest::Component;
use stage1_contract::firmware::{Decision, FirmwareReport};

use super::{DONE, FAILED, Flags, PROBLEMS, print, say, settings};
use crate::config::Settings;
use crate::facts;
use crate::firmware::plan::plan;
use crate::firmware::{self, ApplyContext, CheckContext, CheckResult, lint, table};
use crate::host::{Cancellation, Machine, signals};
use crate::inventory::{Client, Transport};
use crate::json;

/// The options of `check` and `apply`.
#[derive(Clone, Debug)]
pub struct Request {
    /// Print JSON.
    pub json: bool,
    /// Only components of this kind.
    pub only: Option<Kind>,
}

/// A kind of component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Network adapters.
    Nic,
    /// The board's own firmware, BIOS or UEFI.
    Bios,
}

/// Checks the manifest sets of a folder: all its `.toml` files, those of subfolders too.
pub fn lint(folder: &Path) -> u8 {
    match lint_folder(folder) {
        Ok((text, errors)) => print(&text, if errors == 0 { DONE } else { FAILED }),
        Err(error) => say(&error),
    }
}

/// Compares the firmware with the manifests, and prints what `apply` would do.
pub fn check(flags: &Flags, request: &Request) -> u8 {
    with_machine(flags, request, &Cancellation::default(), |context, facts, _, problems| {
        let report = check_machine(context, facts, false, problems)
            .map_or_else(FirmwareReport::default, |(_, report)| report);
        let is_bad = |decision: &Decision| matches!(decision, Decision::Refused | Decision::Exhausted);
        let bad = report.components.iter().any(|component| is_bad(&component.decision));
        let text = if request.json { json::pretty(&report) } else { table::table(&report) };
        Ok(print(&text, if bad || problems.0 > 0 { PROBLEMS } else { DONE }))
    })
}

/// Flashes what is outdated, or with `plan_only` prints what would be written. Resets the host afterwards only with
/// `reset`.
pub fn apply(flags: &Flags, request: &Request, plan_only: bool, reset: bool) -> u8 {
    let cancellation = Cancellation::default();
    if !plan_only {
        let stopped = cancellation.clone();
        let stop = move |signal| {
            log::warn!("{signal}: flashing stops before the next component");
            stopped.cancel();
        };
        signals::on_termination(stop).unwrap_or_else(|error| log::warn!("handling signals: {error}"));
    }
    with_machine(flags, request, &cancellation, |context, facts, transport, problems| {
        let Some((checked, _)) = check_machine(context, facts, !plan_only, problems) else {
            return Ok(print(&table::table(&FirmwareReport::default()), DONE));
        };
        if plan_only {
            let plan =
                plan(context.find(facts, &checked.set.set), checked.journal.as_ref(), &checked.conditions);
            return Ok(print(&table::acts(&plan), if problems.0 > 0 { PROBLEMS } else { DONE }));
        }
        if context.inventory.is_none() {
            log::warn!("no inventory is set: attempts are not counted");
        }
        let progress = |message| log::info!("{message}");
        let context =
            ApplyContext { check: *context, transport, progress: &progress, cancellation: &cancellation };
        let applied = firmware::apply(&context, facts, checked);
        applied.problems.into_iter().for_each(|problem| problems.add(&problem));
        let text = if request.json { json::pretty(&applied.report) } else { table::table(&applied.report) };
        let code = print(&text, if problems.0 > 0 { PROBLEMS } else { DONE });
        if cancellation.is_cancelled() {
            bail!("stopped by a signal; what was being written has been finished");
        }
        match applied.reset {
            Some(by) if reset => firmware::reset(context.check.machine, by).map(|never| match never {}),
            Some(by) => {
                log::info!("a {} reset is needed to activate it", json::word(&by));
                Ok(code)
            }
            None => Ok(code),
        }
    })
}

/// Logs problems and counts them.
struct Problems(u32);

impl Problems {
    fn add(&mut self, problem: &str) {
        log::warn!("{problem}");
        self.0 += 1;
    }
}

fn check_machine(
    context: &CheckContext,
    facts: &Facts,
    settle: bool,
    problems: &mut Problems,
) -> Option<(CheckResult, FirmwareReport)> {
    let CheckContext { machine, settings, inventory, .. } = *context;
    let set = firmware::manifests(machine, settings, inventory, |problem| problems.add(&problem))?;
    Some(firmware::check(context, facts, set, settle, &mut |problem| problems.add(&problem)))
}

fn with_machine(
    flags: &Flags,
    request: &Request,
    cancellation: &Cancellation,
    work: impl FnOnce(&CheckContext, &Facts, &Transport, &mut Problems) -> Result<u8>,
) -> u8 {
    let machine = Machine::real();
    let mut problems = Problems(0);
    let run = || {
        let (settings, errors) = settings(&machine, flags)?;
        if let Some(error) = errors.first() {
            bail!("{error}");
        }
        let transport = Transport::new(&machine, &settings)?.with_pause(Arc::new(cancellation.clone()));
        let (facts, messages) = firmware::facts(&machine);
        let inventory = client(&machine, &transport, &settings, &facts).unwrap_or_else(|error| {
            problems.add(&format!("continuing without the inventory: {error:#}"));
            None
        });
        messages.iter().for_each(|message| problems.add(message));
        let only = request.only.map(|kind| if kind == Kind::Nic { Component::Nic } else { Component::Bios });
        let context =
            CheckContext { machine: &machine, settings: &settings, inventory: inventory.as_ref(), only };
        work(&context, &facts, &transport, &mut problems)
    };
    run().unwrap_or_else(|error| say(&error))
}

/// A client of the inventory; `None` if none is set.
fn client(
    machine: &Machine,
    transport: &Transport,
    settings: &Settings,
    facts: &Facts,
) -> Result<Option<Client>> {
    if settings.inventory.is_empty() {
        return Ok(None);
    }
    let identity = facts::identify(machine, facts)?;
    Ok(Some(Client::new(transport.clone(), &settings.inventory, &identity.id, settings.inventory_timeout)))
}

fn lint_folder(folder: &Path) -> Result<(String, usize)> {
    let mut files = Vec::new();
    toml_files(folder, &mut files)?;
    if files.is_empty() {
        bail!("{}: no manifest set found: no file name ends in .toml", folder.display());
    }
    files.sort();
    let (mut text, mut errors, mut entries) = (String::new(), 0, 0);
    for file in &files {
        let content = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        let (set, findings) = lint::lint(&content, firmware::now());
        entries += set.map_or(0, |set| set.entries.len());
        for finding in findings {
            errors += usize::from(finding.error);
            let level = if finding.error { "error" } else { "note" };
            let entry = finding.entry.map_or_else(String::new, |entry| format!(" {entry}:"));
            text += &format!("{}:{entry} {level}: {}\n", file.display(), finding.message);
        }
    }
    text += &format!("{} sets, {entries} entries, {errors} errors\n", files.len());
    Ok((text, errors))
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
