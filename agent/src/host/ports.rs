// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which network interfaces are physical ports.

use super::Machine;

/// `ARPHRD_ETHER` and `ARPHRD_INFINIBAND`, include/uapi/linux/if_arp.h.
const KINDS: [(&str, &str); 2] = [("1", "ethernet"), ("32", "infiniband")];

/// The names of the physical Ethernet ports.
pub fn physical_ports(machine: &Machine) -> Vec<String> {
    let names = machine.names("/sys/class/net").into_iter();
    names.filter(|name| port_kind(machine, name) == Some("ethernet")).collect()
}

/// The kind of a physical port, `None` for other interfaces. A physical port has a device, and is neither a virtual function
/// of a port that this host has, nor the representor of one.
pub fn port_kind(machine: &Machine, name: &str) -> Option<&'static str> {
    let at = |attribute: &str| format!("/sys/class/net/{name}/{attribute}");
    let code = machine.attribute(at("type"))?;
    let (_, kind) = KINDS.iter().find(|(number, _)| *number == code)?;
    let representor = || machine.attribute(at("phys_port_name")).is_some_and(|name| is_representor(&name));
    (machine.has(at("device")) && !machine.has(at("device/physfn")) && !representor()).then_some(kind)
}

/// Whether the driver's name of a port is that of a representor: `pf0vf1`, `pf0sf88`, `pf0`, `c1pf0vf1`
/// (Documentation/networking/devlink/devlink-port.rst). The ports themselves are `p0` or have no such name.
fn is_representor(port_name: &str) -> bool {
    let controller =
        port_name.strip_prefix('c').map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    controller.unwrap_or(port_name).starts_with("pf")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn representors_are_recognized_by_their_names() {
        for name in ["pf0vf1", "pf0sf88", "pf1", "c1pf0vf1", "c1pf0"] {
            assert!(is_representor(name), "{name}");
        }
        for name in ["p0", "p0s1", "1", "c1", "n0", ""] {
            assert!(!is_representor(name), "{name}");
        }
    }
}
