// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the codes of DSP0134 mean, spelled as dmidecode 3.4 prints them and, where they are newer, 3.7. Pure.

mod lookup;

pub(super) mod caches;
pub(super) mod management;
pub(super) mod memory;
pub(super) mod processors;
pub(super) mod slots;
pub(super) mod system;
