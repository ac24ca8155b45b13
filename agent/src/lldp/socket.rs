// SPDX-License-Identifier: MIT OR Apache-2.0
//! A port's socket for LLDP and CDP (packet(7)).

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]
#![allow(unsafe_code, reason = "system calls that nix does not have")]

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lldp_rs::{MacAddress, ethernet};

use super::filter::PROGRAM;

/// Longest frame that is received, in bytes.
pub(crate) const MAX_FRAME: usize = 9216;
/// Receive buffer of a port in bytes: a few dozen frames, also during a flood.
const RECEIVE_BUFFER: libc::c_int = 64 << 10;
/// A frame that seems older than this was stamped before the clock was set.
const MAX_AGE: Duration = Duration::from_secs(5);

/// The multicast addresses that neighbours send to.
const GROUPS: [MacAddress; 4] = [
    ethernet::NEAREST_BRIDGE,
    ethernet::NEAREST_NON_TPMR_BRIDGE,
    ethernet::NEAREST_CUSTOMER_BRIDGE,
    ethernet::CDP_MULTICAST,
];

/// A socket that receives the LLDP and CDP frames of one port, without those that this host sends.
pub(crate) struct PortSocket(OwnedFd);

impl PortSocket {
    /// Opens the socket of the link with this interface index. It is bound to all protocols and the filter selects:
    /// only so does it receive tagged frames and those of bond members.
    ///
    /// # Errors
    /// Those of socket, setsockopt and bind; `PermissionDenied` without CAP_NET_RAW.
    pub(crate) fn open(index: u32) -> io::Result<Self> {
        let index = libc::c_int::try_from(index).map_err(io::Error::other)?;
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: no pointers. With protocol 0 nothing arrives before the filter is attached and the socket bound.
        let fd = check(unsafe { libc::socket(libc::AF_PACKET, kind, 0) })?;
        // SAFETY: `socket` has just opened it, and nothing else owns it.
        let socket = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        let mut program =
            PROGRAM.map(|step| libc::sock_filter { code: step.code, jt: step.jt, jf: step.jf, k: step.k });
        let filter = libc::sock_fprog { len: PROGRAM.len() as u16, filter: program.as_mut_ptr() };
        socket.set(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &filter)?;
        socket.set(libc::SOL_SOCKET, libc::SO_RCVBUF, &RECEIVE_BUFFER)?;
        socket.set(libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &1)?;
        // Kernels before 4.20 do not have it; our own frames are also recognised by their chassis ID.
        let _ = socket.set(libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1);
        // SAFETY: all zeros is a valid `sockaddr_ll`.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = index;
        let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: the address is a `sockaddr_ll` of that length.
        check(unsafe { libc::bind(socket.0.as_raw_fd(), (&raw const address).cast(), length) })?;
        for group in GROUPS {
            // SAFETY: all zeros is a valid `packet_mreq`.
            let mut membership: libc::packet_mreq = unsafe { zeroed() };
            membership.mr_ifindex = index;
            membership.mr_type = libc::PACKET_MR_MULTICAST as u16;
            membership.mr_alen = 6;
            membership.mr_address[..6].copy_from_slice(&group.0);
            socket.set(libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &membership)?;
        }
        Ok(socket)
    }

    /// Sends a frame without waiting.
    ///
    /// # Errors
    /// Those of send.
    pub(crate) fn send(&self, frame: &[u8]) -> io::Result<()> {
        // SAFETY: the pointer and the length are those of `frame`.
        let sent = unsafe { libc::send(self.0.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Reads a frame into `buffer` without waiting; returns it with the time since its arrival.
    ///
    /// # Errors
    /// Those of recvmsg; `WouldBlock` if there is none.
    pub(crate) fn receive<'a>(&self, buffer: &'a mut [u8; MAX_FRAME]) -> io::Result<(&'a [u8], Duration)> {
        let mut parts = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: MAX_FRAME };
        // As `u64`s, so that the headers in it are aligned.
        let mut control = [0_u64; 8];
        // SAFETY: all zeros is a valid `msghdr`.
        let mut message: libc::msghdr = unsafe { zeroed() };
        message.msg_iov = &raw mut parts;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control) as _;
        // SAFETY: `message` points to `buffer` and `control` with their lengths, which live on.
        let length = unsafe { libc::recvmsg(self.0.as_raw_fd(), &raw mut message, 0) };
        let Ok(length) = usize::try_from(length) else { return Err(io::Error::last_os_error()) };
        let mut arrived = None;
        // SAFETY: the kernel has filled in `message`, whose control buffer is still there.
        let mut header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
        while !header.is_null() {
            // SAFETY: not null, so it is a header within the control buffer.
            let (level, kind) = unsafe { ((*header).cmsg_level, (*header).cmsg_type) };
            if (level, kind) == (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) {
                // SAFETY: the data of this message is a `timespec`, perhaps not aligned.
                arrived = Some(unsafe { libc::CMSG_DATA(header).cast::<libc::timespec>().read_unaligned() });
            }
            // SAFETY: as for the first.
            header = unsafe { libc::CMSG_NXTHDR(&raw const message, header) };
        }
        Ok((buffer.get(..length).unwrap_or_default(), arrived.map_or(Duration::ZERO, age)))
    }

    fn set<T>(&self, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
        let length = size_of::<T>() as libc::socklen_t;
        let value: *const T = value;
        // SAFETY: the pointer is to a value of that length; every caller gives the type that the option takes.
        check(unsafe { libc::setsockopt(self.0.as_raw_fd(), level, name, value.cast(), length) }).map(drop)
    }
}

impl AsFd for PortSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The time since a point of the real-time clock.
fn age(time: libc::timespec) -> Duration {
    let (Ok(seconds), Ok(nanoseconds)) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec)) else {
        return Duration::ZERO;
    };
    let arrived = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds.into());
    let age = SystemTime::now().duration_since(arrived).unwrap_or_default();
    if age > MAX_AGE { Duration::ZERO } else { age }
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
