// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a BMC is set, as far as that can be desired otherwise. Pure.

use stage1_contract::{AddressSource, PowerRestore};

use ipmi::app::Privilege;

/// The settings of a BMC. What is `None` the BMC does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BmcConfig {
    /// All slots for users, from 1 on.
    pub users: Vec<Slot>,
    /// The LAN channel.
    pub lan: Option<Lan>,
    /// Whether serial over LAN is on.
    pub sol: Option<bool>,
    /// By how many seconds its clock is ahead of the host's.
    pub clock_ahead_s: Option<i64>,
    /// Whether the identify LED is on.
    pub identify_is_on: Option<bool>,
    /// The watchdog.
    pub watchdog: Option<Watchdog>,
    /// What the host does when power comes back.
    pub power_restore: Option<PowerRestore>,
}

/// A slot for a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// User ID, 1 to 63.
    pub id: u8,
    /// The name, empty where there is none, or why it could not be read.
    pub name: Result<String, String>,
    /// What it may do; `None` where that was not asked for, or could not be read.
    pub access: Option<Access>,
    /// Why that could not be read.
    pub access_error: Option<String>,
    /// The name cannot be changed.
    pub is_fixed: bool,
    /// Whether it may use serial over LAN.
    pub sol_payload: Option<bool>,
}

/// What a user may do on the LAN channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Its privilege level.
    pub privilege: Privilege,
    /// It may log in.
    pub ipmi_messaging: bool,
    /// It is enabled as a whole.
    pub enabled: Option<bool>,
}

impl Access {
    /// Whether the user may be able to log in. Where the BMC does not tell who is enabled, it is who may do anything.
    pub fn lets_in(&self) -> bool {
        let may = self.ipmi_messaging && !matches!(self.privilege, Privilege::NoAccess | Privilege::Other(0));
        self.enabled.unwrap_or(may)
    }
}

/// The LAN channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lan {
    /// Its number.
    pub channel: u8,
    /// Where the address comes from.
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
    /// Each cipher suite with the highest privilege level that may use it; 0 is nobody.
    pub cipher_privileges: Option<Vec<(u8, u8)>>,
}

/// The watchdog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watchdog {
    /// It runs.
    pub is_running: bool,
    /// What it does (IPMI 2.0, table 27-4).
    pub action: u8,
    /// When it runs out, from its start, in seconds.
    pub seconds: u16,
}
