// SPDX-License-Identifier: MIT OR Apache-2.0
//! A watchdog that runs although nobody resets it: it would end the boot.

use std::fmt;

use stage1_contract::{DesiredWatchdog, WatchdogAction as Desired};

use super::apply::apply;
use super::change::Change;
use super::config::WatchdogState;
use super::session::{BmcSession, LenientSession};
use super::survey::{Survey, read_back};
use ipmi::app::{WatchdogAction, WatchdogUser};

/// The configuration that stops a watchdog.
pub(crate) const STOP: DesiredWatchdog = DesiredWatchdog { action: Desired::Stop, seconds: 0 };

/// Stops the watchdog and reads it again. Returns the problems.
pub(crate) fn stop_watchdog(bmc: &mut BmcSession, survey: &mut Survey) -> Vec<String> {
    let change = Change::Watchdog(STOP);
    if let Err(error) = apply(bmc, 0, &change, None) {
        return vec![format!("stopping the watchdog: {error}")];
    }
    let mut session = LenientSession::new(bmc);
    read_back(&mut session, survey, &[change]);
    session.into_problems()
}

impl WatchdogState {
    /// Whether firmware started it, and it will do something to the host. The firmware's work is over: nobody resets it.
    pub(crate) fn is_left_by_firmware(self) -> bool {
        self.is_harmful() && self.user != WatchdogUser::Os
    }

    /// Whether an operating system started it, and it will do something to the host. Only the caller knows whether that system
    /// still runs.
    pub(crate) fn is_of_system(self) -> bool {
        self.is_harmful() && self.user == WatchdogUser::Os
    }

    fn is_harmful(self) -> bool {
        self.is_running && self.action != u8::from(WatchdogAction::Nothing)
    }
}

/// What it will do to the host, and when.
impl fmt::Display for WatchdogState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = match self.user {
            WatchdogUser::Frb2 => "the firmware (FRB2)",
            WatchdogUser::Post => "the firmware (POST)",
            WatchdogUser::OsLoad => "the firmware (OS load)",
            WatchdogUser::Os => "an operating system (SMS/OS)",
            WatchdogUser::Oem => "the firmware (OEM)",
            WatchdogUser::Other(_) => "the firmware (unknown use)",
        };
        let action = match WatchdogAction::from(self.action) {
            WatchdogAction::Nothing => "does nothing",
            WatchdogAction::HardReset => "resets the host",
            WatchdogAction::PowerDown => "powers the host off",
            WatchdogAction::PowerCycle => "power-cycles the host",
            WatchdogAction::Other(_) => "does something unknown",
        };
        let Self { seconds, left_s, .. } = self;
        write!(formatter, "watchdog: left running by {user}: it {action} ")?;
        match left_s {
            Some(left) => write!(formatter, "in {left} s"),
            None => write!(formatter, "{seconds} s after its start"),
        }
    }
}

#[cfg(test)]
mod tests {
    use ipmi::Command;
    use ipmi::app::GetWatchdogTimer;

    use super::*;

    /// The state in the response to Get Watchdog Timer.
    fn state(response: [u8; 8]) -> WatchdogState {
        let state = GetWatchdogTimer.answer(&response).unwrap();
        WatchdogState {
            is_running: state.is_running,
            action: state.watchdog.action.into(),
            seconds: state.watchdog.countdown.as_secs() as u16,
            user: state.watchdog.user,
            left_s: state.left.map(|left| left.as_secs()),
        }
    }

    #[test]
    fn a_watchdog_of_the_firmware_is_left_running() {
        let os_load = state([0x43, 0x01, 0, 0, 0xb8, 0x0b, 0xa0, 0x0a]);
        assert!(os_load.is_left_by_firmware() && !os_load.is_of_system());
        assert_eq!(
            os_load.to_string(),
            "watchdog: left running by the firmware (OS load): it resets the host in 272 s"
        );
        let frb2 = state([0xc1, 0x13, 0, 0, 0xb8, 0x0b, 0xa0, 0x0b]);
        assert_eq!(
            frb2.to_string(),
            "watchdog: left running by the firmware (FRB2): it power-cycles the host in 297 s"
        );
        let silent = WatchdogState { left_s: None, ..frb2 };
        assert!(silent.to_string().ends_with("it power-cycles the host 300 s after its start"));
        let system = state([0x44, 0x01, 0, 0, 0xb8, 0x0b, 0xa0, 0x0a]);
        assert!(!system.is_left_by_firmware() && system.is_of_system());
        for harmless in [[0x03, 0x01, 0, 0, 0xb8, 0x0b, 0, 0], [0x43, 0, 0, 0, 0xb8, 0x0b, 0, 0]] {
            assert!(!state(harmless).is_left_by_firmware() && !state(harmless).is_of_system());
        }
    }
}
