// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading the health of the hardware from the BMC, as long as the host does not wait for it.

use std::time::{Duration, Instant};

use stage1_contract::BmcHealth;

use super::Stages;
use crate::bmc::{self, BmcSession, Depth, HealthReader};
use crate::host::Cancellation;
use crate::host::task::{NoResult, Task};
use crate::run::StageContext;

/// How long the answer to the last request is waited for, once the target is loaded.
const GRACE: Duration = Duration::from_millis(300);

/// How often it is looked whether the target is loaded.
const POLL: Duration = Duration::from_millis(20);

impl Stages {
    /// Reads part by part until all is read, the session's deadline has passed, or the target is loaded: then what is missing is
    /// only named. A BMC that hangs at that moment is left behind. Also returns the session, if all was read.
    pub(super) fn read_health(
        &self,
        stage: &StageContext,
        mut session: BmcSession,
    ) -> (BmcHealth, Option<BmcSession>) {
        let loaded = self.loaded.clone();
        session.end_with(move || loaded.is_cancelled());
        let reader = HealthReader::new(Depth::Report, bmc::present(&self.machine));
        let (reader, session) = read_parts(session, reader, &[&self.loaded, stage.cancellation()]);
        let (health, problems) = reader.finish();
        stage.problems(problems);
        // The host does not wait for health: what is missing then is no problem.
        if !self.loaded.is_cancelled() {
            stage.problems(bmc::out_of_time(&health));
        }
        let session = session.filter(|_| health.out_of_time.is_empty());
        (health, session)
    }
}

/// Reads on threads of their own, since a request to a BMC that hangs takes seconds. The session is returned unless it is left
/// behind.
fn read_parts(
    mut session: BmcSession,
    mut reader: HealthReader,
    ends: &[&Cancellation],
) -> (HealthReader, Option<BmcSession>) {
    loop {
        let so_far = reader.clone();
        let work = move || {
            let has_more = reader.read_part(&mut session);
            (session, reader, has_more)
        };
        let Ok(task) = Task::start("bmc health", work) else { return (so_far, None) };
        match wait(&task, ends) {
            Some((same, read, true)) => (session, reader) = (same, read),
            Some((same, read, false)) => return (read, Some(same)),
            None => return (so_far, None),
        }
    }
}

/// The result of the task; `None` if it is not there when the grace is over.
fn wait<T: Send + 'static>(task: &Task<T>, ends: &[&Cancellation]) -> Option<T> {
    let mut deadline = None;
    loop {
        match task.wait(POLL) {
            Ok(result) => return Some(result),
            Err(NoResult::TimedOut) => {}
            Err(_) => return None,
        }
        if deadline.is_none() && ends.iter().any(|end| end.is_cancelled()) {
            deadline = Some(Instant::now() + GRACE);
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bmc::RetryPolicy;
    use crate::bmc::session::{Transport, TransportError};
    use ipmi::NetFn;

    /// A BMC that has nothing, and hangs once its SDR repository is asked for.
    struct Hanging;

    impl Transport for Hanging {
        fn exchange(
            &mut self,
            _: NetFn,
            code: u8,
            _: &[u8],
            timeout: Duration,
        ) -> Result<Vec<u8>, TransportError> {
            match code {
                0x20 => {
                    std::thread::sleep(timeout);
                    Err(TransportError::Timeout)
                }
                _ => Ok(vec![0xc1]),
            }
        }
    }

    #[test]
    fn a_bmc_that_hangs_does_not_hold_up_the_jump() {
        let begin = Instant::now();
        let deadline = begin + Duration::from_secs(60);
        let session = BmcSession::new(Box::new(Hanging), RetryPolicy::default(), deadline);
        let (loaded, run) = (Cancellation::default(), Cancellation::default());
        loaded.cancel();
        let (reader, session) = read_parts(session, HealthReader::new(Depth::Report, 0), &[&loaded, &run]);
        assert!(session.is_none(), "it is left behind");
        assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
        let (health, problems) = reader.finish();
        assert_eq!(health.out_of_time, ["SDR repository", "other FRUs", "sensors", "power draw"]);
        assert_eq!(problems, [] as [String; 0]);
    }
}
