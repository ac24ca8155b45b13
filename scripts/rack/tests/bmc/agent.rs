// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent's own code with such a BMC.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ipmi::NetFn;
use stage1::bmc::session::{BmcSession, RetryPolicy, Transport, TransportError};
use stage1::bmc::{self, Escrow, Survey};
use stage1_contract::{BmcOutcome, DesiredBmcConfig, PasswordState};
use stage1_rack::bmc::wire::Client;

use crate::{Stand, TIME};

/// The agent's transport, without a kernel and its driver.
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
            Ok(None) => Err(TransportError::Timeout),
            Err(error) => Err(TransportError::Closed(format!("{error:#}"))),
        }
    }
}

/// A run of the agent.
pub struct Run {
    /// The BMC as it was read last.
    pub survey: Survey,
    /// The outcome of configuring it.
    pub outcome: BmcOutcome,
    /// The problems, those of the survey included.
    pub problems: Vec<String>,
}

/// A session with short timeouts.
pub fn session(stand: &Stand, time: Duration) -> BmcSession {
    session_with_pauses(stand, Duration::from_millis(1), time)
}

/// A session with a short timeout, and `pause` before the second attempt of a request.
pub fn session_with_pauses(stand: &Stand, pause: Duration, time: Duration) -> BmcSession {
    let transport = Direct(Arc::clone(&stand.client));
    let policy = RetryPolicy { timeout: Duration::from_secs(1), pause, ..RetryPolicy::default() };
    BmcSession::new(Box::new(transport), policy, Instant::now() + time)
}

/// Surveys the BMC and applies `policy`, which has the format of an image's file, and as from an inventory that does not
/// check it.
pub fn run(stand: &Stand, policy: &str) -> Run {
    run_with(stand, policy, &|_, _| panic!("no password is to be generated"))
}

/// The same with generated passwords.
pub fn run_with(stand: &Stand, policy: &str, escrow: &Escrow) -> Run {
    let desired: DesiredBmcConfig = toml::from_str(policy).unwrap();
    let mut session = session(stand, TIME);
    let (survey, mut problems) = bmc::survey(&mut session);
    let mut survey = survey.unwrap_or_else(|| panic!("{problems:?}"));
    problems.extend(bmc::configure(&mut session, &mut survey, &desired, escrow));
    let outcome = survey.report.outcome.clone().unwrap();
    Run { survey, outcome, problems }
}

#[test]
fn creates_a_user_that_logs_in_and_then_changes_nothing() {
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
