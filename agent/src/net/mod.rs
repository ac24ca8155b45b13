// SPDX-License-Identifier: MIT OR Apache-2.0
//! The network: every port up, DHCP on each that has carrier, until some port has an address.
//!
//! Where another init manages the network, the agent only waits for the address.

mod client;
pub mod devlink;
pub mod ethtool;
pub mod socket;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use crate::host::{Machine, Manager, physical_ports};
use netlink::route::{self, Address, Link, Message};
use socket::Netlink;

/// How long a machine without any port is given to find one: large adapters start for many seconds.
const NO_PORT: Duration = Duration::from_secs(30);
/// How long an IPv6 address alone waits for an IPv4 one beside it.
const IPV4_GRACE: Duration = Duration::from_secs(3);

/// Waits until some port has a usable address, and says which. Ports that come later are still set up, for as
/// long as the agent runs: the first address need not be in the inventory's network.
///
/// # Errors
/// At the deadline, with what each port lacks; earlier where there is no port at all.
pub fn bring_up(machine: &Machine, manager: Manager, timeout: Duration) -> Result<String> {
    let monitor = Netlink::open(route::GROUPS)?;
    monitor.send(&route::dump_links())?;
    let (sender, verdict) = channel();
    let mut ports = Ports::new(machine, manager, timeout);
    detach("network".to_string(), move || {
        if let Err(error) = ports.watch(&monitor, &sender) {
            let _ = sender.send(Err(error));
        }
    });
    verdict.recv().context("the network's thread ended")?
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

    /// Follows what the kernel tells for ever; sends the verdict once there is one.
    fn watch(&mut self, monitor: &Netlink, sender: &Sender<Result<String>>) -> Result<()> {
        let mut dumped = false;
        let mut told = false;
        loop {
            for message in monitor.receive(self.next_look(told))? {
                match message {
                    Message::Link(link) => self.see_link(link),
                    Message::Address(address) => self.see_address(address),
                    Message::Done if !dumped => {
                        dumped = true;
                        monitor.send(&route::dump_addresses())?;
                    }
                    Message::Gone(_) | Message::Done | Message::Answer(_) => {}
                }
            }
            if let Some(verdict) = self.verdict().filter(|_| !told) {
                told = true;
                let _ = sender.send(verdict);
            }
        }
    }

    fn verdict(&self) -> Option<Result<String>> {
        let has_ipv4 = self.addresses.iter().any(|address| address.ip.is_ipv4());
        if has_ipv4 || self.first.is_some_and(|first| first.elapsed() >= IPV4_GRACE) {
            return Some(Ok(self.describe_addresses()));
        }
        let waited = self.started.elapsed();
        if waited >= NO_PORT.min(self.timeout) && self.links.is_empty() {
            return Some(Err(anyhow!(
                "no network port found: no driver in this image for it, or no port in the machine"
            )));
        }
        let late = || anyhow!("no address after {} s: {}", self.timeout.as_secs(), self.describe_links());
        (waited >= self.timeout).then(|| Err(late()))
    }

    /// Takes a link that is new or has changed: sets it up, and starts DHCP once it has carrier.
    fn see_link(&mut self, link: Link) {
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

    fn see_address(&mut self, address: Address) {
        let ours = match self.manager {
            Manager::Agent => self.links.contains_key(&address.index),
            Manager::Systemd => !address.ip.is_loopback(),
        };
        if ours && address.usable && !self.addresses.contains(&address) {
            self.addresses.push(address);
            self.first.get_or_insert_with(Instant::now);
        }
    }

    /// When to look again even if the kernel tells of nothing.
    fn next_look(&self, told: bool) -> Instant {
        let deadline = self.started + self.timeout;
        match self.first {
            _ if told => Instant::now() + Duration::from_secs(3600),
            Some(first) => deadline.min(first + IPV4_GRACE),
            None if self.links.is_empty() => deadline.min(self.started + NO_PORT).max(Instant::now()),
            None => deadline,
        }
    }

    fn describe_addresses(&self) -> String {
        let name =
            |index: u32| self.links.get(&index).map_or_else(|| format!("#{index}"), |link| link.name.clone());
        let words = self.addresses.iter().map(|a| format!("{} {}/{}", name(a.index), a.ip, a.prefix));
        words.collect::<Vec<_>>().join(", ")
    }

    fn describe_links(&self) -> String {
        let words = self.links.values().map(|link| {
            let state = match (link.up, link.carrier) {
                (_, true) => "carrier, but no DHCP answer",
                (true, false) => "no carrier",
                (false, _) => "down",
            };
            format!("{}: {state}", link.name)
        });
        words.collect::<Vec<_>>().join("; ")
    }
}

/// Starts `work` on a thread of its own that nobody waits for.
pub(crate) fn detach(name: String, work: impl FnOnce() + Send + 'static) {
    if let Err(error) = thread::Builder::new().name(name.clone()).spawn(work) {
        log::warn!("starting thread {name}: {error}");
    }
}
