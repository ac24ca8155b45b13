// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which network interfaces are physical ports.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Machine;

/// How often new ports are looked at.
const POLL: Duration = Duration::from_millis(20);

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

/// Whether a port has the name that it keeps. udev renames a new port, and has a record of it afterwards.
pub(crate) fn is_named(machine: &Machine, index: u32) -> bool {
    !machine.has("/run/udev/control") || machine.has(format!("/run/udev/data/n{index}"))
}

/// Waits until all physical ports have the names that they keep; returns the others after `limit`, or when `cancelled`.
pub(crate) fn wait_until_named(
    machine: &Machine,
    limit: Duration,
    cancelled: &dyn Fn() -> bool,
) -> Vec<String> {
    let deadline = Instant::now() + limit;
    loop {
        let unnamed = unnamed_ports(machine);
        if unnamed.is_empty() || Instant::now() >= deadline || cancelled() {
            return unnamed;
        }
        sleep(POLL);
    }
}

fn unnamed_ports(machine: &Machine) -> Vec<String> {
    let index = |name: &str| machine.attribute(format!("/sys/class/net/{name}/ifindex"))?.parse().ok();
    let mut ports = physical_ports(machine);
    ports.retain(|name| index(name).is_some_and(|index| !is_named(machine, index)));
    ports
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
    use std::fs;

    #[test]
    fn a_port_that_udev_has_not_seen_yet_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for (name, index) in [("eth0", "2\n"), ("eth1", "3\n")] {
            write(&format!("sys/class/net/{name}/ifindex"), index);
            write(&format!("sys/class/net/{name}/type"), "1\n");
            write(&format!("sys/class/net/{name}/device/vendor"), "0x8086\n");
        }
        let machine = Machine::at(dir.path());
        assert!(unnamed_ports(&machine).is_empty(), "there is no udev");
        write("run/udev/control", "");
        write("run/udev/data/n2", "I:1\n");
        let unnamed = |limit, cancelled: bool| {
            wait_until_named(&machine, Duration::from_millis(limit), &move || cancelled)
        };
        assert_eq!(unnamed(60, false), ["eth1"]);
        assert_eq!(unnamed(600_000, true), ["eth1"]);
        write("run/udev/data/n3", "I:1\n");
        assert!(unnamed(600_000, false).is_empty());
    }

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
