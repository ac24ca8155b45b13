// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting for the address that a BMC gets from a server.

#![allow(clippy::disallowed_methods, reason = "reads the clock")]

use std::time::{Duration, Instant};

use super::session::LenientSession;
use super::survey::Survey;

/// How long an address is waited for. The host does not start its system before the BMC is reported.
const LIMIT: Duration = Duration::from_secs(20);

/// An address that stays the same for so long is the new one too: the same server gives the same address.
const SETTLED: Duration = Duration::from_secs(2);

/// Pauses between two readings, as multiples of the session's pause.
const PAUSE: u32 = 5;

/// Waits until the LAN channel in use has an address, and leaves time for what comes after it. Returns the problem if it has
/// none.
pub(crate) fn wait(session: &mut LenientSession, survey: &mut Survey) -> Option<String> {
    let channel = survey.channel()?;
    let before = survey.config.lan.as_ref().and_then(|lan| lan.address);
    let start = Instant::now();
    let limit = LIMIT.min(session.left() / 2);
    loop {
        survey.read_address(session);
        let lan = survey.config.lan.as_ref()?;
        if lan.has_address() && (lan.address != before || start.elapsed() >= SETTLED.min(limit)) {
            return None;
        }
        if session.fatal_cause().is_some() {
            return None;
        }
        if start.elapsed() >= limit {
            return Some(format!(
                "LAN: channel {channel} has no address {} s after it was set to DHCP: check the BMC's cable, the VLAN and the \
                 DHCP server",
                start.elapsed().as_secs()
            ));
        }
        session.pause(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bmc::lan_model::LanModel;
    use crate::bmc::survey::survey;

    fn wait_for(
        dhcp: Option<(usize, [u8; 4])>,
        left: Duration,
    ) -> (Option<String>, Option<std::net::Ipv4Addr>) {
        let mut model = LanModel { dhcp, ..LanModel::with(&[(1, [0; 4])]) };
        model.lan.insert((1, 4), vec![2]);
        let (mut bmc, _) = model.bmc();
        let mut survey = survey(&mut bmc).0.unwrap();
        bmc.set_deadline(Instant::now() + left);
        let problem = wait(&mut LenientSession::new(&mut bmc), &mut survey);
        (problem, survey.report.lan.and_then(|lan| lan.address))
    }

    #[test]
    fn an_address_is_waited_for() {
        let (problem, address) = wait_for(Some((4, [10, 0, 0, 77])), Duration::from_secs(60));
        assert_eq!((problem, address), (None, Some([10, 0, 0, 77].into())));
    }

    #[test]
    fn an_address_that_does_not_come_is_a_problem_and_leaves_time() {
        let begin = Instant::now();
        let (problem, address) = wait_for(None, Duration::from_millis(200));
        assert!(problem.is_some_and(|problem| problem.starts_with("LAN: channel 1 has no address")));
        assert!(address.is_none() && begin.elapsed() < Duration::from_millis(190));
    }
}
