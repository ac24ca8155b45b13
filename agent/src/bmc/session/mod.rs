// SPDX-License-Identifier: MIT OR Apache-2.0
//! A session with a BMC: one command at a time, each with a timeout, all within one deadline, with retries after
//! temporary errors.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

pub mod device;
mod erase_sel;
mod fru;
mod sdr;
mod sel;
mod sensors;
mod walk;

use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error as ThisError;

use ipmi::app::GetDeviceId;
use ipmi::{Command, Completion, Malformed, NetFn};

pub use erase_sel::erase_sel;
pub use fru::read_fru;
pub use sdr::{Sdrs, read_sdrs};
pub use sel::{Sel, read_sel};
pub use sensors::{Assertion, Sensor, SensorState, Sensors, read_sensors};
pub use walk::RecordProblem;

/// Longest pause before a retry: a BMC takes a minute or two to boot.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Interval at which a pause checks for cancellation.
const POLL: Duration = Duration::from_millis(20);

/// A system interface to a BMC.
pub trait Transport: Send {
    /// Sends a request, waits for its answer, and returns the completion code and the data. Answers to other requests
    /// are discarded.
    ///
    /// # Errors
    /// [`TransportError`].
    fn exchange(
        &mut self,
        net_fn: NetFn,
        code: u8,
        data: &[u8],
        timeout: Duration,
    ) -> Result<Vec<u8>, TransportError>;
}

/// Why a request has no answer.
#[derive(Clone, Debug, ThisError, PartialEq, Eq)]
pub enum TransportError {
    /// Timed out. The BMC may have executed the command, or may do so later.
    #[error("no answer")]
    Silent,
    /// The driver does not accept requests.
    #[error("{0}")]
    Gone(String),
    /// The response does not belong to this command, or is malformed.
    #[error("{0}")]
    Garbled(String),
}

/// Timeouts and retries of a session.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Timeout of one request. One that writes flash takes a second or two. If the interface is stuck, the kernel's KCS
    /// driver retries for up to a minute (`MAX_ERROR_RETRIES`, ipmi_kcs_sm.c); the session does not wait for that.
    pub answer: Duration,
    /// Attempts of a command that the BMC refuses temporarily; fewer if they take longer than `answer`.
    pub attempts: u32,
    /// Pause before the second attempt; doubled before each further one.
    pub pause: Duration,
    /// Pause between any two commands. None by default: KCS, BT and SSIF have flow control, and reading an SDR
    /// repository takes hundreds of commands.
    pub spacing: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(5),
            attempts: 4,
            pause: Duration::from_millis(100),
            spacing: Duration::ZERO,
        }
    }
}

/// Counters of a session so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests sent.
    pub requests: u32,
    /// Requests that were retries.
    pub retries: u32,
    /// Requests that change something in the BMC.
    pub changes: u32,
    /// Time spent in pauses before retries.
    pub waited: Duration,
}

/// Why a command failed.
#[derive(Clone, Debug, ThisError)]
#[error("{command}: {reason}{}", after(*attempts))]
pub struct Error {
    /// Name of the command.
    pub command: &'static str,
    /// How often it was sent.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub reason: Reason,
    is_absent: bool,
    is_unsure: bool,
}

/// Why a request failed.
#[derive(Clone, Debug, ThisError, PartialEq, Eq)]
pub enum Reason {
    /// The BMC refused: the completion code, and its meaning if it is specific to the command.
    #[error("{}", refusal(*.0, *.1))]
    Refused(Completion, Option<&'static str>),
    /// The answer cannot be parsed.
    #[error("{0}")]
    Malformed(Malformed),
    /// The response does not belong to this command, or is malformed.
    #[error("{0}")]
    Garbled(String),
    /// No answer within this time.
    #[error("no answer in {:.1} s", .0.as_secs_f32())]
    Silent(Duration),
    /// The driver does not accept requests.
    #[error("{0}")]
    Gone(String),
    /// Not sent: the session's deadline has passed.
    #[error("the time for the BMC is over")]
    Deadline,
    /// Not sent: the run has ended.
    #[error("cancelled, since the run has ended")]
    Cancelled,
}

impl Error {
    /// The BMC's completion code; `None` if it did not answer.
    pub fn completion(&self) -> Option<Completion> {
        match self.reason {
            Reason::Refused(completion, _) => Some(completion),
            _ => None,
        }
    }

    /// Whether the BMC reports that it has no such command, parameter or object.
    pub fn is_absent(&self) -> bool {
        self.is_absent
    }

    /// Whether the command changes something, and it is unknown whether the BMC executed it.
    pub fn is_unsure(&self) -> bool {
        self.is_unsure
    }

    /// Whether further commands cannot succeed: no answer, no driver, deadline passed, or cancelled.
    pub fn is_hung(&self) -> bool {
        matches!(self.reason, Reason::Silent(_) | Reason::Gone(_) | Reason::Deadline | Reason::Cancelled)
    }
}

/// A session with a BMC.
pub struct BmcSession {
    transport: Box<dyn Transport>,
    policy: RetryPolicy,
    deadline: Instant,
    counters: Counters,
    answered: Option<Instant>,
    is_cancelled: Box<dyn Fn() -> bool + Send>,
}

impl BmcSession {
    /// A session over `transport`. After `deadline` nothing is sent, and nothing is waited for.
    pub fn new(transport: Box<dyn Transport>, policy: RetryPolicy, deadline: Instant) -> Self {
        Self {
            transport,
            policy,
            deadline,
            counters: Counters::default(),
            answered: None,
            is_cancelled: Box::new(|| false),
        }
    }

    /// Sends a command and waits for its answer.
    ///
    /// A temporary completion code is retried, also for a command that changes something: the answer ends the request,
    /// so it is not executed later, and such commands set values, so executing one twice has the effect of once. A BMC
    /// that is being updated or is booting is waited for up to the deadline. After a timeout there is one more attempt,
    /// but none if the command changes something, since the first may still be executed. An answer that cannot be
    /// parsed is requested once more.
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
        };
        let mut attempts = 1;
        let mut answer = command.answer(&self.exchange(&request)?);
        if answer.is_err() && !C::CHANGES {
            attempts += 1;
            self.counters.retries += 1;
            answer = command.answer(&self.exchange(&request)?);
        }
        answer.map_err(|malformed| request.error(attempts, Reason::Malformed(malformed), false))
    }

    /// Sends nothing any more once `is_cancelled` returns true.
    pub fn cancel_with(&mut self, is_cancelled: impl Fn() -> bool + Send + 'static) {
        self.is_cancelled = Box::new(is_cancelled);
    }

    /// Runs commands that belong together without checking for cancellation ([`BmcSession::cancel_with`]).
    pub fn without_cancellation<T>(&mut self, commands: impl FnOnce(&mut Self) -> T) -> T {
        let is_cancelled = std::mem::replace(&mut self.is_cancelled, Box::new(|| false));
        let result = commands(self);
        self.is_cancelled = is_cancelled;
        result
    }

    /// The counters so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The deadline of the session.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Sets the deadline of the session.
    pub fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    /// The data of the BMC's answer, with retries.
    fn exchange(&mut self, request: &Request<'_>) -> Result<Vec<u8>, Error> {
        let (mut attempts, mut losses, mut is_unsure) = (0, 0, false);
        let mut pause = self.policy.pause;
        let start = Instant::now();
        let mut reason = Reason::Deadline;
        loop {
            match self.attempt(request) {
                Ok(data) => return Ok(data),
                Err(Reason::Deadline) => return Err(request.error(attempts, reason, is_unsure)),
                Err(found) => reason = found,
            }
            attempts += 1;
            losses += u32::from(matches!(reason, Reason::Silent(_) | Reason::Garbled(_)));
            is_unsure |= request.changes && leaves_open(&reason);
            let again = match reason {
                Reason::Refused(code, _) if code.may_pass() => {
                    let is_early = start.elapsed() < self.policy.answer;
                    is_early && attempts < self.policy.attempts || self.is_away(code)
                }
                Reason::Silent(_) | Reason::Garbled(_) => losses == 1 && !request.changes,
                Reason::Refused(..)
                | Reason::Malformed(_)
                | Reason::Gone(_)
                | Reason::Deadline
                | Reason::Cancelled => false,
            };
            if !again || self.left() <= pause {
                return Err(request.error(attempts, reason, is_unsure));
            }
            self.pause(pause);
            self.counters.waited += pause;
            self.counters.retries += 1;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    /// Sends one request, and returns the data of an answer with completion code 00h.
    fn attempt(&mut self, request: &Request<'_>) -> Result<Vec<u8>, Reason> {
        let since = self.answered.map_or(Duration::MAX, |answered| answered.elapsed());
        thread::sleep(self.policy.spacing.saturating_sub(since));
        let timeout = self.policy.answer.min(self.left());
        if timeout.is_zero() {
            return Err(Reason::Deadline);
        }
        if (self.is_cancelled)() {
            return Err(Reason::Cancelled);
        }
        self.counters.requests += 1;
        self.counters.changes += u32::from(request.changes);
        let answer = self.transport.exchange(request.net_fn, request.code, request.data, timeout);
        self.answered = Some(Instant::now());
        let answer = answer.map_err(|error| match error {
            TransportError::Silent => Reason::Silent(timeout),
            TransportError::Gone(why) => Reason::Gone(why),
            TransportError::Garbled(why) => Reason::Garbled(why),
        })?;
        match answer.split_first().map(|(&code, data)| (Completion(code), data)) {
            Some((Completion::NORMAL, data)) => Ok(data.to_vec()),
            Some((code, _)) => Err(Reason::Refused(code, (request.own)(code.0))),
            None => Err(Reason::Garbled("an answer without a completion code".to_string())),
        }
    }

    /// Whether `code` is not specific to the command: the BMC is being updated or is booting, and answers likewise to
    /// Get Device ID, which is mandatory (IPMI 2.0, section 20.1).
    fn is_away(&mut self, code: Completion) -> bool {
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
        };
        match self.attempt(&probe) {
            Ok(data) => GetDeviceId.answer(&data).is_ok_and(|id| id.is_updating),
            Err(Reason::Refused(code, _)) => code.may_pass(),
            Err(_) => false,
        }
    }

    /// Waits, unless the session is cancelled.
    fn pause(&self, pause: Duration) {
        let end = Instant::now() + pause;
        while let left = end.saturating_duration_since(Instant::now())
            && !left.is_zero()
            && !(self.is_cancelled)()
        {
            thread::sleep(left.min(POLL));
        }
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// A [`Command`] without its type, so that the code of the session is compiled once.
struct Request<'a> {
    name: &'static str,
    net_fn: NetFn,
    code: u8,
    data: &'a [u8],
    changes: bool,
    own: fn(u8) -> Option<&'static str>,
    absent: Option<u8>,
}

impl Request<'_> {
    fn error(&self, attempts: u32, reason: Reason, is_unsure: bool) -> Error {
        let is_absent = match reason {
            Reason::Refused(code, _) => code.is_absent() || self.absent == Some(code.0),
            _ => false,
        };
        Error { command: self.name, attempts, reason, is_absent, is_unsure }
    }
}

/// Whether the BMC may have executed the command, or may do so later. After "node busy" it has not.
fn leaves_open(reason: &Reason) -> bool {
    match reason {
        Reason::Refused(code, _) => {
            matches!(*code, Completion::TIMEOUT | Completion::NO_ANSWER | Completion::UNSPECIFIED)
        }
        Reason::Silent(_) | Reason::Garbled(_) | Reason::Gone(_) => true,
        Reason::Malformed(_) | Reason::Deadline | Reason::Cancelled => false,
    }
}

fn refusal(completion: Completion, own: Option<&str>) -> String {
    match own {
        Some(words) => format!("{:#04x}, {words}", completion.0),
        None => completion.to_string(),
    }
}

fn after(attempts: u32) -> String {
    match attempts {
        0 | 1 => String::new(),
        _ => format!(" (after {attempts} attempts)"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use super::*;

    const DEVICE_ID: [u8; 12] = [0, 0x20, 1, 4, 0x40, 2, 0xdf, 0xa2, 2, 0, 0, 1];
    const UPDATING: [u8; 12] = [0, 0x20, 1, 0x84, 0x40, 2, 0xdf, 0xa2, 2, 0, 0, 1];

    /// Answers from a script, then repeats its last answer; records each request, its time and its timeout.
    #[derive(Clone)]
    struct Script(Arc<Mutex<Scripted>>);

    struct Scripted {
        answers: VecDeque<Result<Vec<u8>, TransportError>>,
        delay: Duration,
        asked: Vec<Asked>,
    }

    struct Asked {
        code: u8,
        at: Instant,
        timeout: Duration,
    }

    impl Transport for Script {
        fn exchange(
            &mut self,
            _: NetFn,
            code: u8,
            _: &[u8],
            timeout: Duration,
        ) -> Result<Vec<u8>, TransportError> {
            let Scripted { answers, delay, asked } = &mut *self.0.lock().unwrap();
            asked.push(Asked { code, at: Instant::now(), timeout });
            thread::sleep(*delay);
            if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() }
        }
    }

    impl Script {
        fn codes(&self) -> Vec<u8> {
            self.0.lock().unwrap().asked.iter().map(|asked| asked.code).collect()
        }
    }

    struct Read;
    impl Command for Read {
        const NAME: &'static str = "Read";
        const NET_FN: NetFn = NetFn::App;
        const CODE: u8 = 0x70;
        const ABSENT: Option<u8> = Some(0x80);
        type Answer = u8;

        fn data(&self) -> Vec<u8> {
            Vec::new()
        }

        fn answer(&self, data: &[u8]) -> Result<u8, Malformed> {
            ipmi::Reader::new(data).byte("value")
        }

        fn own_completion(code: u8) -> Option<&'static str> {
            (code == 0x80).then_some("no such value")
        }
    }

    struct Write;
    impl Command for Write {
        const NAME: &'static str = "Write";
        const NET_FN: NetFn = NetFn::App;
        const CODE: u8 = 0x71;
        const CHANGES: bool = true;
        type Answer = ();

        fn data(&self) -> Vec<u8> {
            Vec::new()
        }

        fn answer(&self, _: &[u8]) -> Result<(), Malformed> {
            Ok(())
        }
    }

    fn session<const N: usize>(answers: [Result<&[u8], TransportError>; N]) -> (BmcSession, Script) {
        let answers = answers.map(|answer| answer.map(<[u8]>::to_vec)).into();
        let script =
            Script(Arc::new(Mutex::new(Scripted { answers, delay: Duration::ZERO, asked: Vec::new() })));
        let policy = RetryPolicy { pause: Duration::from_millis(1), ..RetryPolicy::default() };
        let deadline = Instant::now() + Duration::from_secs(60);
        (BmcSession::new(Box::new(script.clone()), policy, deadline), script)
    }

    #[test]
    fn what_may_pass_is_asked_again() {
        let (mut bmc, script) = session([Ok(&[0xc0]), Ok(&[0xc3]), Ok(&[0, 42])]);
        assert_eq!(bmc.ask(&Read).unwrap(), 42);
        let waited = Duration::from_millis(3);
        assert_eq!(bmc.counters(), Counters { requests: 3, retries: 2, changes: 0, waited });
        let asked = &script.0.lock().unwrap().asked;
        assert!(asked[2].at - asked[0].at >= waited);
        assert_eq!(asked[0].timeout, RetryPolicy::default().answer);
    }

    #[test]
    fn a_refusal_is_final() {
        let (mut bmc, script) = session([Ok(&[0xcc])]);
        let error = bmc.ask(&Read).unwrap_err();
        assert_eq!(error.to_string(), "Read: 0xcc, invalid data field in request");
        assert_eq!(error.completion(), Some(Completion::INVALID_FIELD));
        assert!(!error.is_absent() && !error.is_unsure() && !error.is_hung());
        assert_eq!(script.codes(), [0x70]);
    }

    #[test]
    fn a_parameter_that_is_not_there_is_absent() {
        for code in [0x80, 0xc1] {
            assert!(session([Ok(&[code])]).0.ask(&Read).unwrap_err().is_absent());
        }
        assert_eq!(session([Ok(&[0x80])]).0.ask(&Read).unwrap_err().to_string(), "Read: 0x80, no such value");
        assert!(!session([Ok(&[0x80])]).0.ask(&Write).unwrap_err().is_absent());
    }

    #[test]
    fn a_command_that_is_refused_for_ever_costs_its_attempts() {
        let busy: [u8; 1] = [0xff];
        let (mut bmc, script) =
            session([Ok(&busy), Ok(&busy), Ok(&busy), Ok(&busy), Ok(&DEVICE_ID), Ok(&[0, 42])]);
        let error = bmc.ask(&Read).unwrap_err();
        assert_eq!(error.to_string(), "Read: 0xff, unspecified error (after 4 attempts)");
        assert_eq!(script.codes(), [0x70, 0x70, 0x70, 0x70, 0x01]);
        assert_eq!(bmc.ask(&Read).unwrap(), 42);
    }

    #[test]
    fn a_refusal_that_takes_long_costs_fewer_attempts() {
        let (mut bmc, script) = session([Ok(&[0xc3]), Ok(&DEVICE_ID)]);
        bmc.policy.answer = Duration::from_millis(5);
        script.0.lock().unwrap().delay = Duration::from_millis(6);
        assert_eq!(bmc.ask(&Read).unwrap_err().completion(), Some(Completion::TIMEOUT));
        assert_eq!(script.codes(), [0x70, 0x01]);
    }

    #[test]
    fn a_bmc_in_an_update_is_waited_for() {
        let busy: [u8; 1] = [0xc0];
        let (mut bmc, script) = session([
            Ok(&busy),
            Ok(&busy),
            Ok(&busy),
            Ok(&busy),
            Ok(&busy), // to Get Device ID
            Ok(&busy),
            Ok(&UPDATING),
            Ok(&[0xd1]),
            Ok(&[0xd2]),
            Ok(&[0, 42]),
        ]);
        assert_eq!(bmc.ask(&Read).unwrap(), 42);
        assert_eq!(script.codes(), [0x70, 0x70, 0x70, 0x70, 0x01, 0x70, 0x01, 0x70, 0x70, 0x70]);
    }

    #[test]
    fn a_bmc_that_stays_away_costs_the_deadline() {
        let (mut bmc, script) = session([Ok(&[0xd1])]);
        bmc.policy.attempts = 1;
        bmc.set_deadline(Instant::now() + Duration::from_millis(40));
        let error = bmc.ask(&Write).unwrap_err();
        assert!(script.codes().len() > 1);
        assert_eq!(error.completion(), Some(Completion::IN_UPDATE));
        assert!(!error.is_unsure(), "the BMC reported that it was not executed");
        assert!(
            script.0.lock().unwrap().asked.iter().all(|asked| asked.timeout <= Duration::from_millis(40))
        );
        bmc.set_deadline(Instant::now());
        let asked = script.codes().len();
        let error = bmc.ask(&Write).unwrap_err();
        assert_eq!(error.to_string(), "Write: the time for the BMC is over");
        assert!(error.is_hung() && !error.is_unsure());
        assert_eq!(script.codes().len(), asked);
    }

    #[test]
    fn silence_is_broken_once_and_never_for_a_change() {
        let (mut bmc, script) = session([Err(TransportError::Silent)]);
        let error = bmc.ask(&Read).unwrap_err();
        assert_eq!(error.to_string(), "Read: no answer in 5.0 s (after 2 attempts)");
        assert!(error.is_hung() && !error.is_unsure());
        let error = bmc.ask(&Write).unwrap_err();
        assert!(error.is_hung() && error.is_unsure());
        assert_eq!(script.codes(), [0x70, 0x70, 0x71]);
        assert_eq!(bmc.counters().changes, 1);
    }

    #[test]
    fn a_change_that_timed_out_is_made_again_and_unsure_if_that_fails() {
        let (mut bmc, _) = session([Ok(&[0xc3]), Ok(&[0])]);
        bmc.ask(&Write).unwrap();
        assert_eq!(bmc.counters().changes, 2);
        let (mut bmc, _) = session([Ok(&[0xc3]), Ok(&[0xd4])]);
        assert!(bmc.ask(&Write).unwrap_err().is_unsure());
        let (mut bmc, _) = session([Ok(&[0xc0]), Ok(&[0xd4])]);
        assert!(!bmc.ask(&Write).unwrap_err().is_unsure());
    }

    #[test]
    fn an_unreadable_answer_is_asked_for_once_more() {
        let (mut bmc, _) = session([Ok(&[0]), Ok(&[0, 42])]);
        assert_eq!(bmc.ask(&Read).unwrap(), 42);
        assert_eq!(bmc.counters().retries, 1);
        let (mut bmc, script) = session([Ok(&[0])]);
        let error = bmc.ask(&Read).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Read: response truncated: value: needs 1 bytes, has 0 (after 2 attempts)"
        );
        assert_eq!(script.codes(), [0x70, 0x70]);
        let (mut bmc, script) = session([Ok(&[])]);
        assert!(matches!(bmc.ask(&Read).unwrap_err().reason, Reason::Garbled(_)));
        assert_eq!(script.codes(), [0x70, 0x70]);
    }

    #[test]
    fn a_driver_that_is_gone_is_not_asked_again() {
        let (mut bmc, script) = session([Err(TransportError::Gone("asking: ENODEV".to_string()))]);
        let error = bmc.ask(&Read).unwrap_err();
        assert_eq!(error.to_string(), "Read: asking: ENODEV");
        assert!(error.is_hung());
        assert_eq!(script.codes(), [0x70]);
    }

    #[test]
    fn commands_keep_their_distance() {
        let (mut bmc, script) = session([Ok(&[0, 42])]);
        bmc.policy.spacing = Duration::from_millis(10);
        bmc.ask(&Read).unwrap();
        bmc.ask(&Read).unwrap();
        let asked = &script.0.lock().unwrap().asked;
        assert!(asked[1].at - asked[0].at >= Duration::from_millis(10));
    }

    #[test]
    fn a_cancelled_session_sends_nothing_but_what_belongs_together() {
        let (mut bmc, script) = session([Ok(&[0])]);
        bmc.cancel_with(|| true);
        let error = bmc.ask(&ipmi::app::ColdReset).unwrap_err();
        assert!(error.is_hung() && error.reason == Reason::Cancelled, "{error}");
        assert_eq!(bmc.counters().requests, 0);
        bmc.without_cancellation(|bmc| bmc.ask(&ipmi::app::ColdReset)).unwrap();
        assert_eq!(bmc.counters().requests, 1);
        assert_eq!(bmc.ask(&ipmi::app::ColdReset).unwrap_err().reason, Reason::Cancelled);
        drop(script);
    }
}
