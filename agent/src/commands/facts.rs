// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stage1 facts`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use stage1_contract::facts::Discovery;
use stage1_contract::{Problem, StageName, VERSION};

use super::{DONE, PROBLEMS, print, say};
use crate::facts::{self, Group, Unpacked};
use crate::host::Machine;
use crate::host::child;
use crate::host::random;
use crate::host::signals;
use crate::json;

/// The options of the command.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Print JSON.
    pub json: bool,
    /// Discover only these groups; empty: all.
    pub only: Vec<Group>,
    /// Read a captured tree or a capture file instead of this machine.
    pub sysroot: Option<PathBuf>,
    /// Write what was read into a capture file.
    pub capture: Option<Capture>,
}

/// A capture file to write.
#[derive(Clone, Debug)]
pub struct Capture {
    /// The tar file; it must not exist.
    pub file: PathBuf,
    /// Replace what identifies this machine.
    pub scrub: bool,
}

/// Discovers the machine's facts and prints them. Returns the exit code.
pub fn run(request: Request) -> u8 {
    match &request.sysroot {
        Some(_) => discover_and_print(&request),
        None => child::run(|| discover_and_print(&request)).unwrap_or_else(|error| say(&error.into())),
    }
}

fn discover_and_print(request: &Request) -> u8 {
    match discover(request) {
        Ok(discovery) => {
            let text = if request.json {
                // The table has them as findings.
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
        Some(path) if path.is_file() => Some(unpack(path)?),
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

/// Unpacks a capture; a signal removes it.
fn unpack(path: &Path) -> Result<Unpacked> {
    let unpacked = Unpacked::empty()?;
    let remove = unpacked.remover();
    let end = move |signal| {
        remove();
        // As shells report the death by a signal.
        std::process::exit(128 + signal as i32);
    };
    signals::on_termination(end).context("handling signals")?;
    unpacked.fill(path)?;
    Ok(unpacked)
}

fn problem(message: String) -> Problem {
    Problem { stage: StageName::Facts, message, advice: None }
}
