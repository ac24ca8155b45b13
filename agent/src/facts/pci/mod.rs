// SPDX-License-Identifier: MIT OR Apache-2.0
//! PCI functions, and the GPUs and accelerators among them.

mod attributes;
mod class;
mod discover;
mod names;
mod vpd;

pub(super) use discover::discover;
pub(super) use names::part;
