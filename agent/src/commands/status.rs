// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stage1 status`.

use stage1_contract::Outcome;

use super::{DONE, FAILED, WIDTH, print, say};
use crate::host::Machine;
use crate::json;
use crate::run::status::Status;

/// Prints what ran in this boot.
pub fn status(json: bool) -> u8 {
    match Status::read(&Machine::real()) {
        Ok(Some(status)) if json => print(&json::pretty(&status), DONE),
        Ok(Some(status)) => {
            let failed = status.timeline.stages.iter().any(|stage| stage.outcome == Outcome::Failed);
            print(&status.text(WIDTH), if failed { FAILED } else { DONE })
        }
        Ok(None) => print("stage1 has not run in this boot\n", DONE),
        Err(error) => say(&error),
    }
}
