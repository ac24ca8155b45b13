// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ioctls of an MTD device (include/uapi/mtd/mtd-abi.h).

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]
#![allow(unsafe_code, reason = "system calls that nix does not have")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use nix::errno::Errno;

/// A flag: the device can be written.
pub(super) const MTD_WRITEABLE: u32 = 0x400;

/// `struct mtd_info_user`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Info {
    /// The kind of chip.
    pub kind: u8,
    /// Bits, such as [`MTD_WRITEABLE`].
    pub flags: u32,
    /// Length in bytes.
    pub size: u32,
    /// Size of an erase block in bytes.
    pub erase_size: u32,
    /// The unit of writing in bytes.
    pub write_size: u32,
    /// Out-of-band bytes per unit of writing.
    pub spare_size: u32,
    padding: u64,
}

/// `struct erase_info_user`: a range in bytes.
#[repr(C)]
struct Range {
    start: u32,
    length: u32,
}

nix::ioctl_read!(mem_get_info, b'M', 1, Info);
nix::ioctl_write_ptr!(mem_erase, b'M', 2, Range);
nix::ioctl_read!(mem_is_locked, b'M', 23, Range);

/// `MEMGETINFO`
pub(super) fn info(device: &File) -> io::Result<Info> {
    let mut info = Info::default();
    // SAFETY: the structure has the kernel's layout; the kernel fills it in.
    unsafe { mem_get_info(device.as_raw_fd(), &raw mut info) }?;
    Ok(info)
}

/// Erases a range of whole erase blocks.
pub(super) fn erase(device: &File, start: u32, length: u32) -> io::Result<()> {
    let range = Range { start, length };
    // SAFETY: the structure has the kernel's layout; the kernel only reads it.
    unsafe { mem_erase(device.as_raw_fd(), &raw const range) }?;
    Ok(())
}

/// Whether a range is locked against writing. A chip without locks is never locked.
pub(super) fn is_locked(device: &File, start: u32, length: u32) -> io::Result<bool> {
    let mut range = Range { start, length };
    // SAFETY: the structure has the kernel's layout; the kernel only reads it.
    match unsafe { mem_is_locked(device.as_raw_fd(), &raw mut range) } {
        Ok(locked) => Ok(locked != 0),
        Err(Errno::EOPNOTSUPP | Errno::ENOTTY) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_have_the_kernels_size() {
        assert_eq!((size_of::<Info>(), size_of::<Range>()), (32, 8));
    }
}
