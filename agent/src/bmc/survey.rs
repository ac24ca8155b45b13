// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading what a BMC is, and its actual configuration.

use stage1_contract::{BmcChassis, BmcDevice, BmcReport, BmcSol, DesiredBmcConfig, PowerRestore};

use super::apply::host_clock;
use super::change::{Change, ChangeId};
use super::config::{BmcConfig, WatchdogState};
use super::lan::{LanChannel, Part};
use super::manufacturers::manufacturer;
use super::options::OptionId;
use super::session::{BmcSession, LenientSession};
use super::{lan, options, privilege, users};
use crate::display::hex;
use ipmi::app::{DeviceId, GetDeviceGuid, GetDeviceId, GetSelfTestResults, GetWatchdogTimer, SelfTest};
use ipmi::chassis::{
    ChassisStatus, GetChassisStatus, GetPohCounter, GetSystemRestartCause, RestartCause, RestorePolicy,
};
use ipmi::storage::{GetSelTime, Timestamp};
use ipmi::transport::{GetSolParameter, SolAuthentication, SolBitRate, SolEnable};

/// A BMC that was read.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Its actual configuration.
    pub config: BmcConfig,
    /// The BMC for the inventory.
    pub report: BmcReport,
}

/// Reads what the BMC is, and its actual configuration. `None` if not even its device ID can be read. Also returns the
/// problems.
pub fn survey(bmc: &mut BmcSession) -> (Option<Survey>, Vec<String>) {
    let mut session = LenientSession::new(bmc);
    let survey = read(&mut session);
    (survey, session.into_problems())
}

fn read(session: &mut LenientSession) -> Option<Survey> {
    let device = match session.try_ask(&GetDeviceId)? {
        Ok(id) => device(&id),
        Err(error) => {
            session.problem(format!("identifying the BMC: {error}"));
            return None;
        }
    };
    let mut survey = Survey { report: BmcReport { device, ..BmcReport::default() }, ..Survey::default() };
    // ipmitool and the kernel's drivers print a GUID in SMBIOS's byte order too.
    let guid = session.ask(&GetDeviceGuid).filter(|guid| guid.0 != [0; 16] && guid.0 != [0xff; 16]);
    survey.report.device.guid = guid.map(|guid| guid.smbios().to_string());
    survey.report.device.self_test = session.ask(&GetSelfTestResults).and_then(self_test);
    survey.set_lans(lan::channels(session));
    if let Some(channel) = survey.channel() {
        (survey.config.users, survey.config.enabled_users) = users::read(session, channel);
        survey.read_sol(session, channel);
    }
    survey.read_chassis(session);
    survey.read_clock(session);
    survey.read_watchdog(session);
    survey.report.users = users::reported(&survey.config.users);
    Some(survey)
}

/// Reads what a plan for the desired configuration needs in addition.
pub(crate) fn read_for(session: &mut LenientSession, survey: &mut Survey, desired: &DesiredBmcConfig) {
    let Some(channel) = survey.channel() else { return };
    let is_other = |channel: &u8| survey.config.other_lans.iter().any(|lan| lan.channel == *channel);
    if let Some(desired) = desired.lan.as_ref().and_then(|lan| lan.channel).filter(is_other) {
        survey.use_channel(desired);
        (survey.config.users, survey.config.enabled_users) = users::read(session, desired);
        survey.report.users = users::reported(&survey.config.users);
        survey.read_sol(session, desired);
    }
    let channel = survey.channel().unwrap_or(channel);
    if desired.lan.as_ref().is_some_and(|lan| lan.ipv6.is_some())
        && let Some(ipv6) = survey.config.lan.as_mut().and_then(|lan| lan.ipv6.as_mut())
    {
        lan::read_ipv6_control(session, channel, ipv6);
    }
    options::read(session, survey, desired);
}

/// Reads the access of the users in these slots to further LAN channels.
pub(crate) fn read_other_access(session: &mut LenientSession, survey: &mut Survey, slots: &[u8]) {
    let channels: Vec<u8> = survey.config.other_networks().collect();
    for (slot, channel) in slots.iter().flat_map(|slot| channels.iter().map(|channel| (*slot, *channel))) {
        match users::access(session, channel, slot) {
            Some(access) => drop(survey.config.other_access.insert((slot, channel), access)),
            None => drop(survey.config.other_access.remove(&(slot, channel))),
        }
    }
}

/// Reads again what these changes affect.
pub(crate) fn read_back(session: &mut LenientSession, survey: &mut Survey, changes: &[Change]) {
    let ids: Vec<ChangeId> = changes.iter().map(Change::id).collect();
    if let Some(channel) = survey.config.lan.as_ref().map(|lan| lan.channel) {
        for slot in &mut survey.config.users {
            if ids.iter().any(|id| id.user_slot() == Some(slot.id)) {
                let with_payload = ids.contains(&ChangeId::UserPayload(slot.id));
                let enabled_users = users::read_slot(session, channel, slot, with_payload);
                survey.config.enabled_users = enabled_users.or(survey.config.enabled_users);
            }
        }
        let other_slots: Vec<u8> = ids.iter().filter_map(|id| id.other_access()).collect();
        read_other_access(session, survey, &other_slots);
        for (channel, part) in ids.iter().filter_map(|id| id.lan()) {
            survey.read_lan_again(session, channel, part);
        }
        if ids.contains(&ChangeId::Option(OptionId::Sol)) {
            survey.read_sol(session, channel);
        } else if ids.contains(&ChangeId::SerialOverLan) {
            survey.read_sol_enable(session, channel);
        }
    }
    if ids.iter().any(|id| matches!(id, ChangeId::IdentifyOff | ChangeId::PowerRestore)) {
        survey.read_chassis(session);
    }
    options::read_back(session, survey, &ids);
    if ids.contains(&ChangeId::Clock) {
        survey.read_clock(session);
    }
    if ids.contains(&ChangeId::Watchdog) {
        survey.read_watchdog(session);
    }
    if ids.iter().any(|id| id.user_slot().is_some()) {
        survey.report.users = users::reported(&survey.config.users);
    }
}

impl Survey {
    /// The number of the LAN channel that is in use, or that is desired.
    pub(crate) fn channel(&self) -> Option<u8> {
        self.config.lan.as_ref().map(|lan| lan.channel)
    }

    /// The channel that is in use comes first.
    fn set_lans(&mut self, channels: Vec<LanChannel>) {
        let (configs, reports): (Vec<_>, Vec<_>) =
            channels.into_iter().map(|LanChannel { config, report }| (config, report)).unzip();
        let (mut configs, mut reports) = (configs.into_iter(), reports.into_iter());
        (self.config.lan, self.report.lan) = (configs.next(), reports.next());
        (self.config.other_lans, self.report.other_lans) = (configs.collect(), reports.collect());
    }

    fn lans(&self) -> Vec<LanChannel> {
        let configs = self.config.lan.iter().chain(&self.config.other_lans).cloned();
        let reports = self.report.lan.iter().chain(&self.report.other_lans).cloned();
        configs.zip(reports).map(|(config, report)| LanChannel { config, report }).collect()
    }

    fn use_channel(&mut self, number: u8) {
        let mut channels = self.lans();
        channels.sort_by_key(|channel| channel.config.channel != number);
        self.set_lans(channels);
        self.config.other_access.clear();
    }

    /// Reads the address of the channel that is in use again.
    pub(crate) fn read_address(&mut self, session: &mut LenientSession) {
        if let (Some(config), Some(report)) = (&mut self.config.lan, &mut self.report.lan)
            && let Some(address) = lan::address(session, config.channel)
        {
            config.address = Some(address.octets());
            report.address = Some(address).filter(|address| !address.is_unspecified());
        }
    }

    /// Reads a part of a channel again. The channel that is in use stays that.
    fn read_lan_again(&mut self, session: &mut LenientSession, number: u8, part: Part) {
        let mut channels = self.lans();
        if session.fatal_cause().is_none()
            && let Some(channel) = channels.iter_mut().find(|channel| channel.config.channel == number)
        {
            lan::read_again(session, channel, part);
            self.set_lans(channels);
        }
    }

    pub(crate) fn read_sol(&mut self, session: &mut LenientSession, channel: u8) {
        self.read_sol_enable(session, channel);
        let Some(report) = &mut self.report.sol else { return };
        let rate = session.ask(&GetSolParameter::<SolBitRate>::new(channel));
        let authentication = session.ask(&GetSolParameter::<SolAuthentication>::new(channel));
        self.config.options.sol_bit_rate = rate.map(|SolBitRate(rate)| rate);
        self.config.options.sol_authentication = authentication;
        report.bits_per_second = rate.and_then(|SolBitRate(rate)| options::bits_per_second(rate));
        report.encryption = authentication.map(|sol| sol.encryption);
        report.privilege = authentication.map(|sol| privilege::reported(sol.privilege));
    }

    fn read_sol_enable(&mut self, session: &mut LenientSession, channel: u8) {
        let enable = session.ask(&GetSolParameter::<SolEnable>::new(channel));
        self.config.sol = enable.map(|SolEnable(is_on)| is_on);
        self.report.sol = enable.map(|SolEnable(is_enabled)| {
            let before = self.report.sol.take().unwrap_or_default();
            BmcSol { is_enabled, ..before }
        });
    }

    fn read_chassis(&mut self, session: &mut LenientSession) {
        let Some(status) = session.ask(&GetChassisStatus) else { return };
        self.config.is_identifying = status.identify.map(|identify| identify != 0);
        let mut chassis = chassis(&status);
        self.config.power_restore.clone_from(&chassis.power_restore);
        chassis.restart_cause =
            session.ask(&GetSystemRestartCause).and_then(|restart| restart_cause(restart.cause));
        chassis.power_on_hours = session.ask(&GetPohCounter).map(|time| time.minutes / 60);
        self.report.chassis = Some(chassis);
    }

    fn read_clock(&mut self, session: &mut LenientSession) {
        let now = i64::from(host_clock());
        let clock = session.ask(&GetSelTime).map(|time| match time {
            Timestamp::Clock(seconds) | Timestamp::SinceStart(seconds) => i64::from(seconds),
            Timestamp::Unspecified => 0,
        });
        self.config.clock_ahead_s = clock.map(|clock| clock - now);
        self.report.clock_ahead_s = self.config.clock_ahead_s;
    }

    fn read_watchdog(&mut self, session: &mut LenientSession) {
        self.config.watchdog = session.ask(&GetWatchdogTimer).map(|state| WatchdogState {
            is_running: state.is_running,
            action: state.watchdog.action.into(),
            seconds: u16::try_from(state.watchdog.countdown.as_secs()).unwrap_or(u16::MAX),
            user: state.watchdog.user,
            left_s: state.left.map(|left| left.as_secs()),
        });
        let left_running = self.config.watchdog.filter(|watchdog| watchdog.is_left_by_firmware());
        left_running.iter().for_each(|watchdog| session.problem(watchdog.to_string()));
    }
}

fn device(id: &DeviceId) -> BmcDevice {
    let (major, minor) = id.firmware;
    BmcDevice {
        manufacturer_id: id.manufacturer,
        manufacturer: manufacturer(id.manufacturer).map(str::to_string),
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

/// The cause of the host's last start (IPMI 2.0, table 28-12).
fn restart_cause(cause: RestartCause) -> Option<String> {
    (cause != RestartCause::Unknown).then(|| cause.to_string())
}
