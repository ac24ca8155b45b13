// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chassis Control (IPMI 2.0, section 28.3).

use crate::codes::codes;
use crate::{Command, Malformed, NetFn};

/// Powers the host on or off or resets it, the host that sends this included.
#[derive(Clone, Copy, Debug)]
pub struct ChassisControl {
    /// What to do.
    pub action: PowerAction,
}

codes! {
    /// What is done to the chassis.
    pub enum PowerAction {
        /// Power off at once.
        Off = 0,
        /// Power on.
        On = 1,
        /// Power off at once, and on again.
        Cycle = 2,
        /// Hard reset, as by the reset button.
        Reset = 3,
        /// The diagnostic interrupt, the NMI button.
        DiagnosticInterrupt = 4,
        /// ACPI shutdown request to the operating system, as by the power button.
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
