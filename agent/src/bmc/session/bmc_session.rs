// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands, with their retries.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::time::{Duration, Instant};
use std::{mem, thread};

use ipmi::app::GetDeviceId;
use ipmi::{Command, Completion, NetFn};

use super::{Counters, Error, Reason, RetryPolicy, Transport, TransportError};

/// The longest pause before a retry: a BMC takes a minute or two to boot.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How soon a pause ends after a cancellation, as in [`crate::host::Cancellation`].
const CANCELLATION_POLL: Duration = Duration::from_millis(20);

/// A session with a BMC.
pub struct BmcSession {
    transport: Box<dyn Transport>,
    policy: RetryPolicy,
    deadline: Instant,
    is_cancelled: Box<dyn Fn() -> bool + Send>,
    is_superseded: Box<dyn Fn() -> bool + Send>,
    counters: Counters,
    last_response: Option<Instant>,
    /// When the BMC itself last responded, and not the driver in its place.
    last_sign: Option<Instant>,
}

impl BmcSession {
    /// A session that sends nothing, and waits for nothing, after `deadline`.
    pub fn new(transport: Box<dyn Transport>, policy: RetryPolicy, deadline: Instant) -> Self {
        Self {
            transport,
            policy,
            deadline,
            is_cancelled: Box::new(|| false),
            is_superseded: Box::new(|| false),
            counters: Counters::default(),
            last_response: None,
            last_sign: None,
        }
    }

    /// Has the session send nothing more once `is_cancelled` returns true. It is polled before each request and during
    /// pauses.
    pub fn cancel_with(&mut self, is_cancelled: impl Fn() -> bool + Send + 'static) {
        self.is_cancelled = Box::new(is_cancelled);
    }

    /// As [`cancel_with`](Self::cancel_with), but it is no failure: what is read from now on is no longer waited for.
    pub(crate) fn end_with(&mut self, is_superseded: impl Fn() -> bool + Send + 'static) {
        self.is_superseded = Box::new(is_superseded);
    }

    /// Runs commands that belong together: a cancellation takes effect after them.
    pub(crate) fn without_cancellation<T>(&mut self, commands: impl FnOnce(&mut Self) -> T) -> T {
        let is_cancelled = mem::replace(&mut self.is_cancelled, Box::new(|| false));
        let result = commands(self);
        self.is_cancelled = is_cancelled;
        result
    }

    /// Sends a command and returns its response.
    ///
    /// A temporary completion code is followed by a retry, also for commands that change something: the response ends the
    /// request, so it is not executed later, and each such command sets values, so executing it twice is the same as once.
    /// A BMC that is updating itself or booting is waited for until the deadline. After a timeout the request may yet be
    /// executed: there is one more attempt, and none for a command that changes something. A response that does not decode
    /// is requested once more.
    ///
    /// # Errors
    /// [`Error`].
    pub fn ask<C: Command>(&mut self, command: &C) -> Result<C::Answer, Error> {
        let request = Request {
            name: C::NAME,
            net_fn: C::NET_FN,
            code: C::CODE,
            data: &command.data(),
            changes: C::CHANGES,
            own: C::own_completion,
            absent: C::ABSENT,
            not_yet: C::NOT_YET,
        };
        let mut attempts = 1;
        let mut answer = command.answer(&self.exchange(&request)?);
        if answer.is_err() && !C::CHANGES {
            attempts += 1;
            self.counters.retries += 1;
            answer = command.answer(&self.exchange(&request)?);
        }
        answer.map_err(|malformed| request.error(attempts, Reason::Undecodable(malformed), false))
    }

    /// What the session has sent so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// When the session ends.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Sets when the session ends.
    pub fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    pub(super) fn policy(&self) -> RetryPolicy {
        self.policy
    }

    /// Sets its timeouts and retries.
    pub(crate) fn set_policy(&mut self, policy: RetryPolicy) {
        self.policy = policy;
    }

    /// Moves the end of the session.
    pub(crate) fn extend(&mut self, time: Duration) {
        self.deadline += time;
    }

    /// The data of the response, after as many attempts as make sense.
    fn exchange(&mut self, request: &Request<'_>) -> Result<Vec<u8>, Error> {
        let (mut attempts, mut losses, mut is_outcome_unknown) = (0, 0, false);
        let mut pause = self.policy.pause;
        let start = Instant::now();
        let mut reason = Reason::Deadline;
        loop {
            match self.attempt(request) {
                Ok(data) => return Ok(data),
                Err(Reason::Deadline) => return Err(request.error(attempts, reason, is_outcome_unknown)),
                Err(found) => reason = found,
            }
            if matches!(reason, Reason::Cancelled | Reason::Superseded) {
                return Err(request.error(attempts, reason, is_outcome_unknown));
            }
            attempts += 1;
            losses +=
                u32::from(matches!(reason, Reason::Timeout(_) | Reason::Late(_) | Reason::Malformed(_)));
            is_outcome_unknown |= request.changes && may_be_executed(&reason);
            let again = match reason {
                Reason::Refused(code, _) if code.may_pass() => {
                    is_early(&self.policy, start, attempts, request) || self.is_unavailable(code)
                }
                Reason::Refused(code, _) if request.not_yet.contains(&code.0) => {
                    is_early(&self.policy, start, attempts, request)
                }
                Reason::Timeout(_) | Reason::Malformed(_) => losses == 1 && !request.changes,
                Reason::Refused(..)
                | Reason::Undecodable(_)
                | Reason::Closed(_)
                | Reason::Deadline
                | Reason::Late(_)
                | Reason::Superseded
                | Reason::Cancelled => false,
            };
            if !again || self.left() <= pause {
                return Err(request.error(attempts, reason, is_outcome_unknown));
            }
            self.pause(pause);
            self.counters.waited += pause;
            self.counters.retries += 1;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    /// One request. The data of a response whose completion code is 00h.
    fn attempt(&mut self, request: &Request<'_>) -> Result<Vec<u8>, Reason> {
        let since = self.last_response.map_or(Duration::MAX, |last| last.elapsed());
        self.pause(self.policy.spacing.saturating_sub(since));
        if (self.is_cancelled)() {
            return Err(Reason::Cancelled);
        }
        if (self.is_superseded)() {
            return Err(Reason::Superseded);
        }
        let timeout = self.policy.timeout.min(self.left());
        if timeout.is_zero() {
            return Err(Reason::Deadline);
        }
        self.counters.requests += 1;
        self.counters.changes += u32::from(request.changes);
        let response = self.transport.exchange(request.net_fn, request.code, request.data, timeout);
        self.last_response = Some(Instant::now());
        let response = response.map_err(|error| match error {
            TransportError::Timeout => {
                let silence = self.last_sign.map_or(timeout, |last| last.elapsed().max(timeout));
                let is_late = silence < self.policy.timeout;
                if is_late { Reason::Late(timeout) } else { Reason::Timeout(silence) }
            }
            TransportError::Closed(cause) => Reason::Closed(cause),
            TransportError::Malformed(cause) => Reason::Malformed(cause),
        })?;
        match response.split_first().map(|(&code, data)| (Completion(code), data)) {
            Some((Completion::NORMAL, data)) => {
                self.last_sign = self.last_response;
                Ok(data.to_vec())
            }
            Some((code, _)) => {
                let reason = Reason::Refused(code, (request.own)(code.0));
                if !may_be_executed(&reason) {
                    self.last_sign = self.last_response;
                }
                Err(reason)
            }
            None => Err(Reason::Malformed("response without a completion code".to_string())),
        }
    }

    /// Whether `code` is not about the command: the BMC is updating itself or booting, and responds so to Get Device ID
    /// too, which it must always accept (IPMI 2.0, section 20.1).
    fn is_unavailable(&mut self, code: Completion) -> bool {
        if matches!(code, Completion::IN_UPDATE | Completion::IN_INITIALISATION) {
            return true;
        }
        let probe = Request {
            name: GetDeviceId::NAME,
            net_fn: GetDeviceId::NET_FN,
            code: GetDeviceId::CODE,
            data: &[],
            changes: GetDeviceId::CHANGES,
            own: GetDeviceId::own_completion,
            absent: GetDeviceId::ABSENT,
            not_yet: GetDeviceId::NOT_YET,
        };
        match self.attempt(&probe) {
            Ok(data) => GetDeviceId.answer(&data).is_ok_and(|id| id.is_updating),
            Err(Reason::Refused(code, _)) => code.may_pass(),
            Err(_) => false,
        }
    }

    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Sleeps for `pause`, or until the session is cancelled.
    pub(super) fn pause(&self, pause: Duration) {
        let end = Instant::now() + pause;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || (self.is_cancelled)() || (self.is_superseded)() {
                return;
            }
            thread::sleep(left.min(CANCELLATION_POLL));
        }
    }
}

/// A [`Command`] without its type, so that the retries are compiled once.
struct Request<'a> {
    name: &'static str,
    net_fn: NetFn,
    code: u8,
    data: &'a [u8],
    changes: bool,
    own: fn(u8) -> Option<&'static str>,
    absent: Option<u8>,
    not_yet: &'static [u8],
}

impl Request<'_> {
    fn error(&self, attempts: u32, reason: Reason, is_outcome_unknown: bool) -> Error {
        let is_absent = match reason {
            Reason::Refused(code, _) => code.is_absent() || self.absent == Some(code.0),
            _ => false,
        };
        Error { command: self.name, attempts, reason, is_absent, is_outcome_unknown }
    }
}

/// Whether a refusal may still be about the moment.
fn is_early(policy: &RetryPolicy, start: Instant, attempts: u32, request: &Request<'_>) -> bool {
    let further = if request.not_yet.is_empty() { 0 } else { policy.further_attempts };
    start.elapsed() < policy.timeout && attempts < policy.attempts + further
}

/// Whether the BMC may have executed, or may yet execute, the request. A BMC that is busy has not.
fn may_be_executed(reason: &Reason) -> bool {
    match reason {
        Reason::Refused(code, _) => {
            matches!(*code, Completion::TIMEOUT | Completion::NO_ANSWER | Completion::UNSPECIFIED)
        }
        Reason::Timeout(_) | Reason::Late(_) | Reason::Malformed(_) | Reason::Closed(_) => true,
        Reason::Undecodable(_) | Reason::Deadline | Reason::Superseded | Reason::Cancelled => false,
    }
}

#[cfg(test)]
mod tests;
