// SPDX-License-Identifier: MIT OR Apache-2.0
//! The LAN channel of a BMC.

use std::net::Ipv4Addr;

use stage1_contract::{AddressSource, BmcIpv6, BmcLan};

use super::config::LanConfig;
use super::privilege;
use super::session::LenientSession;
use crate::display::hex_with;
use ipmi::app::{AccessMode, ChannelAccess, GetChannelAccess, GetChannelInfo, Medium, Privilege, Store};
use ipmi::transport::{
    AddressSource as Source, CipherEntries, CipherEntryCount, CipherPrivileges, Gateway, GetLanParameter,
    IpAddress, Ipv6DynamicAddress, Ipv6Entry, Ipv6EntryStatus, Ipv6Source, Ipv6StaticAddress, Ipv6Status,
    MacAddress, SubnetMask, Vlan,
};

/// Channels that can be a LAN (IPMI 2.0, section 6.3).
const CHANNELS: std::ops::RangeInclusive<u8> = 1..=11;

/// At most so many IPv6 addresses of a kind are read, whatever the BMC reports.
const IPV6: u8 = 16;

/// Finds the first LAN channel by the medium of each channel: it is 1 on most BMCs, 8 on some.
pub(crate) fn channel(session: &mut LenientSession) -> Option<u8> {
    let mut refused = None;
    for channel in CHANNELS {
        match session.try_ask(&GetChannelInfo { channel })? {
            Ok(info) if info.medium == Medium::Lan => return Some(channel),
            Ok(_) => {}
            // BMCs refuse a missing channel with different codes.
            Err(error) => refused = Some(error),
        }
    }
    let cause = refused.map_or_else(String::new, |error| format!(" ({error})"));
    session.problem(format!("no LAN channel: none of the BMC's channels 1 to 11 is a LAN{cause}"));
    None
}

/// Reads the configuration of the channel, for the plan and for the report.
pub(crate) fn read(session: &mut LenientSession, channel: u8) -> (LanConfig, BmcLan) {
    let source = session.ask(&GetLanParameter::<Source>::new(channel)).map(source);
    let address = session.ask(&GetLanParameter::<IpAddress>::new(channel)).map(|IpAddress(address)| address);
    let mask = session.ask(&GetLanParameter::<SubnetMask>::new(channel)).map(|SubnetMask(mask)| mask);
    let gateway = session.ask(&GetLanParameter::<Gateway>::new(channel)).map(|Gateway(gateway)| gateway);
    let vlan = session.ask(&GetLanParameter::<Vlan>::new(channel));
    let now = access(session, channel, Store::Volatile);
    let later = access(session, channel, Store::NonVolatile);
    let is_available = match (now, later) {
        (None, None) => None,
        _ => Some([now, later].into_iter().flatten().all(|access| access.mode == AccessMode::Always)),
    };
    let ciphers = ciphers(session, channel);
    let ipv6 = ipv6(session, channel);
    let lan = LanConfig {
        channel,
        source: source.clone(),
        address: address.map(|address| address.octets()),
        mask: mask.map(|mask| mask.octets()),
        gateway: gateway.map(|gateway| gateway.octets()),
        vlan: vlan.map(|Vlan(vlan)| vlan.unwrap_or(0)),
        is_available,
        limit: [now, later]
            .into_iter()
            .flatten()
            .map(|access| access.limit)
            .min_by_key(|limit| u8::from(*limit)),
        cipher_privileges: ciphers.clone(),
        has_ipv6: ipv6.iter().any(|ipv6| !ipv6.address.is_unicast_link_local()),
    };
    let mac = session.ask(&GetLanParameter::<MacAddress>::new(channel));
    let usable = |(suite, level): &(u8, u8)| (*level != 0).then_some(*suite);
    let report = BmcLan {
        channel,
        mac: mac.map(|MacAddress(mac)| hex_with(&mac, ":")),
        source,
        address: address.filter(is_set),
        mask: mask.filter(is_set),
        gateway: gateway.filter(is_set),
        vlan: vlan.and_then(|Vlan(vlan)| vlan),
        ipv6,
        access: now.or(later).map(|access| mode(access.mode)),
        privilege: now.or(later).map(|access| privilege::reported(access.limit)),
        cipher_suites: ciphers.iter().flatten().filter_map(usable).collect(),
    };
    (lan, report)
}

fn access(session: &mut LenientSession, channel: u8, store: Store) -> Option<ChannelAccess> {
    session.ask(&GetChannelAccess { channel, store })
}

/// Each cipher suite with the highest privilege level that can use it (LAN parameters 23 and 24, matched by position). Only
/// as many entries are valid as parameter 22 counts.
fn ciphers(session: &mut LenientSession, channel: u8) -> Option<Vec<(u8, u8)>> {
    let count = session.ask(&GetLanParameter::<CipherEntryCount>::new(channel));
    let count = count.map_or(usize::MAX, |CipherEntryCount(count)| usize::from(count));
    let CipherEntries(suites) = session.ask(&GetLanParameter::<CipherEntries>::new(channel))?;
    let CipherPrivileges(levels) = session.ask(&GetLanParameter::<CipherPrivileges>::new(channel))?;
    Some(suites.into_iter().zip(levels.map(u8::from)).take(count).collect())
}

fn ipv6(session: &mut LenientSession, channel: u8) -> Vec<BmcIpv6> {
    let Some(status) = session.ask(&GetLanParameter::<Ipv6Status>::new(channel)) else { return Vec::new() };
    let mut entries = Vec::new();
    for set in 0..status.static_addresses.min(IPV6) {
        let Some(Ipv6StaticAddress(entry)) = session.ask(&GetLanParameter::entry(channel, set)) else {
            break;
        };
        entries.push(entry);
    }
    for set in 0..status.dynamic_addresses.min(IPV6) {
        let Some(Ipv6DynamicAddress(entry)) = session.ask(&GetLanParameter::entry(channel, set)) else {
            break;
        };
        entries.push(entry);
    }
    let is_used =
        |entry: &Ipv6Entry| entry.status == Ipv6EntryStatus::Active && !entry.address.is_unspecified();
    let reported = |entry: Ipv6Entry| BmcIpv6 {
        address: entry.address,
        prefix: entry.prefix,
        source: match entry.source {
            Ipv6Source::Static => AddressSource::Static,
            Ipv6Source::Dhcp => AddressSource::Dhcp,
            Ipv6Source::Slaac => AddressSource::Unknown("slaac".to_string()),
            Ipv6Source::Other(number) => AddressSource::Unknown(format!("{number:#04x}")),
        },
    };
    entries.into_iter().filter(is_used).map(reported).collect()
}

fn source(source: Source) -> AddressSource {
    match source {
        Source::Static => AddressSource::Static,
        Source::Dhcp => AddressSource::Dhcp,
        Source::Unspecified => AddressSource::Unknown("unspecified".to_string()),
        Source::Host => AddressSource::Unknown("host".to_string()),
        Source::OtherProtocol => AddressSource::Unknown("other-protocol".to_string()),
        Source::Other(number) => AddressSource::Unknown(format!("{number:#04x}")),
    }
}

fn mode(mode: AccessMode) -> String {
    match mode {
        AccessMode::Disabled => "disabled".to_string(),
        AccessMode::PreBootOnly => "pre-boot".to_string(),
        AccessMode::Always => "always".to_string(),
        AccessMode::Shared => "shared".to_string(),
        AccessMode::Other(number) => format!("{number:#04x}"),
    }
}

fn is_set(address: &Ipv4Addr) -> bool {
    !address.is_unspecified()
}

/// The privilege level limit of a channel that is enabled: the users' own levels limit them further.
pub(crate) const CHANNEL_LIMIT: Privilege = Privilege::Administrator;
