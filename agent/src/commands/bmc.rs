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

/// How long a BMC may take by hand: an event log of thousands of entries takes a minute.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often it is asked how far the erasure of its log is.
const PAUSE: Duration = Duration::from_millis(50);

/// What is asked for.
#[derive(Clone, Debug)]
pub enum Request {
    /// What it is, how it is set, how the hardware is.
    Show {
        /// For programs.
        json: bool,
    },
    /// Make it as it is desired.
    Apply {
        /// The file that says how.
        policy: PathBuf,
        /// Only say what would be written.
        plan: bool,
        /// For programs.
        json: bool,
    },
    /// Its event log.
    Sel {
        /// For programs.
        json: bool,
        /// Only so many, the newest.
        newest: usize,
        /// Erase it once it is printed.
        clear: bool,
    },
    /// Its sensors.
    Sensors {
        /// For programs.
        json: bool,
    },
    /// Start it anew.
    Reset {
        /// A warm one.
        warm: bool,
    },
}

/// Does it, and prints what came of it.
pub fn run(request: &Request) -> u8 {
    let machine = Machine::real();
    let bmc = bmc::open(&machine, false, Instant::now() + PATIENCE).and_then(|bmc| {
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
    let (health, met) = bmc::health(bmc, Depth::Everything);
    problems.extend(met);
    survey.report.health = health;
    if let Some(sel) = survey.report.health.sel.as_mut().filter(|_| !json) {
        sel.events.retain(bmc::is_critical);
    }
    Ok(told(json, &survey.report, || bmc::text::show(&survey.report), &problems))
}

fn apply(bmc: &mut BmcSession, file: &Path, plan: bool, json: bool) -> Result<u8> {
    let name = file.display();
    let desired = std::fs::read(file).with_context(|| format!("reading {name}"))?;
    let desired = bmc::policy(&desired).with_context(|| name.to_string())?;
    let (mut survey, mut problems) = survey(bmc)?;
    if plan {
        let (plan, met) = bmc::planned(bmc, &mut survey, &desired);
        problems.extend(met);
        problems.extend(plan.refusals);
        let writes: Vec<String> = plan.writes.iter().map(ToString::to_string).collect();
        let text = || match writes.is_empty() {
            true => "nothing would be written\n".to_string(),
            false => writes.iter().map(|write| format!("{write}\n")).collect(),
        };
        return Ok(told(json, &writes, text, &problems));
    }
    let escrow = |user: &str, _: &_| bail!("user {user} wants one made up, which only an inventory can keep");
    problems.extend(bmc::configure(bmc, &mut survey, &desired, &escrow));
    let outcome = survey.report.outcome.unwrap_or_default();
    Ok(told(json, &outcome, || bmc::text::outcome(&outcome), &problems))
}

fn sel(bmc: &mut BmcSession, json: bool, newest: usize, clear: bool) -> Result<u8> {
    let (health, problems) = bmc::health(bmc, Depth::Events(newest));
    let sel = match (health.sel, problems.first()) {
        (Some(sel), _) => sel,
        (None, Some(problem)) => bail!("{problem}"),
        (None, None) => bail!("the BMC has no event log"),
    };
    let code = told(json, &sel, || bmc::text::events(&sel), &problems);
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
    Ok(told(json, &health.sensors, || bmc::text::sensors(&health.sensors), &problems))
}

fn reset(bmc: &mut BmcSession, warm: bool) -> Result<u8> {
    match warm {
        true => bmc.ask(&WarmReset)?,
        false => bmc.ask(&ColdReset)?,
    }
    Ok(print("the BMC starts anew; it answers again in a minute or two\n", DONE))
}

fn survey(bmc: &mut BmcSession) -> Result<(Survey, Vec<String>)> {
    match bmc::survey(bmc) {
        (Some(survey), problems) => Ok((survey, problems)),
        (None, problems) => bail!("{}", problems.join("; ")),
    }
}

fn told(json: bool, value: &impl Serialize, text: impl FnOnce() -> String, problems: &[String]) -> u8 {
    problems.iter().for_each(|problem| log::warn!("{problem}"));
    let text = if json { json::pretty(value) } else { text() };
    print(&text, if problems.is_empty() { DONE } else { PROBLEMS })
}
