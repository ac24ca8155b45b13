// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware of the board and of network adapters: which manifests are believed, and what is to be done by them.

pub mod journal;
pub mod matching;
pub mod plan;
pub mod set;
pub mod signature;
pub mod state;
pub mod version;

/// Where an image has the public keys of manifest sets.
pub const KEYS: &str = "/etc/stage1/firmware.pub";
