// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which network interfaces are physical ports.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Machine;
use super::bmc_port::BmcPort;

/// How often new ports are looked at.
const POLL: Duration = Duration::from_millis(20);

/// `ARPHRD_ETHER` and `ARPHRD_INFINIBAND`, include/uapi/linux/if_arp.h.
const KINDS: [(&str, &str); 2] = [("1", "ethernet"), ("32", "infiniband")];

/// The names of the physical Ethernet ports that lead to a network: not of the BMC's own.
pub fn physical_ports(machine: &Machine) -> Vec<String> {
    let names = machine.names("/sys/class/net").into_iter();
    names.filter(|name| port_kind(machine, name) == Some("ethernet") && !is_of_bmc(machine, name)).collect()
}

/// Whether a port is that of the BMC, a USB device which SMBIOS describes.
fn is_of_bmc(machine: &Machine, name: &str) -> bool {
    let device = format!("/sys/class/net/{name}/device");
    if machine.link_name(format!("{device}/subsystem")).as_deref() != Some("usb") {
        return false;
    }
    let path = machine.resolve(&device).unwrap_or_default();
    let usb = path.ancestors().find(|path| machine.has(path.join("idVendor")));
    let id = |name: &str| machine.attribute(usb?.join(name));
    let Some(vendor) = id("idVendor") else { return false };
    let table = machine.read("/sys/firmware/dmi/tables/DMI").unwrap_or_default();
    BmcPort::in_table(&table).iter().any(|port| port.is(&vendor, id("idProduct").as_deref()))
}

/// The kind of a physical port, `None` for other interfaces. A physical port has a device, and is neither a virtual function
/// or a sub-function of a port that this host has, nor the representor of one, nor another partition of an InfiniBand
/// port, nor Wi-Fi, nor a Thunderbolt cable to another host.
pub fn port_kind(machine: &Machine, name: &str) -> Option<&'static str> {
    let at = |attribute: &str| format!("/sys/class/net/{name}/{attribute}");
    let code = machine.attribute(at("type"))?;
    let (_, kind) = KINDS.iter().find(|(number, _)| *number == code)?;
    let bus = machine.link_name(at("device/subsystem"));
    let device = || Some(machine.resolve(at("device"))?.file_name()?.to_str()?.to_string());
    // mlx5_core.sf.4 (Documentation/networking/devlink/devlink-port.rst, "Subfunction").
    let sub_function =
        || bus.as_deref() == Some("auxiliary") && device().is_some_and(|device| device.contains(".sf."));
    let wireless = || machine.has(at("phy80211")) || machine.has(at("wireless"));
    let partition = || {
        let parent = name.split_once('.').map(|(parent, _)| format!("/sys/class/net/{parent}"));
        code == "32" && (machine.has(at("parent")) || parent.is_some_and(|parent| machine.has(parent)))
    };
    if bus.as_deref() == Some("thunderbolt") || sub_function() || wireless() || partition() {
        return None;
    }
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

    use crate::facts::fixture::Tree;

    #[test]
    fn what_is_no_port_of_the_machine_to_a_network() {
        let pci = "/sys/devices/pci0000:00/0000:03:00.0";
        let usb = "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-11/1-11.3";
        let device = format!("{usb}/1-11.3:2.0");
        let (host_interface, end) = ([42, 14, 0, 7, 0x40, 6, 2, 0x6b, 0x04, 0xb0, 0xff, 0, 0, 0], [0, 0]);
        let table = [&host_interface[..], &end].concat();
        let mut files: Vec<(String, Vec<u8>)> = vec![
            ("/sys/firmware/dmi/tables/DMI".to_string(), table),
            (format!("{usb}/idVendor"), b"046b\n".to_vec()),
            (format!("{usb}/idProduct"), b"ffb0\n".to_vec()),
            ("/sys/class/net/wlan0/phy80211/".to_string(), Vec::new()),
            (format!("{pci}/mlx5_core.sf.4/"), Vec::new()),
            (format!("{device}/"), Vec::new()),
        ];
        for (name, kind) in [
            ("eth0", "1"),
            ("usb0", "1"),
            ("sf0", "1"),
            ("wlan0", "1"),
            ("tb0", "1"),
            ("ib0", "32"),
            ("ib0.8001", "32"),
        ] {
            files.push((format!("/sys/class/net/{name}/type"), format!("{kind}\n").into_bytes()));
        }
        let sub_function = format!("{pci}/mlx5_core.sf.4");
        let links = [
            ("/sys/class/net/eth0/device", pci),
            ("/sys/class/net/wlan0/device", pci),
            ("/sys/class/net/ib0/device", pci),
            ("/sys/class/net/ib0.8001/device", pci),
            ("/sys/class/net/sf0/device", sub_function.as_str()),
            ("/sys/class/net/usb0/device", device.as_str()),
            ("/sys/class/net/tb0/device", "/sys/devices/domain0/0-1"),
            ("/sys/devices/pci0000:00/0000:03:00.0/mlx5_core.sf.4/subsystem", "/sys/bus/auxiliary"),
            (&format!("{device}/subsystem"), "/sys/bus/usb"),
            ("/sys/devices/domain0/0-1/subsystem", "/sys/bus/thunderbolt"),
        ];
        let tree = Tree::new(files).links(links);
        let machine = tree.machine();
        let kind = |name: &str| port_kind(&machine, name);
        assert_eq!(
            (kind("eth0"), kind("usb0"), kind("ib0")),
            (Some("ethernet"), Some("ethernet"), Some("infiniband"))
        );
        assert_eq!(["sf0", "wlan0", "tb0", "ib0.8001"].map(kind), [None; 4]);
        assert_eq!(physical_ports(&machine), ["eth0"]);
    }

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
