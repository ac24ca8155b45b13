// SPDX-License-Identifier: MIT OR Apache-2.0
//! IPMI 2.0: the messages, and the way to the BMC.
//!
//! One file per command, in a folder per network function, each citing the section of the specification ("IPMI 2.0"
//! is the *Intelligent Platform Management Interface Specification, Second Generation v2.0, revision 1.1*). They
//! encode requests and decode answers, and nothing else. [`device`] is the kernel's driver, [`Bmc`] the conversation:
//! deadlines, pauses, what is tried again.

pub mod app;
pub mod chassis;
pub mod dcmi;
pub mod device;
pub mod message;
pub mod sensor;
pub mod storage;
pub mod transport;

mod bmc;
mod codes;
mod parameter;

pub use bmc::{Bmc, Counters, Error, Patience, Reason, Wire, WireError};
pub use message::{Command, Completion, Malformed, NetFn, Reader};
pub use parameter::{Parameter, SetInProgress, Writable};
