// SPDX-License-Identifier: MIT OR Apache-2.0
//! The network: sets every port up, and runs DHCP on each that has carrier, until some port has an address.
//!
//! If systemd manages the network, the agent only waits for the address.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

mod apply;
mod client;
mod config;
pub(crate) mod devlink;
pub(crate) mod ethtool;
mod interfaces;
mod ipv6;
pub(crate) mod socket;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

use crate::config::network::NetworkConfig;
use crate::host::task::detach;
use crate::host::{Machine, Manager};
use apply::Configurations;
use config::Source;
use interfaces::Interfaces;
use ipv6::Missing;
use netlink::route::{self, Address, Link, Message};
use socket::Netlink;

/// How long to wait for the first port: large adapters take many seconds to start.
const NO_PORT: Duration = Duration::from_secs(30);
/// How long an IPv6 address waits for an IPv4 address in addition.
const IPV4_GRACE: Duration = Duration::from_secs(3);
/// How often [`bring_up`] checks whether it was cancelled.
const CANCEL_CHECK: Duration = Duration::from_millis(50);

/// Waits until some port has a usable address; returns the ports with their addresses. Ports that appear later are still
/// set up, for as long as the agent runs: the first address need not be in the inventory's network.
///
/// # Errors
/// At the deadline, with the state of each port; earlier if there is no port, or when `cancelled` returns true.
pub(crate) fn bring_up(
    machine: &Machine,
    manager: Manager,
    settings: &NetworkConfig,
    timeout: Duration,
    cancelled: &dyn Fn() -> bool,
) -> Result<String> {
    let monitor = Netlink::open(route::GROUPS)?;
    // The systemd kind has them from the files that `stage1 network` writes.
    let settings = if manager == Manager::Agent { settings.clone() } else { NetworkConfig::default() };
    let interfaces = Interfaces::new(machine, settings);
    monitor.send(&route::dump_links())?;
    let (sender, result) = channel();
    let mut ports = Ports::new(machine, manager, interfaces, timeout);
    detach("network", move || {
        if let Err(error) = ports.watch(&monitor, &sender) {
            let _ = sender.send(Err(error));
        }
    });
    wait_for(&result, cancelled)
}

/// Whether resolv.conf(5) has a name server, whoever wrote it.
pub(crate) fn has_name_server(machine: &Machine) -> bool {
    let text = machine.attribute("/etc/resolv.conf").unwrap_or_default();
    text.lines().any(|line| line.split_whitespace().next() == Some("nameserver"))
}

fn wait_for(result: &Receiver<Result<String>>, cancelled: &dyn Fn() -> bool) -> Result<String> {
    loop {
        match result.recv_timeout(CANCEL_CHECK) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Disconnected) => bail!("the network thread ended"),
            Err(RecvTimeoutError::Timeout) if cancelled() => bail!("cancelled"),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

struct Ports {
    machine: Machine,
    manager: Manager,
    started: Instant,
    timeout: Duration,
    links: BTreeMap<u32, Link>,
    clients: BTreeSet<u32>,
    addresses: Vec<Address>,
    configurations: Configurations,
    interfaces: Interfaces,
    /// What the IPv6 of each port waits for.
    ipv6: BTreeMap<u32, Missing>,
    first: Option<Instant>,
}

impl Ports {
    fn new(machine: &Machine, manager: Manager, interfaces: Interfaces, timeout: Duration) -> Self {
        let configurations = Configurations::new(machine);
        configurations.set_name_servers(interfaces.name_servers());
        Self {
            machine: machine.clone(),
            manager,
            started: Instant::now(),
            timeout,
            links: BTreeMap::new(),
            clients: BTreeSet::new(),
            addresses: Vec::new(),
            configurations,
            interfaces,
            ipv6: BTreeMap::new(),
            first: None,
        }
    }

    /// Follows the kernel's events without end; sends the result once.
    fn watch(&mut self, monitor: &Netlink, sender: &Sender<Result<String>>) -> Result<()> {
        let mut dumped = false;
        let mut sent = false;
        loop {
            for message in monitor.receive(self.next_check(sent))? {
                match message {
                    Message::Link(link) => self.update_link(link),
                    Message::Address(address) => self.add_address(address),
                    Message::Done if !dumped => {
                        dumped = true;
                        monitor.send(&route::dump_addresses())?;
                    }
                    Message::Gone(index) => {
                        self.configurations.remove_port(index);
                        self.interfaces.forget(index);
                    }
                    Message::Done | Message::Answer(_) => {}
                }
            }
            if let Some(result) = self.result().filter(|_| !sent) {
                sent = true;
                let _ = sender.send(result);
            }
        }
    }

    fn result(&self) -> Option<Result<String>> {
        let has_ipv4 = self.addresses.iter().any(|address| address.ip.is_ipv4());
        if has_ipv4 || self.first.is_some_and(|first| first.elapsed() >= IPV4_GRACE) {
            return Some(Ok(self.describe_addresses()));
        }
        let waited = self.started.elapsed();
        if waited >= NO_PORT.min(self.timeout) && self.links.is_empty() {
            let left_out = interfaces::left_out(&self.machine);
            return Some(Err(match left_out.is_empty() {
                true => {
                    anyhow!("no network port found: the machine has none, or this image has no driver for it")
                }
                false => anyhow!("no Ethernet port found: {}", left_out.join("; ")),
            }));
        }
        let late = || anyhow!("no address after {} s: {}", self.timeout.as_secs(), self.describe_links());
        (waited >= self.timeout).then(|| Err(late()))
    }

    /// Takes a new or changed link: sets it up, and starts DHCP once it has carrier.
    fn update_link(&mut self, link: Link) {
        if !self.interfaces.takes_part(&link) {
            return;
        }
        let before = self.links.insert(link.index, link.clone());
        if self.manager == Manager::Systemd {
            return;
        }
        self.interfaces.update(&link);
        let Some(ip) = self.interfaces.ip_of(&link) else { return };
        self.configurations.add_port(&link, false);
        let had_carrier = before.is_some_and(|before| before.carrier);
        if !link.carrier && had_carrier {
            self.configurations.suspend(link.index);
        }
        if link.carrier && !had_carrier {
            let config = self.interfaces.static_config(&link, &ip);
            self.configurations.set(link.index, Source::Static, config);
        }
        if link.carrier && self.clients.insert(link.index) {
            if ip.dhcp4 {
                client::start(&self.machine, &self.configurations, &link);
            }
            if ip.router || ip.dhcp6 {
                let missing = ipv6::start(&self.machine, &self.configurations, &link, ip.dhcp6);
                self.ipv6.insert(link.index, missing);
            }
        }
    }

    fn add_address(&mut self, address: Address) {
        let ours = match self.manager {
            Manager::Agent => self.links.contains_key(&address.index),
            Manager::Systemd => !address.ip.is_loopback(),
        };
        if ours && address.usable && !self.addresses.contains(&address) {
            self.addresses.push(address);
            self.first.get_or_insert_with(Instant::now);
        }
    }

    /// When to check again even without an event.
    fn next_check(&self, sent: bool) -> Instant {
        let deadline = self.started + self.timeout;
        match self.first {
            _ if sent => Instant::now() + Duration::from_secs(3600),
            Some(first) => deadline.min(first + IPV4_GRACE),
            None if self.links.is_empty() => deadline.min(self.started + NO_PORT).max(Instant::now()),
            None => deadline,
        }
    }

    fn describe_addresses(&self) -> String {
        let name =
            |index: u32| self.links.get(&index).map_or_else(|| format!("#{index}"), |link| link.name.clone());
        let texts = self.addresses.iter().map(|a| format!("{} {}/{}", name(a.index), a.ip, a.prefix));
        texts.collect::<Vec<_>>().join(", ")
    }

    fn describe_links(&self) -> String {
        let texts = self.links.values().map(|link| {
            let ip = self.interfaces.ip_of(link);
            let state = match (link.up, link.carrier) {
                _ if self.manager == Manager::Agent && ip.is_none() => "no address in the settings",
                (_, true) if ip.is_some_and(|ip| !ip.dhcp4) => "carrier",
                (_, true) => "carrier, but no DHCP answer",
                (true, false) => "no carrier",
                (false, _) => "down",
            };
            let ipv6 = self.ipv6.get(&link.index).and_then(Missing::text);
            let ipv6 = ipv6.filter(|_| link.carrier).map(|text| format!(", {text}")).unwrap_or_default();
            format!("{}: {state}{ipv6}", link.name)
        });
        let unknown = self.interfaces.unknown(self.links.values());
        let left_out = interfaces::left_out(&self.machine);
        texts.chain(unknown).chain(left_out).collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests;
