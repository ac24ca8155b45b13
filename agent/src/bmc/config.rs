// SPDX-License-Identifier: MIT OR Apache-2.0
//! The settings of a BMC that a desired configuration can change. Pure.

use stage1_contract::{AddressSource, PowerRestore};

use ipmi::app::Privilege;

/// The settings of a BMC; `None` if the BMC does not report one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BmcConfig {
    /// All user slots, in order, from ID 1.
    pub users: Vec<Slot>,
    /// The LAN channel.
    pub lan: Option<Lan>,
    /// Whether serial over LAN is on.
    pub sol: Option<bool>,
    /// Seconds by which the BMC's clock is ahead of the host's; negative if it is behind.
    pub clock_ahead_s: Option<i64>,
    /// Whether the identify LED is on.
    pub identify_is_on: Option<bool>,
    /// The watchdog.
    pub watchdog: Option<Watchdog>,
    /// What the host does when power returns.
    pub power_restore: Option<PowerRestore>,
}

/// A user slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// User ID, 1 to 63.
    pub id: u8,
    /// The name, empty if the slot has none; the error if it could not be read.
    pub name: Result<String, String>,
    /// Access on the LAN channel; `None` if it was not read, or could not be.
    pub access: Option<Access>,
    /// Why the access could not be read.
    pub access_error: Option<String>,
    /// Whether the name cannot be changed.
    pub is_fixed: bool,
    /// Whether the user may use serial over LAN; `None` if not read.
    pub sol_payload: Option<bool>,
}

/// What a user may do on the LAN channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Privilege limit.
    pub privilege: Privilege,
    /// IPMI messaging is enabled, which a login needs.
    pub ipmi_messaging: bool,
    /// Whether the user is enabled; `None` if the BMC does not report it.
    pub enabled: Option<bool>,
}

impl Access {
    /// Whether the user may be able to log in. If the BMC does not report enabled users, messaging and privilege
    /// decide.
    pub fn lets_in(&self) -> bool {
        let may = self.ipmi_messaging && !matches!(self.privilege, Privilege::NoAccess | Privilege::Other(0));
        self.enabled.unwrap_or(may)
    }
}

/// The LAN channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lan {
    /// Channel number.
    pub channel: u8,
    /// Source of the address.
    pub source: Option<AddressSource>,
    /// The address.
    pub address: Option<[u8; 4]>,
    /// The subnet mask.
    pub mask: Option<[u8; 4]>,
    /// The default gateway.
    pub gateway: Option<[u8; 4]>,
    /// The VLAN; 0 is untagged.
    pub vlan: Option<u16>,
    /// Whether IPMI over LAN is always available, now and after the BMC's next start.
    pub is_available: Option<bool>,
    /// Each cipher suite with its maximum privilege level; 0 disables the suite.
    pub cipher_privileges: Option<Vec<(u8, u8)>>,
}

/// The watchdog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watchdog {
    /// Whether it is running.
    pub is_running: bool,
    /// Timeout action (IPMI 2.0, table 27-4).
    pub action: u8,
    /// Initial countdown in seconds.
    pub seconds: u16,
}
