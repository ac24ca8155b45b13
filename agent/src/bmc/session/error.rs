// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a command failed.

use std::time::Duration;

use ipmi::{Completion, Malformed};
use thiserror::Error as ThisError;

/// A command that failed.
#[derive(Clone, Debug, ThisError)]
#[error("{command}: {reason}{}", after(*attempts))]
pub struct Error {
    /// Name of the command in the specification.
    pub command: &'static str,
    /// How often it was sent.
    pub attempts: u32,
    /// The result of the last attempt.
    pub reason: Reason,
    pub(super) is_absent: bool,
    pub(super) is_outcome_unknown: bool,
}

/// Why a request failed.
#[derive(Clone, Debug, ThisError, PartialEq, Eq)]
pub enum Reason {
    /// The BMC refused it; with the meaning of the completion code if it is specific to the command.
    #[error("{}", refusal(*.0, *.1))]
    Refused(Completion, Option<&'static str>),
    /// The response does not decode.
    #[error("{0}")]
    Undecodable(Malformed),
    /// What was received is not a response to this request.
    #[error("{0}")]
    Malformed(String),
    /// No response within this time.
    #[error("timed out after {:.1} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// The driver accepts no requests.
    #[error("{0}")]
    Closed(String),
    /// Not sent: the deadline of the session has passed.
    #[error("not sent, the deadline for the BMC has passed")]
    Deadline,
    /// No response within this time, when the deadline of the session passed.
    #[error("no response in the last {:.1} s, the deadline for the BMC has passed", .0.as_secs_f32())]
    Late(Duration),
    /// Not sent: what it is for is no longer waited for.
    #[error("not sent, the host goes on without it")]
    Superseded,
    /// Not sent: the session was cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// The BMC's completion code, if it responded.
    pub fn completion(&self) -> Option<Completion> {
        match self.reason {
            Reason::Refused(completion, _) => Some(completion),
            _ => None,
        }
    }

    /// Whether the BMC does not have this command, parameter or object.
    pub fn is_absent(&self) -> bool {
        self.is_absent
    }

    /// Whether the command changes something, and it is unknown whether the BMC executed it.
    pub fn is_outcome_unknown(&self) -> bool {
        self.is_outcome_unknown
    }

    /// Whether further commands would fail too.
    pub fn is_fatal(&self) -> bool {
        let is_over = matches!(self.reason, Reason::Timeout(_) | Reason::Closed(_) | Reason::Cancelled);
        is_over || self.is_out_of_time()
    }

    /// Whether the time for the BMC was over, and not the BMC at fault.
    pub(crate) fn is_out_of_time(&self) -> bool {
        matches!(self.reason, Reason::Deadline | Reason::Late(_) | Reason::Superseded)
    }

    /// Why further commands would fail too, for people.
    pub(crate) fn fatal_cause(&self) -> &'static str {
        match self.reason {
            Reason::Deadline | Reason::Late(_) => "the deadline for the BMC has passed",
            Reason::Superseded => "out of time",
            Reason::Cancelled => "cancelled",
            _ => "the BMC stopped responding",
        }
    }
}

fn refusal(completion: Completion, specific: Option<&str>) -> String {
    match specific {
        Some(meaning) => format!("{:#04x}, {meaning}", completion.0),
        None => completion.to_string(),
    }
}

fn after(attempts: u32) -> String {
    match attempts {
        0 | 1 => String::new(),
        _ => format!(" (after {attempts} attempts)"),
    }
}
