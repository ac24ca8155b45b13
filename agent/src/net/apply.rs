// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one place that configures ports: it brings the kernel and /etc/resolv.conf to what the sources give, all ports
//! together.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};

use super::config::{Object, PortConfig, Source, Table};
use super::ntp;
use super::socket::Netlink;
use crate::host::Machine;
use netlink::route::{self, Link};

/// The configurations of all ports. Clones share them.
#[derive(Clone)]
pub(crate) struct Configurations(Arc<Mutex<State>>);

struct State {
    machine: Machine,
    table: Table,
    /// What is in the kernel.
    applied: BTreeSet<Object>,
    mtus: BTreeMap<u32, u16>,
    /// The MTU that each port had at first.
    own_mtus: BTreeMap<u32, u16>,
    /// What is in /etc/resolv.conf, if it is the agent's.
    resolv_conf: String,
    /// What is in the file of [`ntp::announce`].
    ntp_servers: Vec<IpAddr>,
}

impl Configurations {
    /// Without any port.
    pub(crate) fn new(machine: &Machine) -> Self {
        Self(Arc::new(Mutex::new(State {
            machine: machine.clone(),
            table: Table::default(),
            applied: BTreeSet::new(),
            mtus: BTreeMap::new(),
            own_mtus: BTreeMap::new(),
            resolv_conf: String::new(),
            ntp_servers: Vec::new(),
        })))
    }

    /// Records a port; `is_boot`: the host was booted from it.
    pub(crate) fn add_port(&self, link: &Link, is_boot: bool) {
        if let Some(mtu) = u16::try_from(link.mtu).ok().filter(|mtu| *mtu > 0) {
            self.lock().own_mtus.entry(link.index).or_insert(mtu);
        }
        self.change(|table| table.add_port(link.index, &link.name, is_boot));
    }

    /// Replaces what `source` configures on the port of this interface index; `None` withdraws it. What of it the kernel
    /// refuses is logged, and tried again with the next change.
    pub(crate) fn set(&self, index: u32, source: Source, config: Option<PortConfig>) {
        self.change(|table| table.set(index, source, config));
    }

    /// Sets the name servers that belong to no port, and are used before the ports' own.
    pub(crate) fn set_name_servers(&self, servers: Vec<IpAddr>) {
        self.change(|table| table.name_servers = servers);
    }

    /// Takes routes and name servers of a port out of use, since it has lost its carrier. Each source must set its
    /// configuration again once there is a carrier.
    pub(crate) fn suspend(&self, index: u32) {
        self.change(|table| table.suspend(index));
    }

    /// Forgets a port that was removed, together with what the kernel had of it.
    pub(crate) fn remove_port(&self, index: u32) {
        {
            let mut state = self.lock();
            state.own_mtus.remove(&index);
            state.mtus.remove(&index);
        }
        self.change(|table| table.remove_port(index));
    }

    /// Prefers the routes and name servers of a port.
    pub(crate) fn prefer(&self, index: Option<u32>) {
        self.change(|table| table.preferred = index);
    }

    /// The ports that have a configuration in use, in the order in which they are to be tried.
    pub(crate) fn usable(&self) -> Vec<u32> {
        self.lock().table.usable()
    }

    fn change(&self, change: impl FnOnce(&mut Table)) {
        let mut state = self.lock();
        change(&mut state.table);
        if let Err(error) = state.apply() {
            log::warn!("configuring the network: {error:#}");
        }
    }

    /// A poisoned lock is safe to use: what is applied is compared again with the next change.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn apply(&mut self) -> Result<()> {
        let netlink = Netlink::open(0)?;
        self.set_mtus(&netlink);
        let desired = self.table.objects();
        // First what is new, so that a port is never without an address: the kernel would drop all its routes.
        let new: Vec<Object> = desired.difference(&self.applied).copied().collect();
        for object in new {
            match netlink.request(&add(&object)) {
                Ok(()) => drop(self.applied.insert(object)),
                Err(error) => log::warn!("adding {object}: {error:#}"),
            }
        }
        let old: Vec<Object> = self.applied.difference(&desired).copied().collect();
        for object in old.into_iter().rev() {
            // The kernel has removed it with the port, or with the address that was its source.
            if let Err(error) = netlink.request(&remove(&object)) {
                log::debug!("removing {object}: {error:#}");
            }
            self.applied.remove(&object);
        }
        self.write_resolv_conf()?;
        self.write_ntp_servers()
    }

    fn set_mtus(&mut self, netlink: &Netlink) {
        let mut desired = self.table.mtus();
        // What an earlier lease has set is not that of the port for good.
        for index in self.mtus.keys() {
            if let Some(own) = self.own_mtus.get(index) {
                desired.entry(*index).or_insert(*own);
            }
        }
        for (index, mtu) in &desired {
            if self.mtus.get(index) != Some(mtu)
                && let Err(error) = netlink.request(&route::link_mtu(*index, *mtu))
            {
                log::warn!("setting the MTU of port {index} to {mtu}: {error:#}");
            }
        }
        self.mtus = desired;
    }

    /// A file of the image stays until some port has a name server.
    fn write_resolv_conf(&mut self) -> Result<()> {
        let text = self.table.resolv_conf();
        if text != self.resolv_conf {
            fs::write(self.machine.path("/etc/resolv.conf"), &text).context("writing /etc/resolv.conf")?;
            self.resolv_conf = text;
        }
        Ok(())
    }

    fn write_ntp_servers(&mut self) -> Result<()> {
        let servers = self.table.ntp_servers();
        if servers != self.ntp_servers {
            ntp::announce(&self.machine, &servers)?;
            self.ntp_servers = servers;
        }
        Ok(())
    }
}

fn add(object: &Object) -> Vec<u8> {
    match object {
        Object::Address(address) => route::add_address(address),
        Object::Route(target) => route::add_route(target),
        Object::Rule(rule) => route::add_rule(rule),
    }
}

fn remove(object: &Object) -> Vec<u8> {
    match object {
        Object::Address(address) => route::remove_address(address),
        Object::Route(target) => route::remove_route(target),
        Object::Rule(rule) => route::remove_rule(rule),
    }
}
