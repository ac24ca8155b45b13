// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stage1 bmc`.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::{DONE, PROBLEMS, print, say};
use crate::bmc::BmcSession;
use crate::bmc::erase_sel;
use crate::bmc::{self, Depth, Survey};
use crate::host::Machine;
use crate::json;
use ipmi::app::{ColdReset, WarmReset};

/// Time limit of a command: reading an event log of thousands of entries takes a minute.
const TIME_LIMIT: Duration = Duration::from_secs(300);

/// Interval between requests for the progress of erasing the event log.
const PAUSE: Duration = Duration::from_millis(50);

/// A subcommand of `stage1 bmc`.
#[derive(Clone, Debug)]
pub enum Request {
    /// Print identity, settings and the hardware's health.
    Show {
        /// Print JSON.
        json: bool,
    },
    /// Apply the desired configuration and verify it.
    Apply {
        /// The desired configuration, a TOML file.
        policy: PathBuf,
        /// Only print what would be written.
        plan: bool,
        /// Print JSON.
        json: bool,
    },
    /// Print the event log.
    Sel {
        /// Print JSON.
        json: bool,
        /// Print at most this many events, the newest.
        newest: usize,
        /// Erase the log after printing it.
        clear: bool,
    },
    /// Print the sensors.
    Sensors {
        /// Print JSON.
        json: bool,
    },
    /// Reset the BMC.
    Reset {
        /// A warm reset instead of a cold one.
        warm: bool,
    },
}

/// Runs the subcommand and prints the result. Returns the exit code.
pub fn run(request: &Request) -> u8 {
    let machine = Machine::real();
    let bmc = bmc::open(&machine, false, Instant::now() + TIME_LIMIT).and_then(|bmc| {
        bmc.context("this machine has no IPMI device: is there a BMC, and is ipmi_devintf loaded?")
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
    let (health, new) = bmc::health(bmc, Depth::Everything);
    problems.extend(new);
    survey.report.health = health;
    if let Some(sel) = survey.report.health.sel.as_mut().filter(|_| !json) {
        sel.events.retain(bmc::is_critical);
    }
    Ok(output(json, &survey.report, || bmc::text::show(&survey.report), &problems))
}

fn apply(bmc: &mut BmcSession, file: &Path, plan: bool, json: bool) -> Result<u8> {
    let name = file.display();
    let desired = std::fs::read(file).with_context(|| format!("reading {name}"))?;
    let desired = bmc::policy(&desired).with_context(|| name.to_string())?;
    let (mut survey, mut problems) = survey(bmc)?;
    if plan {
        let (plan, new) = bmc::planned(bmc, &mut survey, &desired);
        problems.extend(new);
        problems.extend(plan.refusals);
        let writes: Vec<String> = plan.writes.iter().map(ToString::to_string).collect();
        let text = || match writes.is_empty() {
            true => "nothing would be written\n".to_string(),
            false => writes.iter().map(|write| format!("{write}\n")).collect(),
        };
        return Ok(output(json, &writes, text, &problems));
    }
    let escrow =
        |user: &str, _: &_| bail!("user {user}: a generated password needs an inventory to store it");
    problems.extend(bmc::configure(bmc, &mut survey, &desired, &escrow));
    let outcome = survey.report.outcome.unwrap_or_default();
    Ok(output(json, &outcome, || bmc::text::outcome(&outcome), &problems))
}

fn sel(bmc: &mut BmcSession, json: bool, newest: usize, clear: bool) -> Result<u8> {
    let (health, problems) = bmc::health(bmc, Depth::Events(newest));
    let sel = match (health.sel, problems.first()) {
        (Some(sel), _) => sel,
        (None, Some(problem)) => bail!("{problem}"),
        (None, None) => bail!("the BMC has no event log"),
    };
    let code = output(json, &sel, || bmc::text::events(&sel), &problems);
    if clear {
        if code != DONE || sel.not_read > 0 {
            bail!("the log was not printed as a whole, and is not erased");
        }
        erase_sel(bmc, || thread::sleep(PAUSE))?;
    }
    Ok(code)
}

fn sensors(bmc: &mut BmcSession, json: bool) -> Result<u8> {
    let (health, problems) = bmc::health(bmc, Depth::Sensors);
    Ok(output(json, &health.sensors, || bmc::text::sensors(&health.sensors), &problems))
}

fn reset(bmc: &mut BmcSession, warm: bool) -> Result<u8> {
    match warm {
        true => bmc.ask(&WarmReset)?,
        false => bmc.ask(&ColdReset)?,
    }
    Ok(print("the BMC is resetting; it responds again in a minute or two\n", DONE))
}

fn survey(bmc: &mut BmcSession) -> Result<(Survey, Vec<String>)> {
    match bmc::survey(bmc) {
        (Some(survey), problems) => Ok((survey, problems)),
        (None, problems) => bail!("{}", problems.join("; ")),
    }
}

fn output(json: bool, value: &impl Serialize, text: impl FnOnce() -> String, problems: &[String]) -> u8 {
    problems.iter().for_each(|problem| log::warn!("{problem}"));
    let text = if json { json::pretty(value) } else { text() };
    print(&text, if problems.is_empty() { DONE } else { PROBLEMS })
}
