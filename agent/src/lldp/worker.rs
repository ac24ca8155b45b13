// SPDX-License-Identifier: MIT OR Apache-2.0
//! The thread that serves all ports.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::io::{ErrorKind, PipeReader};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use lldp_rs::{EncodeError, Lldpdu, MacAddress, MacPhy, ethernet};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::collector::{Shared, lock};
use super::firmware_agent;
use super::ports::{Mode, Options};
use super::schedule::{As, Message};
use super::socket::{MAX_FRAME, PortSocket};
use crate::host::Machine;
use crate::host::physical_ports;
use crate::host::ports::is_named;
use crate::host::task::detach;
use crate::net::monitor::Monitor;
use netlink::route::{self, Link};

/// Frames of a port that are read at once. Then the port rests for [`REST`]; frames that its socket's buffer cannot hold
/// meanwhile are dropped by the kernel.
const BURST: usize = 64;
const REST: Duration = Duration::from_millis(10);
/// TTL of our LLDPDUs in seconds: how long a switch remembers this host if it ends without a shutdown LLDPDU. Long
/// enough to reach from the first attempt beyond the last.
const TTL: u16 = 20;

/// The thread's state.
pub(crate) struct Worker {
    machine: Machine,
    shared: Arc<Shared>,
    options: Options,
    names: Vec<String>,
    wake: PipeReader,
    monitor: Monitor,
    sockets: Vec<Socket>,
    system_name: String,
}

struct Socket {
    index: u32,
    socket: PortSocket,
    rests_until: Duration,
}

impl Worker {
    /// Opens what the thread needs; [`Worker::run`] is the thread.
    pub(crate) fn new(
        machine: &Machine,
        shared: &Arc<Shared>,
        options: Options,
        names: &[String],
        wake: PipeReader,
    ) -> Result<Self> {
        let monitor = Monitor::of_links()?;
        let host = machine.attribute("/proc/sys/kernel/hostname");
        let host = host.filter(|name| !["(none)", "localhost"].contains(&name.as_str()));
        Ok(Self {
            machine: machine.clone(),
            shared: shared.clone(),
            options,
            names: names.to_vec(),
            wake,
            monitor,
            sockets: Vec::new(),
            system_name: host.unwrap_or_else(|| "stage1".to_string()),
        })
    }

    /// Collects until the other end of `wake` is closed.
    pub(crate) fn run(mut self) {
        // Ends all waits, whatever happens here.
        let _end = End(self.shared.clone());
        let mut buffer = [0; MAX_FRAME];
        loop {
            match self.wait() {
                Ok(Ready { over: true, .. }) => break,
                Ok(Ready { links, ports, .. }) => {
                    if links && let Err(error) = self.follow_links() {
                        log::warn!("following the links: {error:#}");
                        break;
                    }
                    for index in ports {
                        self.read(index, &mut buffer);
                    }
                }
                Err(Errno::EINTR) => {}
                Err(error) => {
                    log::warn!("waiting for LLDP frames: {error}");
                    break;
                }
            }
            self.send_due();
            self.shared.changed.notify_all();
        }
        self.shut_down();
    }

    fn wait(&self) -> nix::Result<Ready> {
        let now = self.shared.now();
        let awake = || self.sockets.iter().filter(|socket| socket.rests_until <= now);
        let resting = self.sockets.iter().map(|socket| socket.rests_until).filter(|until| *until > now);
        let next = resting.chain(self.shared.ports().next_message()).min();
        let left = next.map(|at| at.saturating_sub(now).as_millis() + 1);
        let timeout =
            left.map_or(PollTimeout::NONE, |ms| PollTimeout::try_from(ms).unwrap_or(PollTimeout::MAX));
        let fds = [self.wake.as_fd(), self.monitor.as_fd()];
        let fds = fds.into_iter().chain(awake().map(|socket| socket.socket.as_fd()));
        let mut fds: Vec<PollFd> = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        poll(&mut fds, timeout)?;
        let mut ready = fds.iter().map(|fd| fd.any() == Some(true));
        let (over, links) = (ready.next() == Some(true), ready.next() == Some(true));
        let ports = awake().zip(ready).filter(|(_, ready)| *ready).map(|(socket, _)| socket.index).collect();
        Ok(Ready { over, links, ports })
    }

    fn follow_links(&mut self) -> Result<()> {
        for message in self.monitor.receive(Instant::now())? {
            match message {
                route::Message::Link(link) => self.update(link),
                route::Message::Gone(index) => {
                    self.sockets.retain(|socket| socket.index != index);
                    self.shared.ports().gone(index);
                }
                route::Message::Done => self.shared.ports().all_seen(),
                route::Message::Address(_)
                | route::Message::AddressGone(..)
                | route::Message::Route(_)
                | route::Message::Answer(_) => {}
            }
        }
        Ok(())
    }

    fn update(&mut self, link: Link) {
        let (index, name) = (link.index, link.name.clone());
        let known = self.shared.ports().knows(index);
        // Adapters are configured by name. A port that is up is not renamed any more.
        let named = || link.up || is_named(&self.machine, index);
        if !(known || link.ethernet && named() && self.is_selected(&name)) {
            return;
        }
        let connected = link.up && link.carrier;
        self.shared.ports().link(link, self.shared.now());
        if connected {
            let speed = self.machine.attribute(format!("/sys/class/net/{name}/speed"));
            self.shared.ports().speed(index, speed.and_then(|mbps| mbps.parse().ok()));
        }
        if !known {
            self.listen(index, name);
        }
    }

    fn is_selected(&self, name: &String) -> bool {
        if self.names.is_empty() {
            physical_ports(&self.machine).contains(name)
        } else {
            self.names.contains(name)
        }
    }

    /// Opens the socket of a new port.
    fn listen(&mut self, index: u32, name: String) {
        match PortSocket::open(index) {
            Ok(socket) => self.sockets.push(Socket { index, socket, rests_until: Duration::ZERO }),
            Err(error) => {
                let needed = match error.kind() {
                    ErrorKind::PermissionDenied => "; run as root",
                    _ => "",
                };
                self.shared.ports().failed(index, format!("opening a packet socket: {error}{needed}"));
            }
        }
        // Some drivers take seconds for this.
        if let Some(flag) = firmware_agent::flag(&self.machine, &name) {
            let shared = self.shared.clone();
            detach(&format!("lldp-{name}"), move || {
                let (agent, changed) = firmware_agent::disable(&name, flag);
                shared.ports().firmware(index, agent);
                if changed {
                    lock(&shared.disabled).push((name, flag));
                }
            });
        }
    }

    fn read(&mut self, index: u32, buffer: &mut [u8; MAX_FRAME]) {
        let entry = self.sockets.iter_mut().find(|socket| socket.index == index);
        let Some(Socket { socket, rests_until, .. }) = entry else { return };
        for _ in 0..BURST {
            match socket.receive(buffer) {
                Ok((frame, age)) => {
                    let arrived = self.shared.now().saturating_sub(age);
                    self.shared.ports().frame(index, frame, arrived);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // The port was set down; the socket receives again when it is up.
                Err(error) => {
                    log::debug!("receiving on port {index}: {error}");
                    return;
                }
            }
        }
        *rests_until = self.shared.now() + REST;
    }

    fn send_due(&self) {
        let due = self.shared.ports().due(self.shared.now());
        for (link, message) in due {
            self.send(&link, message);
        }
    }

    fn send(&self, link: &Link, message: Message) {
        let socket = self.sockets.iter().find(|socket| socket.index == link.index);
        let (Some(Socket { socket, .. }), Some(mac)) = (socket, link.mac) else {
            return;
        };
        let frame = match self.frame(link, mac, message) {
            Ok(frame) => frame,
            Err(error) => return log::warn!("{}: encoding an LLDPDU: {error}", link.name),
        };
        match socket.send(&frame) {
            Ok(()) => log::debug!("{}: sent LLDPDU: {message:?}", link.name),
            Err(error) => log::debug!("{}: sending an LLDPDU: {error}", link.name),
        }
    }

    /// The port ID is the permanent address, which differs for each port: all members of a bond send from the bond's.
    fn frame(&self, link: &Link, mac: [u8; 6], message: Message) -> Result<Vec<u8>, EncodeError> {
        let port = MacAddress(link.permanent_mac.unwrap_or(mac));
        let ours = self.shared.ports().ours().clone();
        let lldpdu = match message {
            Message::Announce(As::MedEndpoint) => Lldpdu::solicit(ours, port, TTL, &self.system_name)?,
            Message::Announce(As::Station) => {
                Lldpdu::station(ours, port, TTL, &self.system_name, MacPhy::UNKNOWN)?
            }
            Message::Shutdown => Lldpdu::solicit(ours, port, TTL, &self.system_name)?.shutdown(),
        };
        Ok(ethernet::lldp_frame(ethernet::NEAREST_BRIDGE, MacAddress(mac), &lldpdu))
    }

    fn shut_down(self) {
        let connected = self.shared.ports().end(self.shared.now());
        if self.options.mode == Mode::Solicit {
            for link in connected {
                self.send(&link, Message::Shutdown);
            }
        }
        if self.options.restore {
            for (port, flag) in lock(&self.shared.disabled).drain(..) {
                firmware_agent::enable(&port, flag);
            }
        }
    }
}

/// What ended a wait.
struct Ready {
    over: bool,
    links: bool,
    ports: Vec<u32>,
}

/// Ends the collection when it is dropped.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}
