// SPDX-License-Identifier: MIT OR Apache-2.0
//! The BMC: how it is wanted, what it is, and what became of configuring it.

mod health;
mod secret;
mod state;
mod wanted;

pub use health::{BmcFru, BmcHealth, BmcPower, BmcSel, BmcSensor, SelEntry};
pub use secret::Secret;
pub use state::{
    BmcChange, BmcChassis, BmcDevice, BmcIpv6, BmcLan, BmcOutcome, BmcReport, BmcSol, BmcUser,
    BmcUserOutcome, PasswordState,
};
pub use wanted::{
    AddressSource, BmcCredentials, PowerRestore, UnknownUsers, WantedBmc, WantedLan, WantedUser,
    WantedWatchdog, WatchdogAction,
};
