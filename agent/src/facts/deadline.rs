// SPDX-License-Identifier: MIT OR Apache-2.0
//! Work that may hang: it is abandoned at a deadline.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::io;
use std::time::{Duration, Instant};

use crate::host::task::{NoResult, Task, timed_out};

/// Work for a thread of its own.
pub(super) type Job<T> = Box<dyn FnOnce() -> T + Send>;

/// Runs the named jobs in parallel, and returns their results within `limit`, in the order of the jobs. In place of a job
/// that has not finished by then, or panicked, is a message.
pub(super) fn in_parallel<T: Send + 'static>(
    limit: Duration,
    jobs: Vec<(String, Job<T>)>,
) -> Vec<Result<T, String>> {
    let deadline = Instant::now() + limit;
    let start = |(name, job): (String, Job<T>)| {
        let task = Task::start(&name, job);
        (name, task)
    };
    let running: Vec<_> = jobs.into_iter().map(start).collect();
    let finish = |(name, task): (String, io::Result<Task<T>>)| {
        let task = task.map_err(|error| format!("{name}: starting a thread: {error}"))?;
        task.wait(deadline.saturating_duration_since(Instant::now())).map_err(|error| match error {
            NoResult::TimedOut => format!("{name}: {}", timed_out(limit)),
            NoResult::Panicked(_) | NoResult::Taken => format!("{name}: {error}"),
        })
    };
    running.into_iter().map(finish).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn one_that_hangs_or_panics_costs_itself_alone() {
        let (_sender, never) = channel::<()>();
        let jobs: Vec<(String, Job<u32>)> = vec![
            ("sda".to_string(), Box::new(|| 1)),
            (
                "sdb".to_string(),
                Box::new(move || {
                    let _ = never.recv();
                    2
                }),
            ),
            ("sdc".to_string(), Box::new(|| panic!("no such field"))),
            ("sdd".to_string(), Box::new(|| 4)),
        ];
        let results = in_parallel(Duration::from_millis(500), jobs);
        assert_eq!(results[0], Ok(1));
        assert_eq!(results[1], Err("sdb: timed out after 0.5 s".to_string()));
        assert!(results[2].as_ref().is_err_and(|words| words.starts_with("sdc: internal error")));
        assert_eq!(results[3], Ok(4));
    }
}
