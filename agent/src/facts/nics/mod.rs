// SPDX-License-Identifier: MIT OR Apache-2.0
//! Physical network ports: `/sys/class/net`, and what drivers report.

mod discover;
mod ioctl;
mod module;

pub(super) use discover::discover;
pub(crate) use discover::refresh_link;
