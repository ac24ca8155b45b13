// SPDX-License-Identifier: MIT OR Apache-2.0
//! What ran in this boot, kept in `/run/stage1/status.json` for `stage1 status` and the rescue shell.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use stage1_contract::{Problem, Timeline, waterfall};

use crate::host::Machine;
use crate::json;

/// Where it is kept.
pub const FILE: &str = "/run/stage1/status.json";

/// The last run in this boot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The boot it belongs to.
    pub boot_id: String,
    /// The host's identity, once it was known.
    pub id: Option<String>,
    /// How it ended; absent while it runs.
    pub end: Option<String>,
    /// What went wrong.
    pub problems: Vec<Problem>,
    /// What happened, and when.
    pub timeline: Timeline,
}

impl Status {
    /// The status of the last run; `None` where none has run in this boot.
    ///
    /// # Errors
    /// Where the file is there but cannot be read.
    pub fn read(machine: &Machine) -> Result<Option<Self>> {
        if !machine.has(FILE) {
            return Ok(None);
        }
        let bytes = machine.read(FILE)?;
        serde_json::from_slice(&bytes).with_context(|| format!("reading {FILE}")).map(Some)
    }

    /// Replaces the file in one step.
    ///
    /// # Errors
    /// Those of writing.
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

    /// The status as a person reads it.
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
        let _ = writeln!(text, "{}", self.end.as_deref().unwrap_or("the run goes on, or was cut off"));
        text
    }
}
