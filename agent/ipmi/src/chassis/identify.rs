// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chassis Identify (IPMI 2.0, section 28.5).

use crate::{Command, Malformed, NetFn};

/// Switches the identify light (UID).
#[derive(Clone, Copy, Debug)]
pub struct ChassisIdentify {
    /// For how long.
    pub identify: Identify,
}

/// For how long the light is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identify {
    /// It is off.
    Off,
    /// For this many seconds.
    Seconds(u8),
    /// Until it is switched off; not every BMC supports this.
    Forever,
}

impl Command for ChassisIdentify {
    const NAME: &'static str = "Chassis Identify";
    const NET_FN: NetFn = NetFn::Chassis;
    const CODE: u8 = 0x04;
    const CHANGES: bool = true;
    type Answer = ();

    fn data(&self) -> Vec<u8> {
        match self.identify {
            Identify::Off => vec![0],
            Identify::Seconds(seconds) => vec![seconds],
            Identify::Forever => vec![0, 1],
        }
    }

    fn answer(&self, _: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_light_is_switched() {
        let data = |identify| ChassisIdentify { identify }.data();
        assert_eq!(data(Identify::Off), [0]);
        assert_eq!(data(Identify::Seconds(15)), [15]);
        assert_eq!(data(Identify::Forever), [0, 1]);
    }
}
