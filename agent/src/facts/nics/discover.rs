// SPDX-License-Identifier: MIT OR Apache-2.0
//! Discovers network ports.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::time::Duration;

use stage1_contract::Nic;
use stage1_contract::facts::Duplex;

use super::{ioctl, module};
use crate::cmdline::parameters;
use crate::facts::deadline::{self, Job};
use crate::facts::device::Device;
use crate::facts::place;
use crate::host::{Machine, port_kind};
use crate::net::devlink::{Client, read_info};
use netlink::devlink::Device as DevlinkDevice;
use netlink::ethtool;

/// How long a port's driver has for all its responses; some read a module's memory byte by byte.
const DEADLINE: Duration = Duration::from_secs(5);

/// The ports, Ethernet and InfiniBand, read in parallel. Of a port whose driver does not answer, the result has what is
/// known without it.
pub(crate) fn discover(machine: &Machine, problems: &mut Vec<String>) -> Vec<Nic> {
    let names = machine.names("/sys/class/net");
    let jobs = names.iter().map(|name| {
        let (machine, place) = (machine.clone(), name.clone());
        let job: Job<(Option<Nic>, Vec<String>)> = Box::new(move || {
            let mut problems = Vec::new();
            let mut nic = known(&machine, place);
            nic.iter_mut().for_each(|nic| ask(&machine, nic, &mut problems));
            (nic, problems)
        });
        (format!("{name}: reading from the driver"), job)
    });
    let results = deadline::in_parallel(DEADLINE, jobs.collect());
    let mut nics = Vec::new();
    for (name, result) in names.into_iter().zip(results) {
        match result {
            Ok((nic, of_port)) => {
                nics.extend(nic);
                problems.extend(of_port);
            }
            Err(problem) => {
                problems.push(problem);
                nics.push(without_driver(machine, name));
            }
        }
    }
    mark_boot_port(&machine.attribute("/proc/cmdline").unwrap_or_default(), &mut nics);
    nics
}

/// Marks the port that the boot loader's `BOOTIF=` names (Syslinux: the hardware type 01, then the MAC address).
fn mark_boot_port(command_line: &str, nics: &mut [Nic]) {
    let mut values = parameters(command_line, "BOOTIF").into_iter().filter(|(name, _)| name.is_empty());
    let Some(value) = values.next_back().and_then(|(_, value)| value) else { return };
    let address = value.to_lowercase().replace('-', ":");
    let address =
        if address.len() == 20 { address.strip_prefix("01:").unwrap_or(&address) } else { &address };
    let is_boot =
        |nic: &&mut Nic| nic.permanent_mac.as_ref().or(nic.mac.as_ref()).is_some_and(|mac| mac == address);
    nics.iter_mut().filter(is_boot).for_each(|nic| nic.boot = Some(true));
}

/// Reads again what changes with the link: speed, carrier and operational state.
pub(crate) fn refresh_link(machine: &Machine, nic: &mut Nic) {
    let attribute = |name: &str| machine.attribute(format!("/sys/class/net/{}/{name}", nic.name));
    let speed = attribute("speed").and_then(|speed| speed.parse().ok()).filter(|speed| *speed > 0);
    let carrier = attribute("carrier").map(|carrier| carrier == "1");
    let operstate = attribute("operstate");
    (nic.speed_mbps, nic.carrier, nic.operstate) = (speed, carrier, operstate);
}

/// What the kernel keeps of a port itself.
fn without_driver(machine: &Machine, name: String) -> Nic {
    let at = |attribute: &str| format!("/sys/class/net/{name}/{attribute}");
    let mac = machine.attribute(at("address"));
    let permanent = machine.attribute(at("addr_assign_type")).as_deref() == Some("0");
    Nic {
        permanent_mac: mac.clone().filter(|_| permanent),
        mac,
        driver: machine.link_name(at("device/driver")),
        pci_address: place::pci_address(machine, &at("device")),
        bus: machine.link_name(at("device/subsystem")),
        name,
        ..Nic::default()
    }
}

/// What the kernel knows of a port, without asking its driver.
fn known(machine: &Machine, name: String) -> Option<Nic> {
    let kind = port_kind(machine, &name)?;
    let at = |attribute: &str| format!("/sys/class/net/{name}/{attribute}");
    let attribute = |name: &str| machine.attribute(at(name));
    let number = |name: &str| attribute(name).and_then(|number| number.parse().ok());
    let mac = attribute("address");
    // addr_assign_type 0: NET_ADDR_PERM, the address is the permanent one.
    let permanent = attribute("addr_assign_type").as_deref() == Some("0");
    let pci_address = place::pci_address(machine, &at("device"));
    let bus = machine.link_name(at("device/subsystem"));
    // The firmware's label of a USB controller is not that of an adapter behind it.
    let function = pci_address.as_ref().filter(|_| bus.as_deref() != Some("usb"));
    let of_function = |name: &str| machine.attribute(format!("/sys/bus/pci/devices/{}/{name}", function?));
    Some(Nic {
        permanent_mac: mac.clone().filter(|_| permanent),
        mac,
        driver: machine.link_name(at("device/driver")),
        carrier: attribute("carrier").map(|carrier| carrier == "1"),
        kind: Some(kind.to_string()),
        numa_node: pci_address.as_ref().and_then(|address| place::numa_node(machine, address)),
        label: of_function("label"),
        acpi_index: of_function("acpi_index").and_then(|index| index.parse().ok()),
        bus,
        pci_address,
        dev_port: number("dev_port"),
        port_name: attribute("phys_port_name"),
        switch_id: attribute("phys_switch_id"),
        master: machine.link_name(at("master")),
        mtu: number("mtu"),
        operstate: attribute("operstate"),
        sriov_max: number("device/sriov_totalvfs"),
        sriov_enabled: number("device/sriov_numvfs"),
        rdma: machine.names(at("device/infiniband")),
        name,
        ..Nic::default()
    })
}

/// Asks a port's driver.
fn ask(machine: &Machine, nic: &mut Nic, problems: &mut Vec<String>) {
    let name = nic.name.clone();
    let speed = machine.attribute(format!("/sys/class/net/{name}/speed"));
    nic.speed_mbps = speed.and_then(|speed| speed.parse().ok()).filter(|speed| *speed > 0);
    let mut device = Device { machine, name: &name, problems };
    let address =
        device.answer("permanent-address", &|| ioctl::permanent_address(&name), ethtool::permanent_address);
    nic.permanent_mac = address.flatten().or(nic.permanent_mac.take());
    let information = device.answer(
        "driver-information",
        &|| ioctl::driver_information(&name),
        ethtool::driver_information,
    );
    if let Some(information) = information {
        (nic.driver_version, nic.firmware_version) = (information.version, information.firmware_version);
    }
    let settings = device.answer("link-settings", &|| ioctl::link_settings(&name), ethtool::link_settings);
    let settings = settings.unwrap_or_default();
    (nic.duplex, nic.port) = (settings.duplex.map(Duplex::from), settings.port);
    (nic.autonegotiation, nic.speed_max_mbps) = (settings.autonegotiation, settings.speed_max_mbps);
    let wake = device.answer("wake-on-lan", &|| ioctl::wake_on_lan(&name), ethtool::wake_on_lan);
    if let Some(wake) = wake {
        (nic.wake_on_lan_supported, nic.wake_on_lan) = (Some(wake.supported), Some(wake.enabled));
    }
    if settings.takes_modules {
        // For an empty cage each driver returns another error.
        let before = device.problems.len();
        nic.module = device.answer("module", &|| ioctl::module(&name), module::module);
        if nic.carrier != Some(true) {
            device.problems.truncate(before);
        }
    }
    if nic.bus.as_deref() == Some("pci")
        && let Some(address) = &nic.pci_address
    {
        let mut device = Device { machine, name: &format!("pci-{address}"), problems };
        let function = DevlinkDevice::pci(address);
        let ask = || Client::open()?.info(&function);
        nic.devlink = device.answer("devlink-info", &ask, read_info);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::fixture::Tree;

    /// One port on PCI, by way of virtio, one of InfiniBand, and links that are no ports; and what devices answered.
    fn tree(answers: &[(&str, &[u8])]) -> Tree {
        let function = "/sys/devices/pci0000:00/0000:00:02.0";
        let port = format!("{function}/virtio0/net/eth0");
        let files = [
            (&*format!("{port}/type"), "1\n"),
            (&format!("{port}/address"), "ac:1f:6b:00:00:01\n"),
            (&format!("{port}/addr_assign_type"), "0\n"),
            (&format!("{port}/speed"), "-1\n"),
            (&format!("{port}/carrier"), "1\n"),
            (&format!("{port}/mtu"), "9000\n"),
            (&format!("{function}/numa_node"), "1\n"),
            (&format!("{function}/label"), "NIC1\n"),
            (&format!("{function}/acpi_index"), "2\n"),
            ("/sys/class/net/br0/type", "1\n"),
            ("/sys/class/net/ib0/device/", ""),
            ("/sys/class/net/ib0/type", "32\n"),
            ("/sys/class/net/lo/type", "772\n"),
            ("/sys/class/net/rep0/device/", ""),
            ("/sys/class/net/rep0/type", "1\n"),
            ("/sys/class/net/rep0/phys_port_name", "pf0vf1\n"),
            ("/sys/class/net/vf0/device/physfn/", ""),
            ("/sys/class/net/vf0/type", "1\n"),
        ];
        let files = files.into_iter().map(|(path, content)| (path.to_string(), content.as_bytes()));
        let answers = answers.iter().map(|(path, answer)| (format!("/stage1-answers/{path}"), *answer));
        Tree::new(files.chain(answers)).links([
            ("/sys/class/net/eth0", &*port),
            ("/sys/bus/pci/devices/0000:00:02.0", function),
            (&format!("{port}/device"), &format!("{function}/virtio0")),
            (&format!("{function}/virtio0/subsystem"), "/sys/bus/virtio"),
            (&format!("{function}/virtio0/driver"), "/sys/bus/virtio/drivers/virtio_net"),
        ])
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_string())
    }

    #[test]
    fn the_boot_loader_names_the_boot_port() {
        let marked = |line: &str| {
            let nic = |mac: &str| Nic { mac: Some(mac.to_string()), ..Nic::default() };
            let mut nics = [nic("52:54:00:00:00:0a"), nic("52:54:00:00:00:0b")];
            mark_boot_port(line, &mut nics);
            nics.map(|nic| nic.boot)
        };
        for line in [
            "quiet BOOTIF=01-52-54-00-00-00-0b",
            "BOOTIF=52:54:00:00:00:0B x",
            "BOOTIF=x BOOTIF=01-52-54-00-00-00-0B",
        ] {
            assert_eq!(marked(line), [None, Some(true)], "{line}");
        }
        for line in ["quiet", "BOOTIF=", "BOOTIFX=01-52-54-00-00-00-0b", "BOOTIF=01-52-54-00-00-00-0c"] {
            assert_eq!(marked(line), [None, None], "{line}");
        }
    }

    #[test]
    fn only_hardware_is_a_port() {
        let tree = tree(&[]);
        assert_eq!(crate::host::physical_ports(&tree.machine()), ["eth0"]);
        let mut problems = Vec::new();
        let nics = discover(&tree.machine(), &mut problems);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(nics.iter().map(|nic| nic.name.as_str()).collect::<Vec<_>>(), ["eth0", "ib0"]);
        let eth0 = Nic {
            name: "eth0".to_string(),
            mac: text("ac:1f:6b:00:00:01"),
            permanent_mac: text("ac:1f:6b:00:00:01"),
            driver: text("virtio_net"),
            pci_address: text("0000:00:02.0"),
            carrier: Some(true),
            kind: text("ethernet"),
            bus: text("virtio"),
            numa_node: Some(1),
            label: text("NIC1"),
            acpi_index: Some(2),
            mtu: Some(9000),
            ..Nic::default()
        };
        assert_eq!(nics[0], eth0);
        assert_eq!(nics[1].kind, text("infiniband"));
    }

    #[test]
    fn responses_of_a_driver_are_read_and_an_invalid_one_is_a_problem() {
        let mut address = [0; 40];
        address[4] = 6;
        address[8..14].copy_from_slice(&[2, 0, 0, 0, 0, 7]);
        let mut settings = [0; 48];
        settings[9] = 3;
        let answers: [(&str, &[u8]); 4] = [
            ("eth0/permanent-address", &address),
            ("eth0/link-settings", &settings),
            ("eth0/module", &[0x03; 84]),
            ("eth0/wake-on-lan", &[0]),
        ];
        let mut problems = Vec::new();
        let nics = discover(&tree(&answers).machine(), &mut problems);
        assert_eq!(nics[0].permanent_mac, text("02:00:00:00:00:07"));
        assert_eq!(nics[0].module.as_ref().map(|module| module.kind.as_str()), Some("SFP"));
        assert_eq!(problems, ["eth0: wake-on-lan: invalid response of length 1, skipped"]);
    }
}
