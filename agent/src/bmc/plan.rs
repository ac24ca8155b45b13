// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compares a BMC's settings with the desired configuration, and plans the writes. Pure.

use std::fmt;

use stage1_contract::{
    AddressSource, DesiredBmcConfig, DesiredLan, DesiredUser, DesiredWatchdog, PowerRestore, Secret,
    UnknownUsers, WatchdogAction,
};

use super::config::{BmcConfig, Slot, Watchdog};
use ipmi::app::Privilege;

/// Allowed difference of the clocks in seconds. The host's own comes from an RTC with whole seconds, which drifts.
const CLOCK: i64 = 10;

/// The writes that apply a desired configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The writes, in the order in which they must be made.
    pub writes: Vec<Write>,
    /// Settings that cannot be applied, with the reason.
    pub refusals: Vec<String>,
    /// The slot of each desired user, in their order; `None` if there is no slot for the user.
    pub slots: Vec<Option<u8>>,
    /// Enabled users that are not in the desired configuration, as `ID NAME`.
    pub unknown_users: Vec<String>,
}

/// One write. The first field of a user's write is the slot, the second the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// A user's name.
    Name(u8, String),
    /// A user's password; `None` if it is to be generated.
    Password(u8, String, Option<Secret>),
    /// A user's privilege level and IPMI messaging on the LAN channel.
    Access(u8, String, Privilege),
    /// Enable a user.
    Enable(u8, String),
    /// Allow a user serial over LAN.
    Payload(u8, String),
    /// Enable (always available) or disable IPMI over LAN.
    Channel(bool),
    /// Disable cipher suite 0, which has no authentication.
    NoCipherSuite0,
    /// LAN configuration parameters.
    Lan(Vec<LanWrite>),
    /// Enable or disable serial over LAN.
    SerialOverLan(bool),
    /// Set the BMC's clock to the host's time.
    Clock,
    /// Turn the identify LED off.
    IdentifyOff,
    /// Set and start the watchdog, or stop it.
    Watchdog(DesiredWatchdog),
    /// What the host does when power returns.
    PowerRestore(PowerRestore),
    /// Disable a user that is not in the desired configuration; only after all other writes succeeded.
    Disable(u8, String),
}

/// A LAN configuration parameter that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LanWrite {
    /// Source of the address: DHCP, or static.
    Dhcp(bool),
    /// The address.
    Address([u8; 4]),
    /// The subnet mask.
    Mask([u8; 4]),
    /// The default gateway.
    Gateway([u8; 4]),
    /// The VLAN; 0 is untagged.
    Vlan(u16),
}

/// Result of testing the password of a desired user that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// The password is the desired one: the BMC accepts it and rejects a wrong one.
    Right,
    /// The password is another one.
    Wrong,
    /// The BMC accepts any password, or has no password test.
    Unknown,
}

/// Plans the writes that turn `current` into `desired`. `password_checks` has one entry per desired user, in their
/// order; `None` if the user does not exist.
pub fn plan(
    desired: &DesiredBmcConfig,
    current: &BmcConfig,
    password_checks: &[Option<PasswordCheck>],
) -> Plan {
    let mut plan = Plan::default();
    let mut taken: Vec<u8> = Vec::new();
    for (number, user) in desired.users.iter().enumerate() {
        let check = password_checks.get(number).copied().flatten();
        let slot = plan_user(&mut plan, desired, user, current, check, &taken);
        taken.extend(slot);
        plan.slots.push(slot);
    }
    plan_lan(&mut plan, desired, current);
    plan_chassis(&mut plan, desired, current);
    plan_unknown_users(&mut plan, desired, current, &taken);
    plan
}

/// The slot of a desired user; `None` if the user does not exist.
pub fn slot_of<'a>(current: &'a BmcConfig, user: &DesiredUser) -> Option<&'a Slot> {
    current.users.iter().find(|slot| slot.id > 1 && slot.name.as_ref() == Ok(&user.name))
}

fn plan_user(
    plan: &mut Plan,
    desired: &DesiredBmcConfig,
    user: &DesiredUser,
    current: &BmcConfig,
    check: Option<PasswordCheck>,
    taken: &[u8],
) -> Option<u8> {
    let name = &user.name;
    let Some(privilege) = Privilege::from_name(&user.privilege) else {
        plan.refusals.push(format!("user {name}: there is no privilege level {:?}", user.privilege));
        return None;
    };
    let known = slot_of(current, user);
    let Some(slot) = known.or_else(|| free(current, taken)) else {
        plan.refusals.push(format!("user {name}: {}", no_room(current)));
        return None;
    };
    let id = slot.id;
    let has_password = user.password.is_some() || user.generate;
    if known.is_none() && !has_password {
        plan.refusals.push(format!("user {name}: it is not there, and has no password to be made with"));
        return None;
    }
    if known.is_none() {
        plan.writes.push(Write::Name(id, name.clone()));
    }
    let is_new = writes_password(user, known, check);
    if is_new {
        plan.writes.push(Write::Password(id, name.clone(), user.password.clone()));
    }
    let access = known.and_then(|slot| slot.access);
    let may = access.is_some_and(|access| access.privilege == privilege && access.ipmi_messaging);
    if !may {
        plan.writes.push(Write::Access(id, name.clone(), privilege));
    }
    // If the BMC does not report enabled users, a user is enabled again whenever another of its settings is written.
    let is_enabled = access.and_then(|access| access.enabled).unwrap_or(may && !is_new);
    if !is_enabled {
        plan.writes.push(Write::Enable(id, name.clone()));
    }
    if desired.serial_over_lan == Some(true) && slot.sol_payload == Some(false) {
        plan.writes.push(Write::Payload(id, name.clone()));
    }
    Some(id)
}

fn writes_password(user: &DesiredUser, known: Option<&Slot>, check: Option<PasswordCheck>) -> bool {
    match (&user.password, check) {
        _ if known.is_none() => true,
        (_, Some(PasswordCheck::Right)) => false,
        (Some(_), Some(PasswordCheck::Wrong)) => true,
        (Some(_), Some(PasswordCheck::Unknown) | None) => !user.in_place,
        (None, _) => user.generate && !user.in_place,
    }
}

/// A slot that is certainly empty: its name was read and is empty, can be changed, and the slot is not enabled. Slot 1
/// belongs to the null user.
fn free<'a>(current: &'a BmcConfig, taken: &[u8]) -> Option<&'a Slot> {
    let is_free = |slot: &&Slot| {
        let is_idle = slot.access.is_none_or(|access| access.enabled != Some(true));
        slot.id > 1
            && !slot.is_fixed
            && !taken.contains(&slot.id)
            && slot.name.as_deref() == Ok("")
            && slot.access_error.is_none()
            && is_idle
    };
    current.users.iter().find(is_free)
}

fn no_room(current: &BmcConfig) -> String {
    if current.users.is_empty() {
        return "the BMC does not report its users".to_string();
    }
    let unread: Vec<&Slot> = current.users.iter().filter(|slot| slot.name.is_err()).collect();
    let error = unread.iter().find_map(|slot| slot.name.as_ref().err());
    match (unread.first(), unread.last(), error) {
        (Some(first), Some(last), Some(error)) => format!(
            "no slot is known to be free: {} of {} cannot be read (slots {} to {}: {error}), and what cannot be read is \
             not taken for empty; free a slot in the BMC",
            unread.len(),
            current.users.len(),
            first.id,
            last.id
        ),
        _ => format!("all {} slots are taken; free one in the BMC", current.users.len()),
    }
}

fn plan_lan(plan: &mut Plan, desired: &DesiredBmcConfig, current: &BmcConfig) {
    let needs_channel = desired.lan.is_some()
        || desired.ipmi_over_lan.is_some()
        || desired.cipher_suite_0 == Some(false)
        || desired.serial_over_lan.is_some();
    let Some(lan) = &current.lan else {
        if needs_channel {
            plan.refusals.push("the BMC has no LAN channel".to_string());
        }
        return;
    };
    if let Some(desired) = &desired.lan {
        match lan_writes(desired, lan) {
            Ok(writes) if writes.is_empty() => {}
            Ok(writes) => plan.writes.push(Write::Lan(writes)),
            Err(refusal) => plan.refusals.push(refusal),
        }
    }
    if let Some(available) = desired.ipmi_over_lan.filter(|available| lan.is_available != Some(*available)) {
        plan.writes.push(Write::Channel(available));
    }
    if desired.cipher_suite_0 == Some(false) {
        match &lan.cipher_privileges {
            Some(suites) if suites.iter().any(|(suite, level)| *suite == 0 && *level != 0) => {
                plan.writes.push(Write::NoCipherSuite0);
            }
            Some(_) => {}
            None => plan.refusals.push(
                "cipher suite 0: the BMC does not report the privilege levels of cipher suites".to_string(),
            ),
        }
    }
    match (desired.serial_over_lan, current.sol) {
        (Some(desired), Some(is_on)) if desired != is_on => plan.writes.push(Write::SerialOverLan(desired)),
        (Some(true), None) => plan.refusals.push("the BMC has no serial over LAN".to_string()),
        _ => {}
    }
}

fn lan_writes(desired: &DesiredLan, lan: &super::config::Lan) -> Result<Vec<LanWrite>, String> {
    let mut writes = Vec::new();
    match &desired.source {
        Some(AddressSource::Unknown(source)) => {
            return Err(format!("the address cannot come from {source:?}, which this agent does not know"));
        }
        Some(source) if lan.source.as_ref() != Some(source) => {
            writes.push(LanWrite::Dhcp(*source == AddressSource::Dhcp));
        }
        _ => {}
    }
    if desired.source != Some(AddressSource::Dhcp) {
        let mask = match desired.prefix {
            Some(bits @ 0..=32) => {
                Some(u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0).to_be_bytes())
            }
            Some(bits) => return Err(format!("a prefix of {bits} bits is longer than an address")),
            None => None,
        };
        let address = desired.address.map(|address| address.octets());
        let gateway = desired.gateway.map(|gateway| gateway.octets());
        let differs =
            |desired: Option<[u8; 4]>, now: Option<[u8; 4]>| desired.filter(|desired| now != Some(*desired));
        writes.extend(differs(address, lan.address).map(LanWrite::Address));
        writes.extend(differs(mask, lan.mask).map(LanWrite::Mask));
        writes.extend(differs(gateway, lan.gateway).map(LanWrite::Gateway));
    }
    if let Some(vlan) = desired.vlan.filter(|vlan| lan.vlan != Some(*vlan)) {
        if vlan > 4094 {
            return Err(format!("there is no VLAN {vlan}"));
        }
        writes.push(LanWrite::Vlan(vlan));
    }
    Ok(writes)
}

fn plan_chassis(plan: &mut Plan, desired: &DesiredBmcConfig, current: &BmcConfig) {
    if desired.set_clock && current.clock_ahead_s.is_some_and(|ahead| ahead.abs() > CLOCK) {
        plan.writes.push(Write::Clock);
    }
    if desired.identify_off && current.identify_is_on == Some(true) {
        plan.writes.push(Write::IdentifyOff);
    }
    match (&desired.watchdog, &current.watchdog) {
        (Some(desired), Some(now)) if !is_so(desired, *now) => {
            plan.writes.push(Write::Watchdog(desired.clone()));
        }
        (Some(_), None) => plan.refusals.push("the BMC does not report its watchdog".to_string()),
        _ => {}
    }
    match (&desired.power_restore, &current.power_restore) {
        (Some(PowerRestore::Unknown(policy)), _) => {
            plan.refusals.push(format!("power restore policy {policy:?} is none that this agent knows"));
        }
        (Some(desired), now) if now.as_ref() != Some(desired) => {
            plan.writes.push(Write::PowerRestore(desired.clone()));
        }
        _ => {}
    }
}

fn is_so(desired: &DesiredWatchdog, now: Watchdog) -> bool {
    if desired.action == WatchdogAction::Stop || desired.seconds == 0 {
        return !now.is_running;
    }
    now.is_running && now.seconds == desired.seconds && Some(now.action) == action_code(&desired.action)
}

/// The timeout action of Set Watchdog Timer (IPMI 2.0, table 27-4).
pub fn action_code(action: &WatchdogAction) -> Option<u8> {
    match action {
        WatchdogAction::Stop => Some(0),
        WatchdogAction::Reset => Some(1),
        WatchdogAction::PowerOff => Some(2),
        WatchdogAction::PowerCycle => Some(3),
        WatchdogAction::Unknown(_) => None,
    }
}

fn plan_unknown_users(plan: &mut Plan, desired: &DesiredBmcConfig, current: &BmcConfig, taken: &[u8]) {
    let is_unknown =
        |slot: &&Slot| !taken.contains(&slot.id) && slot.access.is_some_and(|access| access.lets_in());
    for slot in current.users.iter().filter(is_unknown) {
        let name = match slot.name.as_deref() {
            Ok("") => "(no name)".to_string(),
            Ok(name) => name.to_string(),
            Err(_) => "(name cannot be read)".to_string(),
        };
        plan.unknown_users.push(format!("{} {name}", slot.id));
        if desired.unknown_users == UnknownUsers::Disable && slot.id > 1 {
            plan.writes.push(Write::Disable(slot.id, name));
        }
    }
}

impl Write {
    /// The user slot that it changes; `None` if it is not about a user.
    pub fn user(&self) -> Option<u8> {
        match self {
            Self::Name(slot, _)
            | Self::Password(slot, ..)
            | Self::Access(slot, ..)
            | Self::Enable(slot, _)
            | Self::Payload(slot, _)
            | Self::Disable(slot, _) => Some(*slot),
            _ => None,
        }
    }
}

impl fmt::Display for Write {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(slot, name) => write!(formatter, "user {slot}: name {name}"),
            Self::Password(slot, name, _) => write!(formatter, "user {slot} {name}: password"),
            Self::Access(slot, name, privilege) => {
                write!(formatter, "user {slot} {name}: {privilege} with IPMI messaging on the LAN channel")
            }
            Self::Enable(slot, name) => write!(formatter, "user {slot} {name}: enabled"),
            Self::Payload(slot, name) => write!(formatter, "user {slot} {name}: serial over LAN"),
            Self::Channel(true) => write!(formatter, "IPMI over LAN: always available"),
            Self::Channel(false) => write!(formatter, "IPMI over LAN: disabled"),
            Self::NoCipherSuite0 => write!(formatter, "cipher suite 0: for nobody"),
            Self::Lan(writes) => {
                let words: Vec<String> = writes.iter().map(ToString::to_string).collect();
                write!(formatter, "LAN: {}", words.join(", "))
            }
            Self::SerialOverLan(on) => {
                write!(formatter, "serial over LAN: {}", if *on { "on" } else { "off" })
            }
            Self::Clock => write!(formatter, "clock: the host's"),
            Self::IdentifyOff => write!(formatter, "identify LED: off"),
            Self::Watchdog(DesiredWatchdog { action, seconds }) => match action_code(action) {
                Some(0) => write!(formatter, "watchdog: stopped"),
                _ => write!(formatter, "watchdog: {} after {seconds} s", action_words(action)),
            },
            Self::PowerRestore(policy) => {
                write!(formatter, "after a loss of power: {}", policy_words(policy))
            }
            Self::Disable(slot, name) => write!(formatter, "user {slot} {name}: disabled"),
        }
    }
}

impl fmt::Display for LanWrite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dotted = |octets: &[u8; 4]| std::net::Ipv4Addr::from(*octets);
        match self {
            Self::Dhcp(true) => write!(formatter, "address by DHCP"),
            Self::Dhcp(false) => write!(formatter, "address is set"),
            Self::Address(address) => write!(formatter, "address {}", dotted(address)),
            Self::Mask(mask) => write!(formatter, "mask {}", dotted(mask)),
            Self::Gateway(gateway) => write!(formatter, "gateway {}", dotted(gateway)),
            Self::Vlan(0) => write!(formatter, "untagged"),
            Self::Vlan(vlan) => write!(formatter, "VLAN {vlan}"),
        }
    }
}

fn action_words(action: &WatchdogAction) -> &str {
    match action {
        WatchdogAction::Stop => "stop",
        WatchdogAction::Reset => "reset",
        WatchdogAction::PowerOff => "power off",
        WatchdogAction::PowerCycle => "power cycle",
        WatchdogAction::Unknown(action) => action,
    }
}

fn policy_words(policy: &PowerRestore) -> &str {
    match policy {
        PowerRestore::AlwaysOff => "stays off",
        PowerRestore::Previous => "as before",
        PowerRestore::AlwaysOn => "turns on",
        PowerRestore::Unknown(policy) => policy,
    }
}

#[cfg(test)]
mod tests;
