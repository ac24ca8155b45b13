// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operator's commands, one file per subject. They work on the data folder itself, whether a server runs on it
//! or not.

mod firmware;
mod host;
mod profile;
mod show;

pub(crate) use firmware::{FirmwareCommand, firmware};
pub(crate) use host::{HostCommand, host};
pub(crate) use profile::{ProfileCommand, profile};
