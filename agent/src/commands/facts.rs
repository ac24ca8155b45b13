// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stage1 facts`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use stage1_contract::facts::Discovery;
use stage1_contract::{Problem, StageName, VERSION};

use super::{DONE, PROBLEMS, print, say};
use crate::facts::{self, Group, Unpacked};
use crate::host::Machine;
use crate::host::child;
use crate::host::random;
use crate::json;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// For programs.
    pub json: bool,
    /// Only these groups; none are all.
    pub only: Vec<Group>,
    /// A captured tree, or a capture, in place of this machine.
    pub sysroot: Option<PathBuf>,
    /// Where to write what was read.
    pub capture: Option<Capture>,
}

/// A capture to be written.
#[derive(Clone, Debug)]
pub struct Capture {
    /// The tar.
    pub file: PathBuf,
    /// Without what names this one machine.
    pub scrub: bool,
}

/// Discovers the machine's facts, and prints them.
pub fn run(request: Request) -> u8 {
    match &request.sysroot {
        Some(_) => tell(&request),
        None => child::run(|| tell(&request)).unwrap_or_else(|error| say(&error.into())),
    }
}

fn tell(request: &Request) -> u8 {
    match discover(request) {
        Ok(discovery) => {
            let text = if request.json {
                // The summary has them first.
                discovery.problems.iter().for_each(|problem| log::warn!("{}", problem.message));
                json::pretty(&discovery)
            } else {
                facts::table(&discovery)
            };
            let code = if discovery.problems.is_empty() { DONE } else { PROBLEMS };
            print(&text, code)
        }
        Err(error) => say(&error),
    }
}

fn discover(request: &Request) -> Result<Discovery> {
    let unpacked = match &request.sysroot {
        Some(path) if path.is_file() => Some(Unpacked::open(path)?),
        _ => None,
    };
    let machine = match (&unpacked, &request.sysroot) {
        (Some(unpacked), _) => unpacked.machine(),
        (None, Some(folder)) => {
            folder.read_dir().with_context(|| format!("reading {}", folder.display()))?;
            Machine::at(folder)
        }
        (None, None) => Machine::real(),
    };
    let all = request.only.is_empty();
    let (facts, messages) = match &request.capture {
        Some(Capture { file, scrub }) => {
            let key = if *scrub { Some(random::secret::<32>()?) } else { None };
            facts::capture(machine.clone(), file, key.as_ref().map(<[u8; 32]>::as_slice))?
        }
        None => facts::discover(&machine, if all { facts::everything() } else { &request.only }),
    };
    let mut problems: Vec<Problem> = messages.into_iter().map(problem).collect();
    let identity = match facts::identify(&machine, &facts) {
        _ if !all => None,
        Ok(identity) => Some(identity),
        Err(error) => {
            problems.push(problem(error.to_string()));
            None
        }
    };
    Ok(Discovery { version: VERSION, identity, facts, problems })
}

fn problem(message: String) -> Problem {
    Problem { stage: StageName::Facts, message, advice: None }
}
