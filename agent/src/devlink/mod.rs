// SPDX-License-Identifier: MIT OR Apache-2.0
//! devlink: what the kernel's drivers of network adapters tell of the adapter itself, over generic netlink.

pub mod message;

use std::io;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::SockProtocol;

use crate::net::nlmsg;
use crate::net::socket::Socket;
use message::Device;

/// Longest wait for an answer; some drivers ask the adapter's firmware.
const ANSWER: Duration = Duration::from_secs(5);

/// A connection to the kernel's devlink.
pub struct Client {
    socket: Socket,
    family: u16,
}

impl Client {
    /// Opens one.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] where the kernel has no devlink; else those of the socket.
    pub fn open() -> io::Result<Self> {
        let socket = Socket::open(SockProtocol::NetlinkGeneric, 0)?;
        let body = exchange(&socket, &message::family_request());
        let body = body.map_err(|errno| if errno == Errno::ENOENT { Errno::EOPNOTSUPP } else { errno })?;
        let family = message::family(&body).ok_or_else(|| io::Error::other("the kernel names no family"))?;
        Ok(Self { socket, family })
    }

    /// What a device is and which versions it has, for [`message::info`] to read.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] where the device's driver has no devlink, or tells nothing there.
    pub fn info(&self, device: &Device) -> io::Result<Vec<u8>> {
        let body = exchange(&self.socket, &message::info_request(self.family, device));
        Ok(body.map_err(|errno| if errno == Errno::ENODEV { Errno::EOPNOTSUPP } else { errno })?)
    }
}

/// Sends a request that has one answer, and an acknowledgement after it; gives the answer's body.
fn exchange(socket: &Socket, request: &[u8]) -> nix::Result<Vec<u8>> {
    socket.send(request)?;
    let deadline = Instant::now() + ANSWER;
    let mut answer = Vec::new();
    while Instant::now() < deadline {
        for message in nlmsg::messages(&socket.receive(deadline)?) {
            match message.code() {
                Some(0) => return Ok(answer),
                Some(code) => return Err(Errno::from_raw(-code)),
                None => answer = message.body.to_vec(),
            }
        }
    }
    Err(Errno::ETIMEDOUT)
}
