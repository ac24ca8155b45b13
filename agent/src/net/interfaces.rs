// SPDX-License-Identifier: MIT OR Apache-2.0
//! The network configuration of the settings, where the agent manages the network: it makes bonds and VLANs, and states how
//! each interface gets its addresses.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;

use anyhow::{Context, Result};

use super::config::{PortConfig, Route};
use super::socket::Netlink;
use crate::config::network::{Bond, Ip, NetworkConfig};
use crate::host::{Machine, physical_ports, port_kind};
use netlink::link;
use netlink::route::{self, Link};

/// The interfaces that the agent makes and configures.
pub(crate) struct Interfaces {
    machine: Machine,
    config: NetworkConfig,
    /// Interface indexes of the bonds that exist, by their names.
    bonds: Vec<(String, u32)>,
    /// Interface indexes of the ports that are members of their bonds.
    members: BTreeSet<u32>,
    /// Interface indexes of the parents of the VLANs that exist, with the VLANs' names.
    vlans: BTreeSet<(u32, String)>,
    /// Interface indexes of what was prepared.
    prepared: BTreeSet<u32>,
}

impl Interfaces {
    /// Makes the bonds. What fails is logged.
    pub(crate) fn new(machine: &Machine, config: NetworkConfig) -> Self {
        let interfaces = Self {
            machine: machine.clone(),
            config,
            bonds: Vec::new(),
            members: BTreeSet::new(),
            vlans: BTreeSet::new(),
            prepared: BTreeSet::new(),
        };
        for bond in &interfaces.config.bonds {
            if let Err(error) = interfaces.make_bond(bond) {
                log::warn!("making the bond {}: {error:#}", bond.name);
            }
        }
        interfaces
    }

    /// Whether a link takes part in the network: a physical Ethernet port, or a bond or VLAN of the settings.
    pub(crate) fn takes_part(&self, link: &Link) -> bool {
        let is_made = self.config.bonds.iter().any(|bond| bond.name == link.name)
            || self.config.vlans.iter().any(|vlan| vlan.name == link.name);
        is_made || physical_ports(&self.machine).contains(&link.name)
    }

    /// Takes a link into its bond, makes the VLANs on it, and sets it up when it is new. What fails is logged.
    pub(crate) fn update(&mut self, link: &Link) {
        let result = self.try_update(link);
        if let Err(error) = result {
            log::warn!("configuring {}: {error:#}", link.name);
        }
    }

    /// Forgets a link that was removed.
    pub(crate) fn forget(&mut self, index: u32) {
        self.bonds.retain(|(_, bond)| *bond != index);
        self.members.remove(&index);
        self.prepared.remove(&index);
        self.vlans.retain(|(parent, _)| *parent != index);
    }

    /// How a link gets its addresses; `None`: not at all.
    pub(crate) fn ip_of(&self, link: &Link) -> Option<Ip> {
        self.config.ip_of(&link.name, mac(link))
    }

    /// What the settings give a link.
    pub(crate) fn static_config(&self, link: &Link, ip: &Ip) -> Option<PortConfig> {
        let name = self.config.name_of(&link.name, mac(link));
        let default = |gateway: &IpAddr| Route {
            to: if gateway.is_ipv4() { IpAddr::from([0; 4]) } else { IpAddr::from([0; 16]) },
            prefix: 0,
            via: Some(*gateway),
        };
        let routes = self.config.routes_of(name, &ip.addresses);
        let routes = routes.into_iter().map(|route| Route {
            to: route.to.address,
            prefix: route.to.length,
            via: route.via,
        });
        let config = PortConfig {
            addresses: ip.addresses.iter().map(|prefix| (prefix.address, prefix.length)).collect(),
            routes: ip.gateways.iter().map(default).chain(routes).collect(),
            name_servers: ip.name_servers.clone(),
            mtu: self.mtu(name, ip),
            ..PortConfig::default()
        };
        Some(config).filter(|config| *config != PortConfig::default())
    }

    /// The names in the settings that no link has.
    pub(crate) fn unknown<'a>(&self, links: impl Iterator<Item = &'a Link> + Clone) -> Vec<String> {
        let config = &self.config;
        let named = config.ip.iter().filter_map(|ip| ip.device.as_deref());
        let parents = config.vlans.iter().map(|vlan| vlan.parent.as_str());
        let members = config.bonds.iter().flat_map(|bond| &bond.members).map(String::as_str);
        let exists = |name: &str| links.clone().any(|link| config.name_of(&link.name, mac(link)) == name);
        let mut unknown: Vec<String> = named
            .chain(parents)
            .chain(members)
            .filter(|name| !exists(name))
            .map(|name| format!("{name}: named in the settings, but there is no such port"))
            .collect();
        unknown.dedup();
        unknown
    }

    fn try_update(&mut self, link: &Link) -> Result<()> {
        let netlink = Netlink::open(0)?;
        let name = self.config.name_of(&link.name, mac(link)).to_string();
        if self.config.bonds.iter().any(|bond| bond.name == link.name)
            && !self.bonds.iter().any(|(_, index)| *index == link.index)
        {
            self.bonds.push((link.name.clone(), link.index));
        }
        if self.prepared.insert(link.index) {
            self.prepare(&netlink, link)?;
        }
        self.join(&netlink, link, &name)?;
        for vlan in self.config.vlans.iter().filter(|vlan| vlan.parent == name) {
            if self.vlans.insert((link.index, vlan.name.clone())) {
                let request = link::add_vlan(&vlan.name, link.index, vlan.id);
                netlink.request(&request).with_context(|| format!("making the VLAN {}", vlan.name))?;
            }
        }
        Ok(())
    }

    /// Makes the port a member of its bond, once that exists.
    fn join(&mut self, netlink: &Netlink, link: &Link, name: &str) -> Result<()> {
        let Some(bond) = self.config.bond_of(name) else { return Ok(()) };
        let Some((_, index)) = self.bonds.iter().find(|(name, _)| *name == bond.name) else { return Ok(()) };
        if self.members.insert(link.index) {
            netlink.request(&link::link_down(link.index))?;
            let joined = netlink.request(&link::join_bond(link.index, *index));
            joined.with_context(|| format!("making it a member of {}", bond.name))?;
        }
        Ok(())
    }

    /// Sets a new link up, with its own MAC address, and without autoconfiguration where it is not to have any. The
    /// members of a bond are set up by the bond.
    fn prepare(&self, netlink: &Netlink, link: &Link) -> Result<()> {
        let ip = self.ip_of(link);
        if !ip.as_ref().is_some_and(|ip| ip.router || ip.dhcp6) {
            for knob in ["accept_ra", "autoconf"] {
                let path = self.machine.path(format!("/proc/sys/net/ipv6/conf/{}/{knob}", link.name));
                if let Err(error) = fs::write(&path, "0") {
                    log::debug!("writing {}: {error}", path.display());
                }
            }
        }
        if let Some(mac) = ip.and_then(|ip| ip.mac).filter(|mac| Some(*mac) != link.mac) {
            netlink.request(&link::link_down(link.index))?;
            netlink.request(&link::set_mac(link.index, mac)).context("setting its MAC address")?;
        } else if link.up {
            return Ok(());
        }
        netlink.request(&route::link_up(link.index)).context("setting it up")
    }

    fn make_bond(&self, bond: &Bond) -> Result<()> {
        let netlink = Netlink::open(0)?;
        let request = link::add_bond(&bond.name, &bond.parameters);
        netlink.request(&request)?;
        // The bonding module makes a bond0 when it is loaded, without parameters.
        let path = format!("/sys/class/net/{}/bonding/miimon", bond.name);
        let miimon = self.machine.attribute(path).and_then(|text| text.parse().ok());
        if miimon != bond.parameters.miimon {
            netlink.request(&link::remove(&bond.name))?;
            netlink.request(&request)?;
        }
        Ok(())
    }

    fn mtu(&self, name: &str, ip: &Ip) -> Option<u16> {
        let bond = self.config.bonds.iter().find(|bond| bond.name == name);
        ip.mtu.or(bond.and_then(|bond| bond.mtu)).and_then(|mtu| mtu.try_into().ok())
    }
}

/// Ports that take no part in the network, each with the reason.
pub(crate) fn left_out(machine: &Machine) -> Vec<String> {
    let names = machine.names("/sys/class/net").into_iter();
    let infiniband = names.filter(|name| port_kind(machine, name) == Some("infiniband"));
    infiniband
        .map(|name| format!("{name}: InfiniBand, takes no part: the agent uses Ethernet only"))
        .collect()
}

fn mac(link: &Link) -> Option<[u8; 6]> {
    link.permanent_mac.or(link.mac)
}
