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
use ipmi::app::{ColdReset, GetDeviceId, WarmReset};
use ipmi::storage::SelRecord;

/// Deadline of a command: an event log of thousands of entries takes a minute.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Pause between two requests for the status of an erasure.
const ERASE_POLL: Duration = Duration::from_millis(50);

/// How often events that came in between are printed, and the log is not erased.
const ERASE_ATTEMPTS: u32 = 5;

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
        Request::Show { json } => show(&mut bmc, *json, bmc::present(&machine)),
        Request::Apply { policy, plan, json } => apply(&mut bmc, policy, *plan, *json),
        Request::Sel { json, newest, clear } => sel(&mut bmc, *json, *newest, *clear),
        Request::Sensors { json } => sensors(&mut bmc, *json, bmc::present(&machine)),
        Request::Reset { warm } => reset(&mut bmc, *warm),
    });
    result.unwrap_or_else(|error| say(&error))
}

fn show(bmc: &mut BmcSession, json: bool, now: u64) -> Result<u8> {
    let (mut survey, mut problems) = survey(bmc)?;
    let (health, further) = bmc::health(bmc, Depth::Everything, now);
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
    let (health, mut records, problems) = bmc::events(bmc, newest);
    let sel = match (health.sel, problems.first()) {
        (Some(sel), _) => sel,
        (None, Some(problem)) => bail!("{problem}"),
        (None, None) => bail!("the BMC has no event log"),
    };
    let code = finish(json, &sel, || bmc::text::events(&sel), &problems);
    if !clear {
        return Ok(code);
    }
    if code != DONE || sel.not_read > 0 {
        bail!("erasing the event log: not done, since not all of it was printed");
    }
    for _ in 0..ERASE_ATTEMPTS {
        if bmc::session::erase_sel(bmc, records.last(), || thread::sleep(ERASE_POLL))? {
            return Ok(code);
        }
        records = print_newer(bmc, json, &records)?;
    }
    bail!("erasing the event log: not done, since new events keep coming: repeat it later")
}

/// Prints the events that came after `printed`, and returns all records.
fn print_newer(bmc: &mut BmcSession, json: bool, printed: &[SelRecord]) -> Result<Vec<SelRecord>> {
    let (health, records, problems) = bmc::events(bmc, usize::MAX);
    let newer = match printed.last() {
        Some(last) => records.iter().rev().take_while(|record| *record != last).count(),
        None => records.len(),
    };
    let Some(mut sel) = health.sel else {
        bail!("erasing the event log: not done, it cannot be read any more")
    };
    sel.events.drain(..sel.events.len().saturating_sub(newer));
    let code = finish(json, &sel, || bmc::text::events(&sel), &problems);
    if code != DONE || sel.not_read > 0 {
        bail!("erasing the event log: not done, since not all of it was printed");
    }
    Ok(records)
}

fn sensors(bmc: &mut BmcSession, json: bool, now: u64) -> Result<u8> {
    let (health, problems) = bmc::health(bmc, Depth::Sensors, now);
    Ok(finish(json, &health.sensors, || bmc::text::sensors(&health.sensors), &problems))
}

/// A BMC that resets at once returns no response. So that this does not hide one that hangs, it has to respond before.
fn reset(bmc: &mut BmcSession, warm: bool) -> Result<u8> {
    bmc.ask(&GetDeviceId).context("resetting the BMC: not done, it does not respond")?;
    let reset = if warm { bmc.ask(&WarmReset) } else { bmc.ask(&ColdReset) };
    let text = match reset {
        Ok(()) => "the BMC resets; it responds again after a minute or two\n",
        Err(error) if error.is_outcome_unknown() => {
            "the BMC resets, and did not respond before that; it responds again after a minute or two\n"
        }
        Err(error) => return Err(error.into()),
    };
    Ok(print(text, DONE))
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

#[cfg(test)]
mod tests {
    use ipmi::NetFn;

    use super::*;
    use crate::bmc::RetryPolicy;
    use crate::bmc::session::{Transport, TransportError};

    /// The response to Get Device ID, and to a reset; an empty one is none.
    struct Resets([&'static [u8]; 2]);

    impl Transport for Resets {
        fn exchange(&mut self, _: NetFn, code: u8, _: &[u8], _: Duration) -> Result<Vec<u8>, TransportError> {
            let Self([device, reset]) = self;
            let response = if code == 0x01 { device } else { reset };
            if response.is_empty() { Err(TransportError::Timeout) } else { Ok(response.to_vec()) }
        }
    }

    fn resets(device: &'static [u8], response: &'static [u8]) -> bool {
        let deadline = Instant::now() + Duration::from_secs(60);
        let policy = RetryPolicy { pause: Duration::from_millis(1), ..RetryPolicy::default() };
        let mut bmc = BmcSession::new(Box::new(Resets([device, response])), policy, deadline);
        [true, false].map(|warm| reset(&mut bmc, warm).is_ok()) == [true; 2]
    }

    #[test]
    fn a_bmc_that_resets_before_it_responds_has_reset() {
        let device = &[0, 0x20, 1, 2, 0x10, 2, 0xbf, 0xf2, 0x1b, 0, 0x34, 0x12];
        assert!(resets(device, &[0]));
        assert!(resets(device, &[]), "no response");
        assert!(resets(device, &[0xff]), "what the driver makes of a connection that breaks");
        assert!(!resets(device, &[0xc1]), "refused");
        assert!(!resets(&[], &[]), "it hangs");
    }
}
