// SPDX-License-Identifier: MIT OR Apache-2.0
//! devlink over generic netlink: versions of network adapters as their drivers report them, and firmware updates
//! (Documentation/networking/devlink/).

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::SockProtocol;
use stage1_contract::facts::Devlink;

use super::socket::Socket;
use crate::host::task::{NoResult, Task};
use netlink::devlink::{self as message, Device, FlashStatus};
use netlink::message as nlmsg;

/// Longest wait for a response; some drivers ask the adapter's firmware.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often a flash update is checked for its end while its driver sends no status.
const FLASH_CHECK: Duration = Duration::from_millis(100);

/// A connection to the kernel's devlink.
pub(crate) struct Client {
    socket: Socket,
    family: u16,
    flash_group: Option<u32>,
}

/// An error response of the kernel or a driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The error number.
    pub(crate) errno: Errno,
    /// The driver's message (`NLMSGERR_ATTR_MSG`), if it sent one.
    pub(crate) message: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => write!(f, "{message} ({})", self.errno.desc()),
            None => f.write_str(self.errno.desc()),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self { errno, message: None }
    }
}

impl Client {
    /// Opens a connection.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] if the kernel has no devlink; otherwise those of the socket.
    pub(crate) fn open() -> io::Result<Self> {
        let socket = Socket::open(SockProtocol::NetlinkGeneric, 0)?;
        let body = exchange(&socket, &message::family_request()).map_err(|refusal| refusal.errno);
        let body = body.map_err(|errno| if errno == Errno::ENOENT { Errno::EOPNOTSUPP } else { errno })?;
        let family = message::family(&body)
            .ok_or_else(|| io::Error::other("the kernel's response has no family ID"))?;
        Ok(Self { socket, family, flash_group: message::flash_group(&body) })
    }

    /// The response to DEVLINK_CMD_INFO_GET, for [`read_info`].
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] if the device's driver has no devlink, or reports no versions.
    pub(crate) fn info(&self, device: &Device) -> io::Result<Vec<u8>> {
        let body = exchange(&self.socket, &message::info_request(self.family, device));
        let body = body.map_err(|refusal| refusal.errno);
        Ok(body.map_err(|errno| if errno == Errno::ENODEV { Errno::EOPNOTSUPP } else { errno })?)
    }

    /// Writes firmware to a device: DEVLINK_CMD_FLASH_UPDATE with `file`, a name in the kernel's firmware search path. The
    /// driver's status messages go to `status`. It cannot be stopped, and has no time limit.
    ///
    /// # Errors
    /// The driver's error.
    pub(crate) fn flash(
        &self,
        device: &Device,
        file: &str,
        component: Option<&str>,
        mut status: impl FnMut(FlashStatus),
    ) -> Result<(), Refusal> {
        let events = Socket::open(SockProtocol::NetlinkGeneric, 0)?;
        if let Some(group) = self.flash_group {
            events.join(group)?;
        }
        let request = message::flash_request(self.family, device, file, component);
        // The kernel flashes within send(2), which does not return before the end.
        let requests = Socket::open(SockProtocol::NetlinkGeneric, 0)?;
        let flash = Task::start("devlink-flash", move || exchange(&requests, &request).map(drop))
            .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or_default()))?;
        let mut ended = None;
        loop {
            // The kernel sends in order: status messages before the end arrive before it is seen here.
            ended = ended.or_else(|| match flash.wait(Duration::ZERO) {
                Err(NoResult::TimedOut) => None,
                result => Some(result.unwrap_or(Err(Errno::EIO.into()))),
            });
            let until = Instant::now() + if ended.is_some() { Duration::ZERO } else { FLASH_CHECK };
            // Lost status messages (ENOBUFS) do no harm.
            let datagram = events.receive(until).unwrap_or_default();
            nlmsg::messages(&datagram)
                .filter_map(|message| message::flash_status(message.body, device))
                .for_each(&mut status);
            if datagram.is_empty()
                && let Some(result) = ended.take()
            {
                return result;
            }
        }
    }

    /// Activates the stored firmware: DEVLINK_CMD_RELOAD with `fw_activate`. Returns when it runs; meanwhile the device's
    /// links are down.
    ///
    /// # Errors
    /// The driver's error; if it does not support activation, the firmware runs after the next reset of the host.
    pub(crate) fn activate(&self, device: &Device) -> Result<(), Refusal> {
        exchange(&self.socket, &message::activate_request(self.family, device)).map(drop)
    }
}

/// Decodes the response of [`Client::info`] to the contract's type.
pub(crate) fn read_info(body: &[u8]) -> Option<Devlink> {
    let message::Info { driver, serial, board_serial, fixed, running, stored } = message::info(body)?;
    Some(Devlink { driver, serial, board_serial, fixed, running, stored })
}

/// Sends a request that has at most one response, and an acknowledgement after it; returns the response's body.
fn exchange(socket: &Socket, request: &[u8]) -> Result<Vec<u8>, Refusal> {
    socket.send(request)?;
    let deadline = Instant::now() + TIMEOUT;
    let mut response = Vec::new();
    while Instant::now() < deadline {
        for message in nlmsg::messages(&socket.receive(deadline)?) {
            match message.code() {
                Some(0) => return Ok(response),
                Some(code) => {
                    return Err(Refusal { errno: Errno::from_raw(-code), message: message.words() });
                }
                None => response = message.body.to_vec(),
            }
        }
    }
    Err(Errno::ETIMEDOUT.into())
}
