// SPDX-License-Identifier: MIT OR Apache-2.0
//! IPv6 on each port: name servers of router advertisements, and DHCPv6 where a router asks for it. One thread per port,
//! for as long as the port exists. The kernel makes addresses of the routers' prefixes, and sets the default route.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

mod client;
mod socket;
mod timer;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::apply::Configurations;
use super::config::{PortConfig, Source};
use super::identity::host_uuid;
use crate::config::Settings;
use crate::host::task::detach;
use crate::host::{Machine, random};
use client::{Action, Client, Given};
use netlink::dhcpv6::{Client as Codec, duid_ll, duid_uuid};
use netlink::ndp;
use netlink::route::Link;
use socket::{Received, Sockets};

/// How often the carrier is looked at.
const CARRIER_CHECK: Duration = Duration::from_secs(1);
/// Pause after a message that could not be sent, as long as the link-local address is tentative.
const TENTATIVE: Duration = Duration::from_millis(100);
/// How long duplicate address detection takes at most (RFC 4862 5.4: a random second, and one more).
const DETECTION: Duration = Duration::from_secs(3);
/// `IFA_F_DADFAILED` of include/uapi/linux/if_addr.h.
const DAD_FAILED: u32 = 0x08;
/// The enterprise number with which systemd-networkd sends its vendor class, so that servers see one product.
const ENTERPRISE: u32 = 43793;
/// A DHCPv6 address has no prefix of its own: what is on the link is the router's to say (RFC 5942).
const ADDRESS_PREFIX: u8 = 128;

/// What a port's IPv6 waits for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Missing(Arc<Mutex<Option<String>>>);

impl Missing {
    /// In words; `None`: for nothing.
    pub(crate) fn text(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, text: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }
}

/// Starts the thread of a port; with DHCPv6 whatever the routers say, if `dhcp` is true.
pub(crate) fn start(
    machine: &Machine,
    settings: &Settings,
    configurations: &Configurations,
    link: &Link,
    dhcp: bool,
) -> Missing {
    let missing = Missing::default();
    let mut port = Port {
        machine: machine.clone(),
        classes: (settings.dhcp_user_class.clone(), settings.dhcp_vendor_class.clone()),
        configurations: configurations.clone(),
        link: link.clone(),
        dhcp,
        missing: missing.clone(),
    };
    detach(&format!("ipv6-{}", link.name), move || {
        if let Err(error) = port.run() {
            log::warn!("IPv6 on {}: {error:#}", port.link.name);
        }
    });
    missing
}

struct Port {
    machine: Machine,
    /// User class and vendor class.
    classes: (String, String),
    configurations: Configurations,
    link: Link,
    dhcp: bool,
    missing: Missing,
}

impl Port {
    /// Until the port is gone. When the carrier comes back, everything is asked for again: it may be another network.
    fn run(&mut self) -> Result<()> {
        let sockets = Sockets::open(&self.link.name, self.link.index)?;
        let started = Instant::now();
        while let Some(carrier) = self.carrier() {
            if carrier {
                self.configure(&Given::default());
                self.keep(&sockets, started)?;
            } else {
                self.missing.set(None);
                std::thread::sleep(CARRIER_CHECK / 4);
            }
        }
        Ok(())
    }

    /// Runs the client as long as there is a carrier.
    fn keep(&self, sockets: &Sockets, started: Instant) -> Result<()> {
        let mut client = Client::new(self.codec()?, self.dhcp, random_number, started.elapsed());
        let mut unsent: Vec<Action> = Vec::new();
        let mut given = Given::default();
        let mut checks = None;
        let changes = self.carrier_changes();
        while self.carrier() == Some(true) && self.carrier_changes() == changes {
            let now = started.elapsed();
            unsent.extend(client.poll(now));
            // The last of each kind is enough.
            unsent = unsent.split_off(unsent.len().saturating_sub(2));
            unsent.retain(|action| self.send(sockets, action).is_err());
            let current = client.given();
            if current != given {
                if current.addresses != given.addresses {
                    checks = Some(now + DETECTION);
                }
                self.configure(&current);
                given = current;
            }
            self.missing.set(client.missing());
            if let Some(end) = checks {
                if given.addresses.iter().any(|address| self.is_duplicate(address)) {
                    log::warn!("{}: another host has the DHCPv6 address: it is declined", self.link.name);
                    unsent.extend(client.decline(now));
                }
                checks = Some(end).filter(|end| *end > now);
            }
            let pause = match checks.is_some() || !unsent.is_empty() {
                true => TENTATIVE,
                false => CARRIER_CHECK,
            };
            let wait = client.next().map_or(pause, |next| next.saturating_sub(started.elapsed()).min(pause));
            for received in sockets.receive(wait)? {
                let now = started.elapsed();
                match received {
                    Received::Router(router, message) => {
                        if let Some(advertisement) = ndp::advertisement(&message) {
                            client.advertised(router, advertisement, now);
                        }
                    }
                    Received::Dhcp(message) => client.received(&message, now),
                }
            }
        }
        Ok(())
    }

    fn send(&self, sockets: &Sockets, action: &Action) -> nix::Result<()> {
        match action {
            Action::Solicit => sockets.solicit(),
            Action::Dhcp(message) => sockets.send_dhcp(message),
        }
    }

    fn configure(&self, given: &Given) {
        let Given { router, dhcp, addresses, ntp } = given;
        let ip = |addresses: &[Ipv6Addr]| addresses.iter().copied().map(IpAddr::from).collect();
        let router = PortConfig {
            name_servers: ip(&router.servers),
            search: router.search.clone(),
            ..PortConfig::default()
        };
        let dhcp = PortConfig {
            addresses: addresses.iter().map(|address| ((*address).into(), ADDRESS_PREFIX)).collect(),
            name_servers: ip(&dhcp.servers),
            search: dhcp.search.clone(),
            ntp_servers: ip(ntp),
            ..PortConfig::default()
        };
        for (source, config) in [(Source::RouterAdvertisement, router), (Source::Dhcp6, dhcp)] {
            let config = Some(config).filter(|config| *config != PortConfig::default());
            self.configurations.set(self.link.index, source, config);
        }
    }

    /// The client's identity: that of the firmware's own network boot, which is the host's UUID.
    fn codec(&self) -> Result<Codec> {
        let address = self.machine.attribute(format!("/sys/class/net/{}/address", self.link.name));
        let mac =
            address.as_deref().and_then(parse_hex).ok_or_else(|| anyhow!("the port has no MAC address"))?;
        let uuid = host_uuid(&self.machine);
        let [_, _, a, b, c, d] = mac;
        Ok(Codec {
            transaction: random::bytes(),
            duid: uuid.map_or_else(|| duid_ll(mac), duid_uuid),
            iaid: u32::from_be_bytes([a, b, c, d]),
            user_class: self.classes.0.clone(),
            vendor_class: (ENTERPRISE, self.classes.1.clone()),
            architecture: None,
        })
    }

    /// Whether the kernel has found an address in use by another host (proc_net_if_inet6: flags are the fifth column).
    fn is_duplicate(&self, address: &Ipv6Addr) -> bool {
        let hex = format!("{:032x} ", u128::from(*address));
        let table = self.machine.attribute("/proc/self/net/if_inet6").unwrap_or_default();
        table.lines().filter(|line| line.starts_with(&hex)).any(|line| {
            let flags = line.split_whitespace().nth(4).and_then(|flags| u32::from_str_radix(flags, 16).ok());
            flags.is_some_and(|flags| flags & DAD_FAILED != 0)
        })
    }

    /// How often the carrier came or went: one that was gone for a moment only may be that of another network.
    fn carrier_changes(&self) -> Option<String> {
        self.machine.attribute(format!("/sys/class/net/{}/carrier_changes", self.link.name))
    }

    /// Whether there is a carrier; `None`: the port is gone, or another one has its name.
    fn carrier(&self) -> Option<bool> {
        let attribute =
            |name: &str| self.machine.attribute(format!("/sys/class/net/{}/{name}", self.link.name));
        let index: u32 = attribute("ifindex")?.parse().ok()?;
        // The attribute cannot be read while the port is set down.
        (index == self.link.index).then(|| attribute("carrier").as_deref() == Some("1"))
    }
}

/// The bytes of hexadecimal text, with colons or hyphens.
fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-')).collect();
    let digits = digits.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> =
        digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    bytes?.try_into().ok()
}

fn random_number() -> u32 {
    u32::from_be_bytes(random::bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_address_is_parsed() {
        assert_eq!(parse_hex("02:00:00:00:00:07"), Some([2, 0, 0, 0, 0, 7]));
    }
}
