// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading many values of which any may fail.

use std::time::Duration;

use ipmi::Command;

use super::{BmcSession, Error};

/// A session in which an error is recorded as a problem and costs only the value that was requested. A fatal error ends
/// the session.
pub(crate) struct LenientSession<'a> {
    bmc: &'a mut BmcSession,
    problems: Vec<String>,
    fatal_cause: Option<&'static str>,
    is_out_of_time: bool,
    is_outcome_unknown: bool,
}

impl<'a> LenientSession<'a> {
    pub(crate) fn new(bmc: &'a mut BmcSession) -> Self {
        Self {
            bmc,
            problems: Vec::new(),
            fatal_cause: None,
            is_out_of_time: false,
            is_outcome_unknown: false,
        }
    }

    /// The response. `None` if the BMC does not have the value, which is no problem, or if the command fails, which is one.
    pub(crate) fn ask<C: Command>(&mut self, command: &C) -> Option<C::Answer> {
        match self.try_ask(command)? {
            Ok(answer) => Some(answer),
            Err(error) if error.is_absent() => None,
            Err(error) => {
                self.problems.push(error.to_string());
                None
            }
        }
    }

    /// The response, or an error that is not a problem yet. `None` after a fatal error.
    pub(crate) fn try_ask<C: Command>(&mut self, command: &C) -> Option<Result<C::Answer, Error>> {
        self.with(|bmc| bmc.ask(command))
    }

    /// The result of `exchange`, which may send several commands. `None` after a fatal error.
    pub(crate) fn with<T>(
        &mut self,
        exchange: impl FnOnce(&mut BmcSession) -> Result<T, Error>,
    ) -> Option<Result<T, Error>> {
        if self.fatal_cause.is_some() {
            return None;
        }
        match exchange(self.bmc) {
            Err(error) if error.is_fatal() => {
                let cause = error.fatal_cause();
                self.fatal_cause = Some(cause);
                self.is_out_of_time = error.is_out_of_time();
                self.is_outcome_unknown = error.is_outcome_unknown();
                self.problems.push(format!("{cause}, no further requests are sent: {error}"));
                None
            }
            result => Some(result),
        }
    }

    /// Why nothing more is sent, once there was a fatal error.
    pub(crate) fn fatal_cause(&self) -> Option<&'static str> {
        self.fatal_cause
    }

    /// Whether it was the time that ended the session, and not the BMC.
    pub(crate) fn is_out_of_time(&self) -> bool {
        self.is_out_of_time
    }

    /// Whether it is unknown if the BMC executed the command that ended the session.
    pub(crate) fn is_outcome_unknown(&self) -> bool {
        self.is_outcome_unknown
    }

    /// Moves the deadline: this time was not the BMC's.
    pub(crate) fn extend(&mut self, time: Duration) {
        self.bmc.extend(time);
    }

    /// How much time is left until the deadline.
    pub(crate) fn left(&self) -> Duration {
        self.bmc.left()
    }

    /// Sleeps for so many times the pause before a retry, or until the session is cancelled.
    pub(crate) fn pause(&self, times: u32) {
        self.bmc.pause(self.bmc.policy().pause * times);
    }

    /// Records a problem.
    pub(crate) fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// Ends the session and returns the problems.
    pub(crate) fn into_problems(self) -> Vec<String> {
        self.problems
    }
}
