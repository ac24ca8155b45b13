// SPDX-License-Identifier: MIT OR Apache-2.0
//! The actual configuration of a BMC, as far as it can be changed.

use std::net::Ipv4Addr;

use ipmi::app::Privilege;
use stage1_contract::{AddressSource, PowerRestore};

/// The configuration of a BMC. `None`: the BMC does not report it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BmcConfig {
    /// All user slots, from 1.
    pub(crate) users: Vec<UserSlot>,
    /// How many users are enabled, as the BMC last counted them.
    pub(crate) enabled_users: Option<u8>,
    /// The LAN channel.
    pub(crate) lan: Option<LanConfig>,
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

/// The LAN channel.
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
    /// The highest privilege level that anybody has on it, now or after the BMC's next start.
    pub(crate) limit: Option<Privilege>,
    /// Each cipher suite with the highest privilege level that can use it; 0: disabled.
    pub(crate) cipher_privileges: Option<Vec<(u8, u8)>>,
    /// It has an IPv6 address that is not link-local.
    pub(crate) has_ipv6: bool,
}

impl LanConfig {
    /// Whether hosts in other networks can reach it.
    pub(crate) fn has_address(&self) -> bool {
        let address = self.address.map(Ipv4Addr::from);
        address.is_some_and(|address| !address.is_unspecified() && !address.is_link_local()) || self.has_ipv6
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
}
