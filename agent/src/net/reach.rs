// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which port reaches the inventory: each is tried with a TCP connection that is bound to it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, connect, getsockopt, setsockopt, socket, sockopt,
};

use super::apply::Configurations;
use super::dns;
use super::socket::Netlink;
use crate::host::Machine;
use netlink::route::{self, Message, Target};

/// How long a name may take to resolve.
const RESOLVE: Duration = Duration::from_secs(5);
/// How long a connection may take: a lost SYN is repeated after 1 s.
const CONNECT: Duration = Duration::from_millis(2500);
/// How long a port that is to be tried first may be slower than another.
const HEAD_START: Duration = Duration::from_millis(150);
/// Metric of the default route that makes a port win where systemd manages the network (its own have 1024).
const METRIC: u32 = 512;

/// The host and port of an inventory's URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    host: String,
    port: u16,
}

/// What came of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    /// It reaches a server.
    Reached,
    /// The server's host refuses the connection, or a firewall does.
    Refused,
    /// Why it reaches none.
    Failed(String),
}

impl Server {
    /// The servers of these URLs.
    pub(super) fn of(urls: &[String]) -> Vec<Self> {
        urls.iter().filter_map(|url| Self::of_url(url)).collect()
    }

    fn of_url(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let default = if scheme.eq_ignore_ascii_case("http") { 80 } else { 443 };
        let authority = rest.split(['/', '?', '#']).next()?;
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                (host, port.strip_prefix(':'))
            }
            None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Some(default), |port| port.parse().ok())?;
        (!host.is_empty()).then(|| Self { host: host.to_string(), port })
    }
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Tries the ports, of which the first is preferred. If `configurations` is given, each port is preferred while a name is
/// resolved for it: another network's name server may not know the name.
pub(super) fn try_ports(
    servers: &[Server],
    ports: &[(u32, String)],
    configurations: Option<&Configurations>,
) -> BTreeMap<u32, Tried> {
    let mut tried = BTreeMap::new();
    for server in servers {
        let literal = server.host.parse::<IpAddr>().ok().map(|ip| SocketAddr::from((ip, server.port)));
        match (literal, configurations) {
            (Some(address), _) => note(&mut tried, connect_by(&[address], ports)),
            (None, None) => note(&mut tried, resolve_and_connect(server, ports)),
            (None, Some(configurations)) => {
                for port in ports {
                    configurations.prefer(Some(port.0));
                    note(&mut tried, resolve_and_connect(server, std::slice::from_ref(port)));
                    if tried.get(&port.0) == Some(&Tried::Reached) {
                        return tried;
                    }
                }
                configurations.prefer(None);
            }
        }
        if tried.values().any(|tried| *tried == Tried::Reached) {
            break;
        }
    }
    tried
}

/// Gives the default route of a port the lowest metric, where systemd manages the network; returns the route, if there is one.
///
/// # Errors
/// Those of rtnetlink.
pub(super) fn prefer_default_route(index: u32) -> Result<Option<Target>> {
    let netlink = Netlink::open(0)?;
    netlink.send(&route::dump_routes())?;
    let deadline = Instant::now() + CONNECT;
    let mut defaults = Vec::new();
    'dump: while Instant::now() < deadline {
        for message in netlink.receive(deadline)? {
            match message {
                Message::Route(target) if target.index == index && target.prefix == 0 => {
                    defaults.push(target);
                }
                Message::Done => break 'dump,
                _ => {}
            }
        }
    }
    let found = defaults.into_iter().filter(|target| target.to.is_ipv4()).min_by_key(|target| target.metric);
    let Some(target) = found.filter(|target| target.metric > METRIC) else { return Ok(None) };
    let target = Target { metric: METRIC, ..target };
    netlink.request(&route::add_route(&target)).context("adding a default route")?;
    Ok(Some(target))
}

/// Removes what [`prefer_default_route`] added.
pub(super) fn remove_default_route(target: &Target) {
    if let Err(error) = Netlink::open(0).and_then(|netlink| netlink.request(&route::remove_route(target))) {
        log::debug!("removing a default route: {error:#}");
    }
}

fn note(tried: &mut BTreeMap<u32, Tried>, new: BTreeMap<u32, Tried>) {
    for (port, new) in new {
        let is_better = |old: &Tried| matches!((old, &new), (_, Tried::Reached) | (Tried::Failed(_), _));
        if tried.get(&port).is_none_or(is_better) {
            tried.insert(port, new);
        }
    }
}

fn resolve_and_connect(server: &Server, ports: &[(u32, String)]) -> BTreeMap<u32, Tried> {
    match dns::resolve(&Machine::real(), &server.host, RESOLVE, &|| false) {
        Ok(addresses) => {
            let addresses: Vec<SocketAddr> =
                addresses.into_iter().map(|address| (address, server.port).into()).collect();
            connect_by(&addresses, ports)
        }
        Err(error) => ports.iter().map(|(index, _)| (*index, Tried::Failed(error.to_string()))).collect(),
    }
}

/// Connects to the addresses by each port, all at the same time.
fn connect_by(addresses: &[SocketAddr], ports: &[(u32, String)]) -> BTreeMap<u32, Tried> {
    let mut tried = BTreeMap::new();
    let mut pending: Vec<(u32, OwnedFd)> = Vec::new();
    for (index, name) in ports {
        for address in addresses {
            match begin(*address, name) {
                Ok(socket) => pending.push((*index, socket)),
                Err(errno) => note(&mut tried, BTreeMap::from([(*index, failed(errno))])),
            }
        }
    }
    let mut deadline = Instant::now() + CONNECT;
    while !pending.is_empty() && Instant::now() < deadline {
        let mut fds: Vec<PollFd> =
            pending.iter().map(|(_, socket)| PollFd::new(socket.as_fd(), PollFlags::POLLOUT)).collect();
        let left = deadline.saturating_duration_since(Instant::now()).as_millis();
        let _ = poll(&mut fds, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
        let ready: Vec<bool> =
            fds.iter().map(|fd| fd.revents().is_some_and(|events| !events.is_empty())).collect();
        let mut ready = ready.into_iter();
        pending.retain(|(index, socket)| {
            if !ready.next().unwrap_or_default() {
                return true;
            }
            let result = match getsockopt(socket, sockopt::SocketError) {
                Ok(0) => Tried::Reached,
                Ok(error) => failed(Errno::from_raw(error)),
                Err(errno) => failed(errno),
            };
            note(&mut tried, BTreeMap::from([(*index, result)]));
            false
        });
        if let Some(best) = ports.iter().position(|(index, _)| tried.get(index) == Some(&Tried::Reached)) {
            // Only those before it matter now.
            pending.retain(|(index, _)| ports[..best].iter().any(|(earlier, _)| earlier == index));
            deadline = deadline.min(Instant::now() + HEAD_START);
        }
    }
    for (index, _) in pending {
        let why = format!("timed out after {} s", CONNECT.as_secs_f64());
        note(&mut tried, BTreeMap::from([(index, Tried::Failed(why))]));
    }
    tried
}

fn begin(address: SocketAddr, port: &str) -> nix::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(family, SockType::Stream, flags, None)?;
    // An inventory on this host is behind no port.
    if !address.ip().is_loopback() {
        setsockopt(&socket, sockopt::BindToDevice, &OsString::from(port))?;
    }
    match connect(socket.as_raw_fd(), &SockaddrStorage::from(address)) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(socket),
        Err(errno) => Err(errno),
    }
}

fn failed(errno: Errno) -> Tried {
    match errno {
        Errno::ECONNREFUSED => Tried::Refused,
        errno => Tried::Failed(errno.desc().to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_of_a_url_is_its_host_and_port() {
        let text = |url: &str| Server::of_url(url).map(|server| server.to_string());
        for (url, expected) in [
            ("https://inventory.example.com/ipxe", "inventory.example.com:443"),
            ("http://10.0.0.1:8080/ipxe", "10.0.0.1:8080"),
            ("http://10.0.0.1", "10.0.0.1:80"),
            ("https://user:secret@[2001:db8::1]:8443/x", "[2001:db8::1]:8443"),
            ("https://[2001:db8::1]/x", "[2001:db8::1]:443"),
        ] {
            assert_eq!(text(url).as_deref(), Some(expected), "{url}");
        }
        for url in ["", "https://", "https://a:port/", "https://[::1/"] {
            assert_eq!(text(url), None, "{url}");
        }
    }

    #[test]
    fn a_server_on_this_host_is_reached_whatever_the_port() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let tried = connect_by(&[server.local_addr().unwrap()], &[(7, "no-such-port".to_string())]);
        assert_eq!(tried, BTreeMap::from([(7, Tried::Reached)]));
    }

    #[test]
    fn the_best_result_of_a_port_counts() {
        let mut tried = BTreeMap::new();
        let failed = Tried::Failed("timed out".to_string());
        for (result, expected) in [
            (failed.clone(), failed.clone()),
            (Tried::Refused, Tried::Refused),
            (failed.clone(), Tried::Refused),
            (Tried::Reached, Tried::Reached),
            (failed, Tried::Reached),
        ] {
            note(&mut tried, BTreeMap::from([(2, result)]));
            assert_eq!(tried[&2], expected);
        }
    }
}
