// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware that a program of the vendor writes. Its arguments and the meaning of its exit codes are data in the
//! manifest; no shell is involved.

mod answer;
mod family;
mod program;

pub use program::Tool;
pub(crate) use program::VERSION;
