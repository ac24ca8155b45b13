// SPDX-License-Identifier: MIT OR Apache-2.0
//! The processes that a program has started: one that is still alive may still be writing, although the program has ended.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// The variable by which the processes of a program are recognised, in whatever process group and session they are, and
/// whoever is their parent.
const VARIABLE: &str = "STAGE1_PROGRAM";

/// A program and all processes that it starts.
pub(super) struct Family {
    /// `VARIABLE=VALUE`, as in `/proc/PID/environ`.
    mark: String,
}

impl Family {
    /// That of a program which is about to be started.
    pub(super) fn of(program: &mut Command) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let value = format!("{}.{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        program.env(VARIABLE, &value);
        Self { mark: format!("{VARIABLE}={value}") }
    }

    /// Whether none of its processes is alive. One that has ended, and that nobody has waited for, has no environment.
    pub(super) fn has_ended(&self) -> bool {
        // A process that starts another one and ends between two looks is not missed by both.
        !self.is_seen() && !self.is_seen()
    }

    fn is_seen(&self) -> bool {
        let names = fs::read_dir("/proc").into_iter().flatten().flatten();
        let processes =
            names.filter(|entry| entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit));
        processes.into_iter().any(|process| {
            let environment = fs::read(process.path().join("environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == self.mark.as_bytes())
        })
    }
}
