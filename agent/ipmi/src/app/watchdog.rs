// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reset, Set and Get Watchdog Timer (IPMI 2.0, sections 27.5 to 27.7).

use std::time::Duration;

use crate::codes::codes;
use crate::{Command, Malformed, NetFn, Reader};

/// Starts the watchdog, or restarts its countdown.
#[derive(Clone, Copy, Debug)]
pub struct ResetWatchdogTimer;

/// Reads the state of the watchdog.
#[derive(Clone, Copy, Debug)]
pub struct GetWatchdogTimer;

/// Sets the watchdog and stops it: it runs from the next [`ResetWatchdogTimer`] on.
#[derive(Clone, Copy, Debug)]
pub struct SetWatchdogTimer {
    /// The new setting.
    pub watchdog: Watchdog,
}

/// What the watchdog does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watchdog {
    /// Who uses it.
    pub user: WatchdogUser,
    /// Expiry is written to the SEL.
    pub is_logged: bool,
    /// What it does when it expires.
    pub action: WatchdogAction,
    /// The interrupt before it expires.
    pub interrupt: PreTimeout,
    /// How long before expiry the interrupt comes, in whole seconds.
    pub interrupt_before: Duration,
    /// The countdown, in steps of 100 ms, up to 6553.5 s.
    pub countdown: Duration,
}

/// The state of the watchdog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchdogState {
    /// What it does.
    pub watchdog: Watchdog,
    /// The countdown is running.
    pub is_running: bool,
    /// The users under which it has expired since this was last cleared: one bit for each [`WatchdogUser`] number.
    pub expired: u8,
    /// Time left; `None` if the BMC does not report it (ipmi_sim).
    pub left: Option<Duration>,
}

codes! {
    /// Who uses the watchdog.
    pub enum WatchdogUser {
        /// The firmware, until the host's processor runs.
        Frb2 = 1,
        /// The firmware, in its self test.
        Post = 2,
        /// The firmware, until the operating system runs.
        OsLoad = 3,
        /// The operating system.
        Os = 4,
        /// OEM.
        Oem = 5,
    }
}

codes! {
    /// What the watchdog does when it expires.
    pub enum WatchdogAction {
        /// Nothing.
        Nothing = 0,
        /// Resets the host.
        HardReset = 1,
        /// Powers the host off.
        PowerDown = 2,
        /// Powers the host off and on.
        PowerCycle = 3,
    }
}

codes! {
    /// The interrupt before the watchdog expires.
    pub enum PreTimeout {
        /// Nothing.
        Nothing = 0,
        /// Raises an SMI.
        Smi = 1,
        /// Raises an NMI, the diagnostic interrupt.
        Nmi = 2,
        /// Raises the interrupt of the system interface.
        Messaging = 3,
    }
}

impl Command for ResetWatchdogTimer {
    const NAME: &'static str = "Reset Watchdog Timer";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x22;
    const CHANGES: bool = true;
    type Answer = ();

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, _: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }

    fn own_completion(code: u8) -> Option<&'static str> {
        (code == 0x80).then_some("the watchdog was never set")
    }
}

impl Command for SetWatchdogTimer {
    const NAME: &'static str = "Set Watchdog Timer";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x24;
    const CHANGES: bool = true;
    type Answer = ();

    fn data(&self) -> Vec<u8> {
        let Watchdog { user, is_logged, action, interrupt, interrupt_before, countdown } = self.watchdog;
        let tenths = u16::try_from(countdown.as_millis() / 100).unwrap_or(u16::MAX).to_le_bytes();
        vec![
            u8::from(!is_logged) << 7 | u8::from(user) & 0x07,
            (u8::from(interrupt) & 0x07) << 4 | u8::from(action) & 0x07,
            u8::try_from(interrupt_before.as_secs()).unwrap_or(u8::MAX),
            // Clears that this user let it come to its end.
            1_u8.checked_shl(u8::from(user).into()).unwrap_or_default(),
            tenths[0],
            tenths[1],
        ]
    }

    fn answer(&self, _: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

impl Command for GetWatchdogTimer {
    const NAME: &'static str = "Get Watchdog Timer";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x25;
    type Answer = WatchdogState;

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, data: &[u8]) -> Result<WatchdogState, Malformed> {
        let mut reader = Reader::new(data);
        let user = reader.byte("timer use")?;
        let actions = reader.byte("timer actions")?;
        let interrupt_before = reader.byte("pre-timeout interval")?;
        let expired = reader.byte("timer use expiration flags")?;
        let tenths = |tenths: u16| Duration::from_millis(u64::from(tenths) * 100);
        Ok(WatchdogState {
            watchdog: Watchdog {
                user: WatchdogUser::from(user & 0x07),
                is_logged: user & 0x80 == 0,
                action: WatchdogAction::from(actions & 0x07),
                interrupt: PreTimeout::from(actions >> 4 & 0x07),
                interrupt_before: Duration::from_secs(interrupt_before.into()),
                countdown: tenths(reader.word("initial countdown")?),
            },
            is_running: user & 0x40 != 0,
            expired,
            left: reader.word("present countdown").ok().map(tenths),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_watchdog_is_read() {
        let state = GetWatchdogTimer.answer(&[0x44, 0x21, 0x0a, 0x10, 0x58, 0x02, 0x2c, 0x01]).unwrap();
        let watchdog = Watchdog {
            user: WatchdogUser::Os,
            is_logged: true,
            action: WatchdogAction::HardReset,
            interrupt: PreTimeout::Nmi,
            interrupt_before: Duration::from_secs(10),
            countdown: Duration::from_secs(60),
        };
        let left = Some(Duration::from_secs(30));
        assert_eq!(state, WatchdogState { watchdog, is_running: true, expired: 0x10, left });
        assert_eq!(SetWatchdogTimer { watchdog }.data(), [0x04, 0x21, 0x0a, 0x10, 0x58, 0x02]);
        let state = GetWatchdogTimer.answer(&[0x04, 0x21, 0x0a, 0x10, 0x58, 0x02]).unwrap();
        assert_eq!(state, WatchdogState { watchdog, is_running: false, expired: 0x10, left: None });
        let silent = Watchdog { is_logged: false, countdown: Duration::from_secs(9999), ..watchdog };
        assert_eq!(SetWatchdogTimer { watchdog: silent }.data(), [0x84, 0x21, 0x0a, 0x10, 0xff, 0xff]);
    }
}
