// SPDX-License-Identifier: MIT OR Apache-2.0
//! Flashing: `flash` carries out a plan, `job` writes the `image` of one component, `verify` reads it back.

mod flash;
mod image;
mod job;
mod progress;
mod verify;

pub(crate) use flash::{Applied, ApplyContext, apply};
