// SPDX-License-Identifier: MIT OR Apache-2.0
//! devlink: what the kernel's drivers of network adapters tell of the adapter itself, and how they write its firmware,
//! over generic netlink.

use std::fmt;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::SockProtocol;
use stage1_contract::facts::Devlink;

use super::socket::Socket;
use netlink::devlink::{self as message, Device, FlashStatus};
use netlink::message as nlmsg;

/// Longest wait for an answer; some drivers ask the adapter's firmware.
const ANSWER: Duration = Duration::from_secs(5);
/// How often is looked whether a flash has ended, while its driver says nothing.
const LOOK: Duration = Duration::from_millis(100);

/// A connection to the kernel's devlink.
pub struct Client {
    socket: Socket,
    family: u16,
    flash_group: Option<u32>,
}

/// What the kernel or a driver answers in place of doing what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its number.
    pub errno: Errno,
    /// Why, in the driver's words, where it has any.
    pub words: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.words {
            Some(words) => write!(f, "{words} ({})", self.errno.desc()),
            None => f.write_str(self.errno.desc()),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self { errno, words: None }
    }
}

impl Client {
    /// Opens one.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] where the kernel has no devlink; else those of the socket.
    pub fn open() -> io::Result<Self> {
        let socket = Socket::open(SockProtocol::NetlinkGeneric, 0)?;
        let body = exchange(&socket, &message::family_request()).map_err(|refusal| refusal.errno);
        let body = body.map_err(|errno| if errno == Errno::ENOENT { Errno::EOPNOTSUPP } else { errno })?;
        let family = message::family(&body).ok_or_else(|| io::Error::other("the kernel names no family"))?;
        Ok(Self { socket, family, flash_group: message::flash_group(&body) })
    }

    /// What a device is and which versions it has, for [`read_info`].
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] where the device's driver has no devlink, or tells nothing there.
    pub fn info(&self, device: &Device) -> io::Result<Vec<u8>> {
        let body = exchange(&self.socket, &message::info_request(self.family, device));
        let body = body.map_err(|refusal| refusal.errno);
        Ok(body.map_err(|errno| if errno == Errno::ENODEV { Errno::EOPNOTSUPP } else { errno })?)
    }

    /// Has a device's driver write the firmware that is in `file`, in the kernel's search path for firmware, and tells
    /// `status` what it says meanwhile. That cannot be stopped: at the deadline the driver goes on, and what comes of
    /// it is not known.
    ///
    /// # Errors
    /// What the driver refuses, or fails at; `ETIMEDOUT` is the deadline.
    pub fn flash(
        &self,
        device: &Device,
        file: &str,
        component: Option<&str>,
        deadline: Instant,
        mut status: impl FnMut(FlashStatus),
    ) -> Result<(), Refusal> {
        let heard = Socket::open(SockProtocol::NetlinkGeneric, 0)?;
        if let Some(group) = self.flash_group {
            heard.join(group)?;
        }
        let request = message::flash_request(self.family, device, file, component);
        // The kernel does it while it takes the request: sending does not return before.
        let asking = Socket::open(SockProtocol::NetlinkGeneric, 0)?;
        let asked = thread::Builder::new()
            .name("devlink-flash".to_string())
            .spawn(move || exchange(&asking, &request).map(drop))
            .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or_default()))?;
        loop {
            // What is said before the end is heard before it: the kernel sends in order.
            let ended = asked.is_finished();
            let until = if ended { Instant::now() } else { deadline.min(Instant::now() + LOOK) };
            // That some of it was lost, and said so, is no harm.
            let datagram = heard.receive(until).unwrap_or_default();
            nlmsg::messages(&datagram)
                .filter_map(|message| message::flash_status(message.body, device))
                .for_each(&mut status);
            if ended && datagram.is_empty() {
                return asked.join().unwrap_or(Err(Errno::EIO.into()));
            }
            if !ended && Instant::now() >= deadline {
                return Err(Errno::ETIMEDOUT.into());
            }
        }
    }

    /// Has a device run the firmware that is stored in it. It returns when that is done; its links go down meanwhile.
    ///
    /// # Errors
    /// What the driver refuses: where it says so, the firmware waits for a reset of the host.
    pub fn activate(&self, device: &Device) -> Result<(), Refusal> {
        exchange(&self.socket, &message::activate_request(self.family, device)).map(drop)
    }
}

/// What [`Client::info`] answered, as the contract has it.
pub fn read_info(body: &[u8]) -> Option<Devlink> {
    let message::Info { driver, serial, board_serial, fixed, running, stored } = message::info(body)?;
    Some(Devlink { driver, serial, board_serial, fixed, running, stored })
}

/// Sends a request that has one answer at most, and an acknowledgement after it; gives the answer's body.
fn exchange(socket: &Socket, request: &[u8]) -> Result<Vec<u8>, Refusal> {
    socket.send(request)?;
    let deadline = Instant::now() + ANSWER;
    let mut answer = Vec::new();
    while Instant::now() < deadline {
        for message in nlmsg::messages(&socket.receive(deadline)?) {
            match message.code() {
                Some(0) => return Ok(answer),
                Some(code) => return Err(Refusal { errno: Errno::from_raw(-code), words: message.words() }),
                None => answer = message.body.to_vec(),
            }
        }
    }
    Err(Errno::ETIMEDOUT.into())
}
