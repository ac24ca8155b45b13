// SPDX-License-Identifier: MIT OR Apache-2.0
//! SMBIOS (DSP0134) through the tables that the kernel exports.
//!
//! The walk over the table is our own, since it reports what is wrong with the table; the fields of a structure are
//! read by smbios-lib. What a code or a special value means follows dmidecode, which the tests compare with.

mod devices;
mod discover;
mod entry_point;
mod host_interface;
mod management;
mod memory;
mod names;
mod parse;
mod placeholders;
mod processors;
mod signature;
mod structure;
mod system;
mod walk;
mod warnings;

pub(crate) use discover::present;
pub use discover::{Found, discover, parse};
