// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packet sockets of a port (packet(7)): they need no address, hear unicast replies before there is one, and take frames with
//! the tag of VLAN 0, which have a priority and no VLAN.

#![allow(unsafe_code, reason = "system calls that nix does not have")]

use std::ffi::OsString;
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, setsockopt, socket, sockopt};

/// The client's and the server's port.
pub(super) const CLIENT_PORT: u16 = 68;
pub(super) const SERVER_PORT: u16 = 67;

/// Longest packet that is received, in bytes.
pub(super) const MAX_PACKET: usize = 4096;
const BROADCAST: [u8; 6] = [0xff; 6];

/// Whole UDP datagrams to port 68 in IPv4: the socket is open during downloads too.
const DHCP: [libc::sock_filter; 8] = [
    step(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0, 0, 9),
    step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 5, 17),
    step(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, 0, 0, 6),
    step(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 3, 0, 0x3fff),
    step(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0, 0, 0),
    step(libc::BPF_LD | libc::BPF_H | libc::BPF_IND, 0, 0, 2),
    step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, 0, CLIENT_PORT as u32),
    step(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
];
const ACCEPT: libc::sock_filter = step(libc::BPF_RET | libc::BPF_K, 0, 0, MAX_PACKET as u32);

/// A socket for the packets of one protocol on one port.
pub(super) struct PacketSocket {
    fd: OwnedFd,
    index: i32,
    protocol: u16,
}

impl PacketSocket {
    /// For DHCP replies.
    ///
    /// # Errors
    /// Those of socket, setsockopt and bind.
    pub(super) fn dhcp(index: u32) -> io::Result<Self> {
        let mut program = DHCP.to_vec();
        program.push(ACCEPT);
        Self::open(index, libc::ETH_P_IP as u16, &mut program)
    }

    /// For ARP.
    ///
    /// # Errors
    /// As [`PacketSocket::dhcp`].
    pub(super) fn arp(index: u32) -> io::Result<Self> {
        Self::open(index, libc::ETH_P_ARP as u16, &mut [ACCEPT])
    }

    fn open(index: u32, protocol: u16, program: &mut [libc::sock_filter]) -> io::Result<Self> {
        let index = i32::try_from(index).map_err(io::Error::other)?;
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: no pointers. With protocol 0 nothing arrives before the filter is attached and the socket bound.
        let fd = check(unsafe { libc::socket(libc::AF_PACKET, kind, 0) })?;
        // SAFETY: `socket` has just opened it, and nothing else owns it.
        let socket = Self { fd: unsafe { OwnedFd::from_raw_fd(fd) }, index, protocol };
        let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
        let length = size_of::<libc::sock_fprog>() as libc::socklen_t;
        let (level, name) = (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER);
        // SAFETY: the pointer is to a `sock_fprog` of that length, whose program lives on.
        check(unsafe { libc::setsockopt(fd, level, name, (&raw const filter).cast(), length) })?;
        let address = socket.address();
        let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: the address is a `sockaddr_ll` of that length.
        check(unsafe { libc::bind(fd, (&raw const address).cast(), length) })?;
        Ok(socket)
    }

    /// Broadcasts a packet on the port.
    ///
    /// # Errors
    /// Those of sendto.
    pub(super) fn broadcast(&self, packet: &[u8]) -> io::Result<()> {
        let address = self.address();
        let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        let (fd, at) = (self.fd.as_raw_fd(), (&raw const address).cast());
        // SAFETY: both pointers are to values of the lengths that follow them.
        let sent = unsafe { libc::sendto(fd, packet.as_ptr().cast(), packet.len(), 0, at, length) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Reads a packet that was sent to this host, without waiting; an empty one if it was for another host or in a VLAN.
    ///
    /// # Errors
    /// Those of recvfrom; `WouldBlock` if there is none.
    pub(super) fn receive<'a>(&self, buffer: &'a mut [u8; MAX_PACKET]) -> io::Result<&'a [u8]> {
        // SAFETY: all zeros is a valid `sockaddr_ll`.
        let mut from: libc::sockaddr_ll = unsafe { zeroed() };
        let mut size = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        let (fd, at) = (self.fd.as_raw_fd(), (&raw mut from).cast());
        // SAFETY: both pointers are to values of the lengths that follow them.
        let length =
            unsafe { libc::recvfrom(fd, buffer.as_mut_ptr().cast(), MAX_PACKET, 0, at, &raw mut size) };
        let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
        let is_ours =
            [libc::PACKET_HOST, libc::PACKET_BROADCAST, libc::PACKET_MULTICAST].contains(&from.sll_pkttype);
        Ok(buffer.get(..length).filter(|_| is_ours).unwrap_or_default())
    }

    fn address(&self) -> libc::sockaddr_ll {
        // SAFETY: all zeros is a valid `sockaddr_ll`.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = self.protocol.to_be();
        address.sll_ifindex = self.index;
        address.sll_halen = 6;
        address.sll_addr[..6].copy_from_slice(&BROADCAST);
        address
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A UDP socket of a port that has an address, for renewals. Replies are read by the packet socket; this one keeps the kernel from
/// refusing them.
///
/// # Errors
/// Those of socket, setsockopt and bind.
pub(super) fn renewal_socket(port: &str, address: Ipv4Addr) -> io::Result<UdpSocket> {
    let fd = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
        None,
    )?;
    setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    setsockopt(&fd, sockopt::BindToDevice, &OsString::from(port))?;
    bind(fd.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(address, CLIENT_PORT)))?;
    Ok(UdpSocket::from(fd))
}

const fn step(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
