// SPDX-License-Identifier: MIT OR Apache-2.0
//! The processes that a program has started: one that is still alive may still be writing, although the program has ended.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::prctl::set_child_subreaper;

/// The variable by which the processes of a program are recognised, in whatever process group and session they are.
const VARIABLE: &str = "STAGE1_PROGRAM";

/// A program and all processes that it starts.
pub(super) struct Family {
    /// `VARIABLE=VALUE`, as in `/proc/PID/environ`.
    mark: String,
}

impl Family {
    /// That of a program which is about to be started. From now on, processes whose parent has ended are children of this
    /// process and not of PID 1: prctl(2), PR_SET_CHILD_SUBREAPER.
    pub(super) fn of(program: &mut Command) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if let Err(errno) = set_child_subreaper(true) {
            log::warn!("processes that a program leaves behind cannot be waited for: {errno}");
        }
        let value = format!("{}.{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        program.env(VARIABLE, &value);
        Self { mark: format!("{VARIABLE}={value}") }
    }

    /// Whether none of its processes is alive. One that has ended, and that nobody has waited for, has no environment.
    pub(super) fn has_ended(&self) -> bool {
        let has_mark = |process: &String| {
            let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == self.mark.as_bytes())
        };
        !children().iter().any(has_mark)
    }
}

/// The process IDs of this process's children (proc_pid_stat(5)).
fn children() -> Vec<String> {
    let us = std::process::id().to_string();
    let is_ours = |process: &String| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // The name, in parentheses, may hold anything.
        stat.rsplit_once(") ").and_then(|(_, fields)| fields.split(' ').nth(1)) == Some(us.as_str())
    };
    let names = fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).filter(is_ours).collect()
}
