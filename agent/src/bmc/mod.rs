// SPDX-License-Identifier: MIT OR Apache-2.0
//! The BMC: read, configured as desired, verified, and never waited for beyond its deadline.
//!
//! [`survey()`] reads the configuration, [`plan`] compares it with the desired one, [`configure()`] writes what differs and
//! reads it back, [`health()`] reads what the BMC knows of the hardware. All commands go through a [`BmcSession`], which
//! has the deadline and the retry policy.

mod access;
pub mod config;
mod configure;
mod health;
mod lan;
mod makers;
pub mod password;
pub mod plan;
pub mod session;
mod survey;
pub mod text;
mod tolerant;
mod users;
mod write;

pub use access::{POLICY, desired, health, open, policy, power_cycle, survey};
pub use configure::{Escrow, configure, planned};
pub use health::{Depth, is_critical};
pub use session::{BmcSession, RetryPolicy, erase_sel};
pub use survey::Survey;
