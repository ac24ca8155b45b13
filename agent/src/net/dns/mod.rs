// SPDX-License-Identifier: MIT OR Apache-2.0
//! The resolver: /etc/hosts, then the name servers of /etc/resolv.conf.
//!
//! The static agent has no glibc, and musl's resolver fails a name whose A record it has if AAAA is refused, or the other
//! way round. This one asks for each family by itself and takes what it gets.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

mod error;
mod files;
mod lookup;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

pub use error::{Error, Reason, ServerAnswers};
use files::{Config, Server};
use lookup::{Lookup, Outcome};
use netlink::dns::{Answer, Code, Family, Name, Question};

use crate::host::{Machine, random};

/// Longest lookup of one name, whatever the caller's limit.
const LIMIT: Duration = Duration::from_secs(5);
/// How often a wait checks whether it was cancelled.
const CANCEL_CHECK: Duration = Duration::from_millis(50);
/// Longest exchange by TCP, for an answer that was truncated.
const TCP_LIMIT: Duration = Duration::from_secs(2);
/// Aliases that are followed, one after the other, if the server does not do it.
const MAX_ALIASES: u32 = 8;
const PORT: u16 = 53;

/// The addresses of a name, the best to connect to first; never empty.
///
/// # Errors
/// [`Error`], after `limit` at the latest, or at once when `cancelled` returns true.
pub(crate) fn resolve(
    machine: &Machine,
    name: &str,
    limit: Duration,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<IpAddr>, Error> {
    resolve_at(machine, PORT, name, limit, cancelled)
}

fn resolve_at(
    machine: &Machine,
    port: u16,
    name: &str,
    limit: Duration,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<IpAddr>, Error> {
    let literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    if let Ok(address) = literal.parse() {
        return Ok(vec![address]);
    }
    if name.starts_with('[') {
        // An address with a zone, or a damaged one.
        return Err(Error { name: name.to_string(), reason: Reason::BadName });
    }
    let text = |path| String::from_utf8_lossy(&machine.read(path).unwrap_or_default()).into_owned();
    let mut addresses = files::hosts(&text("/etc/hosts"), name);
    if addresses.is_empty() {
        let config = Config::parse(&text("/etc/resolv.conf"));
        addresses = ask(machine, port, &config, name, limit, cancelled)
            .map_err(|reason| Error { name: name.to_string(), reason })?;
    }
    addresses.sort_by_key(|address| preference(*address));
    Ok(addresses)
}

/// Asks for each candidate until one has an address, or no server answers at all.
fn ask(
    machine: &Machine,
    port: u16,
    config: &Config,
    name: &str,
    limit: Duration,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<IpAddr>, Reason> {
    Name::new(name).ok_or(Reason::BadName)?;
    if config.servers.is_empty() {
        return Err(Reason::NoServer);
    }
    let deadline = Instant::now() + limit;
    let mut also = Vec::new();
    let mut answers = None;
    for candidate in config.candidates(name) {
        let left = deadline.saturating_duration_since(Instant::now()).min(LIMIT);
        // A search domain may be too long for this name.
        let Some(question) = Name::new(&candidate) else { continue };
        if left.is_zero() {
            break;
        }
        let servers = match Exchange::new(machine, port, config, &question, left).run(cancelled)? {
            Found::Addresses(addresses) => return Ok(addresses),
            Found::Nothing(servers) => servers,
        };
        let is_silent = servers.iter().all(|server| server.outcomes.iter().all(Option::is_none));
        if candidate == name.trim_end_matches('.') || is_silent {
            answers = Some(servers);
        } else {
            also.push(candidate);
        }
        if is_silent {
            break;
        }
    }
    Err(Reason::NoAddress { servers: answers.unwrap_or_default(), also })
}

/// Lower is better: addresses that the host has a route to, in short as RFC 6724 sorts them (rules 1, 5 and 6).
fn preference(address: IpAddr) -> u8 {
    let is_unique_local = |ip: Ipv6Addr| ip.segments()[0] & 0xfe00 == 0xfc00;
    match (address, source(address)) {
        (IpAddr::V6(to), Some(IpAddr::V6(from))) if is_unique_local(to) == is_unique_local(from) => 0,
        (IpAddr::V4(_), Some(_)) => 1,
        (IpAddr::V6(_), Some(_)) => 2,
        (_, None) => 3,
    }
}

/// The address that the host would send from; `None` without a route.
fn source(to: IpAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind((unspecified(to), 0)).ok()?;
    socket.connect((to, PORT)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

fn unspecified(of: IpAddr) -> IpAddr {
    if of.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

/// The lookup of one name at all servers.
struct Exchange {
    started: Instant,
    limit: Duration,
    lookup: Lookup,
    servers: Vec<Asked>,
}

/// A server that is being asked.
struct Asked {
    name: String,
    address: SocketAddr,
    socket: Option<UdpSocket>,
    /// The questions of [`Family::ALL`].
    questions: [Question; 2],
    aliases: u32,
}

enum Found {
    Addresses(Vec<IpAddr>),
    Nothing(Vec<ServerAnswers>),
}

impl Exchange {
    fn new(machine: &Machine, port: u16, config: &Config, name: &Name, limit: Duration) -> Self {
        let servers: Vec<Asked> =
            config.servers.iter().map(|server| Asked::new(machine, server, port, name)).collect();
        let lookup = Lookup::new(servers.len(), limit);
        Self { started: Instant::now(), limit, lookup, servers }
    }

    fn run(mut self, cancelled: &dyn Fn() -> bool) -> Result<Found, Reason> {
        while let Some(next) = self.lookup.next(self.now()) {
            if cancelled() {
                return Err(Reason::Cancelled);
            }
            for (index, family) in self.lookup.due(self.now()) {
                self.send(index, family);
            }
            self.wait(next.saturating_sub(self.now()).min(CANCEL_CHECK));
            for index in 0..self.servers.len() {
                self.receive(index);
            }
        }
        let addresses = self.lookup.addresses();
        if !addresses.is_empty() {
            return Ok(Found::Addresses(addresses));
        }
        let waited = self.now();
        let answers = self.lookup.outcomes().into_iter().zip(self.servers);
        Ok(Found::Nothing(
            answers
                .map(|((_, outcomes), server)| ServerAnswers { server: server.name, outcomes, waited })
                .collect(),
        ))
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn record(&mut self, index: usize, family: Family, outcome: Outcome) {
        let reachable = match &outcome {
            Outcome::Addresses(addresses) => addresses.iter().any(|address| source(*address).is_some()),
            _ => false,
        };
        self.lookup.record(index, family, outcome, self.started.elapsed(), reachable);
    }

    fn send(&mut self, index: usize, family: Family) {
        let Some(server) = self.servers.get_mut(index) else { return };
        if let Err(error) = server.send(family) {
            self.record(index, family, Outcome::Failed(sending_text(&error)));
        }
    }

    /// Waits until something arrives, for at most that long.
    fn wait(&self, longest: Duration) {
        let sockets = self.servers.iter().filter_map(|server| server.socket.as_ref());
        let mut fds: Vec<PollFd> =
            sockets.map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN)).collect();
        let timeout = PollTimeout::try_from(longest.as_millis() + 1).unwrap_or(PollTimeout::MAX);
        // A signal only makes the wait shorter.
        let _ = poll(&mut fds, timeout);
    }

    /// Takes all answers of a server that are there.
    fn receive(&mut self, index: usize) {
        let mut buffer = [0; 4096];
        loop {
            let Some(server) = self.servers.get_mut(index) else { return };
            let Some(socket) = &server.socket else { return };
            let length = match socket.recv(&mut buffer) {
                Ok(length) => length,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                    return;
                }
                // An ICMP error, which is about whatever was sent.
                Err(error) => {
                    for family in Family::ALL {
                        self.record(index, family, Outcome::Failed(sending_text(&error)));
                    }
                    return;
                }
            };
            let message = &buffer[..length];
            let decoded = server
                .questions
                .iter()
                .find_map(|question| Some((question.family, question.decode(message)?)));
            if let Some((family, answer)) = decoded {
                self.take(index, family, answer);
            }
        }
    }

    fn take(&mut self, index: usize, family: Family, answer: Answer) {
        let left = self.limit.saturating_sub(self.now()).min(TCP_LIMIT);
        let Some(server) = self.servers.get_mut(index) else { return };
        let answer = match answer {
            Answer { truncated: true, .. } => match server.ask_by_tcp(family, left) {
                Ok(whole) => whole,
                // Some of the addresses are better than none.
                Err(_) if !answer.addresses.is_empty() => answer,
                Err(error) => {
                    let why = format!("the answer was truncated, and asking by TCP failed: {error}");
                    return self.record(index, family, Outcome::Failed(why));
                }
            },
            answer => answer,
        };
        if let Some(alias) = answer.alias {
            if server.aliases >= MAX_ALIASES {
                let why = format!("more than {MAX_ALIASES} aliases");
                return self.record(index, family, Outcome::Failed(why));
            }
            server.aliases += 1;
            server.question(family).name = alias;
            return self.send(index, family);
        }
        let outcome = match answer.code {
            Code::NO_ERROR if answer.lame => Outcome::Lame,
            Code::NO_ERROR if answer.addresses.is_empty() => Outcome::NoAddress,
            Code::NO_ERROR => Outcome::Addresses(answer.addresses),
            code => Outcome::Code(code),
        };
        self.record(index, family, outcome);
    }
}

impl Asked {
    fn new(machine: &Machine, server: &Server, port: u16, name: &Name) -> Self {
        let Server { address, zone } = server;
        let suffix = zone.as_ref().map_or_else(String::new, |zone| format!("%{zone}"));
        let index = zone.as_ref().and_then(|zone| {
            zone.parse()
                .ok()
                .or_else(|| machine.attribute(format!("/sys/class/net/{zone}/ifindex"))?.parse().ok())
        });
        let socket_address = match address {
            IpAddr::V4(ip) => (*ip, port).into(),
            IpAddr::V6(ip) => SocketAddrV6::new(*ip, port, 0, index.unwrap_or(0)).into(),
        };
        let question =
            |family| Question { id: u16::from_ne_bytes(random::bytes()), name: name.clone(), family };
        Self {
            name: format!("{address}{suffix}"),
            address: socket_address,
            socket: None,
            questions: Family::ALL.map(question),
            aliases: 0,
        }
    }

    fn question(&mut self, family: Family) -> &mut Question {
        let [v4, v6] = &mut self.questions;
        match family {
            Family::V4 => v4,
            Family::V6 => v6,
        }
    }

    /// Sends a question. The socket is opened by the first one: then there may be no route yet.
    fn send(&mut self, family: Family) -> io::Result<()> {
        let question = self.question(family).encode();
        if self.socket.is_none() {
            let socket = UdpSocket::bind((unspecified(self.address.ip()), 0))?;
            socket.set_nonblocking(true)?;
            // Only this server's answers are received, and its ICMP errors.
            socket.connect(self.address)?;
            self.socket = Some(socket);
        }
        self.socket.iter().try_for_each(|socket| socket.send(&question).map(drop))
    }

    /// Asks again by TCP, where each message follows its length (RFC 1035 4.2.2).
    fn ask_by_tcp(&mut self, family: Family, limit: Duration) -> io::Result<Answer> {
        let deadline = Instant::now() + limit;
        let limit = limit.max(Duration::from_millis(1));
        let mut stream = TcpStream::connect_timeout(&self.address, limit)?;
        let question = self.question(family);
        let message = question.encode();
        let length = u16::try_from(message.len()).map_err(io::Error::other)?;
        stream.set_write_timeout(Some(limit))?;
        stream.write_all(&[&length.to_be_bytes()[..], &message].concat())?;
        let mut received = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let whole = received.first_chunk().map(|length| 2 + usize::from(u16::from_be_bytes(*length)));
            if let Some(message) = whole.and_then(|whole| received.get(2..whole)) {
                return question.decode(message).ok_or_else(|| io::Error::other("malformed answer"));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            stream.set_read_timeout(Some(left))?;
            match stream.read(&mut buffer)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                length => received.extend_from_slice(&buffer[..length]),
            }
        }
    }
}

fn sending_text(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "no name server runs there (connection refused)".to_string(),
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => format!("no route to it ({error})"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
