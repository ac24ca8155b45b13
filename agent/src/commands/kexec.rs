// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stage1 kexec`.

use super::{DONE, print, say};
use crate::host::power;
use crate::target;

/// Loads files as a target and jumps into it; with `plan` only prints what would be loaded.
pub fn kexec(kernel: &str, initrds: &[String], append: &str, plan: bool) -> u8 {
    let target = match target::from_files(kernel, initrds, append) {
        Ok(target) => target,
        Err(error) => return say(&error),
    };
    if plan {
        return target.text().map_or_else(|error| say(&error), |text| print(&text, DONE));
    }
    match target.load(stage1_kexec::load) {
        Ok(armed) => {
            let Err(error) =
                power::settle().and_then(|()| armed.loaded.execute().map_err(anyhow::Error::from));
            say(&error)
        }
        Err(error) => say(&error),
    }
}
