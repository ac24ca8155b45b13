// SPDX-License-Identifier: MIT OR Apache-2.0
//! The firmware of the board and of network adapters: checked against manifests, and flashed.
//!
//! [`set`] verifies a manifest set, [`matching`] finds the entry for each component, [`plan`] decides what is to be
//! flashed, [`state`] is the state machine of a flash, and [`journal`] the record of attempts; all of these are pure.
//! [`check()`] makes the decisions for a machine, [`apply()`] carries them out with the [`backend`]s.

mod apply;
pub mod backend;
mod check;
pub mod journal;
mod journal_variable;
pub(crate) mod lint;
mod manifests;
pub mod matching;
pub mod plan;
pub mod reading;
mod reset;
pub mod set;
pub(crate) mod signature;
pub mod state;
pub(crate) mod table;
pub mod version;

pub(crate) use apply::{ApplyContext, apply};
pub use check::CheckResult;
pub(crate) use check::{CheckContext, check, facts, now};
pub(crate) use manifests::{KEYS, manifests};
pub(crate) use reset::reset;

#[cfg(test)]
mod fixture;
