// SPDX-License-Identifier: MIT OR Apache-2.0
//! The BMC: the desired configuration, what it is and how it is configured, and the outcome of configuring it.

mod desired;
mod health;
mod privilege;
mod secret;
mod state;
mod strict;

pub use desired::{
    AddressSource, BmcCredentials, DesiredBmcConfig, DesiredLan, DesiredUser, DesiredWatchdog, PowerRestore,
    UnknownUsers, WatchdogAction,
};
pub use health::{BmcFru, BmcHealth, BmcPower, BmcSel, BmcSensor, EventSeverity, SelEntry};
pub use privilege::PrivilegeLevel;
pub use secret::Secret;
pub use state::{
    BmcChange, BmcChassis, BmcDevice, BmcIpv6, BmcLan, BmcOutcome, BmcReport, BmcSol, BmcUser,
    BmcUserOutcome, PasswordState,
};
