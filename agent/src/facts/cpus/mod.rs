// SPDX-License-Identifier: MIT OR Apache-2.0
//! Processors as the kernel sees them.

mod arm;
mod cpuinfo;
mod discover;
mod list;

pub(super) use discover::discover;
