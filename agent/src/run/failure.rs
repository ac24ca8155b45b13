// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a run ended early.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use std::fmt;

use nix::sys::signal::Signal;
use stage1_contract::StageName;
use thiserror::Error;

use super::advice;

/// Why a run ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A stage failed.
    Failed(Failure),
    /// This process was asked to end.
    Signal(Signal),
}

/// The stage that ended a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Name of the stage.
    pub stage: StageName,
    /// What failed, naming the object.
    pub message: String,
    /// What an operator can do about it.
    pub advice: Option<&'static str>,
}

/// The run has ended; [`Cause`] is why.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the run has ended")]
pub struct Stopped;

/// The inventory had nothing for this host until the end of the setting `wait-timeout`.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("no {what} for this host within {waited_s} s (setting wait-timeout)")]
pub struct NotAssigned {
    /// `profile` or `action`.
    pub what: &'static str,
    /// The setting, in seconds.
    pub waited_s: u64,
}

impl Failure {
    /// A stage that failed with `error`.
    pub fn new(stage: StageName, error: &anyhow::Error) -> Self {
        let advice = advice::of_failure(&stage, error).advice();
        Self { stage, message: format!("{error:#}"), advice: Some(advice) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, self.message)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => write!(f, "failed: {failure}"),
            Self::Signal(signal) => write!(f, "stopped by {signal}"),
        }
    }
}
