// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading a BMC's identity and settings.

use stage1_contract::{BmcChassis, BmcDevice, BmcReport, BmcSol, PowerRestore};

use super::config::{BmcConfig, Watchdog};
use super::makers::maker;
use super::plan::Write;
use super::tolerant::TolerantSession;
use super::write::seconds_now;
use super::{lan, users};
use crate::display::hex;
use ipmi::app::{DeviceId, GetDeviceGuid, GetDeviceId, GetSelfTestResults, GetWatchdogTimer, SelfTest};
use ipmi::chassis::{
    ChassisStatus, GetChassisStatus, GetPohCounter, GetSystemRestartCause, RestartCause, RestorePolicy,
};
use ipmi::storage::{GetSelTime, Timestamp};
use ipmi::transport::{BitRate, GetSolParameter, SolBitRate, SolEnable};

/// A BMC as it was read.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Its settings, for planning.
    pub current: BmcConfig,
    /// The same for the report.
    pub report: BmcReport,
}

/// Reads identity and settings; `None` if Get Device ID fails.
pub fn survey(session: &mut TolerantSession) -> Option<Survey> {
    let device = match session.try_ask(&GetDeviceId)? {
        Ok(id) => device(&id),
        Err(error) => {
            session.problem(format!("the BMC does not say what it is: {error}"));
            return None;
        }
    };
    let mut survey = Survey { report: BmcReport { device, ..BmcReport::default() }, ..Survey::default() };
    // In SMBIOS byte order, as ipmitool and the kernel's drivers print it.
    let guid = session.ask(&GetDeviceGuid).filter(|guid| guid.0 != [0; 16] && guid.0 != [0xff; 16]);
    survey.report.device.guid = guid.map(|guid| guid.smbios().to_string());
    survey.report.device.self_test = session.ask(&GetSelfTestResults).and_then(self_test);
    if let Some(channel) = lan::channel(session) {
        survey.current.users = users::read(session, channel);
        survey.read_lan(session, channel);
        survey.read_sol(session, channel);
    }
    survey.read_chassis(session);
    survey.read_clock(session);
    survey.read_watchdog(session);
    survey.report.users = users::reported(&survey.current.users);
    Some(survey)
}

/// Reads the settings that `writes` changed again.
pub fn read_again(session: &mut TolerantSession, survey: &mut Survey, writes: &[Write]) {
    let channel = survey.current.lan.as_ref().map(|lan| lan.channel);
    let is_of_user = |write: &Write| write.user().is_some();
    if let Some(channel) = channel {
        for slot in &mut survey.current.users {
            let of_slot = || writes.iter().filter(|write| write.user() == Some(slot.id));
            let with_payload = of_slot().any(|write| matches!(write, Write::Payload(..)));
            if of_slot().next().is_some() {
                users::read_slot(session, channel, slot, with_payload);
            }
        }
        if writes
            .iter()
            .any(|write| matches!(write, Write::Lan(_) | Write::Channel(_) | Write::NoCipherSuite0))
        {
            survey.read_lan(session, channel);
        }
        if writes.iter().any(|write| matches!(write, Write::SerialOverLan(_))) {
            survey.read_sol(session, channel);
        }
    }
    let of_chassis = |write: &Write| matches!(write, Write::IdentifyOff | Write::PowerRestore(_));
    if writes.iter().any(of_chassis) {
        survey.read_chassis(session);
    }
    if writes.contains(&Write::Clock) {
        survey.read_clock(session);
    }
    if writes.iter().any(|write| matches!(write, Write::Watchdog(_))) {
        survey.read_watchdog(session);
    }
    if writes.iter().any(is_of_user) {
        survey.report.users = users::reported(&survey.current.users);
    }
}

impl Survey {
    fn read_lan(&mut self, session: &mut TolerantSession, channel: u8) {
        let (lan, report) = lan::read(session, channel);
        (self.current.lan, self.report.lan) = (Some(lan), Some(report));
    }

    fn read_sol(&mut self, session: &mut TolerantSession, channel: u8) {
        let enable = session.ask(&GetSolParameter::<SolEnable>::new(channel));
        self.current.sol = enable.map(|SolEnable(is_on)| is_on);
        self.report.sol = enable.map(|SolEnable(is_enabled)| {
            let rate = session.ask(&GetSolParameter::<SolBitRate>::new(channel));
            BmcSol { is_enabled, bits_per_second: rate.and_then(|SolBitRate(rate)| bits_per_second(rate)) }
        });
    }

    fn read_chassis(&mut self, session: &mut TolerantSession) {
        let Some(status) = session.ask(&GetChassisStatus) else { return };
        self.current.identify_is_on = status.identify.map(|identify| identify != 0);
        let mut chassis = chassis(&status);
        self.current.power_restore.clone_from(&chassis.power_restore);
        chassis.restart_cause =
            session.ask(&GetSystemRestartCause).and_then(|restart| restart_cause(restart.cause));
        chassis.power_on_hours = session.ask(&GetPohCounter).map(|time| time.minutes / 60);
        self.report.chassis = Some(chassis);
    }

    fn read_clock(&mut self, session: &mut TolerantSession) {
        let now = i64::from(seconds_now());
        let clock = session.ask(&GetSelTime).map(|time| match time {
            Timestamp::Clock(seconds) | Timestamp::SinceStart(seconds) => i64::from(seconds),
            Timestamp::Unspecified => 0,
        });
        self.current.clock_ahead_s = clock.map(|clock| clock - now);
        self.report.clock_ahead_s = self.current.clock_ahead_s;
    }

    fn read_watchdog(&mut self, session: &mut TolerantSession) {
        self.current.watchdog = session.ask(&GetWatchdogTimer).map(|state| Watchdog {
            is_running: state.is_running,
            action: state.watchdog.action.into(),
            seconds: u16::try_from(state.watchdog.countdown.as_secs()).unwrap_or(u16::MAX),
        });
    }
}

fn device(id: &DeviceId) -> BmcDevice {
    let (major, minor) = id.firmware;
    BmcDevice {
        manufacturer_id: id.manufacturer,
        manufacturer: maker(id.manufacturer).map(str::to_string),
        product_id: id.product,
        firmware: format!("{major}.{minor:02x}"),
        firmware_auxiliary: id.auxiliary.filter(|bytes| *bytes != [0; 4]).map(|bytes| hex(&bytes)),
        ipmi_version: format!("{}.{}", id.ipmi_version & 0x0f, id.ipmi_version >> 4),
        guid: None,
        self_test: None,
    }
}

fn self_test(test: SelfTest) -> Option<String> {
    match test {
        SelfTest::Passed | SelfTest::NotImplemented => None,
        SelfTest::Corrupted(bits) => {
            let faults: Vec<&str> = test.faults().collect();
            Some(if faults.is_empty() { format!("fault {bits:#04x}") } else { faults.join(", ") })
        }
        SelfTest::Fatal(code) => Some(format!("fatal hardware error {code:#04x}")),
        SelfTest::Other(result, detail) => Some(format!("result {result:#04x} {detail:#04x}")),
    }
}

fn chassis(status: &ChassisStatus) -> BmcChassis {
    let named = |all: &[(bool, &str)]| {
        all.iter().filter(|(is_so, _)| *is_so).map(|(_, name)| (*name).to_string()).collect()
    };
    let event = status.last_event;
    BmcChassis {
        is_on: status.is_on,
        power_restore: match status.policy {
            RestorePolicy::Off => Some(PowerRestore::AlwaysOff),
            RestorePolicy::Previous => Some(PowerRestore::Previous),
            RestorePolicy::On => Some(PowerRestore::AlwaysOn),
            RestorePolicy::Unknown | RestorePolicy::Other(_) => None,
        },
        last_power_event: named(&[
            (event.ac_failed, "AC failed"),
            (event.overload, "power overload"),
            (event.interlock, "power interlock"),
            (event.power_fault, "power fault"),
            (event.on_by_ipmi, "turned on over IPMI"),
        ]),
        faults: named(&[
            (status.is_overloaded, "power overload"),
            (status.is_interlocked, "power interlock"),
            (status.has_power_fault, "power fault"),
            (status.has_control_fault, "power control fault"),
            (status.is_open, "chassis intrusion"),
            (status.has_drive_fault, "drive fault"),
            (status.has_cooling_fault, "cooling or fan fault"),
        ]),
        identify: status.identify.map(|state| match state {
            0 => "off".to_string(),
            1 => "temporary".to_string(),
            2 => "indefinite".to_string(),
            other => format!("{other:#04x}"),
        }),
        ..BmcChassis::default()
    }
}

/// Why the host started, as ipmitool prints it (IPMI 2.0, table 28-12).
fn restart_cause(cause: RestartCause) -> Option<String> {
    Some(match cause {
        RestartCause::Unknown => return None,
        RestartCause::ChassisControl => "chassis control command".to_string(),
        RestartCause::ResetButton => "reset via pushbutton".to_string(),
        RestartCause::PowerButton => "power-up via pushbutton".to_string(),
        RestartCause::Watchdog => "watchdog expired".to_string(),
        RestartCause::Oem => "OEM".to_string(),
        RestartCause::PolicyOn => "power-up due to always-restore power policy".to_string(),
        RestartCause::PolicyPrevious => "power-up due to restore-previous power policy".to_string(),
        RestartCause::FilterReset => "reset via PEF".to_string(),
        RestartCause::FilterCycle => "power-cycle via PEF".to_string(),
        RestartCause::SoftReset => "soft reset".to_string(),
        RestartCause::Clock => "power-up via RTC wakeup".to_string(),
        RestartCause::Other(number) => format!("{number:#04x}"),
    })
}

fn bits_per_second(rate: BitRate) -> Option<u32> {
    match rate {
        BitRate::B9600 => Some(9600),
        BitRate::B19200 => Some(19200),
        BitRate::B38400 => Some(38400),
        BitRate::B57600 => Some(57600),
        BitRate::B115200 => Some(115_200),
        BitRate::AsSerial | BitRate::Other(_) => None,
    }
}
