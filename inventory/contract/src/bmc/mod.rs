// SPDX-License-Identifier: MIT OR Apache-2.0
//! The BMC: the desired configuration, what it is and how it is configured, and the outcome of configuring it.

mod check;
mod desired;
mod health;
mod options;
mod privilege;
mod secret;
mod state;
mod strict;

pub use check::is_strict_suite;
pub use desired::{
    AddressSource, BmcCredentials, DesiredBmcConfig, DesiredLan, DesiredUser, DesiredWatchdog, PowerRestore,
    UnknownUsers, WatchdogAction,
};
pub use health::{BmcFru, BmcHealth, BmcPower, BmcSel, BmcSensor, EventSeverity, SelEntry};
pub use options::{Baseline, BootDevice, DesiredBoot, DesiredDcmi, DesiredIpv6, DesiredSol, Ipv6Mode};
pub use privilege::PrivilegeLevel;
pub use secret::Secret;
pub use state::{
    BmcBoot, BmcChange, BmcChassis, BmcDcmi, BmcDevice, BmcIpv6, BmcLan, BmcOutcome, BmcReport, BmcSol,
    BmcUser, BmcUserOutcome, PasswordState,
};
