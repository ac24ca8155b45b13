// SPDX-License-Identifier: MIT OR Apache-2.0
//! Switches, and which NICs are plugged into them.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::{HostSpec, NetworkSpec, RackSpec};
use crate::network::BRIDGE;
use crate::switch::UPLINK;

/// A switch between hosts and the boot network. Its ports are those that NICs are plugged into.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchSpec {
    /// Its name, in the rack and over LLDP: lower-case letters, digits and `-`.
    pub name: String,
    /// Its hardware and software, over LLDP.
    #[serde(default = "default_description")]
    pub description: String,
    /// Where it is managed: an address in the boot network.
    pub address: Option<Ipv4Addr>,
    /// When it speaks LLDP.
    #[serde(default)]
    pub speaks: Speaks,
    /// How many speak LLDP at each port; none of a silent switch. The second is called like the switch with `-2` behind.
    #[serde(default = "one")]
    pub neighbours: usize,
    /// Frames of noise that it sends under LLDP's EtherType to each port in a second.
    #[serde(default)]
    pub noise: u32,
}

/// When a switch speaks LLDP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Speaks {
    /// At once to a new neighbour that speaks LLDP-MED, and every 30 seconds.
    #[default]
    Fast,
    /// Every 30 seconds.
    Slow,
}

/// More than any network has.
const MOST_NEIGHBOURS: usize = 64;

impl RackSpec {
    /// Every port of the switch, by its name, with the host and the number of the host's NIC that is plugged into it.
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
                ensure!(
                    nic.switch.is_some() == nic.port.is_some(),
                    "host {name}: nic: {mac} has one of switch and port without the other"
                );
                if let Some(switch) = &nic.switch {
                    let known = self.switches.iter().any(|known| known.name == *switch);
                    ensure!(known, "host {name}: nic.switch: there is no switch {switch:?}");
                }
            }
        }
        for switch in &self.switches {
            let (name, mut ports) = (&switch.name, BTreeSet::from([BRIDGE, UPLINK, "lo"]));
            for (port, host, _) in self.ports(name) {
                let host = &host.name;
                ensure!(is_port(port), "host {host}: nic.port: {port:?} is not like \"swp3\"");
                ensure!(ports.insert(port), "host {host}: nic.port: {port:?} of switch {name} is taken");
            }
            ensure!(self.ports(name).next().is_some(), "switch.name: no nic is plugged into {name:?}");
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
            // lldpd's configuration has no way to quote these.
            let plain = !switch.description.contains(['"', '\\', '\n']);
            ensure!(plain, "switch.description: {:?} has quotes, \\ or line ends in it", switch.description);
        }
        Ok(())
    }
}

/// What Linux allows as a name, without the signs that mean something in lldpd's patterns.
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
    fn a_switch_speaks_fast_and_with_one_voice() {
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
            ("name = 'a'", plugged, "\"a\" is there twice"),
            ("name = 'Leaf1'", plugged, "switch.name: \"Leaf1\""),
            ("name = 'leaf1'", "", "switch.name: no nic is plugged into \"leaf1\""),
            (
                "name = 'leaf1'",
                "switch = 'leaf1'",
                "host a: nic: 52:54:00:09:00:01 has one of switch and port",
            ),
            ("name = 'leaf1'", "port = 'swp1'", "host a: nic: 52:54:00:09:00:01 has one of switch and port"),
            ("name = 'leaf2'", plugged, "host a: nic.switch: there is no switch \"leaf1\""),
            ("name = 'leaf1'", taken.as_str(), "host a: nic.port: \"swp1\" of switch leaf1 is taken"),
            ("name = 'leaf1'", "switch = 'leaf1'\nport = 'br0'", "\"br0\" of switch leaf1 is taken"),
            ("name = 'leaf1'", "switch = 'leaf1'\nport = 'Ethernet1/1'", "host a: nic.port: \"Ethernet1/1\""),
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
