// SPDX-License-Identifier: MIT OR Apache-2.0
//! A BMC that answers anything: no panic, and no conversation without an end.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use ipmi::app::{
    CipherSuite, GetBmcGlobalEnables, GetChannelAccess, GetChannelAuthenticationCapabilities,
    GetChannelCipherSuites, GetChannelInfo, GetDeviceGuid, GetDeviceId, GetSelfTestResults, GetSystemGuid,
    GetUserAccess, GetUserName, GetUserPayloadAccess, GetWatchdogTimer, Privilege, Store,
};
use ipmi::chassis::{
    BootAcknowledge, BootFlags, BootFlagsKept, GetBootOption, GetChassisCapabilities, GetChassisStatus,
    GetPohCounter, GetSystemRestartCause,
};
use ipmi::dcmi::{GetControllerId, GetDcmiCapabilities, GetPowerReading};
use ipmi::sensor::{GetSensorReading, GetSensorThresholds, read_sensors};
use ipmi::storage::{
    ClearSelStatus, Fru, GetSelInfo, GetSelTime, Sdr, SelContent, SelRecord, erase_sel, extent, read_fru,
    read_sdrs, read_sel,
};
use ipmi::transport::{
    AddressSource, BackupGateway, CipherEntries, CipherEntryCount, CipherPrivileges, Gateway, GatewayMac,
    GetLanParameter, GetSolParameter, IpAddress, Ipv6DynamicAddress, Ipv6Enables, Ipv6StaticAddress,
    Ipv6Status, Ipv6Support, MacAddress, SolAuthentication, SolBitRate, SolEnable, SubnetMask, Vlan,
    VlanPriority,
};
use ipmi::{BmcSession, Command, NetFn, RetryPolicy, SetInProgress, Transport, TransportError};

fuzz_target!(|input: &[u8]| {
    let Some((what, rest)) = input.split_first() else { return };
    match what % 5 {
        0 => answers(rest),
        1 => parameters(rest),
        2 => records(rest),
        3 => inventory(rest),
        _ => conversation(rest),
    }
});

fn answers(data: &[u8]) {
    let (channel, user) = (1, 2);
    let _ = GetDeviceId.answer(data);
    let _ = GetSelfTestResults.answer(data);
    let _ = GetBmcGlobalEnables.answer(data);
    let _ = GetDeviceGuid.answer(data);
    let _ = GetSystemGuid.answer(data);
    let _ = GetWatchdogTimer.answer(data);
    let _ = GetChannelInfo { channel }.answer(data);
    let _ = GetChannelAccess { channel, store: Store::NonVolatile }.answer(data);
    let privilege = Privilege::from(data.len() as u8);
    let _ = GetChannelAuthenticationCapabilities { channel, privilege }.answer(data);
    let _ = GetChannelCipherSuites { channel, page: 0 }.answer(data);
    let _ = CipherSuite::list(data);
    let _ = GetUserAccess { channel, user }.answer(data);
    let _ = GetUserName { user }.answer(data);
    let _ = GetUserPayloadAccess { channel, user }.answer(data);
    let _ = GetChassisCapabilities.answer(data);
    let _ = GetChassisStatus.answer(data);
    let _ = GetPohCounter.answer(data);
    let _ = GetSystemRestartCause.answer(data);
    let _ = GetDcmiCapabilities.answer(data);
    let _ = GetControllerId { offset: 0 }.answer(data);
    let _ = GetPowerReading.answer(data);
    let _ = GetSelInfo.answer(data);
    let _ = GetSelTime.answer(data);
    let _ = ClearSelStatus { reservation: 0 }.answer(data);
    let _ = GetSensorReading { sensor: 0 }
        .answer(data)
        .map(|reading| (reading.breach(), reading.offsets().count()));
    let _ = GetSensorThresholds { sensor: 0 }.answer(data);
}

fn parameters(data: &[u8]) {
    macro_rules! lan {
        ($($parameter:ty),+) => {{ $(let _ = GetLanParameter::<$parameter>::new(1).answer(data);)+ }};
    }
    macro_rules! sol {
        ($($parameter:ty),+) => {{ $(let _ = GetSolParameter::<$parameter>::new(1).answer(data);)+ }};
    }
    macro_rules! boot {
        ($($parameter:ty),+) => {{ $(let _ = GetBootOption::<$parameter>::NEW.answer(data);)+ }};
    }
    lan!(SetInProgress, IpAddress, AddressSource, MacAddress, SubnetMask, Gateway, GatewayMac, BackupGateway);
    lan!(Vlan, VlanPriority, CipherEntryCount, CipherEntries, CipherPrivileges);
    lan!(Ipv6Support, Ipv6Enables, Ipv6Status, Ipv6StaticAddress, Ipv6DynamicAddress);
    sol!(SolEnable, SolAuthentication, SolBitRate);
    boot!(BootFlagsKept, BootAcknowledge, BootFlags);
}

fn records(data: &[u8]) {
    let _ = Sdr::parse(data);
    if let Ok(SelRecord { content: SelContent::Event { generator, event, .. }, .. }) = SelRecord::parse(data)
    {
        let _ = (generator.software(), event.sensor_type_name(), event.name(), event.severity());
    }
}

fn inventory(data: &[u8]) {
    let fru = Fru::parse(data);
    let wanted = extent(data);
    if wanted <= data.len() {
        assert_eq!(Fru::parse(&data[..wanted]), fru, "what is beyond the extent says nothing");
    }
}

/// All that is read of a BMC, whose answers are the input's: a length, so many bytes, and so on.
fn conversation(input: &[u8]) {
    let wire = Box::new(Answers(input.to_vec()));
    let patience = RetryPolicy { attempts: 1, pause: Duration::ZERO, ..RetryPolicy::default() };
    let mut bmc = BmcSession::new(wire, patience, Instant::now() + Duration::from_secs(5));
    let _ = read_sel(&mut bmc, 10);
    let records = read_sdrs(&mut bmc).records;
    let _ = read_sensors(&mut bmc, &records);
    let _ = read_fru(&mut bmc, 0);
    let _ = erase_sel(&mut bmc, || ());
    assert!(Instant::now() < bmc.deadline(), "it was still asked: {:?}", bmc.counters());
}

struct Answers(Vec<u8>);

impl Transport for Answers {
    fn exchange(&mut self, _: NetFn, _: u8, _: &[u8], _: Duration) -> Result<Vec<u8>, TransportError> {
        let Some(length) = self.0.first().copied() else {
            return Err(TransportError::Gone("the input has ended".to_string()));
        };
        let end = self.0.len().min(1 + usize::from(length));
        Ok(self.0.drain(..end).skip(1).collect())
    }
}
