// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asking a BMC many things of which any may fail.

use super::session::{BmcSession, Error};
use ipmi::Command;

/// A conversation in which a failure costs what was asked for, and the BMC's silence everything that would follow.
pub struct TolerantSession<'a> {
    bmc: &'a mut BmcSession,
    problems: Vec<String>,
    is_hung: bool,
}

impl<'a> TolerantSession<'a> {
    /// A conversation.
    pub fn new(bmc: &'a mut BmcSession) -> Self {
        Self { bmc, problems: Vec::new(), is_hung: false }
    }

    /// The answer. `None` where the BMC has no such thing, which is none to worry about, and where it fails, which is a
    /// problem.
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

    /// The answer, or why there is none. `None` where the BMC hangs, which is told once.
    pub fn try_ask<C: Command>(&mut self, command: &C) -> Option<Result<C::Answer, Error>> {
        self.with(|bmc| bmc.ask(command))
    }

    /// What comes of a conversation of several commands.
    pub fn with<T>(
        &mut self,
        talk: impl FnOnce(&mut BmcSession) -> Result<T, Error>,
    ) -> Option<Result<T, Error>> {
        if self.is_hung {
            return None;
        }
        match talk(self.bmc) {
            Err(error) if error.is_hung() => {
                self.is_hung = true;
                self.problems
                    .push(format!("the BMC stopped responding, no further requests are sent: {error}"));
                None
            }
            answer => Some(answer),
        }
    }

    /// The BMC hangs, and is asked no more.
    pub fn is_hung(&self) -> bool {
        self.is_hung
    }

    /// Something went wrong.
    pub fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// What went wrong.
    pub fn end(self) -> Vec<String> {
        self.problems
    }
}
