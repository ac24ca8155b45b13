// SPDX-License-Identifier: MIT OR Apache-2.0
//! The DHCPv4 client (RFC 2131 4.4): one thread per port, for as long as the agent runs.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use super::apply::Configurations;
use super::config::{PortConfig, Route, Source};
use super::socket::dhcp_socket;
use crate::host::Machine;
use crate::host::random;
use crate::host::task::detach;
use netlink::dhcp::{Exchange, Lease, Reply};
use netlink::route::Link;

const SERVER_PORT: u16 = 67;
/// Pauses between messages. RFC 2131 4.1 begins with 4 s; a switch port that has just come up often drops the first
/// message, so the second one follows earlier.
const WAITS: [Duration; 5] = [
    Duration::from_millis(1000),
    Duration::from_millis(2000),
    Duration::from_millis(4000),
    Duration::from_millis(8000),
    Duration::from_millis(16000),
];
/// Starts a thread that acquires a lease on `link` and renews it.
pub(crate) fn start(machine: &Machine, configurations: &Configurations, link: &Link) {
    let (machine, configurations, link) = (machine.clone(), configurations.clone(), link.clone());
    detach(&format!("dhcp-{}", link.name), move || {
        if let Err(error) = keep_lease(&machine, &configurations, &link) {
            log::warn!("DHCP on {}: {error:#}", link.name);
        }
    });
}

fn keep_lease(machine: &Machine, configurations: &Configurations, link: &Link) -> Result<()> {
    let address = machine.attribute(format!("/sys/class/net/{}/address", link.name));
    let mac = address.as_deref().and_then(parse_mac).ok_or_else(|| anyhow!("the port has no MAC address"))?;
    let socket = dhcp_socket(&link.name)?;
    let mut held: Option<Lease> = None;
    loop {
        let exchange = Exchange { id: random::bytes(), mac, vendor_class: "stage1" };
        let lease = acquire(&socket, exchange, held.take())?;
        configurations.set(link.index, Source::Dhcp4, configuration(&lease));
        log::debug!("{}: {:?}/{} by DHCP", link.name, lease.address, lease.prefix);
        // T1, RFC 2131 4.4.5. A lease without a time does not expire.
        let Some(time) = lease.time else { return Ok(()) };
        sleep((time / 2).max(Duration::from_secs(30)));
        held = Some(lease);
    }
}

/// Sends messages until a server acknowledges a lease. While `held` is valid, which is for half of its time from now on,
/// its address is requested again.
fn acquire(socket: &UdpSocket, exchange: Exchange, held: Option<Lease>) -> Result<Lease> {
    let started = Instant::now();
    let mut requested = held.clone();
    let mut waits = WAITS.iter().copied().chain(std::iter::repeat(WAITS[WAITS.len() - 1]));
    loop {
        let elapsed = started.elapsed();
        let message = match &requested {
            Some(lease) => exchange.request(elapsed, lease),
            None => exchange.discover(elapsed),
        };
        let sent = socket.send_to(&message, (Ipv4Addr::BROADCAST, SERVER_PORT));
        if let Err(error) = sent {
            log::debug!("sending a DHCP message: {error}");
        }
        let wait = waits.next().unwrap_or(WAITS[0]);
        match answer(socket, exchange, wait, requested.is_some())? {
            Some(Reply::Ack(lease)) => return Ok(lease),
            Some(Reply::Offer(lease)) => requested = Some(lease),
            Some(Reply::Nak) => {
                requested = None;
                sleep(wait);
            }
            None => {
                requested = held.clone().filter(|lease| lease.time.is_some_and(|time| elapsed < time / 2));
            }
        }
    }
}

/// The first reply to `exchange` within `wait`.
fn answer(socket: &UdpSocket, exchange: Exchange, wait: Duration, requested: bool) -> Result<Option<Reply>> {
    let deadline = Instant::now() + wait;
    let mut buffer = [0; 2048];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        socket.set_read_timeout(Some(left))?;
        let length = match socket.recv_from(&mut buffer) {
            Ok((length, _)) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(None);
            }
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::NetworkDown) => continue,
            Err(error) => return Err(error).context("receiving a DHCP reply"),
        };
        match exchange.parse(&buffer[..length]) {
            Some(Reply::Offer(_)) if requested => {}
            Some(reply) => return Ok(Some(reply)),
            None => {}
        }
    }
}

fn configuration(lease: &Lease) -> Option<PortConfig> {
    let route = |(to, prefix, via): &(Ipv4Addr, u8, Ipv4Addr)| Route {
        to: (*to).into(),
        prefix: *prefix,
        via: Some(*via).filter(|via| !via.is_unspecified()).map(IpAddr::from),
    };
    Some(PortConfig {
        addresses: vec![(lease.address?.into(), lease.prefix)],
        routes: lease.routes.iter().map(route).collect(),
        name_servers: lease.dns.iter().copied().map(IpAddr::from).collect(),
        search: lease.domain.iter().cloned().collect(),
        ntp_servers: Vec::new(),
        mtu: lease.mtu,
    })
}

fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let octets: Option<Vec<u8>> = text.split(':').map(|octet| u8::from_str_radix(octet, 16).ok()).collect();
    octets?.try_into().ok()
}
