// SPDX-License-Identifier: MIT OR Apache-2.0
//! The BMC: its desired configuration, its state, and the outcome of applying the configuration.

mod desired;
mod health;
mod secret;
mod state;

pub use desired::{
    AddressSource, BmcCredentials, DesiredBmcConfig, DesiredLan, DesiredUser, DesiredWatchdog, PowerRestore,
    UnknownUsers, WatchdogAction,
};
pub use health::{BmcFru, BmcHealth, BmcPower, BmcSel, BmcSensor, SelEntry};
pub use secret::Secret;
pub use state::{
    BmcChange, BmcChassis, BmcDevice, BmcIpv6, BmcLan, BmcOutcome, BmcReport, BmcSol, BmcUser,
    BmcUserOutcome, PasswordState,
};
