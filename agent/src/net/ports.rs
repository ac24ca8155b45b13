// SPDX-License-Identifier: MIT OR Apache-2.0
//! Follows the ports of the host on one thread: links and addresses as the kernel reports them, DHCP, and which port
//! reaches the inventory.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::apply::Configurations;
use super::config::Source;
use super::dhcp4::port::Port;
use super::identity::identity;
use super::interfaces::{self, Interfaces};
use super::ipv6::{self, Missing};
use super::monitor::Monitor;
use super::reach::{Server, Tried, prefer_default_route, remove_default_route, try_ports};
use super::socket::Netlink;
use crate::config::Settings;
use crate::config::network::NetworkConfig;
use crate::host::panic::OnPanic;
use crate::host::task::{NoResult, Task};
use crate::host::{Machine, Manager};
use netlink::route::{self, Address, Link, Message, Target};

/// How long to wait for the first port: large adapters take many seconds to start.
const NO_PORT: Duration = Duration::from_secs(30);
/// How long an IPv6 address waits for an IPv4 address in addition, if no inventory can be tried.
const IPV4_GRACE: Duration = Duration::from_secs(3);
/// How long the first address waits for a port that reaches the inventory.
const REACH_GRACE: Duration = Duration::from_secs(10);
/// How often a trial is looked at, and a link that could not be set up.
const TRIAL_CHECK: Duration = Duration::from_millis(20);
const LINK_RETRY: Duration = Duration::from_secs(1);
/// Pauses between trials that failed.
const TRIAL_PAUSES: [u64; 5] = [1, 2, 4, 8, 15];

/// The ports of the host.
pub(super) struct Ports {
    machine: Machine,
    manager: Manager,
    settings: Settings,
    servers: Vec<Server>,
    started: Instant,
    boot_mac: Option<[u8; 6]>,
    names: BTreeMap<u32, String>,
    /// The physical ports.
    links: BTreeMap<u32, Link>,
    /// Those that are not up yet.
    down: BTreeSet<u32>,
    clients: BTreeMap<u32, Port>,
    /// What the IPv6 of each port waits for.
    ipv6: BTreeMap<u32, Missing>,
    interfaces: Interfaces,
    addresses: Vec<Address>,
    first: Option<Instant>,
    configurations: Configurations,
    trial: Trial,
}

/// The trial of the ports.
#[derive(Default)]
struct Trial {
    running: Option<Task<BTreeMap<u32, Tried>>>,
    /// The ports that were or are tried, in their order.
    candidates: Vec<(u32, String)>,
    /// The addresses that the host had when it began: with another one, a port may reach more.
    addresses: Vec<Address>,
    results: BTreeMap<u32, Tried>,
    /// Of trials that failed since one succeeded.
    failures: usize,
    again: Option<Instant>,
    /// The port that is used.
    chosen: Option<u32>,
    /// Where systemd manages the network, the default route that was added.
    route: Option<Target>,
}

impl Ports {
    pub(super) fn new(machine: &Machine, manager: Manager, settings: &Settings) -> Self {
        // systemd-networkd has it from the files that `stage1 network` writes.
        let network = match manager {
            Manager::Agent => settings.network.clone(),
            Manager::Systemd => NetworkConfig::default(),
        };
        let configurations = Configurations::new(machine);
        configurations.set_name_servers(network.name_servers.clone());
        Self {
            machine: machine.clone(),
            manager,
            settings: settings.clone(),
            servers: Server::of(&settings.inventory),
            started: Instant::now(),
            boot_mac: settings.network.boot_port,
            names: BTreeMap::new(),
            links: BTreeMap::new(),
            down: BTreeSet::new(),
            clients: BTreeMap::new(),
            ipv6: BTreeMap::new(),
            interfaces: Interfaces::new(machine, network),
            addresses: Vec::new(),
            first: None,
            configurations,
            trial: Trial::default(),
        }
    }

    /// Follows the kernel's events without end; sends the result once.
    pub(super) fn watch(&mut self, mut monitor: Monitor, sender: &Sender<Result<String>>) -> Result<()> {
        let mut sent = false;
        loop {
            self.wait(&monitor, sent);
            // All that is waiting: what has changed several times since is seen as it is now.
            loop {
                let messages = monitor.receive(Instant::now())?;
                if messages.is_empty() {
                    break;
                }
                messages.into_iter().for_each(|message| self.take(message));
            }
            self.set_links_up();
            let own: Vec<[u8; 6]> = self.links.values().filter_map(|link| link.mac).collect();
            self.clients.values_mut().for_each(|client| client.run(&own));
            self.try_ports();
            if let Some(result) = self.result().filter(|_| !sent) {
                sent = true;
                let _ = sender.send(result);
            }
        }
    }

    /// Waits for an event of the kernel, a packet, or until something is due.
    fn wait(&self, monitor: &Monitor, sent: bool) {
        let clients = self.clients.values().filter_map(Port::due);
        let trial = self.trial.running.as_ref().map(|_| Instant::now() + TRIAL_CHECK).or(self.trial.again);
        let down = (!self.down.is_empty()).then(|| Instant::now() + LINK_RETRY);
        let due = clients.chain(trial).chain(down).chain((!sent).then(|| self.next_check())).min();
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        // Rounded up, so that it is not woken a little too early.
        let timeout = left.map_or(PollTimeout::NONE, |left| {
            PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX)
        });
        let sockets = std::iter::once(monitor.as_fd()).chain(self.clients.values().flat_map(Port::sockets));
        let mut fds: Vec<PollFd> = sockets.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        // An error is that of a socket, which its owner sees when it reads.
        let _ = poll(&mut fds, timeout);
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Link(link) => self.update_link(link),
            Message::Gone(index) => {
                self.names.remove(&index);
                self.links.remove(&index);
                self.down.remove(&index);
                self.clients.remove(&index);
                self.ipv6.remove(&index);
                self.interfaces.forget(index);
                self.addresses.retain(|address| address.index != index);
                self.configurations.remove_port(index);
            }
            Message::Address(address) => self.add_address(address),
            Message::AddressGone(index, ip) => {
                self.addresses.retain(|address| (address.index, address.ip) != (index, ip));
            }
            Message::Route(_) | Message::Done | Message::Answer(_) => {}
        }
    }

    /// Takes a new or changed link.
    fn update_link(&mut self, link: Link) {
        self.names.insert(link.index, link.name.clone());
        if !self.interfaces.takes_part(&link) {
            return;
        }
        let before = self.links.insert(link.index, link.clone());
        if self.manager == Manager::Systemd {
            return;
        }
        match (&before, link.up) {
            (None, false) => drop(self.down.insert(link.index)),
            (_, true) => drop(self.down.remove(&link.index)),
            _ => {}
        }
        self.interfaces.update(&link);
        let Some(ip) = self.interfaces.ip_of(&link) else { return };
        if before.is_none() {
            let mac = link.permanent_mac.or(link.mac);
            self.configurations.add_port(&link, mac.is_some() && mac == self.boot_mac);
        }
        let had_carrier = before.is_some_and(|before| before.carrier);
        if !link.carrier && had_carrier {
            log::info!("{}: carrier lost", link.name);
            self.configurations.suspend(link.index);
        }
        if link.carrier && !had_carrier {
            let config = self.interfaces.static_config(&link, &ip);
            self.configurations.set(link.index, Source::Static, config);
        }
        if link.carrier && (ip.router || ip.dhcp6) && !self.ipv6.contains_key(&link.index) {
            let missing = ipv6::start(&self.machine, &self.settings, &self.configurations, &link, ip.dhcp6);
            self.ipv6.insert(link.index, missing);
        }
        if let (true, Some(mac)) = (link.carrier && ip.dhcp4, link.mac) {
            let identity = || identity(&self.machine, &self.settings, mac);
            self.clients
                .entry(link.index)
                .or_insert_with(|| Port::new(&link, identity(), &self.configurations));
        }
        if let Some(client) = self.clients.get_mut(&link.index) {
            client.set_carrier(link.carrier);
        }
    }

    /// Sets up the ports that are down. What fails is tried again.
    fn set_links_up(&mut self) {
        for index in &self.down {
            let set = Netlink::open(0).and_then(|netlink| netlink.request(&route::link_up(*index)));
            if let (Err(error), Some(name)) = (set, self.names.get(index)) {
                log::warn!("setting {name} up: {error:#}");
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

    /// The ports that can be tried: they have an address and carrier. In the order in which they are to be tried.
    fn candidates(&self) -> Vec<(u32, String)> {
        let order = self.configurations.usable();
        let mut ports: Vec<u32> = self.addresses.iter().map(|address| address.index).collect();
        ports.retain(|index| self.links.get(index).is_none_or(|link| link.carrier));
        if self.manager == Manager::Agent {
            // An address without its routes is of no use; IPv6 addresses may be the kernel's.
            let has_ipv6 = |index: &u32| self.addresses.iter().any(|a| a.index == *index && a.ip.is_ipv6());
            ports.retain(|index| order.contains(index) || has_ipv6(index));
        }
        let is_boot = |index: &u32| {
            self.boot_mac.is_some() && self.links.get(index).is_some_and(|link| link.mac == self.boot_mac)
        };
        ports.sort_by_key(|index| (!is_boot(index), *index));
        ports.dedup();
        ports.into_iter().filter_map(|index| Some((index, self.names.get(&index)?.clone()))).collect()
    }

    /// Finds a port that reaches the inventory, and another one if it is lost.
    fn try_ports(&mut self) {
        if self.servers.is_empty() {
            return;
        }
        let candidates = self.candidates();
        if let Some(chosen) = self.trial.chosen {
            if candidates.iter().any(|(index, _)| *index == chosen) {
                return;
            }
            log::info!("the port that reached the inventory is lost; trying the others");
            self.choose(None);
        }
        if let Some(results) = self.trial.running.as_ref().map(|task| task.wait(Duration::ZERO)) {
            match results {
                Err(NoResult::TimedOut) => return,
                Err(_) => self.tried(BTreeMap::new()),
                Ok(results) => self.tried(results),
            }
        }
        let is_due = self.trial.again.is_none_or(|again| again <= Instant::now());
        let is_new = self.trial.candidates != candidates || self.trial.addresses != self.addresses;
        if self.trial.chosen.is_none() && !candidates.is_empty() && (is_due || is_new) {
            let (servers, ports) = (self.servers.clone(), candidates.clone());
            let configurations = (self.manager == Manager::Agent).then(|| self.configurations.clone());
            let trial = move || {
                // It shares a lock with this thread.
                let _fatal = OnPanic::is_fatal();
                try_ports(&servers, &ports, configurations.as_ref())
            };
            (self.trial.candidates, self.trial.results) = (candidates, BTreeMap::new());
            self.trial.addresses.clone_from(&self.addresses);
            match Task::start("port-trial", trial) {
                Ok(task) => (self.trial.running, self.trial.again) = (Some(task), None),
                Err(error) => {
                    log::warn!("starting the thread port-trial: {error}");
                    self.trial.again = Some(Instant::now() + LINK_RETRY);
                }
            }
        }
    }

    fn tried(&mut self, results: BTreeMap<u32, Tried>) {
        self.trial.running = None;
        let with = |desired: Tried| {
            let mut ports = self.trial.candidates.iter().map(|(index, _)| *index);
            ports.find(|index| results.get(index) == Some(&desired))
        };
        let (reached, refused) = (with(Tried::Reached), with(Tried::Refused));
        self.trial.results = results;
        match reached {
            Some(port) => {
                self.trial.failures = 0;
                self.choose(Some(port));
            }
            None => {
                // Refused is better than no answer: the inventory may be starting.
                self.configurations.prefer(refused);
                let pause = TRIAL_PAUSES[self.trial.failures.min(TRIAL_PAUSES.len() - 1)];
                self.trial.failures += 1;
                self.trial.again = Some(Instant::now() + Duration::from_secs(pause));
                log::info!("{}", self.describe());
            }
        }
    }

    fn choose(&mut self, port: Option<u32>) {
        self.trial.chosen = port;
        if self.manager == Manager::Agent {
            self.configurations.prefer(port);
            return;
        }
        if let Some(route) = self.trial.route.take() {
            remove_default_route(&route);
        }
        // With one port there is nothing to prefer.
        if let Some(index) = port.filter(|_| self.trial.candidates.len() > 1) {
            match prefer_default_route(index) {
                Ok(route) => self.trial.route = route,
                Err(error) => log::warn!("preferring the port that reaches the inventory: {error:#}"),
            }
        }
    }

    fn result(&self) -> Option<Result<String>> {
        let has_ipv4 = self.addresses.iter().any(|address| address.ip.is_ipv4());
        let is_enough = match (self.first, self.servers.is_empty()) {
            _ if self.addresses.is_empty() => false,
            (Some(first), true) => has_ipv4 || first.elapsed() >= IPV4_GRACE,
            (Some(first), false) => {
                let are_all_tried = self.trial.running.is_none()
                    && self.trial.failures > 0
                    && self.trial.addresses == self.addresses
                    && self.links.values().all(|link| !link.carrier || self.is_tried(link));
                self.trial.chosen.is_some() || are_all_tried || first.elapsed() >= REACH_GRACE
            }
            (None, _) => false,
        };
        if is_enough {
            return Some(Ok(self.describe()));
        }
        let waited = self.started.elapsed();
        if waited >= NO_PORT.min(self.settings.network_timeout) && self.links.is_empty() {
            let left_out = interfaces::left_out(&self.machine);
            return Some(Err(match left_out.is_empty() {
                true => {
                    anyhow!("no network port found: the machine has none, or this image has no driver for it")
                }
                false => anyhow!("no Ethernet port found: {}", left_out.join("; ")),
            }));
        }
        let timeout = self.settings.network_timeout;
        let late = || anyhow!("no address after {} s: {}", timeout.as_secs(), self.describe_links());
        (waited >= timeout).then(|| Err(late()))
    }

    /// Whether the port was tried with all addresses that it can get, or gets none.
    fn is_tried(&self, link: &Link) -> bool {
        let Some(ip) = self.interfaces.ip_of(link) else { return true };
        let has_ipv4 = self.addresses.iter().any(|a| a.index == link.index && a.ip.is_ipv4());
        let is_candidate = self.trial.candidates.iter().any(|(index, _)| *index == link.index);
        is_candidate && (has_ipv4 || !ip.dhcp4)
    }

    /// When to check the result again even without an event.
    fn next_check(&self) -> Instant {
        let deadline = self.started + self.settings.network_timeout;
        let grace = if self.servers.is_empty() { IPV4_GRACE } else { REACH_GRACE };
        match self.first {
            Some(first) => deadline.min(first + grace),
            None if self.links.is_empty() => deadline.min(self.started + NO_PORT).max(Instant::now()),
            None => deadline,
        }
    }

    /// The addresses, and which port reaches the inventory; where none does, what is known of each.
    fn describe(&self) -> String {
        let name = |index: u32| self.names.get(&index).map_or("?", String::as_str);
        let texts = self.addresses.iter().map(|a| format!("{} {}/{}", name(a.index), a.ip, a.prefix));
        let addresses = texts.collect::<Vec<_>>().join(", ");
        let Some(server) = self.servers.first() else { return addresses };
        if let Some(chosen) = self.trial.chosen {
            return format!("{addresses}; {} reaches {server}", name(chosen));
        }
        let ports = self.trial.candidates.iter().map(|(index, name)| {
            let why = match self.trial.results.get(index) {
                Some(Tried::Failed(why)) => why.as_str(),
                Some(Tried::Refused) => "connection refused",
                Some(Tried::Reached) | None => "not tried yet",
            };
            match self
                .clients
                .get(index)
                .map(Port::words)
                .filter(|words| words.contains("gateway unreachable"))
            {
                Some(words) => format!("{name}: {why}, {words}"),
                None => format!("{name}: {why}"),
            }
        });
        let ports = ports.collect::<Vec<_>>().join("; ");
        format!("{addresses}; no port reaches {server} so far: {ports}")
    }

    fn describe_links(&self) -> String {
        let texts = self.links.values().map(|link| {
            let ip = self.interfaces.ip_of(link);
            let words = match (link.up, link.carrier, self.clients.get(&link.index)) {
                _ if ip.is_none() => "no address in the settings".to_string(),
                (_, true, Some(client)) => client.words(),
                (_, true, None) if self.manager == Manager::Systemd => {
                    "carrier, no address from systemd-networkd".to_string()
                }
                (_, true, None) if ip.is_some_and(|ip| !ip.dhcp4) => "carrier".to_string(),
                (_, true, None) => "carrier, no MAC address".to_string(),
                (true, false, _) => "no carrier".to_string(),
                (false, false, _) => "down".to_string(),
            };
            let ipv6 = self.ipv6.get(&link.index).and_then(Missing::text).filter(|_| link.carrier);
            let ipv6 = ipv6.map(|text| format!(", {text}")).unwrap_or_default();
            format!("{}: {words}{ipv6}", link.name)
        });
        let unknown = self.interfaces.unknown(self.links.values());
        let left_out = interfaces::left_out(&self.machine);
        texts.chain(unknown).chain(left_out).collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests;
