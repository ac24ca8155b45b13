// SPDX-License-Identifier: MIT OR Apache-2.0
//! The DHCPv4 client of a port with its sockets. No error ends it: a socket that fails is opened again with the next message.

use std::io;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use super::client::{Action, Client};
use super::socket::{CLIENT_PORT, MAX_PACKET, PacketSocket, SERVER_PORT, renewal_socket};
use crate::host::random;
use crate::net::apply::Configurations;
use crate::net::config::{PortConfig, Route, Source};
use netlink::dhcp::{Identity, Lease};
use netlink::packet::{Arp, Datagram, datagram};
use netlink::route::Link;

/// The DHCPv4 client of a port.
pub(crate) struct Port {
    index: u32,
    name: String,
    client: Client,
    configurations: Configurations,
    replies: Option<PacketSocket>,
    arp: Option<PacketSocket>,
    renewal: Option<UdpSocket>,
    /// What was logged last.
    words: String,
}

impl Port {
    /// A client without carrier.
    pub(crate) fn new(link: &Link, identity: Identity, configurations: &Configurations) -> Self {
        Self {
            index: link.index,
            name: link.name.clone(),
            client: Client::new(identity, u64::from_ne_bytes(random::bytes())),
            configurations: configurations.clone(),
            replies: None,
            arp: None,
            renewal: None,
            words: String::new(),
        }
    }

    /// The port has got or lost its carrier.
    pub(crate) fn set_carrier(&mut self, has_carrier: bool) {
        let actions = self.client.carrier(has_carrier, Instant::now());
        self.act(actions);
    }

    /// What is missing, or what the port has.
    pub(crate) fn words(&self) -> String {
        self.client.to_string()
    }

    /// When [`Port::run`] is due even if nothing arrives.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.client.due()
    }

    /// What to wait for.
    pub(crate) fn sockets(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.replies.iter().chain(&self.arp).map(AsFd::as_fd)
    }

    /// Takes what has arrived, and does what is due. `own` are the MAC addresses of this host's ports.
    pub(crate) fn run(&mut self, own: &[[u8; 6]]) {
        let mut buffer = [0; MAX_PACKET];
        while let Some(packet) = receive(&mut self.replies, &mut buffer, &self.name) {
            if let Some(Datagram { source, payload, destination_port: CLIENT_PORT, .. }) = datagram(packet) {
                let actions = self.client.receive(payload, source, Instant::now());
                self.act(actions);
            }
        }
        while let Some(packet) = receive(&mut self.arp, &mut buffer, &self.name) {
            if let Some(arp) = Arp::parse(packet) {
                let actions = self.client.arp(&arp, own.contains(&arp.sender_mac), Instant::now());
                self.act(actions);
            }
        }
        let actions = self.client.tick(Instant::now());
        self.act(actions);
        if !self.client.needs_arp() {
            self.arp = None;
        }
        let words = self.words();
        if words != self.words {
            log::debug!("DHCP on {}: {words}", self.name);
            self.words = words;
        }
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            let result = match action {
                Action::Broadcast(message, source) => self.broadcast(&message, source),
                Action::Unicast(message, source, server) => self.unicast(&message, source, server),
                Action::Arp(arp) => self.send_arp(&arp),
                Action::Configure(lease) => {
                    self.configure(&lease);
                    Ok(())
                }
                Action::ChangeRouter(lease, silent) => {
                    let router = lease.gateway().unwrap_or(Ipv4Addr::UNSPECIFIED);
                    log::warn!(
                        "{}: the router {silent} answers no ARP request: {router} is used instead, the next one of the \
                         DHCP server's option 3",
                        self.name
                    );
                    self.configure(&lease);
                    Ok(())
                }
                Action::Withdraw => {
                    log::info!("{}: the address is given up: {}", self.name, self.client);
                    self.configurations.set(self.index, Source::Dhcp4, None);
                    self.renewal = None;
                    Ok(())
                }
            };
            if let Err(error) = result {
                log::debug!("sending a DHCP or ARP message on {}: {error}", self.name);
                (self.replies, self.arp, self.renewal) = (None, None, None);
            }
        }
    }

    fn broadcast(&mut self, message: &[u8], source: Ipv4Addr) -> io::Result<()> {
        let datagram = Datagram {
            source,
            destination: Ipv4Addr::BROADCAST,
            source_port: CLIENT_PORT,
            destination_port: SERVER_PORT,
            payload: message,
        };
        self.listen()?.broadcast(&datagram.encode())
    }

    fn unicast(&mut self, message: &[u8], source: Ipv4Addr, server: Ipv4Addr) -> io::Result<()> {
        self.listen()?;
        if self.renewal.is_none() {
            self.renewal = Some(renewal_socket(&self.name, source)?);
        }
        let sent = self.renewal.as_ref().map(|socket| socket.send_to(message, (server, SERVER_PORT)));
        sent.transpose().map(drop)
    }

    fn send_arp(&mut self, arp: &Arp) -> io::Result<()> {
        let socket = match self.arp.take() {
            Some(socket) => socket,
            None => PacketSocket::arp(self.index)?,
        };
        self.arp.insert(socket).broadcast(&arp.encode())
    }

    fn listen(&mut self) -> io::Result<&PacketSocket> {
        let socket = match self.replies.take() {
            Some(socket) => socket,
            None => PacketSocket::dhcp(self.index)?,
        };
        Ok(self.replies.insert(socket))
    }

    fn configure(&mut self, lease: &Lease) {
        if let Some(mtu) = lease.mtu
            && lease.credible_mtu().is_none()
        {
            log::warn!(
                "{}: the DHCP server sends an MTU of {mtu} bytes, which is not used: correct its option 26",
                self.name
            );
        }
        self.renewal = None;
        self.configurations.set(self.index, Source::Dhcp4, Some(configuration(lease)));
        log::debug!("{}: {}/{} by DHCP", self.name, lease.address, lease.prefix);
    }
}

/// The next packet that has arrived. A socket that fails is closed.
fn receive<'a>(
    socket: &mut Option<PacketSocket>,
    buffer: &'a mut [u8; MAX_PACKET],
    name: &str,
) -> Option<&'a [u8]> {
    match socket.as_ref()?.receive(buffer) {
        Ok(packet) => Some(packet),
        Err(error) => {
            if !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) {
                log::debug!("receiving on {name}: {error}");
                *socket = None;
            }
            None
        }
    }
}

fn configuration(lease: &Lease) -> PortConfig {
    let route = |(to, prefix, via): &(Ipv4Addr, u8, Ipv4Addr)| Route {
        to: (*to).into(),
        prefix: *prefix,
        via: Some(*via).filter(|via| !via.is_unspecified()).map(IpAddr::from),
    };
    PortConfig {
        addresses: vec![(lease.address.into(), lease.prefix)],
        routes: lease.routes.iter().map(route).collect(),
        name_servers: lease.dns.iter().copied().map(IpAddr::from).collect(),
        search: lease.search.clone(),
        ntp_servers: lease.ntp.iter().copied().map(IpAddr::from).collect(),
        mtu: lease.credible_mtu(),
    }
}
