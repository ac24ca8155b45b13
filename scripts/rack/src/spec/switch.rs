// SPDX-License-Identifier: MIT OR Apache-2.0
//! Switches, and the NICs at their ports.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::{HostSpec, NetworkSpec, RackSpec};
use crate::network::BRIDGE;
use crate::switch::UPLINK;

/// A switch between hosts and the boot network. It has the ports that NICs refer to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchSpec {
    /// Its name in the rack and its LLDP system name: lower-case letters, digits and `-`.
    pub name: String,
    /// Its LLDP system description.
    #[serde(default = "default_description")]
    pub description: String,
    /// Its LLDP management address, in the boot network; none by default.
    pub address: Option<Ipv4Addr>,
    /// When it sends LLDP frames.
    #[serde(default)]
    pub speaks: Speaks,
    /// Number of LLDP agents on each port; 0: a silent switch. The second one is named like the switch with `-2` appended.
    #[serde(default = "one")]
    pub neighbours: usize,
    /// Frames of random content with LLDP's EtherType that it sends on each port per second.
    #[serde(default)]
    pub noise: u32,
}

/// When a switch sends LLDP frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Speaks {
    /// At once to a new neighbour with LLDP-MED, and every 30 seconds.
    #[default]
    Fast,
    /// Only every 30 seconds.
    Slow,
}

/// An upper limit that no network reaches.
const MOST_NEIGHBOURS: usize = 64;

impl RackSpec {
    /// The ports of the switch: name, host, and number of the host's NIC.
    pub fn ports<'a>(&'a self, switch: &'a str) -> impl Iterator<Item = (&'a str, &'a HostSpec, usize)> {
        self.hosts.iter().flat_map(move |host| {
            host.nics.iter().enumerate().filter_map(move |(number, nic)| {
                (nic.switch.as_deref() == Some(switch)).then_some((nic.port.as_deref()?, host, number))
            })
        })
    }

    /// Errors name the key.
    pub(super) fn check_switches(&self) -> Result<()> {
        for host in &self.hosts {
            for nic in &host.nics {
                let (name, mac) = (&host.name, &nic.mac);
                let cables = [nic.switch.is_some(), nic.vlan.is_some(), nic.foreign];
                ensure!(
                    cables.iter().filter(|cable| **cable).count() <= 1,
                    "host {name}: nic: {mac} has more than one of switch, vlan and foreign"
                );
                ensure!(
                    nic.vlan.is_none_or(|vlan| (1..=4094).contains(&vlan)),
                    "host {name}: nic.vlan: {mac}: not between 1 and 4094"
                );
                ensure!(
                    nic.switch.is_some() == nic.port.is_some(),
                    "host {name}: nic: {mac} has only one of switch and port"
                );
                if let Some(switch) = &nic.switch {
                    let known = self.switches.iter().any(|known| known.name == *switch);
                    ensure!(known, "host {name}: nic.switch: no switch {switch:?}");
                }
            }
        }
        for switch in &self.switches {
            let (name, mut ports) = (&switch.name, BTreeSet::from([BRIDGE, UPLINK, "lo"]));
            for (port, host, _) in self.ports(name) {
                let host = &host.name;
                ensure!(is_port(port), "host {host}: nic.port: {port:?} is not like \"swp3\"");
                ensure!(
                    ports.insert(port),
                    "host {host}: nic.port: {port:?} of switch {name} is used twice or reserved"
                );
            }
            ensure!(self.ports(name).next().is_some(), "switch.name: no nic at {name:?}");
            if let Some(address) = switch.address {
                let NetworkSpec { server, prefix, .. } = self.network;
                ensure!(
                    self.network.contains(address),
                    "switch.address: {address} is not within {server}/{prefix}"
                );
            }
            let neighbours = switch.neighbours;
            ensure!(
                neighbours <= MOST_NEIGHBOURS,
                "switch.neighbours: {neighbours} is more than {MOST_NEIGHBOURS}"
            );
            // lldpd's configuration cannot quote these.
            let plain = !switch.description.contains(['"', '\\', '\n']);
            ensure!(plain, "switch.description: {:?} has quotes, \\ or line ends", switch.description);
        }
        Ok(())
    }
}

/// Whether it is a name of a device in Linux, without the special characters of lldpd's patterns.
fn is_port(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
    (1..16).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(allowed)
}

fn default_description() -> String {
    "virtual switch".to_string()
}

fn one() -> usize {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    const NIC: &str = "[[host.nic]]\nmac = '52:54:00:09:00:01'\n";

    fn rack(switches: &str, nic: &str) -> Result<RackSpec> {
        RackSpec::parse(&format!("{switches}\n[[host]]\nname = 'a'\n{NIC}{nic}\n"))
    }

    #[test]
    fn a_switch_has_one_fast_agent_by_default() {
        let spec = rack("[[switch]]\nname = 'leaf1'", "switch = 'leaf1'\nport = 'swp3'").unwrap();
        let leaf1 = &spec.switches[0];
        assert_eq!((leaf1.speaks, leaf1.neighbours, leaf1.noise), (Speaks::Fast, 1, 0));
        let ports: Vec<(&str, &str, usize)> =
            spec.ports("leaf1").map(|(port, host, nic)| (port, host.name.as_str(), nic)).collect();
        assert_eq!(ports, [("swp3", "a", 0)]);
    }

    #[test]
    fn errors_name_the_key() {
        let plugged = "switch = 'leaf1'\nport = 'swp1'";
        let taken = format!("{plugged}\n[[host.nic]]\nmac = '52:54:00:09:00:02'\n{plugged}");
        for (switch, nic, expected) in [
            ("name = 'a'", plugged, "\"a\" is used twice"),
            ("name = 'Leaf1'", plugged, "switch.name: \"Leaf1\""),
            ("name = 'leaf1'", "", "switch.name: no nic at \"leaf1\""),
            (
                "name = 'leaf1'",
                "switch = 'leaf1'",
                "host a: nic: 52:54:00:09:00:01 has only one of switch and port",
            ),
            (
                "name = 'leaf1'",
                "port = 'swp1'",
                "host a: nic: 52:54:00:09:00:01 has only one of switch and port",
            ),
            ("name = 'leaf2'", plugged, "host a: nic.switch: no switch \"leaf1\""),
            (
                "name = 'leaf1'",
                taken.as_str(),
                "host a: nic.port: \"swp1\" of switch leaf1 is used twice or reserved",
            ),
            (
                "name = 'leaf1'",
                "switch = 'leaf1'\nport = 'br0'",
                "\"br0\" of switch leaf1 is used twice or reserved",
            ),
            ("name = 'leaf1'", "switch = 'leaf1'\nport = 'Ethernet1/1'", "host a: nic.port: \"Ethernet1/1\""),
            (
                "name = 'leaf1'",
                "switch = 'leaf1'\nport = 'swp1'\nvlan = 5",
                "host a: nic: 52:54:00:09:00:01 has more than one of switch, vlan and foreign",
            ),
            ("name = 'leaf1'", "vlan = 4095", "host a: nic.vlan"),
            ("name = 'leaf1'\nspeaks = 'never'", plugged, "`slow`"),
            ("name = 'leaf1'\nneighbours = 65", plugged, "switch.neighbours: 65"),
            ("name = 'leaf1'\ndescription = 'a \"b\"'", plugged, "switch.description"),
            ("name = 'leaf1'\nsilent = true", plugged, "`silent`"),
            (
                "name = 'leaf1'\naddress = '10.8.0.3'",
                plugged,
                "switch.address: 10.8.0.3 is not within 10.9.0.1/24",
            ),
        ] {
            let error = rack(&format!("[[switch]]\n{switch}"), nic).unwrap_err();
            let error = format!("{error:#}");
            assert!(error.contains(expected), "{switch}\n{nic}\n{error}");
        }
    }
}
