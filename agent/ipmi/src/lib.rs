// SPDX-License-Identifier: MIT OR Apache-2.0
//! IPMI 2.0 messages: encode requests, decode responses, and nothing else.
//!
//! One file per command or per object that several commands share, in a folder per network function, each citing the
//! section of the specification ("IPMI 2.0" is the *Intelligent Platform Management Interface Specification, Second
//! Generation v2.0, revision 1.1*). How the bytes reach a BMC is the caller's: a [`Command`] gives the bytes of its
//! request, and reads those of the response.

#![forbid(unsafe_code)]

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
