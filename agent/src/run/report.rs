// SPDX-License-Identifier: MIT OR Apache-2.0
//! The report, and the amendments to it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use stage1_contract::{Facts, Identity, Report, RunKind, VERSION};

use super::Run;
use crate::inventory::{Client, Error};

/// A report of the run so far.
pub fn report(run: &Run, kind: RunKind, identity: Identity, facts: Facts) -> Report {
    Report {
        version: VERSION,
        agent: env!("CARGO_PKG_VERSION").to_string(),
        boot_id: run.boot_id().to_string(),
        run: kind,
        identity,
        facts,
        lldp: Vec::new(),
        bmc: None,
        firmware: None,
        problems: run.problems(),
        timeline: run.timeline(),
    }
}

/// Amends the report, one amendment after the other: else an older list of problems could replace a newer one.
#[derive(Debug, Default)]
pub(crate) struct Amendments(Mutex<()>);

impl Amendments {
    /// Sends one field of the report, with the problems and the timeline, as a JSON merge patch (RFC 7396).
    ///
    /// # Errors
    /// Those of the inventory.
    pub(crate) fn send(
        &self,
        run: &Run,
        client: &Client,
        field: &str,
        value: Value,
        timeout: Duration,
    ) -> Result<(), Error> {
        let _turn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let patch = json!({ "version": VERSION, (field): value, "problems": run.problems(), "timeline": run.timeline() });
        client.amend(&patch, timeout)
    }
}
