// SPDX-License-Identifier: MIT OR Apache-2.0
//! Flashing: `flash` carries out a plan, `job` writes one component, `verify` reads it back.

mod flash;
mod job;
mod progress;
mod verify;

pub(crate) use flash::{Applied, ApplyContext, apply};
