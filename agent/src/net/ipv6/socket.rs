// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sockets of IPv6 on one port: ICMPv6 for router discovery, UDP for DHCPv6.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::ffi::OsString;
use std::io::IoSliceMut;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn6, bind,
    recvmsg, sendto, setsockopt, socket, sockopt,
};
use nix::{cmsg_space, setsockopt_impl, sockopt_impl};

use netlink::dhcpv6::{ALL_SERVERS, CLIENT_PORT, SERVER_PORT};
use netlink::ndp::{ALL_ROUTERS, HOP_LIMIT, ROUTER_ADVERTISEMENT, solicitation};

/// `ICMP6_FILTER` of include/uapi/linux/icmpv6.h.
const ICMP6_FILTER: libc::c_int = 1;
/// Room for any datagram of a link with an MTU of 9000.
const ROOM: usize = 9216;

sockopt_impl!(
    /// A bit for each ICMPv6 type that is filtered out.
    Icmp6Filter, SetOnly, libc::IPPROTO_ICMPV6, ICMP6_FILTER, [u32; 8]
);

/// The sockets of one port.
pub(super) struct Sockets {
    index: u32,
    icmp: OwnedFd,
    dhcp: OwnedFd,
}

/// What arrived.
pub(super) enum Received {
    /// A message from a router on the link.
    Router(Ipv6Addr, Vec<u8>),
    /// A datagram from a DHCPv6 server.
    Dhcp(Vec<u8>),
}

impl Sockets {
    /// Opens them on the port of this name and index.
    ///
    /// # Errors
    /// Those of socket, setsockopt and bind.
    pub(super) fn open(port: &str, index: u32) -> Result<Self> {
        let open = |kind, protocol| -> nix::Result<OwnedFd> {
            let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
            let fd = socket(AddressFamily::Inet6, kind, flags, protocol)?;
            setsockopt(&fd, sockopt::BindToDevice, &OsString::from(port))?;
            Ok(fd)
        };
        let icmp = || -> nix::Result<OwnedFd> {
            let fd = open(SockType::Raw, Some(SockProtocol::IcmpV6))?;
            let mut unwanted = [u32::MAX; 8];
            unwanted[usize::from(ROUTER_ADVERTISEMENT >> 5)] &= !(1 << (ROUTER_ADVERTISEMENT & 31));
            setsockopt(&fd, Icmp6Filter, &unwanted)?;
            setsockopt(&fd, sockopt::Ipv6RecvHopLimit, &true)?;
            // What RFC 4861 demands of both.
            setsockopt(&fd, MulticastHops, &i32::from(HOP_LIMIT))?;
            Ok(fd)
        };
        let dhcp = || -> nix::Result<OwnedFd> {
            let fd = open(SockType::Datagram, None)?;
            setsockopt(&fd, sockopt::ReuseAddr, &true)?;
            setsockopt(&fd, sockopt::Ipv6V6Only, &true)?;
            bind(
                fd.as_raw_fd(),
                &SockaddrIn6::from(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, CLIENT_PORT, 0, 0)),
            )?;
            Ok(fd)
        };
        let icmp = icmp().with_context(|| format!("opening an ICMPv6 socket on {port}"))?;
        let dhcp = dhcp().with_context(|| format!("opening a DHCPv6 socket on {port}"))?;
        Ok(Self { index, icmp, dhcp })
    }

    /// Sends a router solicitation.
    ///
    /// # Errors
    /// Those of sendto: the port has no link-local address yet.
    pub(super) fn solicit(&self) -> nix::Result<()> {
        self.send(&self.icmp, &solicitation(), ALL_ROUTERS, 0)
    }

    /// Sends a message to all DHCPv6 servers.
    ///
    /// # Errors
    /// Those of sendto: the port has no link-local address yet.
    pub(super) fn send_dhcp(&self, message: &[u8]) -> nix::Result<()> {
        self.send(&self.dhcp, message, ALL_SERVERS, SERVER_PORT)
    }

    /// Waits up to `limit`; returns what arrived.
    ///
    /// # Errors
    /// Those of poll and recvmsg.
    pub(super) fn receive(&self, limit: Duration) -> nix::Result<Vec<Received>> {
        let timeout = PollTimeout::try_from(limit.as_millis() + 1).unwrap_or(PollTimeout::MAX);
        let mut fds = [&self.icmp, &self.dhcp].map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN));
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let mut received = Vec::new();
        let from_link = |message: &Datagram| {
            message.hops == Some(HOP_LIMIT.into()) && message.from.is_unicast_link_local()
        };
        let router = datagram(&self.icmp)?.filter(from_link);
        received.extend(router.map(|message| Received::Router(message.from, message.content)));
        received.extend(datagram(&self.dhcp)?.map(|message| Received::Dhcp(message.content)));
        Ok(received)
    }

    fn send(&self, fd: &OwnedFd, message: &[u8], to: Ipv6Addr, port: u16) -> nix::Result<()> {
        let to = SockaddrIn6::from(SocketAddrV6::new(to, port, 0, self.index));
        sendto(fd.as_raw_fd(), message, &to, MsgFlags::empty()).map(drop)
    }
}

sockopt_impl!(
    /// The hop limit of multicast messages.
    MulticastHops, SetOnly, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS, libc::c_int
);

struct Datagram {
    from: Ipv6Addr,
    /// Where the socket reports it.
    hops: Option<i32>,
    content: Vec<u8>,
}

/// A datagram, if there is one.
fn datagram(fd: &OwnedFd) -> nix::Result<Option<Datagram>> {
    let mut buffer = vec![0; ROOM];
    let mut control = cmsg_space!(libc::c_int);
    let (length, from, hops) = {
        let mut parts = [IoSliceMut::new(&mut buffer)];
        let received =
            recvmsg::<SockaddrIn6>(fd.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::empty());
        let message = match received {
            Ok(message) => message,
            // The link went down: it may come up again.
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ENETDOWN) => return Ok(None),
            Err(errno) => return Err(errno),
        };
        let hops = message.cmsgs()?.find_map(|message| match message {
            ControlMessageOwned::Ipv6HopLimit(hops) => Some(hops),
            _ => None,
        });
        (message.bytes, message.address, hops)
    };
    buffer.truncate(length);
    Ok(from.map(|from| Datagram { from: from.ip(), hops, content: buffer }))
}
