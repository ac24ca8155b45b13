// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chassis Control (IPMI 2.0, section 28.3).

use crate::codes::codes;
use crate::{Command, Malformed, NetFn};

/// Powers the chassis on or off or resets it: the machine that asks, too.
#[derive(Clone, Copy, Debug)]
pub struct ChassisControl {
    /// Which of it.
    pub action: PowerAction,
}

codes! {
    /// What is done to the chassis.
    pub enum PowerAction {
        /// Off, at once.
        Off = 0,
        /// On.
        On = 1,
        /// Off, at once, and on again.
        Cycle = 2,
        /// The reset button.
        Reset = 3,
        /// The diagnostic interrupt, the NMI button.
        DiagnosticInterrupt = 4,
        /// The operating system is asked to shut down, as by the power button.
        SoftShutdown = 5,
    }
}

impl Command for ChassisControl {
    const NAME: &'static str = "Chassis Control";
    const NET_FN: NetFn = NetFn::Chassis;
    const CODE: u8 = 0x02;
    const CHANGES: bool = true;
    type Answer = ();

    fn data(&self) -> Vec<u8> {
        vec![u8::from(self.action) & 0x0f]
    }

    fn answer(&self, _: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_written() {
        assert_eq!(ChassisControl { action: PowerAction::Cycle }.data(), [2]);
        assert_eq!(ChassisControl { action: PowerAction::SoftShutdown }.data(), [5]);
    }
}
