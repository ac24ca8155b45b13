// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ethtool ioctl (include/uapi/linux/ethtool.h).

#![allow(unsafe_code, reason = "system calls that nix does not have")]

use std::io;
use std::os::fd::AsRawFd;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

/// Runs an ethtool command on a port and returns the structure as the kernel filled it in. `request` must be as long as
/// the structure of the command.
///
/// # Errors
/// Those of socket and ioctl.
pub(crate) fn ask(port: &str, command: u32, mut request: Vec<u8>) -> io::Result<Vec<u8>> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: all zeros is a valid `ifreq`.
    let mut named: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays 0.
    for (place, byte) in named.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1).zip(port.bytes()) {
        // Signed on x86, unsigned on ARM.
        *place = libc::c_char::from_ne_bytes([byte]);
    }
    request[..4].copy_from_slice(&command.to_ne_bytes());
    named.ifr_ifru.ifru_data = request.as_mut_ptr().cast();
    // SAFETY: the kernel writes no more than the command's structure, whose length every caller gives; for the variable
    // part it goes by the length in the request, which is that of the buffer, or by a count that it gave just before and
    // that its driver does not change.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as libc::Ioctl, &raw mut named) };
    nix::errno::Errno::result(result)?;
    Ok(request)
}
