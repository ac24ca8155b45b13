// SPDX-License-Identifier: MIT OR Apache-2.0
//! The report: what a host says of itself.

use stage1_inventory::{Facts, Identity, Report, RunKind, VERSION};

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
        problems: run.problems(),
        timeline: run.timeline(),
    }
}
