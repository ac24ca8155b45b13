// SPDX-License-Identifier: MIT OR Apache-2.0
//! The low floor: the machine that the agent runs on, and what may be done to it as a whole. Nothing here knows of stages,
//! commands or the inventory.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

mod cancellation;
pub mod child;
pub mod critical_section;
pub mod logger;
mod machine;
mod manager;
pub mod modules;
pub mod mounts;
mod ports;
pub mod power;
pub mod random;
pub mod signals;

pub use cancellation::{Cancellation, Cancelled};
pub use machine::{Entry, Machine, Recording};
pub use manager::{Manager, manager};
pub use ports::{physical_ports, port_kind};
