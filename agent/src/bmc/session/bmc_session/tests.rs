// SPDX-License-Identifier: MIT OR Apache-2.0

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use ipmi::Malformed;

use super::*;

const DEVICE_ID: [u8; 12] = [0, 0x20, 1, 4, 0x40, 2, 0xdf, 0xa2, 2, 0, 0, 1];
const UPDATING: [u8; 12] = [0, 0x20, 1, 0x84, 0x40, 2, 0xdf, 0xa2, 2, 0, 0, 1];

/// Responds from a script whose last line repeats, and records the requests with their times.
#[derive(Clone)]
struct Script(Arc<Mutex<Scripted>>);

struct Scripted {
    answers: VecDeque<Result<Vec<u8>, TransportError>>,
    delay: Duration,
    requests: Vec<Sent>,
}

struct Sent {
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
        let Scripted { answers, delay, requests } = &mut *self.0.lock().unwrap();
        requests.push(Sent { code, at: Instant::now(), timeout });
        thread::sleep(*delay);
        if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() }
    }
}

impl Script {
    fn codes(&self) -> Vec<u8> {
        self.0.lock().unwrap().requests.iter().map(|request| request.code).collect()
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
        Script(Arc::new(Mutex::new(Scripted { answers, delay: Duration::ZERO, requests: Vec::new() })));
    let policy = RetryPolicy { pause: Duration::from_millis(1), ..RetryPolicy::default() };
    let deadline = Instant::now() + Duration::from_secs(60);
    (BmcSession::new(Box::new(script.clone()), policy, deadline), script)
}

#[test]
fn a_temporary_refusal_is_followed_by_retries() {
    let (mut bmc, script) = session([Ok(&[0xc0]), Ok(&[0xc3]), Ok(&[0, 42])]);
    assert_eq!(bmc.ask(&Read).unwrap(), 42);
    let waited = Duration::from_millis(3);
    assert_eq!(bmc.counters(), Counters { requests: 3, retries: 2, changes: 0, waited });
    let requests = &script.0.lock().unwrap().requests;
    assert!(requests[2].at - requests[0].at >= waited);
    assert_eq!(requests[0].timeout, RetryPolicy::default().timeout);
}

/// A change of an account.
struct MakeAccount;
impl Command for MakeAccount {
    const NAME: &'static str = "Make Account";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x72;
    const CHANGES: bool = true;
    const NOT_YET: &'static [u8] = &[0xd5];
    type Answer = ();

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, _: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

#[test]
fn a_change_that_the_bmc_does_not_take_yet_is_requested_again() {
    let (mut bmc, script) =
        session([Ok(&[0xd5]), Ok(&[0xc0]), Ok(&[0xd5]), Ok(&[0xd5]), Ok(&[0xd5]), Ok(&[0])]);
    bmc.ask(&MakeAccount).unwrap();
    assert_eq!(script.codes().len(), 6);
    let (mut bmc, script) = session([Ok(&[0xd5])]);
    let error = bmc.ask(&MakeAccount).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Make Account: 0xd5, not supported in the present state (after 6 attempts)"
    );
    assert!(!error.is_outcome_unknown() && script.codes().len() == 6);
    let (mut bmc, script) = session([Ok(&[0xd5])]);
    bmc.ask(&Write).unwrap_err();
    assert_eq!(script.codes().len(), 1, "other changes are not");
}

#[test]
fn a_refusal_is_final() {
    let (mut bmc, script) = session([Ok(&[0xcc])]);
    let error = bmc.ask(&Read).unwrap_err();
    assert_eq!(error.to_string(), "Read: 0xcc, invalid data field in request");
    assert_eq!(error.completion(), Some(Completion::INVALID_FIELD));
    assert!(!error.is_absent() && !error.is_outcome_unknown() && !error.is_fatal());
    assert_eq!(script.codes(), [0x70]);
}

#[test]
fn a_missing_parameter_is_absent() {
    for code in [0x80, 0xc1] {
        assert!(session([Ok(&[code])]).0.ask(&Read).unwrap_err().is_absent());
    }
    assert_eq!(session([Ok(&[0x80])]).0.ask(&Read).unwrap_err().to_string(), "Read: 0x80, no such value");
    assert!(!session([Ok(&[0x80])]).0.ask(&Write).unwrap_err().is_absent());
}

#[test]
fn a_command_that_stays_refused_costs_its_attempts() {
    let busy: [u8; 1] = [0xff];
    let (mut bmc, script) =
        session([Ok(&busy), Ok(&busy), Ok(&busy), Ok(&busy), Ok(&DEVICE_ID), Ok(&[0, 42])]);
    let error = bmc.ask(&Read).unwrap_err();
    assert_eq!(error.to_string(), "Read: 0xff, unspecified error (after 4 attempts)");
    assert_eq!(script.codes(), [0x70, 0x70, 0x70, 0x70, 0x01]);
    assert_eq!(bmc.ask(&Read).unwrap(), 42);
}

#[test]
fn slow_refusals_cost_fewer_attempts() {
    let (mut bmc, script) = session([Ok(&[0xc3]), Ok(&DEVICE_ID)]);
    bmc.policy.timeout = Duration::from_millis(5);
    script.0.lock().unwrap().delay = Duration::from_millis(6);
    assert_eq!(bmc.ask(&Read).unwrap_err().completion(), Some(Completion::TIMEOUT));
    assert_eq!(script.codes(), [0x70, 0x01]);
}

#[test]
fn a_bmc_that_updates_itself_is_waited_for() {
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
fn a_bmc_that_never_becomes_available_costs_the_deadline() {
    let (mut bmc, script) = session([Ok(&[0xd1])]);
    bmc.policy.attempts = 1;
    bmc.set_deadline(Instant::now() + Duration::from_millis(40));
    let error = bmc.ask(&Write).unwrap_err();
    assert!(script.codes().len() > 1);
    assert_eq!(error.completion(), Some(Completion::IN_UPDATE));
    assert!(!error.is_outcome_unknown(), "the BMC reported that it was not executed");
    assert!(
        script.0.lock().unwrap().requests.iter().all(|request| request.timeout <= Duration::from_millis(40))
    );
    bmc.set_deadline(Instant::now());
    let sent = script.codes().len();
    let error = bmc.ask(&Write).unwrap_err();
    assert_eq!(error.to_string(), "Write: not sent, the deadline for the BMC has passed");
    assert!(error.is_fatal() && !error.is_outcome_unknown());
    assert_eq!(script.codes().len(), sent);
}

#[test]
fn a_timeout_is_followed_by_one_retry_and_by_none_for_a_change() {
    let (mut bmc, script) = session([Err(TransportError::Timeout)]);
    let error = bmc.ask(&Read).unwrap_err();
    assert_eq!(error.to_string(), "Read: timed out after 5.0 s (after 2 attempts)");
    assert!(error.is_fatal() && !error.is_outcome_unknown());
    let error = bmc.ask(&Write).unwrap_err();
    assert!(error.is_fatal() && error.is_outcome_unknown());
    assert_eq!(script.codes(), [0x70, 0x70, 0x71]);
    assert_eq!(bmc.counters().changes, 1);
}

#[test]
fn the_outcome_of_a_change_that_the_bmc_timed_out_on_is_unknown_if_the_retry_fails() {
    let (mut bmc, _) = session([Ok(&[0xc3]), Ok(&[0])]);
    bmc.ask(&Write).unwrap();
    assert_eq!(bmc.counters().changes, 2);
    let (mut bmc, _) = session([Ok(&[0xc3]), Ok(&[0xd4])]);
    assert!(bmc.ask(&Write).unwrap_err().is_outcome_unknown());
    let (mut bmc, _) = session([Ok(&[0xc0]), Ok(&[0xd4])]);
    assert!(!bmc.ask(&Write).unwrap_err().is_outcome_unknown());
}

#[test]
fn a_response_that_does_not_decode_is_requested_once_more() {
    let (mut bmc, _) = session([Ok(&[0]), Ok(&[0, 42])]);
    assert_eq!(bmc.ask(&Read).unwrap(), 42);
    assert_eq!(bmc.counters().retries, 1);
    let (mut bmc, script) = session([Ok(&[0])]);
    let error = bmc.ask(&Read).unwrap_err();
    assert_eq!(error.to_string(), "Read: response truncated: value: needs 1 bytes, has 0 (after 2 attempts)");
    assert_eq!(script.codes(), [0x70, 0x70]);
    let (mut bmc, script) = session([Ok(&[])]);
    assert!(matches!(bmc.ask(&Read).unwrap_err().reason, Reason::Malformed(_)));
    assert_eq!(script.codes(), [0x70, 0x70]);
}

#[test]
fn a_closed_driver_gets_no_retry() {
    let (mut bmc, script) = session([Err(TransportError::Closed("asking: ENODEV".to_string()))]);
    let error = bmc.ask(&Read).unwrap_err();
    assert_eq!(error.to_string(), "Read: asking: ENODEV");
    assert!(error.is_fatal());
    assert_eq!(script.codes(), [0x70]);
}

#[test]
fn requests_are_spaced() {
    let (mut bmc, script) = session([Ok(&[0, 42])]);
    bmc.policy.spacing = Duration::from_millis(10);
    bmc.ask(&Read).unwrap();
    bmc.ask(&Read).unwrap();
    let requests = &script.0.lock().unwrap().requests;
    assert!(requests[1].at - requests[0].at >= Duration::from_millis(10));
}

#[test]
fn a_cancelled_session_sends_only_commands_that_belong_together() {
    let (mut bmc, script) = session([Ok(&[0, 42])]);
    bmc.cancel_with(|| true);
    let error = bmc.ask(&Read).unwrap_err();
    assert_eq!(error.to_string(), "Read: cancelled");
    assert!(error.is_fatal() && script.codes().is_empty());
    assert_eq!(bmc.without_cancellation(|bmc| bmc.ask(&Read)).unwrap(), 42);
    assert_eq!(bmc.ask(&Read).unwrap_err().reason, Reason::Cancelled);
    assert_eq!(script.codes(), [0x70]);
}

#[test]
fn a_cancellation_during_a_pause_ends_it() {
    let (mut bmc, script) = session([Ok(&[0xc0])]);
    bmc.policy.pause = Duration::from_secs(20);
    let start = Instant::now();
    bmc.cancel_with(move || start.elapsed() >= Duration::from_millis(50));
    assert_eq!(bmc.ask(&Write).unwrap_err().reason, Reason::Cancelled);
    assert!(start.elapsed() >= Duration::from_millis(50), "it was cancelled before its pause");
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(script.codes(), [0x71]);
}
