// SPDX-License-Identifier: MIT OR Apache-2.0
//! The TPM.

mod discover;
mod properties;

pub(super) use discover::discover;
