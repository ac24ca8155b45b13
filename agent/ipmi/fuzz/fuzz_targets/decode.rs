// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a response of a BMC, as a record and as a FRU inventory: `cargo +nightly fuzz run decode`.
#![no_main]

use ipmi::app::{
    CipherSuite, GetBmcGlobalEnables, GetChannelAccess, GetChannelAuthenticationCapabilities,
    GetChannelCipherSuites, GetChannelInfo, GetChannelKey, GetDeviceGuid, GetDeviceId, GetSelfTestResults, GetSystemGuid,
    GetUserAccess, GetUserName, GetUserPayloadAccess, GetWatchdogTimer, Privilege, Store,
};
use ipmi::chassis::{
    BootAcknowledge, BootFlags, BootFlagsKept, GetBootOption, GetChassisCapabilities, GetChassisStatus,
    GetPohCounter, GetSystemRestartCause,
};
use ipmi::dcmi::{GetAssetTag, GetControllerId, GetDcmiCapabilities, GetPowerReading};
use ipmi::sensor::{GetDeviceSdr, GetSensorReading, GetSensorThresholds};
use ipmi::storage::{
    ClearSelStatus, Fru, GetFruInventoryAreaInfo, GetSdrRepositoryInfo, GetSelInfo, GetSelTime, PieceOf, Sdr,
    SdrContent, SelContent, SelRecord, extent,
};
use ipmi::transport::{
    AddressSource, AuthenticationEnables, AuthenticationSupport, BackupGateway, CipherEntries, CipherEntryCount, CipherPrivileges, Gateway, GatewayMac,
    GetLanParameter, GetSolParameter, IpAddress, Ipv6DynamicAddress, Ipv6Enables, Ipv6Router, Ipv6RouterControl, Ipv6StaticAddress,
    Ipv6Status, Ipv6Support, MacAddress, SolAuthentication, SolBitRate, SolEnable, SubnetMask, Vlan,
    VlanPriority,
};
use ipmi::{Command, SetInProgress};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((what, rest)) = input.split_first() else { return };
    match what % 4 {
        0 => responses(rest),
        1 => parameters(rest),
        2 => records(rest),
        _ => inventory(rest),
    }
});

fn responses(data: &[u8]) {
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
    let _ = GetChannelKey { channel }.answer(data);
    let _ = GetUserAccess { channel, user }.answer(data);
    let _ = GetUserName { user }.answer(data);
    let _ = GetUserPayloadAccess { channel, user }.answer(data);
    let _ = GetChassisCapabilities.answer(data);
    let _ = GetChassisStatus.answer(data);
    let _ = GetPohCounter.answer(data);
    let _ = GetSystemRestartCause.answer(data);
    let _ = GetDcmiCapabilities.answer(data);
    let _ = GetAssetTag { offset: 0, count: 0 }.answer(data);
    let _ = GetControllerId { offset: 0 }.answer(data);
    let _ = GetPowerReading.answer(data);
    let _ = GetSelInfo.answer(data);
    let _ = GetSelTime.answer(data);
    let _ = ClearSelStatus { reservation: 0 }.answer(data);
    let _ = GetSensorReading { sensor: 0 }
        .answer(data)
        .map(|reading| (reading.breach(), reading.offsets().count()));
    let _ = GetSensorThresholds { sensor: 0 }.answer(data);
    let _ = GetSdrRepositoryInfo.answer(data);
    let _ = GetFruInventoryAreaInfo { device: 0 }.answer(data);
    let piece = PieceOf { reservation: 0, record: PieceOf::FIRST, offset: 0, count: PieceOf::WHOLE };
    let _ = GetDeviceSdr(piece).answer(data);
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
    lan!(Ipv6Router, Ipv6RouterControl, AuthenticationSupport, AuthenticationEnables);
    sol!(SolEnable, SolAuthentication, SolBitRate);
    boot!(BootFlagsKept, BootAcknowledge, BootFlags);
}

fn records(data: &[u8]) {
    if let Ok(Sdr { content: SdrContent::Sensor(sensor), .. }) = Sdr::parse(data) {
        assert!((1..=15).contains(&sensor.numbered().len()), "{sensor:?}");
        let values = (0..=u8::MAX).map(|raw| sensor.factors.and_then(|factors| factors.thousandths(raw)));
        let _ = (sensor.units.map(|units| units.name()), values.flatten().count());
    }
    if let Ok(SelRecord { content: SelContent::Event { generator, event, .. }, .. }) = SelRecord::parse(data)
    {
        let _ = (generator.software(), generator.owner(), event.sensor_type_name(), event.name());
        let _ = (event.severity(), event.details());
    }
}

fn inventory(data: &[u8]) {
    let fru = Fru::parse(data);
    let length = extent(data);
    if length <= data.len() {
        assert_eq!(Fru::parse(&data[..length]), fru, "bytes after the extent change nothing");
    }
}
