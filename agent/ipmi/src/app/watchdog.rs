// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reset, Set and Get Watchdog Timer (IPMI 2.0, sections 27.5 to 27.7).

use std::time::Duration;

use crate::codes::codes;
use crate::{Command, Malformed, NetFn, Reader};

/// Starts the watchdog, or starts its count anew.
#[derive(Clone, Copy, Debug)]
pub struct ResetWatchdogTimer;

/// Asks how the watchdog stands.
#[derive(Clone, Copy, Debug)]
pub struct GetWatchdogTimer;

/// Sets the watchdog and stops it: it runs from the next [`ResetWatchdogTimer`] on.
#[derive(Clone, Copy, Debug)]
pub struct SetWatchdogTimer {
    /// What it is to do.
    pub watchdog: Watchdog,
}

/// What the watchdog does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watchdog {
    /// Who uses it.
    pub user: WatchdogUser,
    /// Its end is written to the SEL.
    pub is_logged: bool,
    /// What it does at its end.
    pub action: WatchdogAction,
    /// What it does before its end.
    pub interrupt: PreTimeout,
    /// How long before its end; whole seconds.
    pub interrupt_before: Duration,
    /// How long it counts; tenths of a second, up to 6553.5 s.
    pub countdown: Duration,
}

/// How the watchdog stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchdogState {
    /// What it does.
    pub watchdog: Watchdog,
    /// It counts.
    pub is_running: bool,
    /// Who let it come to its end since that was last cleared: for each number of a [`WatchdogUser`] a bit.
    pub expired: u8,
    /// What is left of its count; ipmi_sim, for one, does not tell.
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
        /// The maker's own.
        Oem = 5,
    }
}

codes! {
    /// What the watchdog does at its end.
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
    /// What the watchdog does before its end.
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
