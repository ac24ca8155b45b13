// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stage1 bmc`.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::{DONE, PROBLEMS, print, say};
use crate::bmc::{self, BmcSession, Depth, Survey};
use crate::host::{Cancellation, Machine};
use crate::json;
use ipmi::app::{ColdReset, WarmReset};

/// Deadline of a command: an event log of thousands of entries takes a minute.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Pause between two requests for the status of an erasure.
const ERASE_POLL: Duration = Duration::from_millis(50);

/// A subcommand of `stage1 bmc`.
#[derive(Clone, Debug)]
pub enum Request {
    /// Print the device, its configuration and the health of the hardware.
    Show {
        /// Print JSON.
        json: bool,
    },
    /// Apply the desired configuration and verify it.
    Apply {
        /// File with the desired configuration.
        policy: PathBuf,
        /// Print what would be changed, and change nothing.
        plan: bool,
        /// Print JSON.
        json: bool,
    },
    /// Print the event log.
    Sel {
        /// Print JSON.
        json: bool,
        /// Number of events to print, the newest.
        newest: usize,
        /// Erase the log after printing all of it.
        clear: bool,
    },
    /// Print the sensors.
    Sensors {
        /// Print JSON.
        json: bool,
    },
    /// Reset the BMC.
    Reset {
        /// A warm reset.
        warm: bool,
    },
}

/// Runs the subcommand, prints its result, and returns the exit code.
pub fn run(request: &Request) -> u8 {
    let machine = Machine::real();
    let bmc =
        bmc::open(&machine, false, Instant::now() + TIMEOUT, &Cancellation::default()).and_then(|bmc| {
            bmc.context("no IPMI device: this machine has no BMC, or the module ipmi_devintf is not loaded")
        });
    let result = bmc.and_then(|mut bmc| match request {
        Request::Show { json } => show(&mut bmc, *json),
        Request::Apply { policy, plan, json } => apply(&mut bmc, policy, *plan, *json),
        Request::Sel { json, newest, clear } => sel(&mut bmc, *json, *newest, *clear),
        Request::Sensors { json } => sensors(&mut bmc, *json),
        Request::Reset { warm } => reset(&mut bmc, *warm),
    });
    result.unwrap_or_else(|error| say(&error))
}

fn show(bmc: &mut BmcSession, json: bool) -> Result<u8> {
    let (mut survey, mut problems) = survey(bmc)?;
    let (health, further) = bmc::health(bmc, Depth::Everything);
    problems.extend(further);
    survey.report.health = health;
    if let Some(sel) = survey.report.health.sel.as_mut().filter(|_| !json) {
        sel.events.retain(bmc::is_critical);
    }
    Ok(finish(json, &survey.report, || bmc::text::show(&survey.report), &problems))
}

fn apply(bmc: &mut BmcSession, file: &Path, plan: bool, json: bool) -> Result<u8> {
    let name = file.display();
    let policy = std::fs::read(file).with_context(|| format!("reading {name}"))?;
    let mut desired = bmc::policy(&policy).with_context(|| name.to_string())?;
    bmc::read_key(&Machine::real(), &mut desired)?;
    let (mut survey, mut problems) = survey(bmc)?;
    if plan {
        let (plan, further) = bmc::planned(bmc, &mut survey, &desired);
        problems.extend(further);
        let changes = plan.descriptions();
        problems.extend(plan.refusals);
        let text = || match changes.is_empty() {
            true => "no changes\n".to_string(),
            false => changes.iter().map(|change| format!("{change}\n")).collect(),
        };
        return Ok(finish(json, &changes, text, &problems));
    }
    let escrow = |user: &str, _: &_| {
        bail!("user {user} has generate = true: only an inventory can store generated passwords")
    };
    problems.extend(bmc::configure(bmc, &mut survey, &desired, &escrow));
    let outcome = survey.report.outcome.unwrap_or_default();
    Ok(finish(json, &outcome, || bmc::text::outcome(&outcome), &problems))
}

fn sel(bmc: &mut BmcSession, json: bool, newest: usize, clear: bool) -> Result<u8> {
    let (health, problems) = bmc::health(bmc, Depth::Events(newest));
    let sel = match (health.sel, problems.first()) {
        (Some(sel), _) => sel,
        (None, Some(problem)) => bail!("{problem}"),
        (None, None) => bail!("the BMC has no event log"),
    };
    let code = finish(json, &sel, || bmc::text::events(&sel), &problems);
    if clear {
        if code != DONE || sel.not_read > 0 {
            bail!("erasing the event log: not done, since not all of it was printed");
        }
        bmc::session::erase_sel(bmc, || thread::sleep(ERASE_POLL))?;
    }
    Ok(code)
}

fn sensors(bmc: &mut BmcSession, json: bool) -> Result<u8> {
    let (health, problems) = bmc::health(bmc, Depth::Sensors);
    Ok(finish(json, &health.sensors, || bmc::text::sensors(&health.sensors), &problems))
}

fn reset(bmc: &mut BmcSession, warm: bool) -> Result<u8> {
    match warm {
        true => bmc.ask(&WarmReset)?,
        false => bmc.ask(&ColdReset)?,
    }
    Ok(print("the BMC resets; it responds again after a minute or two\n", DONE))
}

fn survey(bmc: &mut BmcSession) -> Result<(Survey, Vec<String>)> {
    match bmc::survey(bmc) {
        (Some(survey), problems) => Ok((survey, problems)),
        (None, problems) => bail!("{}", problems.join("; ")),
    }
}

fn finish(json: bool, value: &impl Serialize, text: impl FnOnce() -> String, problems: &[String]) -> u8 {
    problems.iter().for_each(|problem| log::warn!("{problem}"));
    let text = if json { json::pretty(value) } else { text() };
    print(&text, if problems.is_empty() { DONE } else { PROBLEMS })
}
