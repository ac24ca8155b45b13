// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get System Restart Cause (IPMI 2.0, section 28.11).

use std::fmt;

use crate::codes::codes;
use crate::{Command, Malformed, NetFn, Reader};

/// Reads why the host last started.
#[derive(Clone, Copy, Debug)]
pub struct GetSystemRestartCause;

/// Why the host last started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemRestart {
    /// What made it start.
    pub cause: RestartCause,
    /// The channel of the command that caused it.
    pub channel: u8,
}

codes! {
    /// What makes a host start.
    pub enum RestartCause {
        /// The BMC does not know.
        Unknown = 0x0,
        /// A Chassis Control command.
        ChassisControl = 0x1,
        /// The reset button.
        ResetButton = 0x2,
        /// The power button.
        PowerButton = 0x3,
        /// The watchdog.
        Watchdog = 0x4,
        /// OEM.
        Oem = 0x5,
        /// Power came back, and the policy is to power on.
        PolicyOn = 0x6,
        /// Power came back, and the host was on before.
        PolicyPrevious = 0x7,
        /// A platform event filter that resets.
        FilterReset = 0x8,
        /// A platform event filter that powers off and on.
        FilterCycle = 0x9,
        /// A soft reset: Ctrl-Alt-Delete, or the operating system.
        SoftReset = 0xa,
        /// The real time clock.
        Clock = 0xb,
    }
}

impl Command for GetSystemRestartCause {
    const NAME: &'static str = "Get System Restart Cause";
    const NET_FN: NetFn = NetFn::Chassis;
    const CODE: u8 = 0x07;
    type Answer = SystemRestart;

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, data: &[u8]) -> Result<SystemRestart, Malformed> {
        let mut reader = Reader::new(data);
        Ok(SystemRestart {
            cause: RestartCause::from(reader.byte("restart cause")? & 0x0f),
            channel: reader.byte("channel number")?,
        })
    }
}

/// As ipmitool spells it.
impl fmt::Display for RestartCause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unknown => "unknown",
            Self::ChassisControl => "chassis control command",
            Self::ResetButton => "reset via pushbutton",
            Self::PowerButton => "power-up via pushbutton",
            Self::Watchdog => "watchdog expired",
            Self::Oem => "OEM",
            Self::PolicyOn => "power-up due to always-restore power policy",
            Self::PolicyPrevious => "power-up due to restore-previous power policy",
            Self::FilterReset => "reset via PEF",
            Self::FilterCycle => "power-cycle via PEF",
            Self::SoftReset => "soft reset",
            Self::Clock => "power-up via RTC wakeup",
            Self::Other(number) => return write!(formatter, "{number:#04x}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_read() {
        let restart = GetSystemRestartCause.answer(&[0xf1, 0x0e]).unwrap();
        assert_eq!(restart, SystemRestart { cause: RestartCause::ChassisControl, channel: 14 });
        assert_eq!(GetSystemRestartCause.answer(&[0x0c, 0]).unwrap().cause, RestartCause::Other(12));
    }
}
