// SPDX-License-Identifier: MIT OR Apache-2.0
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod app;
pub mod chassis;
pub mod dcmi;
pub mod message;
pub mod sensor;
pub mod storage;
pub mod transport;

mod codes;
mod parameter;
mod piece;

pub use message::{Command, Completion, Malformed, NetFn, Reader};
pub use parameter::{Parameter, SetInProgress, Writable};
