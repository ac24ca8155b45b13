// SPDX-License-Identifier: MIT OR Apache-2.0
//! Flashing by a plan: carries out the acts of [`super::state`], one after the other.

mod flash;
mod job;
mod progress;
mod verify;

pub(crate) use flash::{Applied, ApplyContext, apply};
