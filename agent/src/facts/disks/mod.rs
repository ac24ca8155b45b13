// SPDX-License-Identifier: MIT OR Apache-2.0
//! Disks: what the kernel knows of them, and what NVMe and ATA disks report themselves.

mod ask;
mod ata;
mod discover;
mod ioctl;
mod known;
mod nvme;
mod scsi;

pub(super) use discover::discover;
