// SPDX-License-Identifier: MIT OR Apache-2.0
//! The lowest floor: the machine that the agent runs on, and what can be done to it as a whole. It imports no other module
//! of the agent.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

mod bmc_port;
mod cancellation;
pub(crate) mod child;
pub(crate) mod clock;
pub mod critical_section;
pub mod logger;
mod machine;
mod manager;
pub(crate) mod modules;
pub(crate) mod mounts;
pub(crate) mod panic;
pub(crate) mod ports;
pub(crate) mod power;
pub(crate) mod random;
pub(crate) mod signals;
pub(crate) mod task;

pub use cancellation::{Cancellation, Cancelled};
pub use machine::Machine;
pub(crate) use machine::{Entry, Recording};
pub(crate) use manager::{Manager, manager};
pub(crate) use ports::{physical_ports, port_kind};
