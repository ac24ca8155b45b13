// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent's own code at such a BMC.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ipmi::NetFn;
use stage1::bmc::session::{BmcSession, RetryPolicy, Transport, TransportError};
use stage1::bmc::{self, Escrow, Survey};
use stage1_contract::{BmcOutcome, PasswordState};
use stage1_rack::bmc::wire::Client;

use crate::{Stand, TIME};

/// The agent's way to the BMC, without a kernel and its driver.
struct Direct(Arc<Mutex<Client>>);

impl Transport for Direct {
    fn exchange(
        &mut self,
        net_fn: NetFn,
        code: u8,
        data: &[u8],
        timeout: Duration,
    ) -> Result<Vec<u8>, TransportError> {
        match self.0.lock().unwrap().exchange(net_fn as u8, code, data, timeout) {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(TransportError::Silent),
            Err(error) => Err(TransportError::Gone(format!("{error:#}"))),
        }
    }
}

/// How the agent found the BMC, and what it made of it.
pub struct Run {
    /// As it was read last.
    pub survey: Survey,
    /// What became of it.
    pub outcome: BmcOutcome,
    /// What went wrong, in the survey too.
    pub problems: Vec<String>,
}

/// The conversation of an agent that is in a hurry.
pub fn conversation(stand: &Stand, time: Duration) -> BmcSession {
    let wire = Direct(Arc::clone(&stand.client));
    let policy = RetryPolicy {
        answer: Duration::from_secs(1),
        pause: Duration::from_millis(1),
        ..RetryPolicy::default()
    };
    BmcSession::new(Box::new(wire), policy, Instant::now() + time)
}

/// Surveys and configures the BMC as `policy` reports, which is what is in an image's file.
pub fn run(stand: &Stand, policy: &str) -> Run {
    run_with(stand, policy, &|_, _| panic!("no password is to be made up"))
}

/// The same, where passwords may be made up.
pub fn run_with(stand: &Stand, policy: &str, escrow: &Escrow) -> Run {
    let desired = bmc::policy(policy.as_bytes()).unwrap();
    let mut conversation = conversation(stand, TIME);
    let (survey, mut problems) = bmc::survey(&mut conversation);
    let mut survey = survey.unwrap_or_else(|| panic!("{problems:?}"));
    problems.extend(bmc::configure(&mut conversation, &mut survey, &desired, escrow));
    let outcome = survey.report.outcome.clone().unwrap();
    Run { survey, outcome, problems }
}

#[test]
fn makes_a_user_that_logs_in_and_then_writes_nothing() {
    let stand = Stand::up("lan_channel = 8\nmanufacturer = 674", "");
    let desired = "[[users]]\nname = 'stage1'\npassword = 'Correct-Horse-1'\n";
    let first = run(&stand, desired);
    assert_eq!(first.survey.report.device.manufacturer_id, 674);
    assert_eq!(first.survey.report.lan.as_ref().map(|lan| lan.channel), Some(8));
    assert_eq!(first.outcome.users[0].password, PasswordState::Proven, "{:#?}", first.outcome);
    assert!(stand.bmc.ipmitool("stage1", "Correct-Horse-1", &["chassis", "status"]).is_ok());
    assert!(!stand.bmc.proxy().writes().is_empty());

    stand.bmc.proxy().reset_counts();
    let second = run(&stand, desired).outcome;
    let writes: Vec<String> = stand.bmc.proxy().writes().iter().map(ToString::to_string).collect();
    assert!(writes.is_empty(), "{writes:#?} {second:#?}");
}
