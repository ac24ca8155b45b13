// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole pipeline, in all its modes, of captured machines against an inventory on loopback: success, each stage that
//! can fail there, cancellation, signals. Nothing of the machine that runs the tests is changed.

mod cancellation;
mod case;
mod failure;
mod host;
mod inventory;
mod signals;
mod success;
