// SPDX-License-Identifier: MIT OR Apache-2.0
//! The network: sets every port up, and runs DHCP on each that has carrier, until some port has an address.
//!
//! If systemd manages the network, the agent only waits for the address.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

mod client;
pub(crate) mod devlink;
pub(crate) mod ethtool;
pub(crate) mod ntp;
mod sntp;
pub(crate) mod socket;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

use crate::host::task::detach;
use crate::host::{Machine, Manager, physical_ports};
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
    timeout: Duration,
    cancelled: &dyn Fn() -> bool,
) -> Result<String> {
    let monitor = Netlink::open(route::GROUPS)?;
    monitor.send(&route::dump_links())?;
    let (sender, result) = channel();
    let mut ports = Ports::new(machine, manager, timeout);
    detach("network", move || {
        if let Err(error) = ports.watch(&monitor, &sender) {
            let _ = sender.send(Err(error));
        }
    });
    wait_for(&result, cancelled)
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
    first: Option<Instant>,
}

impl Ports {
    fn new(machine: &Machine, manager: Manager, timeout: Duration) -> Self {
        Self {
            machine: machine.clone(),
            manager,
            started: Instant::now(),
            timeout,
            links: BTreeMap::new(),
            clients: BTreeSet::new(),
            addresses: Vec::new(),
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
                    Message::Gone(_) | Message::Done | Message::Answer(_) => {}
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
            return Some(Err(anyhow!(
                "no network port found: the machine has none, or this image has no driver for it"
            )));
        }
        let late = || anyhow!("no address after {} s: {}", self.timeout.as_secs(), self.describe_links());
        (waited >= self.timeout).then(|| Err(late()))
    }

    /// Takes a new or changed link: sets it up, and starts DHCP once it has carrier.
    fn update_link(&mut self, link: Link) {
        if !physical_ports(&self.machine).contains(&link.name) {
            return;
        }
        let before = self.links.insert(link.index, link.clone());
        if self.manager == Manager::Systemd {
            return;
        }
        if !link.up
            && before.is_none()
            && let Err(error) =
                Netlink::open(0).and_then(|netlink| netlink.request(&route::link_up(link.index)))
        {
            log::warn!("setting {} up: {error:#}", link.name);
        }
        if link.carrier && self.clients.insert(link.index) {
            client::start(&self.machine, &link);
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
            let state = match (link.up, link.carrier) {
                (_, true) => "carrier, but no DHCP answer",
                (true, false) => "no carrier",
                (false, _) => "down",
            };
            format!("{}: {state}", link.name)
        });
        texts.collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_for_the_network_can_be_cancelled() {
        let (sender, result) = channel();
        let error = wait_for(&result, &|| true).unwrap_err();
        assert_eq!(error.to_string(), "cancelled");
        sender.send(Ok("eth0 10.0.0.2/24".to_string())).unwrap();
        assert_eq!(wait_for(&result, &|| true).unwrap(), "eth0 10.0.0.2/24");
        drop(sender);
        assert!(wait_for(&result, &|| false).is_err());
    }
}
