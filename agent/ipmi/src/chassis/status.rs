// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get Chassis Status (IPMI 2.0, section 28.2).

use crate::codes::codes;
use crate::{Command, Malformed, NetFn, Reader};

/// Reads the power state and faults of the chassis.
#[derive(Clone, Copy, Debug)]
pub struct GetChassisStatus;

/// Power state and faults of the chassis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChassisStatus {
    /// It is powered on.
    pub is_on: bool,
    /// It was powered off because of a power overload.
    pub is_overloaded: bool,
    /// It is powered off by the interlock: the chassis is open.
    pub is_interlocked: bool,
    /// Its power supply has a fault.
    pub has_power_fault: bool,
    /// It could not be powered on or off.
    pub has_control_fault: bool,
    /// What it does when AC power returns.
    pub policy: RestorePolicy,
    /// Why its power last changed.
    pub last_event: LastPowerEvent,
    /// It has been opened.
    pub is_open: bool,
    /// Its front panel is locked.
    pub is_panel_locked: bool,
    /// A disk has a fault.
    pub has_drive_fault: bool,
    /// A fan has a fault, or it is too hot.
    pub has_cooling_fault: bool,
    /// Whether the identify light is on: 0 off, 1 for some time, 2 until it is switched off. `None` where the BMC does
    /// not report it.
    pub identify: Option<u8>,
    /// The front panel buttons; `None` where the BMC does not report them.
    pub panel: Option<FrontPanel>,
}

/// Why the power last changed. None of them where the BMC does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastPowerEvent {
    /// AC power was lost.
    pub ac_failed: bool,
    /// Power overload.
    pub overload: bool,
    /// The chassis was opened.
    pub interlock: bool,
    /// The power supply had a fault.
    pub power_fault: bool,
    /// IPMI powered it on.
    pub on_by_ipmi: bool,
}

/// Which buttons are disabled, and which can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrontPanel {
    /// Bit 0 power off, 1 reset, 2 diagnostic interrupt, 3 standby.
    pub disabled: u8,
    /// The same bits.
    pub can_be_disabled: u8,
}

codes! {
    /// What a chassis does when AC power returns.
    pub enum RestorePolicy {
        /// It stays off.
        Off = 0,
        /// What it was before.
        Previous = 1,
        /// It powers on.
        On = 2,
        /// The BMC does not know.
        Unknown = 3,
    }
}

impl Command for GetChassisStatus {
    const NAME: &'static str = "Get Chassis Status";
    const NET_FN: NetFn = NetFn::Chassis;
    const CODE: u8 = 0x01;
    type Answer = ChassisStatus;

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, data: &[u8]) -> Result<ChassisStatus, Malformed> {
        let mut reader = Reader::new(data);
        let power = reader.byte("current power state")?;
        let event = reader.byte("last power event")?;
        let state = reader.byte("miscellaneous chassis state")?;
        let panel = reader.byte("front panel").ok();
        Ok(ChassisStatus {
            is_on: power & 0x01 != 0,
            is_overloaded: power & 0x02 != 0,
            is_interlocked: power & 0x04 != 0,
            has_power_fault: power & 0x08 != 0,
            has_control_fault: power & 0x10 != 0,
            policy: RestorePolicy::from(power >> 5 & 0x03),
            last_event: LastPowerEvent {
                ac_failed: event & 0x01 != 0,
                overload: event & 0x02 != 0,
                interlock: event & 0x04 != 0,
                power_fault: event & 0x08 != 0,
                on_by_ipmi: event & 0x10 != 0,
            },
            is_open: state & 0x01 != 0,
            is_panel_locked: state & 0x02 != 0,
            has_drive_fault: state & 0x04 != 0,
            has_cooling_fault: state & 0x08 != 0,
            identify: (state & 0x40 != 0).then_some(state >> 4 & 0x03),
            panel: panel.map(|panel| FrontPanel { disabled: panel & 0x0f, can_be_disabled: panel >> 4 }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_server_is_read() {
        let status = GetChassisStatus.answer(&[0x21, 0x10, 0x50, 0x54]).unwrap();
        assert!(status.is_on && !status.has_power_fault && !status.is_open);
        assert_eq!(status.policy, RestorePolicy::Previous);
        assert_eq!(status.last_event, LastPowerEvent { on_by_ipmi: true, ..LastPowerEvent::default() });
        assert_eq!(status.identify, Some(1));
        assert_eq!(status.panel, Some(FrontPanel { disabled: 4, can_be_disabled: 5 }));
    }

    #[test]
    fn faults_are_read() {
        let status = GetChassisStatus.answer(&[0x7e, 0x0f, 0x0f]).unwrap();
        assert!(!status.is_on && status.is_overloaded && status.is_interlocked);
        assert!(status.has_power_fault && status.has_control_fault);
        assert!(
            status.is_open && status.is_panel_locked && status.has_drive_fault && status.has_cooling_fault
        );
        let event = status.last_event;
        assert!(
            event.ac_failed && event.overload && event.interlock && event.power_fault && !event.on_by_ipmi
        );
        assert_eq!((status.policy, status.identify, status.panel), (RestorePolicy::Unknown, None, None));
    }
}
