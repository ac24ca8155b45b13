// SPDX-License-Identifier: MIT OR Apache-2.0
//! The actual configuration of a BMC, as far as it can be changed.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipmi::app::{Privilege, WatchdogUser};
use ipmi::transport::{
    AuthenticationTypes, Ipv6Enables, Ipv6Entry, Ipv6RouterControl, Ipv6Status, Ipv6Support,
};
use stage1_contract::{AddressSource, PowerRestore};

use super::options::Options;

/// The configuration of a BMC. `None`: the BMC does not report it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BmcConfig {
    /// All user slots, from 1.
    pub(crate) users: Vec<UserSlot>,
    /// How many users are enabled, as the BMC last counted them.
    pub(crate) enabled_users: Option<u8>,
    /// The LAN channel that is in use, or that is desired.
    pub(crate) lan: Option<LanConfig>,
    /// Further LAN channels.
    pub(crate) other_lans: Vec<LanConfig>,
    /// The access of desired users, by slot and channel, to further LAN channels.
    pub(crate) other_access: BTreeMap<(u8, u8), SlotAccess>,
    /// Whether serial over LAN is enabled.
    pub(crate) sol: Option<bool>,
    /// Seconds by which the BMC's clock is ahead of the host's.
    pub clock_ahead_s: Option<i64>,
    /// Whether the identify LED is on.
    pub(crate) is_identifying: Option<bool>,
    /// The watchdog timer.
    pub(crate) watchdog: Option<WatchdogState>,
    /// What the host does when power comes back.
    pub(crate) power_restore: Option<PowerRestore>,
    /// What most fleets leave alone.
    pub(crate) options: Options,
}

impl BmcConfig {
    /// All LAN channels, the one that is in use first.
    pub(crate) fn lans(&self) -> impl Iterator<Item = &LanConfig> {
        self.lan.iter().chain(&self.other_lans)
    }

    /// Further LAN channels that lead to a network.
    pub(crate) fn other_networks(&self) -> impl Iterator<Item = u8> {
        self.other_lans.iter().filter(|lan| !lan.is_host_interface()).map(|lan| lan.channel)
    }
}

impl BmcConfig {
    /// The access of a user to the LAN channel, if it was read.
    pub(crate) fn access(&self, id: u8) -> Option<SlotAccess> {
        self.users.iter().find(|slot| slot.id == id)?.access
    }
}

/// A user slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserSlot {
    /// User ID, 1 to 63.
    pub(crate) id: u8,
    /// The user's name, empty if the slot has none, or why it could not be read.
    pub(crate) name: Result<String, String>,
    /// The user's access to the LAN channel; `None` if it was not read, or could not be.
    pub(crate) access: Option<SlotAccess>,
    /// Why the access could not be read.
    pub(crate) access_error: Option<String>,
    /// The name cannot be changed.
    pub(crate) is_fixed: bool,
    /// Whether the user can use serial over LAN.
    pub(crate) sol_payload: Option<bool>,
}

/// A user's access to the LAN channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotAccess {
    pub(crate) privilege: Privilege,
    /// IPMI messaging is enabled: the user can log in.
    pub(crate) ipmi_messaging: bool,
    /// Whether the user is enabled, for all channels; `None` if the BMC does not report it.
    pub(crate) enabled: Option<bool>,
}

impl SlotAccess {
    /// Whether the user may be able to log in. If the BMC does not report who is enabled, its privilege level decides.
    pub(crate) fn may_log_in(&self) -> bool {
        let may = self.ipmi_messaging && !matches!(self.privilege, Privilege::NoAccess | Privilege::Other(0));
        self.enabled.unwrap_or(may)
    }

    /// Whether the user may be able to log in as an administrator.
    pub(crate) fn is_administrator(&self) -> bool {
        self.may_log_in() && self.ipmi_messaging && self.privilege == Privilege::Administrator
    }
}

/// A LAN channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LanConfig {
    /// Channel number, 1 to 11.
    pub(crate) channel: u8,
    pub(crate) source: Option<AddressSource>,
    pub(crate) address: Option<[u8; 4]>,
    pub(crate) mask: Option<[u8; 4]>,
    pub(crate) gateway: Option<[u8; 4]>,
    /// VLAN ID; 0: untagged.
    pub(crate) vlan: Option<u16>,
    /// Whether IPMI over LAN is always available, now and after the BMC's next start.
    pub(crate) is_available: Option<bool>,
    /// Whether every message of a session is authenticated, now and after the BMC's next start.
    pub(crate) is_authenticated: Option<bool>,
    /// The highest privilege level that anybody has on it, now or after the BMC's next start.
    pub(crate) limit: Option<Privilege>,
    /// The authentication types of IPMI 1.5 that are enabled for each privilege level.
    pub(crate) authentication: Option<[AuthenticationTypes; 5]>,
    pub(crate) ciphers: Ciphers,
    pub(crate) ipv6: Option<Ipv6Config>,
    /// It has an IPv6 address that is not link-local.
    pub(crate) has_ipv6: bool,
}

impl LanConfig {
    /// Whether hosts in other networks can reach it.
    pub(crate) fn has_address(&self) -> bool {
        let address = self.address.map(Ipv4Addr::from);
        address.is_some_and(|address| !address.is_unspecified() && !address.is_link_local()) || self.has_ipv6
    }

    /// Whether it leads to the host itself: a USB network interface of the BMC, whose address is link-local and fixed. With
    /// DHCP a link-local address means that no server responded.
    pub(crate) fn is_host_interface(&self) -> bool {
        let is_link_local = self.address.is_some_and(|address| Ipv4Addr::from(address).is_link_local());
        is_link_local && self.source != Some(AddressSource::Dhcp)
    }
}

/// The cipher suites of a LAN channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ciphers {
    /// Each suite with the highest privilege level that can use it; 0: disabled.
    pub(crate) levels: Option<Vec<(u8, u8)>>,
    /// Suites whose level the BMC does not report.
    pub(crate) without_level: Vec<u8>,
    /// The suites that the BMC offers, where it does not report their levels.
    pub(crate) offered: Option<Vec<u8>>,
}

/// IPv6 of a LAN channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ipv6Config {
    pub(crate) status: Ipv6Status,
    pub(crate) static_entries: Vec<Ipv6Entry>,
    /// IPv4, IPv6 or both. Read if IPv6 is desired, as what follows.
    pub(crate) enables: Option<Ipv6Enables>,
    pub(crate) support: Option<Ipv6Support>,
    pub(crate) router_control: Option<Ipv6RouterControl>,
    pub(crate) router: Option<Ipv6Addr>,
}

impl Ipv6Config {
    pub(crate) fn of(status: Ipv6Status) -> Self {
        let (enables, support, router_control, router) = (None, None, None, None);
        Self { status, static_entries: Vec::new(), enables, support, router_control, router }
    }
}

/// The watchdog timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WatchdogState {
    pub(crate) is_running: bool,
    /// Timeout action (IPMI 2.0, table 27-4).
    pub(crate) action: u8,
    /// Initial countdown in seconds.
    pub(crate) seconds: u16,
    /// Who uses it.
    pub(crate) user: WatchdogUser,
    /// Seconds until it expires; `None` if the BMC does not report it.
    pub(crate) left_s: Option<u64>,
}
