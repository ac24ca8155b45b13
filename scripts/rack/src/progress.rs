// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the rack does, reported in plain lines.

use std::time::Instant;

/// Prints lines with the seconds since it began.
#[derive(Clone, Copy, Debug)]
pub struct Progress(Instant);

impl Progress {
    /// Begins now.
    pub fn start() -> Progress {
        Progress(Instant::now())
    }

    /// Prints one line.
    pub fn say(self, words: &str) {
        println!("[{:3} s] {words}", self.0.elapsed().as_secs());
    }
}
