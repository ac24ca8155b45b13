// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware that UEFI writes itself, after a reset, from a capsule that was loaded before
//! (drivers/firmware/efi/capsule-loader.c). Nothing is written until then. Only the version that runs afterwards proves
//! success: the status in the ESRT may be success although nothing was written.

mod firmware;
mod header;

pub use firmware::Firmware;
