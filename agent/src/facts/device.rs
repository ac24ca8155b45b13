// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests to a device, which may answer with anything or not at all.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::io;

use crate::host::Machine;

/// A device to send requests to. A missing or invalid response becomes a problem.
pub(super) struct Device<'a> {
    /// The machine it is in.
    pub machine: &'a Machine,
    /// Its name, under which its answers are recorded.
    pub name: &'a str,
    /// Where problems go.
    pub problems: &'a mut Vec<String>,
}

impl Device<'_> {
    /// The response to `request`, parsed. `parse` returns `None` where the response is too short.
    pub(super) fn answer<T>(
        &mut self,
        request: &str,
        ask: &dyn Fn() -> io::Result<Vec<u8>>,
        parse: fn(&[u8]) -> Option<T>,
    ) -> Option<T> {
        let name = self.name;
        match self.machine.ask(name, request, ask) {
            Ok(answer) => {
                let answer = answer?;
                let parsed = parse(&answer);
                if parsed.is_none() {
                    let length = answer.len();
                    self.problems
                        .push(format!("{name}: {request}: invalid response of length {length}, skipped"));
                }
                parsed
            }
            Err(error) => {
                self.problems.push(format!("{name}: {request}: {error}, skipped"));
                None
            }
        }
    }
}
