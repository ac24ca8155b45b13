// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changes of a BMC's configuration.

use std::fmt;

use ipmi::app::Privilege;
use stage1_contract::{DesiredWatchdog, PowerRestore, Secret, WatchdogAction};

use super::lan::Part;
use super::lan_changes::{AccessChange, AuthenticationChange, CipherChange, LanChange};
use super::options::{OptionChange, OptionId};
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
    /// Set a user's privilege level, and enable IPMI messaging, on a further LAN channel. No user needs it to log in.
    UserOtherAccess { slot: u8, name: String, privilege: Privilege, channel: u8 },
    /// Limit the sessions that a user may have at once, on these LAN channels. It cannot be read.
    UserSessions { slot: u8, name: String, limit: u8, channels: Vec<u8> },
    /// Change who may use a LAN channel.
    ChannelAccess(AccessChange),
    /// Change which cipher suites can be used.
    CipherSuites(CipherChange),
    /// Change how users of IPMI 1.5 authenticate.
    Authentication(AuthenticationChange),
    /// Set LAN configuration parameters. Last of all: a BMC may be out of reach for a while.
    Lan(LanChange),
    /// A setting that most fleets leave alone.
    Option(OptionChange),
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

/// Identifies a change, whatever value it sets; users by their slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeId {
    UserName(u8),
    UserPassword(u8),
    UserAccess(u8),
    UserEnable(u8),
    UserPayload(u8),
    UserDisable(u8),
    UserOtherAccess(u8, u8),
    UserSessions(u8),
    ChannelAccess(u8),
    CipherSuites(u8),
    Authentication(u8),
    Lan(u8),
    Option(OptionId),
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
            Self::UserOtherAccess { slot, channel, .. } => ChangeId::UserOtherAccess(*slot, *channel),
            Self::UserSessions { slot, .. } => ChangeId::UserSessions(*slot),
            Self::ChannelAccess(change) => ChangeId::ChannelAccess(change.channel.number),
            Self::CipherSuites(change) => ChangeId::CipherSuites(change.channel.number),
            Self::Authentication(change) => ChangeId::Authentication(change.channel.number),
            Self::Lan(change) => ChangeId::Lan(change.channel),
            Self::Option(change) => ChangeId::Option(change.id()),
            Self::SerialOverLan(_) => ChangeId::SerialOverLan,
            Self::Clock => ChangeId::Clock,
            Self::IdentifyOff => ChangeId::IdentifyOff,
            Self::Watchdog(_) => ChangeId::Watchdog,
            Self::PowerRestore(_) => ChangeId::PowerRestore,
        }
    }
}

impl Change {
    /// Whether it sets LAN configuration parameters.
    pub(crate) fn is_lan(&self) -> bool {
        matches!(self, Self::Lan(_))
    }

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

    /// The slot of the user of whom something is changed that it does not need to log in.
    pub(crate) fn other_access(self) -> Option<u8> {
        match self {
            Self::UserOtherAccess(slot, _) | Self::UserSessions(slot) => Some(slot),
            _ => None,
        }
    }

    /// The part of a LAN channel's configuration that is changed.
    pub(crate) fn lan(self) -> Option<(u8, Part)> {
        match self {
            Self::ChannelAccess(channel) => Some((channel, Part::Access)),
            Self::CipherSuites(channel) => Some((channel, Part::Ciphers)),
            Self::Authentication(channel) => Some((channel, Part::Authentication)),
            Self::Lan(channel) => Some((channel, Part::Addresses)),
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
            Self::UserOtherAccess { slot, name, privilege, channel } => {
                let level = privilege::reported(*privilege);
                write!(formatter, "user {slot} {name}: {level} with IPMI messaging on LAN channel {channel}")
            }
            Self::UserSessions { slot, name, limit, .. } => {
                write!(formatter, "user {slot} {name}: {limit} sessions at once")
            }
            Self::ChannelAccess(change) => change.fmt(formatter),
            Self::CipherSuites(change) => change.fmt(formatter),
            Self::Authentication(change) => change.fmt(formatter),
            Self::Lan(change) => change.fmt(formatter),
            Self::Option(change) => change.fmt(formatter),
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
