// SPDX-License-Identifier: MIT OR Apache-2.0
//! A session in which any command may fail.

use super::session::{BmcSession, Error};
use ipmi::Command;

/// A session that goes on after a refused command, and skips all further commands once the BMC stopped responding.
pub struct TolerantSession<'a> {
    bmc: &'a mut BmcSession,
    problems: Vec<String>,
    is_hung: bool,
}

impl<'a> TolerantSession<'a> {
    /// A session over `bmc`, without problems so far.
    pub fn new(bmc: &'a mut BmcSession) -> Self {
        Self { bmc, problems: Vec::new(), is_hung: false }
    }

    /// The answer. `None` if the BMC does not support the command, or if it fails, which adds a problem.
    pub fn ask<C: Command>(&mut self, command: &C) -> Option<C::Answer> {
        match self.try_ask(command)? {
            Ok(answer) => Some(answer),
            Err(error) if error.is_absent() => None,
            Err(error) => {
                self.problems.push(error.to_string());
                None
            }
        }
    }

    /// The answer or the error. `None` if the BMC stopped responding, which adds one problem per session.
    pub fn try_ask<C: Command>(&mut self, command: &C) -> Option<Result<C::Answer, Error>> {
        self.with(|bmc| bmc.ask(command))
    }

    /// The result of several commands. `None` as in [`try_ask`](Self::try_ask).
    pub fn with<T>(
        &mut self,
        commands: impl FnOnce(&mut BmcSession) -> Result<T, Error>,
    ) -> Option<Result<T, Error>> {
        if self.is_hung {
            return None;
        }
        match commands(self.bmc) {
            Err(error) if error.is_hung() => {
                self.is_hung = true;
                self.problems
                    .push(format!("the BMC stopped responding, no further requests are sent: {error}"));
                None
            }
            answer => Some(answer),
        }
    }

    /// Whether the BMC stopped responding.
    pub fn is_hung(&self) -> bool {
        self.is_hung
    }

    /// Adds a problem.
    pub fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// Ends the session and returns its problems.
    pub fn end(self) -> Vec<String> {
        self.problems
    }
}
