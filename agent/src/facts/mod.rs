// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the machine is: one file or folder per group of facts.
//!
//! [`discover`] reads all groups in parallel, `identity` chooses the host's identity from them, `findings` what an
//! operator should look at, `summary` writes both as text; `capture` keeps what was read for another machine.

mod bmc;
mod bytes;
mod capture;
mod cpus;
mod deadline;
mod device;
mod discover;
mod disks;
mod findings;
mod firmware;
mod identity;
mod memory;
mod nics;
mod pci;
mod place;
mod placeholder;
mod scrub;
mod sensors;
mod serial_number;
pub mod smbios;
mod summary;
mod system_uuid;
mod tpm;
mod watchdogs;

#[cfg(test)]
pub(crate) mod fixture;

pub(crate) use capture::{Unpacked, capture};
pub use discover::{Group, discover};
pub(crate) use discover::{everything, identify};
pub(crate) use memory::available_bytes;
pub(crate) use nics::refresh_link;
pub(crate) use summary::{one_line, table};
