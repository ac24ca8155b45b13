// SPDX-License-Identifier: MIT OR Apache-2.0
//! The report: what a host says of itself.

use serde_json::{Value, json};
use stage1_contract::{Facts, Identity, Report, RunKind, VERSION};

use crate::run::Run;

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

/// What changes in the report when more is known of one of its fields: a JSON merge patch (RFC 7396).
pub fn patch(run: &Run, field: &str, value: Value) -> Value {
    json!({ "version": VERSION, (field): value, "problems": run.problems(), "timeline": run.timeline() })
}
