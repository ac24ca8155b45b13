// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware in a flash chip that the kernel exposes as MTD. There is no second bank, and no running firmware checks the
//! image. A board with half an image does not start.

mod ioctl;
mod partition;
mod table;

pub use partition::Partition;
