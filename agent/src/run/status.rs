// SPDX-License-Identifier: MIT OR Apache-2.0
//! The record of the last run in this boot, in `/run/stage1/status.json`, for `stage1 status` and the rescue shell.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use stage1_contract::{Problem, Timeline, waterfall};

use crate::host::Machine;
use crate::json;

/// The path of the record. It is lost at a reboot.
pub const FILE: &str = "/run/stage1/status.json";

/// The record of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The UUID of the boot ([`Machine::boot_id`]).
    pub boot_id: String,
    /// The host's identity; `None` if the run ended before it was known.
    pub id: Option<String>,
    /// How the run ended; `None` while it runs.
    pub end: Option<String>,
    /// The problems, in the order in which they occurred.
    pub problems: Vec<Problem>,
    /// The stages with their times and outcomes.
    pub timeline: Timeline,
}

impl Status {
    /// The last run; `None` if there was no run in this boot.
    ///
    /// # Errors
    /// If the file exists and cannot be read.
    pub fn read(machine: &Machine) -> Result<Option<Self>> {
        if !machine.has(FILE) {
            return Ok(None);
        }
        let bytes = machine.read(FILE)?;
        serde_json::from_slice(&bytes).with_context(|| format!("reading {FILE}")).map(Some)
    }

    /// Replaces the file atomically.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, machine: &Machine) -> Result<()> {
        let path = machine.path(FILE);
        let next = path.with_extension("next");
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            fs::write(&next, json::compact(self))?;
            fs::rename(&next, &path)
        };
        write().with_context(|| format!("writing {FILE}"))
    }

    /// The record as text, at most `width` columns wide.
    pub fn text(&self, width: usize) -> String {
        let mut text = waterfall(&self.timeline, width);
        for Problem { stage, message, advice } in &self.problems {
            let _ = writeln!(text, "problem: {stage}: {message}");
            if let Some(advice) = advice {
                let _ = writeln!(text, "         {advice}");
            }
        }
        if let Some(id) = &self.id {
            let _ = writeln!(text, "host: {id}");
        }
        let _ = writeln!(
            text,
            "{}",
            self.end.as_deref().unwrap_or("the run is still going on, or was interrupted")
        );
        text
    }
}
