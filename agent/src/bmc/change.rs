// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changes of a BMC's configuration.

use std::fmt;
use std::net::Ipv4Addr;

use ipmi::app::Privilege;
use stage1_contract::{DesiredWatchdog, PowerRestore, Secret, WatchdogAction};

use super::privilege;
use crate::json;

/// A change of a BMC's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Set a user's name.
    UserName { slot: u8, name: String },
    /// Set a user's password; `None`: a generated one.
    UserPassword { slot: u8, name: String, password: Option<Secret> },
    /// Set a user's privilege level, and enable IPMI messaging, on the LAN channel.
    UserAccess { slot: u8, name: String, privilege: Privilege },
    /// Enable a user.
    UserEnable { slot: u8, name: String },
    /// Let a user use serial over LAN.
    UserPayload { slot: u8, name: String },
    /// Disable a user. Only while a proven administrator can log in.
    UserDisable { slot: u8, name: String },
    /// Enable or disable IPMI over LAN.
    ChannelAccess(bool),
    /// Disable cipher suite 0.
    CipherSuite0,
    /// Set these LAN configuration parameters.
    Lan(Vec<LanParameter>),
    /// Enable or disable serial over LAN.
    SerialOverLan(bool),
    /// Set the clock by the host's.
    Clock,
    /// Turn the identify LED off.
    IdentifyOff,
    /// Set and start, or stop, the watchdog timer.
    Watchdog(DesiredWatchdog),
    /// Set what the host does when power comes back.
    PowerRestore(PowerRestore),
}

/// A LAN configuration parameter (IPMI 2.0, table 23-4) and its new value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LanParameter {
    /// Address source: DHCP, or static.
    Dhcp(bool),
    Address([u8; 4]),
    Mask([u8; 4]),
    Gateway([u8; 4]),
    /// VLAN ID; 0: untagged.
    Vlan(u16),
}

/// Identifies a change, whatever value it sets; users by their slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeId {
    UserName(u8),
    UserPassword(u8),
    UserAccess(u8),
    UserEnable(u8),
    UserPayload(u8),
    UserDisable(u8),
    ChannelAccess,
    CipherSuite0,
    Lan,
    SerialOverLan,
    Clock,
    IdentifyOff,
    Watchdog,
    PowerRestore,
}

impl Change {
    pub(crate) fn id(&self) -> ChangeId {
        match self {
            Self::UserName { slot, .. } => ChangeId::UserName(*slot),
            Self::UserPassword { slot, .. } => ChangeId::UserPassword(*slot),
            Self::UserAccess { slot, .. } => ChangeId::UserAccess(*slot),
            Self::UserEnable { slot, .. } => ChangeId::UserEnable(*slot),
            Self::UserPayload { slot, .. } => ChangeId::UserPayload(*slot),
            Self::UserDisable { slot, .. } => ChangeId::UserDisable(*slot),
            Self::ChannelAccess(_) => ChangeId::ChannelAccess,
            Self::CipherSuite0 => ChangeId::CipherSuite0,
            Self::Lan(_) => ChangeId::Lan,
            Self::SerialOverLan(_) => ChangeId::SerialOverLan,
            Self::Clock => ChangeId::Clock,
            Self::IdentifyOff => ChangeId::IdentifyOff,
            Self::Watchdog(_) => ChangeId::Watchdog,
            Self::PowerRestore(_) => ChangeId::PowerRestore,
        }
    }
}

impl Change {
    /// The same change of a user in another slot.
    pub(crate) fn in_slot(mut self, new: u8) -> Self {
        match &mut self {
            Self::UserName { slot, .. }
            | Self::UserPassword { slot, .. }
            | Self::UserAccess { slot, .. }
            | Self::UserEnable { slot, .. }
            | Self::UserPayload { slot, .. }
            | Self::UserDisable { slot, .. } => *slot = new,
            _ => {}
        }
        self
    }
}

impl ChangeId {
    /// The slot of the user that is changed.
    pub(crate) fn user_slot(self) -> Option<u8> {
        match self {
            Self::UserName(slot)
            | Self::UserPassword(slot)
            | Self::UserAccess(slot)
            | Self::UserEnable(slot)
            | Self::UserPayload(slot)
            | Self::UserDisable(slot) => Some(slot),
            _ => None,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UserName { slot, name } => write!(formatter, "user {slot}: name {name}"),
            Self::UserPassword { slot, name, .. } => write!(formatter, "user {slot} {name}: password"),
            Self::UserAccess { slot, name, privilege } => {
                let level = privilege::reported(*privilege);
                write!(formatter, "user {slot} {name}: {level} with IPMI messaging on the LAN channel")
            }
            Self::UserEnable { slot, name } => write!(formatter, "user {slot} {name}: enabled"),
            Self::UserPayload { slot, name } => write!(formatter, "user {slot} {name}: serial over LAN"),
            Self::UserDisable { slot, name } => write!(formatter, "user {slot} {name}: disabled"),
            Self::ChannelAccess(true) => write!(formatter, "IPMI over LAN: always available"),
            Self::ChannelAccess(false) => write!(formatter, "IPMI over LAN: disabled"),
            Self::CipherSuite0 => write!(formatter, "cipher suite 0: disabled"),
            Self::Lan(parameters) => {
                let words: Vec<String> = parameters.iter().map(ToString::to_string).collect();
                write!(formatter, "LAN: {}", words.join(", "))
            }
            Self::SerialOverLan(true) => write!(formatter, "serial over LAN: enabled"),
            Self::SerialOverLan(false) => write!(formatter, "serial over LAN: disabled"),
            Self::Clock => write!(formatter, "clock: set by the host's"),
            Self::IdentifyOff => write!(formatter, "identify LED: off"),
            Self::Watchdog(watchdog) if stops(watchdog) => write!(formatter, "watchdog: stopped"),
            Self::Watchdog(DesiredWatchdog { action, seconds }) => {
                write!(formatter, "watchdog: {} after {seconds} s", json::word(action))
            }
            Self::PowerRestore(policy) => {
                write!(formatter, "power restore policy: {}", json::word(policy))
            }
        }
    }
}

impl fmt::Display for LanParameter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dhcp(true) => write!(formatter, "address source DHCP"),
            Self::Dhcp(false) => write!(formatter, "address source static"),
            Self::Address(address) => write!(formatter, "address {}", Ipv4Addr::from(*address)),
            Self::Mask(mask) => write!(formatter, "mask {}", Ipv4Addr::from(*mask)),
            Self::Gateway(gateway) => write!(formatter, "gateway {}", Ipv4Addr::from(*gateway)),
            Self::Vlan(0) => write!(formatter, "no VLAN"),
            Self::Vlan(vlan) => write!(formatter, "VLAN {vlan}"),
        }
    }
}

/// Whether the watchdog timer is to be stopped.
pub(crate) fn stops(watchdog: &DesiredWatchdog) -> bool {
    watchdog.action == WatchdogAction::Stop || watchdog.seconds == 0
}

/// The timeout action of Set Watchdog Timer (IPMI 2.0, table 27-4); `None` for one that is unknown.
pub(crate) fn action_code(action: &WatchdogAction) -> Option<u8> {
    match action {
        WatchdogAction::Stop => Some(0),
        WatchdogAction::Reset => Some(1),
        WatchdogAction::PowerOff => Some(2),
        WatchdogAction::PowerCycle => Some(3),
        WatchdogAction::Unknown(_) => None,
    }
}
