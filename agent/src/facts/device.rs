// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asking a device that may answer with anything, or not at all.

use std::io;

use crate::host::Machine;

/// A device that is asked; why an answer is missing is kept as a problem.
pub struct Device<'a> {
    /// The machine it is in.
    pub machine: &'a Machine,
    /// Its name, under which its answers are recorded.
    pub name: &'a str,
    /// What could not be found out, and why.
    pub problems: &'a mut Vec<String>,
}

impl Device<'_> {
    /// The answer to `question` as `parse` reads it, which is `None` where the answer is too short to be one.
    pub fn answer<T>(
        &mut self,
        question: &str,
        ask: &dyn Fn() -> io::Result<Vec<u8>>,
        parse: fn(&[u8]) -> Option<T>,
    ) -> Option<T> {
        let name = self.name;
        match self.machine.ask(name, question, ask) {
            Ok(answer) => {
                let answer = answer?;
                let parsed = parse(&answer);
                if parsed.is_none() {
                    let length = answer.len();
                    self.problems.push(format!("{name}: {question}: {length} bytes are no answer, left out"));
                }
                parsed
            }
            Err(error) => {
                self.problems.push(format!("{name}: {question}: {error}, left out"));
                None
            }
        }
    }
}
