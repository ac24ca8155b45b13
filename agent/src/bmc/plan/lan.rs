// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has to be changed in the LAN channels. What closes a channel is done on all of them; what opens one is not done on an
//! interface to the host itself.

use std::net::Ipv6Addr;

use ipmi::app::Privilege;
use ipmi::transport::{AuthenticationTypes, Ipv6Enables, Ipv6RouterControl};
use stage1_contract::{AddressSource, DesiredBmcConfig, DesiredIpv6, DesiredLan, Ipv6Mode, is_strict_suite};

use super::Plan;
use crate::bmc::change::Change;
use crate::bmc::config::{BmcConfig, Ciphers, Ipv6Config, LanConfig};
use crate::bmc::lan;
use crate::bmc::lan_changes::{
    AccessChange, AuthenticationChange, Channel, CipherChange, LanChange, LanParameter, LanStep,
};
use crate::bmc::privilege::{self, rank};

/// The cipher suites that are offered to users where their level has to be raised.
const RAISED: [u8; 2] = [3, 17];

pub(super) fn plan(plan: &mut Plan, desired: &DesiredBmcConfig, actual: &BmcConfig) {
    let needs_channel = desired.lan.is_some()
        || desired.ipmi_over_lan.is_some()
        || desired.cipher_suite_0 == Some(false)
        || desired.cipher_suites.is_some()
        || desired.baseline.is_some()
        || desired.serial_over_lan.is_some();
    let Some(in_use) = &actual.lan else {
        if needs_channel {
            plan.refusals.push("LAN: the BMC has no LAN channel".to_string());
        }
        return;
    };
    for lan in actual.lans() {
        let channel = Channel { number: lan.channel, is_in_use: lan.channel == in_use.channel };
        plan_access(plan, desired, lan, channel);
        plan_ciphers(plan, desired, lan, channel);
        plan_authentication(plan, desired, lan, channel);
    }
    plan.changes.extend(other_access(desired, actual, &plan.slots));
    match (desired.serial_over_lan, actual.sol) {
        (Some(desired), Some(enabled)) if desired != enabled => {
            plan.changes.push(Change::SerialOverLan(desired));
        }
        (Some(true), None) => plan.refusals.push("serial over LAN: the BMC does not have it".to_string()),
        _ => {}
    }
    if let Some(desired) = &desired.lan {
        match plan_parameters(desired, in_use, actual) {
            Ok(steps) if steps.is_empty() => {}
            Ok(steps) => plan.changes.push(Change::Lan(LanChange { channel: in_use.channel, steps })),
            Err(refusal) => plan.refusals.push(refusal),
        }
    }
}

/// The highest privilege level of a desired user.
fn highest_level(desired: &DesiredBmcConfig) -> Option<Privilege> {
    let levels = desired.users.iter().filter_map(|user| privilege::settable(&user.privilege));
    levels.filter(|level| rank(*level) > 0).max_by_key(|level| rank(*level))
}

fn plan_access(plan: &mut Plan, desired: &DesiredBmcConfig, lan: &LanConfig, channel: Channel) {
    let is_host_interface = lan.is_host_interface();
    let is_available = desired.ipmi_over_lan.filter(|is_available| lan.is_available != Some(*is_available));
    let is_available = is_available.filter(|is_available| !(*is_available && is_host_interface));
    let opens = !is_host_interface && desired.ipmi_over_lan != Some(false);
    let level = highest_level(desired).filter(|_| opens);
    let limit = level.filter(|level| lan.limit.is_some_and(|limit| rank(limit) < rank(*level)));
    let is_authenticated = desired.baseline.is_some() && lan.is_authenticated == Some(false);
    if is_available.is_some() || limit.is_some() || is_authenticated {
        plan.changes.push(Change::ChannelAccess(AccessChange {
            channel,
            is_available,
            limit,
            is_authenticated,
        }));
    }
}

fn plan_ciphers(plan: &mut Plan, desired: &DesiredBmcConfig, lan: &LanConfig, channel: Channel) {
    let is_strict = desired.baseline.is_some();
    let is_allowed = |suite: u8| {
        let is_listed = desired.cipher_suites.as_ref().is_none_or(|suites| suites.contains(&suite));
        let is_strict_enough = !is_strict || suite >= 0x80 || is_strict_suite(suite);
        is_listed && is_strict_enough && !(suite == 0 && desired.cipher_suite_0 == Some(false))
    };
    let Ciphers { levels, without_level, offered } = &lan.ciphers;
    let Some(levels) = levels else {
        let closes = is_strict || desired.cipher_suites.is_some() || desired.cipher_suite_0 == Some(false);
        plan.refusals.extend(closes.then(|| unreported(offered.as_deref(), is_allowed, channel)).flatten());
        return;
    };
    let unknown: Vec<String> =
        without_level.iter().filter(|suite| !is_allowed(**suite)).map(u8::to_string).collect();
    if !unknown.is_empty() {
        let suites = unknown.join(", ");
        plan.refusals
            .push(format!("cipher suites {suites}{channel}: the BMC does not report who can use them"));
    }
    let is_enabled = |level: u8| level != 0;
    let disabled: Vec<u8> = levels
        .iter()
        .filter(|(suite, level)| is_enabled(*level) && !is_allowed(*suite))
        .map(|(suite, _)| *suite)
        .collect();
    let (level, enabled) = match highest_level(desired).filter(|_| !lan.is_host_interface()) {
        Some(level) => (level, to_raise(desired, levels, rank(level), is_allowed)),
        None => (Privilege::Administrator, Vec::new()),
    };
    let remains =
        |(suite, level): &(u8, u8)| is_enabled(*level) && is_allowed(*suite) || enabled.contains(suite);
    if !disabled.is_empty() && !levels.iter().any(remains) {
        let has: Vec<String> = levels.iter().map(|(suite, _)| suite.to_string()).collect();
        plan.refusals.push(format!(
            "cipher suites{channel}: not changed, as nobody could log in: the BMC has only {}",
            has.join(", ")
        ));
        return;
    }
    if !disabled.is_empty() || !enabled.is_empty() {
        plan.changes.push(Change::CipherSuites(CipherChange { channel, disabled, enabled, level }));
    }
    let is_missing =
        |suite: &&u8| !levels.iter().any(|(known, _)| known == *suite) && !without_level.contains(*suite);
    for suite in desired.cipher_suites.iter().flatten().filter(is_missing).filter(|_| channel.is_in_use) {
        plan.refusals.push(format!("cipher suite {suite}: the BMC does not have it"));
    }
}

/// The suites whose level is raised to `least`: those that are listed; without a list, where no suite reaches it, the best.
/// Where all levels are zero, the BMC does not use them.
fn to_raise(
    desired: &DesiredBmcConfig,
    levels: &[(u8, u8)],
    least: u8,
    is_allowed: impl Fn(u8) -> bool,
) -> Vec<u8> {
    let low = levels.iter().filter(|(suite, level)| *level < least && is_allowed(*suite));
    let reaches = |(suite, level): &(u8, u8)| *level >= least && *suite != 0 && is_allowed(*suite);
    if desired.cipher_suites.is_some() {
        low.map(|(suite, _)| *suite).collect()
    } else if levels.iter().any(reaches) || levels.iter().all(|(_, level)| *level == 0) {
        Vec::new()
    } else {
        low.map(|(suite, _)| *suite).filter(|suite| RAISED.contains(suite)).collect()
    }
}

/// What is wrong where the BMC reports no levels: it offers a suite that is not allowed, or reports nothing at all.
fn unreported(offered: Option<&[u8]>, is_allowed: impl Fn(u8) -> bool, channel: Channel) -> Option<String> {
    let Some(offered) = offered else {
        return Some(format!("cipher suites{channel}: the BMC does not report which are enabled"));
    };
    let weak: Vec<String> = offered.iter().filter(|suite| !is_allowed(**suite)).map(u8::to_string).collect();
    (!weak.is_empty()).then(|| {
        format!(
            "cipher suites {}{channel}: the BMC offers them, and cannot disable them over IPMI",
            weak.join(", ")
        )
    })
}

fn plan_authentication(plan: &mut Plan, desired: &DesiredBmcConfig, lan: &LanConfig, channel: Channel) {
    let weak = AuthenticationTypes::NONE.and(AuthenticationTypes::MD2).and(AuthenticationTypes::PASSWORD);
    let Some(levels) = lan.authentication.filter(|_| desired.baseline.is_some()) else { return };
    let kept = levels.map(|types| types.without(weak));
    let Ciphers { levels: suites, without_level, offered } = &lan.ciphers;
    let has_suite = suites.as_ref().is_some_and(|suites| !suites.is_empty())
        || offered.as_ref().is_some_and(|suites| !suites.is_empty())
        || !without_level.is_empty();
    if kept.iter().all(|types| types.0 == 0) && !has_suite {
        plan.refusals.push(format!(
            "authentication types: not changed, as nobody could log in on channel {}: all that the BMC has are weak, and it has no \
             cipher suite",
            channel.number,
        ));
    } else if kept != levels {
        let all = lan::all_types(&levels);
        let disabled = all.without(all.without(weak));
        plan.changes.push(Change::Authentication(AuthenticationChange { channel, disabled, levels: kept }));
    }
}

/// The access of the desired users, which are in these slots, to further LAN channels, and their sessions. One that is refused has no slot.
pub(crate) fn other_access(
    desired: &DesiredBmcConfig,
    actual: &BmcConfig,
    slots: &[Option<u8>],
) -> Vec<Change> {
    let mut changes = Vec::new();
    let users = desired.users.iter().zip(slots);
    for (user, slot) in users.filter_map(|(user, slot)| Some((user, (*slot)?))) {
        let Some(privilege) = privilege::settable(&user.privilege) else { continue };
        for channel in actual.other_networks() {
            let access = actual.other_access.get(&(slot, channel));
            if !access.is_some_and(|access| access.privilege == privilege && access.ipmi_messaging) {
                let name = user.name.clone();
                changes.push(Change::UserOtherAccess { slot, name, privilege, channel });
            }
        }
        if let Some(limit) = desired.session_limit {
            let channels = actual.lan.iter().map(|lan| lan.channel).chain(actual.other_networks()).collect();
            changes.push(Change::UserSessions { slot, name: user.name.clone(), limit, channels });
        }
    }
    changes
}

fn plan_parameters(
    desired: &DesiredLan,
    actual: &LanConfig,
    config: &BmcConfig,
) -> Result<Vec<LanStep>, String> {
    if let Some(channel) = desired.channel.filter(|channel| *channel != actual.channel) {
        let channels: Vec<String> = config.lans().map(|lan| lan.channel.to_string()).collect();
        return Err(format!(
            "LAN: channel {channel} is no LAN channel of this BMC; use one of {}",
            channels.join(", ")
        ));
    }
    let mut steps = ipv4(desired, actual)?;
    if let Some(vlan) = desired.vlan.filter(|vlan| actual.vlan != Some(*vlan)) {
        if vlan > 4094 {
            return Err(format!("LAN: VLAN {vlan} is not within 0 to 4094"));
        }
        steps.push(LanStep { to: LanParameter::Vlan(vlan), from: actual.vlan.map(LanParameter::Vlan) });
    }
    if let Some(desired) = &desired.ipv6 {
        match &actual.ipv6 {
            Some(actual) => steps.extend(ipv6(desired, actual)?),
            None if desired.source == Ipv6Mode::Off => {}
            None => return Err("LAN: IPv6: the BMC does not have it".to_string()),
        }
    }
    Ok(steps)
}

fn ipv4(desired: &DesiredLan, actual: &LanConfig) -> Result<Vec<LanStep>, String> {
    let mut steps = Vec::new();
    match &desired.source {
        Some(AddressSource::Unknown(source)) => {
            return Err(format!("LAN: unknown address source {source:?}; use static or dhcp"));
        }
        Some(source) if actual.source.as_ref() != Some(source) => {
            let from = match &actual.source {
                Some(AddressSource::Dhcp) => Some(LanParameter::Dhcp(true)),
                Some(AddressSource::Static) => Some(LanParameter::Dhcp(false)),
                _ => None,
            };
            steps.push(LanStep { to: LanParameter::Dhcp(*source == AddressSource::Dhcp), from });
        }
        _ => {}
    }
    if desired.source == Some(AddressSource::Dhcp) {
        return Ok(steps);
    }
    let mask = match desired.prefix {
        Some(bits @ 0..=32) => Some(u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0).to_be_bytes()),
        Some(bits) => return Err(format!("LAN: prefix length {bits} is not within 0 to 32")),
        None => None,
    };
    // An address that a DHCP server gave comes back with DHCP.
    let is_dhcp = actual.source == Some(AddressSource::Dhcp);
    let mut step = |to: Option<[u8; 4]>, from: Option<[u8; 4]>, parameter: fn([u8; 4]) -> LanParameter| {
        let to = to.filter(|to| from != Some(*to)).map(parameter);
        steps.extend(to.map(|to| LanStep { to, from: from.filter(|_| !is_dhcp).map(parameter) }));
    };
    step(desired.address.map(|address| address.octets()), actual.address, LanParameter::Address);
    step(mask, actual.mask, LanParameter::Mask);
    step(desired.gateway.map(|gateway| gateway.octets()), actual.gateway, LanParameter::Gateway);
    Ok(steps)
}

/// The steps for IPv6 (IPMI 2.0, table 23-4, parameters 50 to 68). SLAAC and DHCPv6 have no switch of their own: they are used
/// where no static address is enabled and routers advertise themselves, if the BMC has them.
fn ipv6(desired: &DesiredIpv6, actual: &Ipv6Config) -> Result<Vec<LanStep>, String> {
    let mut steps = Vec::new();
    let is_off = desired.source == Ipv6Mode::Off;
    match &desired.source {
        Ipv6Mode::Slaac if !actual.status.slaac => {
            return Err("LAN: IPv6: the BMC does not have SLAAC".to_string());
        }
        Ipv6Mode::Dhcp if !actual.status.dhcp => {
            return Err("LAN: IPv6: the BMC does not have DHCPv6".to_string());
        }
        Ipv6Mode::Static if actual.status.static_addresses == 0 => {
            return Err("LAN: IPv6: the BMC has no static addresses".to_string());
        }
        Ipv6Mode::Unlisted(source) => {
            return Err(format!("LAN: IPv6: unknown source {source:?}; use static, slaac, dhcp or off"));
        }
        _ => {}
    }
    let on = if actual.support.is_some_and(|support| !support.dual_stack && support.ipv6_only) {
        Ipv6Enables::Ipv6
    } else {
        Ipv6Enables::Both
    };
    let is_on = actual.enables.is_some_and(|enables| enables != Ipv6Enables::Ipv4);
    if actual.enables.is_some() && is_on == is_off {
        let to = LanParameter::Ipv6Enables(if is_off { Ipv6Enables::Ipv4 } else { on });
        steps.push(LanStep { to, from: actual.enables.map(LanParameter::Ipv6Enables) });
    }
    if is_off {
        return Ok(steps);
    }
    steps.extend(static_addresses(desired, actual));
    let router = desired.gateway.filter(|_| desired.source == Ipv6Mode::Static);
    let control = Ipv6RouterControl { is_static: router.is_some(), is_dynamic: router.is_none() };
    if actual.router_control.is_some_and(|actual| actual != control) {
        let from = actual.router_control.map(LanParameter::Ipv6Routers);
        steps.push(LanStep { to: LanParameter::Ipv6Routers(control), from });
    }
    if let Some(router) = router.filter(|router| actual.router != Some(*router)) {
        let from = actual.router.map(LanParameter::Ipv6Router);
        steps.push(LanStep { to: LanParameter::Ipv6Router(router), from });
    }
    Ok(steps)
}

/// The desired address in its entry or else the first, and no other.
fn static_addresses(desired: &DesiredIpv6, actual: &Ipv6Config) -> Vec<LanStep> {
    let target = desired.address.zip(desired.prefix).filter(|_| desired.source == Ipv6Mode::Static);
    let entries = &actual.static_entries;
    let place = target.map(|(address, _)| {
        entries.iter().find(|entry| entry.address == address).map_or(0, |entry| entry.set)
    });
    let mut steps = Vec::new();
    for entry in entries {
        let from = LanParameter::Ipv6Address {
            set: entry.set,
            is_enabled: entry.is_enabled,
            address: entry.address,
            prefix: entry.prefix,
        };
        let to = match target.filter(|_| place == Some(entry.set)) {
            Some((address, prefix)) => {
                LanParameter::Ipv6Address { set: entry.set, is_enabled: true, address, prefix }
            }
            None if entry.is_enabled && entry.address != Ipv6Addr::UNSPECIFIED => LanParameter::Ipv6Address {
                set: entry.set,
                is_enabled: false,
                address: entry.address,
                prefix: entry.prefix,
            },
            None => continue,
        };
        if to != from {
            steps.push(LanStep { to, from: Some(from) });
        }
    }
    if let (Some((address, prefix)), true) = (target, entries.is_empty()) {
        let to = LanParameter::Ipv6Address { set: 0, is_enabled: true, address, prefix };
        steps.push(LanStep { to, from: None });
    }
    steps
}

#[cfg(test)]
mod tests;
