// SPDX-License-Identifier: MIT OR Apache-2.0
//! The LAN channels of a BMC.

use std::net::Ipv4Addr;

use stage1_contract::{AddressSource, BmcIpv6, BmcLan};

use super::config::{Ciphers, Ipv6Config, LanConfig};
use super::privilege;
use super::session::LenientSession;
use crate::display::hex_with;
use ipmi::app::{
    AccessMode, ChannelAccess, CipherSuite, GetChannelAccess, GetChannelCipherSuites, GetChannelInfo, Medium,
    Store,
};
use ipmi::transport::{
    AddressSource as Source, AuthenticationEnables, AuthenticationTypes, CipherEntries, CipherEntryCount,
    CipherPrivileges, Gateway, GetLanParameter, IpAddress, Ipv6DynamicAddress, Ipv6Enables, Ipv6Entry,
    Ipv6EntryStatus, Ipv6Router, Ipv6RouterControl, Ipv6Source, Ipv6StaticAddress, Ipv6Status, Ipv6Support,
    MacAddress, SubnetMask, Vlan,
};

/// Channels that can be a LAN (IPMI 2.0, section 6.3).
const CHANNELS: std::ops::RangeInclusive<u8> = 1..=11;

/// At most so many IPv6 addresses of a kind are read, whatever the BMC reports.
const IPV6: u8 = 16;

/// At most so many pages of cipher suites are read.
const CIPHER_PAGES: u8 = 8;

/// A LAN channel as it was read: for the plan, and for the report.
#[derive(Clone, Debug, Default)]
pub(crate) struct LanChannel {
    pub(crate) config: LanConfig,
    pub(crate) report: BmcLan,
}

/// Reads all LAN channels, the one that is in use first: it is 1 on most BMCs, 8 on some, and some have several.
pub(crate) fn channels(session: &mut LenientSession) -> Vec<LanChannel> {
    let mut channels: Vec<LanChannel> =
        numbers(session).into_iter().map(|channel| read(session, channel)).collect();
    let in_use = in_use(channels.iter().map(|channel| &channel.config));
    if let Some(at) = channels.iter().position(|channel| Some(channel.config.channel) == in_use) {
        channels[..=at].rotate_right(1);
    }
    channels
}

/// The numbers of the channels that are a LAN, by the medium of each channel.
fn numbers(session: &mut LenientSession) -> Vec<u8> {
    let (mut refused, mut numbers) = (None, Vec::new());
    for channel in CHANNELS {
        match session.try_ask(&GetChannelInfo { channel }) {
            Some(Ok(info)) => match info.medium {
                Medium::Lan | Medium::OtherLan => numbers.push(channel),
                // Some BMCs report a LAN as this; a serial channel has no address.
                Medium::Serial if has_lan_parameters(session, channel) => numbers.push(channel),
                _ => {}
            },
            // BMCs refuse a missing channel with different codes.
            Some(Err(error)) => refused = Some(error),
            None => return numbers,
        }
    }
    if numbers.is_empty() {
        let cause = refused.map_or_else(String::new, |error| format!(" ({error})"));
        session.problem(format!("no LAN channel: none of the BMC's channels 1 to 11 is a LAN{cause}"));
    }
    numbers
}

fn has_lan_parameters(session: &mut LenientSession, channel: u8) -> bool {
    matches!(session.try_ask(&GetLanParameter::<IpAddress>::new(channel)), Some(Ok(_)))
}

/// The channel that is in use: the first that has an address; else the first that leads to a network.
pub(crate) fn in_use<'a>(channels: impl Iterator<Item = &'a LanConfig>) -> Option<u8> {
    let rank = |lan: &&LanConfig| match (lan.has_address(), lan.is_host_interface()) {
        (true, _) => 0,
        (false, false) => 1,
        (false, true) => 2,
    };
    channels.min_by_key(rank).map(|lan| lan.channel)
}

/// A part of a LAN channel's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The addresses.
    Addresses,
    Access,
    Ciphers,
    Authentication,
}

/// Reads the configuration of a channel.
fn read(session: &mut LenientSession, number: u8) -> LanChannel {
    let mut channel = LanChannel::default();
    (channel.config.channel, channel.report.channel) = (number, number);
    for part in [Part::Addresses, Part::Authentication, Part::Access, Part::Ciphers] {
        read_part(session, &mut channel, part);
    }
    read_ipv6(session, &mut channel);
    let mac = session.ask(&GetLanParameter::<MacAddress>::new(number));
    channel.report.mac = mac.map(|MacAddress(mac)| hex_with(&mac, ":"));
    channel
}

/// Reads a part of it again. IPv6 only if what turns it on was read.
pub(crate) fn read_again(session: &mut LenientSession, channel: &mut LanChannel, part: Part) {
    read_part(session, channel, part);
    let has_control = channel.config.ipv6.as_ref().is_some_and(|ipv6| ipv6.enables.is_some());
    if part == Part::Addresses && has_control {
        read_ipv6(session, channel);
        if let Some(ipv6) = &mut channel.config.ipv6 {
            read_ipv6_control(session, channel.config.channel, ipv6);
        }
    }
}

fn read_part(session: &mut LenientSession, channel: &mut LanChannel, part: Part) {
    match part {
        Part::Addresses => read_addresses(session, channel),
        Part::Access => read_access(session, channel),
        Part::Ciphers => read_ciphers(session, channel),
        Part::Authentication => read_authentication(session, channel),
    }
}

fn read_addresses(session: &mut LenientSession, LanChannel { config, report }: &mut LanChannel) {
    let channel = config.channel;
    let source = session.ask(&GetLanParameter::<Source>::new(channel)).map(source);
    let address = address(session, channel);
    let mask = session.ask(&GetLanParameter::<SubnetMask>::new(channel)).map(|SubnetMask(mask)| mask);
    let gateway = session.ask(&GetLanParameter::<Gateway>::new(channel)).map(|Gateway(gateway)| gateway);
    let vlan = session.ask(&GetLanParameter::<Vlan>::new(channel));
    config.source.clone_from(&source);
    config.address = address.map(|address| address.octets());
    config.mask = mask.map(|mask| mask.octets());
    config.gateway = gateway.map(|gateway| gateway.octets());
    config.vlan = vlan.map(|Vlan(vlan)| vlan.unwrap_or(0));
    report.source = source;
    report.address = address.filter(is_set);
    report.mask = mask.filter(is_set);
    report.gateway = gateway.filter(is_set);
    report.vlan = vlan.and_then(|Vlan(vlan)| vlan);
    report.is_host_interface = config.is_host_interface();
}

fn read_access(session: &mut LenientSession, LanChannel { config, report }: &mut LanChannel) {
    let channel = config.channel;
    let stores = [Store::Volatile, Store::NonVolatile];
    let stores = stores.map(|store| session.ask(&GetChannelAccess { channel, store }));
    let stores: Vec<ChannelAccess> = stores.into_iter().flatten().collect();
    let all = |is: &dyn Fn(&ChannelAccess) -> bool| (!stores.is_empty()).then(|| stores.iter().all(is));
    config.is_available = all(&|access| access.mode == AccessMode::Always);
    config.limit = stores.iter().map(|access| access.limit).min_by_key(|limit| privilege::rank(*limit));
    report.access = stores.first().map(|access| mode(access.mode));
    report.privilege = stores.first().map(|access| privilege::reported(access.limit));
    report.per_message_authentication = all(&|access| access.per_message_authentication);
    report.user_level_authentication = all(&|access| access.user_level_authentication);
    let authenticated = report.per_message_authentication.zip(report.user_level_authentication);
    config.is_authenticated = authenticated.map(|(messages, level)| messages && level);
}

fn read_authentication(session: &mut LenientSession, LanChannel { config, report }: &mut LanChannel) {
    let enables = session.ask(&GetLanParameter::<AuthenticationEnables>::new(config.channel));
    config.authentication = enables.map(|AuthenticationEnables(levels)| levels);
    let types = config.authentication.as_ref().map_or(AuthenticationTypes::default(), all_types);
    report.authentication_types = type_names(types).map(str::to_string).collect();
}

fn read_ciphers(session: &mut LenientSession, LanChannel { config, report }: &mut LanChannel) {
    config.ciphers = ciphers(session, config.channel);
    let usable = |(suite, level): &(u8, u8)| (*level != 0).then_some(*suite);
    report.cipher_suites = config.ciphers.levels.iter().flatten().filter_map(usable).collect();
}

fn read_ipv6(session: &mut LenientSession, LanChannel { config, report }: &mut LanChannel) {
    (config.ipv6, report.ipv6) = ipv6(session, config.channel);
    config.has_ipv6 = report.ipv6.iter().any(|address| !address.address.is_unicast_link_local());
}

/// The IPv4 address of a channel; 0.0.0.0 if it has none yet.
pub(crate) fn address(session: &mut LenientSession, channel: u8) -> Option<Ipv4Addr> {
    session.ask(&GetLanParameter::<IpAddress>::new(channel)).map(|IpAddress(address)| address)
}

/// The types that are enabled for at least one privilege level.
pub(crate) fn all_types(levels: &[AuthenticationTypes; 5]) -> AuthenticationTypes {
    levels.iter().fold(AuthenticationTypes::default(), |all, types| all.and(*types))
}

/// As in the report.
pub(crate) fn type_names(types: AuthenticationTypes) -> impl Iterator<Item = &'static str> {
    let names = [
        (AuthenticationTypes::NONE, "none"),
        (AuthenticationTypes::MD2, "md2"),
        (AuthenticationTypes::MD5, "md5"),
        (AuthenticationTypes::PASSWORD, "password"),
        (AuthenticationTypes::OEM, "oem"),
    ];
    names.into_iter().filter(move |(kind, _)| types.has(*kind)).map(|(_, name)| name)
}

/// Each cipher suite with the highest privilege level that can use it (LAN parameters 23 and 24, matched by position). Only
/// as many entries are valid as parameter 22 counts. Without these parameters, the suites that the BMC offers.
fn ciphers(session: &mut LenientSession, channel: u8) -> Ciphers {
    let count = session.ask(&GetLanParameter::<CipherEntryCount>::new(channel));
    let count = count.map_or(usize::MAX, |CipherEntryCount(count)| usize::from(count));
    let suites = session.ask(&GetLanParameter::<CipherEntries>::new(channel));
    let levels =
        suites.as_ref().and_then(|_| session.ask(&GetLanParameter::<CipherPrivileges>::new(channel)));
    match (suites, levels) {
        (Some(CipherEntries(suites)), Some(CipherPrivileges(levels))) => {
            let without_level = suites.iter().copied().take(count).skip(levels.len()).collect();
            let levels = suites.into_iter().zip(levels.into_iter().map(u8::from)).take(count).collect();
            Ciphers { levels: Some(levels), without_level, offered: None }
        }
        _ => Ciphers { offered: offered(session, channel), ..Ciphers::default() },
    }
}

/// The cipher suites of Get Channel Cipher Suites.
fn offered(session: &mut LenientSession, channel: u8) -> Option<Vec<u8>> {
    let mut pages = Vec::new();
    for page in 0..CIPHER_PAGES {
        let bytes = session.ask(&GetChannelCipherSuites { channel, page })?;
        pages.extend(&bytes);
        if bytes.len() < GetChannelCipherSuites::PAGE {
            break;
        }
    }
    match CipherSuite::list(&pages) {
        Ok(suites) => Some(suites.iter().map(|suite| suite.id).collect()),
        Err(error) => {
            session.problem(format!("Get Channel Cipher Suites: {error}"));
            None
        }
    }
}

/// The configuration of IPv6, and the addresses in use. `None` if the BMC has none.
fn ipv6(session: &mut LenientSession, channel: u8) -> (Option<Ipv6Config>, Vec<BmcIpv6>) {
    let Some(status) = session.ask(&GetLanParameter::<Ipv6Status>::new(channel)) else {
        return (None, Vec::new());
    };
    let mut config = Ipv6Config::of(status);
    for set in 0..status.static_addresses.min(IPV6) {
        let Some(Ipv6StaticAddress(entry)) = session.ask(&GetLanParameter::entry(channel, set)) else {
            break;
        };
        config.static_entries.push(entry);
    }
    let mut entries = config.static_entries.clone();
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
    (Some(config), entries.into_iter().filter(is_used).map(reported).collect())
}

/// Reads what turns IPv6 on and where its routers come from.
pub(crate) fn read_ipv6_control(session: &mut LenientSession, channel: u8, ipv6: &mut Ipv6Config) {
    ipv6.support = session.ask(&GetLanParameter::<Ipv6Support>::new(channel));
    ipv6.enables = session.ask(&GetLanParameter::<Ipv6Enables>::new(channel));
    ipv6.router_control = session.ask(&GetLanParameter::<Ipv6RouterControl>::new(channel));
    ipv6.router = session.ask(&GetLanParameter::<Ipv6Router>::new(channel)).map(|Ipv6Router(router)| router);
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

#[cfg(test)]
mod tests {
    use crate::bmc::lan_model::LanModel;
    use crate::bmc::survey::survey;

    const NONE: [u8; 4] = [0; 4];
    const LINK_LOCAL: [u8; 4] = [169, 254, 3, 254];

    /// The number of the channel in use, and of the others.
    fn channels_of(model: LanModel) -> (u8, Vec<u8>) {
        let (mut bmc, _) = model.bmc();
        let survey = survey(&mut bmc).0.unwrap();
        let report = &survey.report;
        let others: Vec<u8> = report.other_lans.iter().map(|lan| lan.channel).collect();
        assert_eq!(survey.config.lans().skip(1).map(|lan| lan.channel).collect::<Vec<u8>>(), others);
        assert_eq!(survey.channel(), report.lan.as_ref().map(|lan| lan.channel));
        (survey.channel().unwrap_or_default(), others)
    }

    #[test]
    fn the_channel_with_an_address_is_in_use() {
        let three = [(1, NONE), (2, NONE), (3, [10, 7, 7, 7])];
        assert_eq!(channels_of(LanModel::with(&three)), (3, vec![1, 2]));
        assert_eq!(channels_of(LanModel::with(&[(1, LINK_LOCAL), (2, NONE)])), (2, vec![1]));
        assert_eq!(channels_of(LanModel::with(&[(1, NONE), (8, NONE)])), (1, vec![8]));
        assert_eq!(channels_of(LanModel::with(&[(1, [10, 0, 0, 1]), (8, [10, 0, 0, 8])])), (1, vec![8]));
        assert_eq!(channels_of(LanModel::with(&[])), (0, vec![]));
    }

    #[test]
    fn a_host_interface_is_distinguished_from_a_server_that_does_not_respond() {
        let mut model = LanModel::with(&[(1, LINK_LOCAL), (2, LINK_LOCAL)]);
        model.lan.insert((2, 4), vec![2]);
        let (mut bmc, _) = model.bmc();
        let report = survey(&mut bmc).0.unwrap().report;
        assert_eq!(report.lan.map(|lan| (lan.channel, lan.is_host_interface)), Some((2, false)));
        assert!(report.other_lans[0].is_host_interface);
    }

    #[test]
    fn a_channel_that_is_no_lan_by_its_medium_may_be_one() {
        let mut model = LanModel::with(&[(1, [10, 0, 0, 1]), (2, [10, 0, 0, 2]), (3, NONE), (4, NONE)]);
        model.channels = [(1, 5), (2, 6), (3, 5), (4, 9)].into();
        model.lan.retain(|(channel, _), _| *channel != 3);
        assert_eq!(channels_of(model), (1, vec![2]));
    }

    #[test]
    fn what_closes_a_channel_is_reported() {
        let mut model = LanModel::with(&[(1, [10, 0, 0, 1])]);
        model.access.insert((1, 0x40), [0x0a, 2]);
        let (mut bmc, _) = model.bmc();
        let survey = survey(&mut bmc).0.unwrap();
        let lan = survey.report.lan.unwrap();
        assert_eq!(lan.authentication_types, ["none", "md2", "md5", "password"]);
        assert_eq!(
            (lan.per_message_authentication, lan.user_level_authentication),
            (Some(true), Some(false))
        );
        assert_eq!(lan.cipher_suites, [0, 1, 2, 3, 17]);
        let config = survey.config.lan.unwrap();
        assert_eq!((config.limit.map(u8::from), config.is_authenticated), (Some(2), Some(false)));
    }

    #[test]
    fn without_levels_the_offered_suites_are_read() {
        let mut model = LanModel::with(&[(1, [10, 0, 0, 1])]);
        model.lan.retain(|(_, number), _| !(22..=24).contains(number));
        model.other.insert(vec![6, 0x54], vec![1, 0xc0, 3, 1, 0x41, 0x81, 0xc0, 17, 3, 0x44, 0x81]);
        let (mut bmc, _) = model.bmc();
        let config = survey(&mut bmc).0.unwrap().config.lan.unwrap();
        assert_eq!(config.ciphers.offered, Some(vec![3, 17]));
    }
}
