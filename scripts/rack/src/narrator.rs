// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the rack does, told in plain lines.

use std::time::Instant;

/// Prints lines with the seconds since it began.
#[derive(Clone, Copy, Debug)]
pub struct Narrator(Instant);

impl Narrator {
    /// Begins now.
    pub fn start() -> Narrator {
        Narrator(Instant::now())
    }

    /// Prints one line.
    pub fn say(self, words: &str) {
        println!("[{:3} s] {words}", self.0.elapsed().as_secs());
    }
}
