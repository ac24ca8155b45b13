// SPDX-License-Identifier: MIT OR Apache-2.0
//! Progress of a scenario, as plain lines on standard output.

use std::time::Instant;

/// Prints lines with the seconds since [`Progress::start`].
#[derive(Clone, Copy, Debug)]
pub struct Progress(Instant);

impl Progress {
    /// Starts the clock.
    pub fn start() -> Progress {
        Progress(Instant::now())
    }

    /// Prints one line.
    pub fn print(self, line: &str) {
        println!("[{:3} s] {line}", self.0.elapsed().as_secs());
    }
}
