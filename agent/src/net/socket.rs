// SPDX-License-Identifier: MIT OR Apache-2.0
//! Netlink and rtnetlink sockets.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt,
    socket,
};
use nix::{setsockopt_impl, sockopt_impl};

use netlink::route::{self, Message};

/// Longest wait for the kernel's response to a request.
const TIMEOUT: Duration = Duration::from_secs(5);

sockopt_impl!(
    /// netlink(7): error responses carry a message.
    ExtendedAck, SetOnly, libc::SOL_NETLINK, libc::NETLINK_EXT_ACK, bool
);
sockopt_impl!(
    /// netlink(7): error responses do not repeat the request.
    CappedAck, SetOnly, libc::SOL_NETLINK, libc::NETLINK_CAP_ACK, bool
);
sockopt_impl!(
    /// netlink(7): joins a multicast group.
    Membership, SetOnly, libc::SOL_NETLINK, libc::NETLINK_ADD_MEMBERSHIP, u32
);

/// A netlink socket of any family.
pub(crate) struct Socket(OwnedFd);

impl Socket {
    /// Opens a socket and joins `groups`, a bit mask (0: none).
    ///
    /// # Errors
    /// Those of socket and bind.
    pub(crate) fn open(protocol: SockProtocol, groups: u32) -> nix::Result<Self> {
        let fd = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, Some(protocol))?;
        bind(fd.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
        setsockopt(&fd, ExtendedAck, &true)?;
        setsockopt(&fd, CappedAck, &true)?;
        Ok(Self(fd))
    }

    /// Joins one more multicast group, by the number that its family has for it.
    ///
    /// # Errors
    /// Those of setsockopt.
    pub(crate) fn join(&self, group: u32) -> nix::Result<()> {
        setsockopt(&self.0, Membership, &group)
    }

    /// Sends a request.
    ///
    /// # Errors
    /// Those of send.
    pub(crate) fn send(&self, request: &[u8]) -> nix::Result<()> {
        send(self.0.as_raw_fd(), request, MsgFlags::empty()).map(drop)
    }

    /// Waits until `deadline` for a datagram; returns an empty one if none arrives.
    ///
    /// # Errors
    /// Those of poll and recv.
    pub(crate) fn receive(&self, deadline: Instant) -> nix::Result<Vec<u8>> {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left.as_millis()).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) | Err(Errno::EINTR) => return Ok(Vec::new()),
            Ok(_) => {}
            Err(errno) => return Err(errno),
        }
        let mut buffer = vec![0; 64 * 1024];
        let length = recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        buffer.truncate(length);
        Ok(buffer)
    }
}

/// An rtnetlink socket.
pub(crate) struct Netlink(Socket);

impl Netlink {
    /// Opens a socket and joins `groups`, a bit mask (0: none).
    ///
    /// # Errors
    /// Those of socket and bind.
    pub(crate) fn open(groups: u32) -> Result<Self> {
        let socket = Socket::open(SockProtocol::NetlinkRoute, groups);
        socket.context("opening an rtnetlink socket").map(Self)
    }

    /// Sends a request.
    ///
    /// # Errors
    /// Those of send.
    pub(crate) fn send(&self, request: &[u8]) -> Result<()> {
        self.0.send(request).context("sending an rtnetlink request")
    }

    /// Waits until `deadline` for a datagram; returns an empty list if none arrives.
    ///
    /// # Errors
    /// Those of recv; ENOBUFS: messages were lost.
    pub(crate) fn receive(&self, deadline: Instant) -> nix::Result<Vec<Message>> {
        self.0.receive(deadline).map(|datagram| route::parse(&datagram))
    }

    /// Sends a request and waits for its acknowledgement.
    ///
    /// # Errors
    /// The kernel's error number, except EEXIST, which counts as success; no response in time.
    pub(crate) fn request(&self, request: &[u8]) -> Result<()> {
        self.send(request)?;
        let deadline = Instant::now() + TIMEOUT;
        while Instant::now() < deadline {
            for message in self.receive(deadline).context("receiving from rtnetlink")? {
                match message {
                    Message::Answer(0) => return Ok(()),
                    Message::Answer(code) if Errno::from_raw(-code) == Errno::EEXIST => return Ok(()),
                    Message::Answer(code) => bail!(Errno::from_raw(-code)),
                    _ => {}
                }
            }
        }
        bail!("rtnetlink: timed out after {} s", TIMEOUT.as_secs())
    }
}

impl AsFd for Netlink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.0.as_fd()
    }
}
