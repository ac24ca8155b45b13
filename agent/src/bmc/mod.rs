// SPDX-License-Identifier: MIT OR Apache-2.0
//! The BMC over IPMI: read it, configure it, verify the result. Whatever the BMC does, it costs at most a deadline.
//!
//! `open` returns a [`BmcSession`]. [`survey()`] reads what the BMC is and its actual configuration, a [`BmcConfig`].
//! [`planned()`] compares that with the desired configuration, which `desired` and [`policy()`] parse. [`configure()`]
//! makes the changes of the plan, reads them back and verifies the passwords. `health` reads what the BMC knows of the
//! hardware. [`text`] prints all of it.
//!
//! A new setting starts in the contract's `DesiredBmcConfig`; here `change` describes its change, `plan` decides when it is
//! made, `apply` sends the commands, and `survey` reads it back. The commands themselves are in the crate `ipmi`, the session
//! that sends them is in [`session`].

mod address;
mod apply;
mod change;
mod config;
mod configure;
mod desired;
mod full_sel;
mod health;
mod interface;
mod key_file;
mod lan;
mod lan_changes;
#[cfg(test)]
mod lan_model;
mod login;
mod manufacturers;
mod open;
mod options;
mod password;
mod plan;
mod present;
mod privilege;
mod reprobe;
pub mod session;
mod slots;
mod survey;
pub mod text;
mod users;
mod watchdog;
mod work;

pub use config::BmcConfig;
pub(crate) use config::WatchdogState;
pub use configure::{Escrow, configure, planned};
pub use desired::policy;
pub(crate) use desired::{POLICY, desired};
pub(crate) use full_sel::clear_full_sel;
pub use health::{Depth, health};
pub(crate) use health::{HealthReader, events, is_critical, out_of_time};
pub(crate) use key_file::read_key;
pub(crate) use open::{open, power_cycle};
pub use plan::Plan;
pub(crate) use present::present;
pub use session::{BmcSession, RetryPolicy};
pub use survey::{Survey, survey};
pub(crate) use watchdog::{STOP, stop_watchdog};
