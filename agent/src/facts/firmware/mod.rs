// SPDX-License-Identifier: MIT OR Apache-2.0
//! The firmware that started the kernel.

mod device_path;
mod discover;
mod variable;

pub(super) use discover::discover;
