// SPDX-License-Identifier: MIT OR Apache-2.0
//! Discovers PCI functions.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::collections::BTreeMap;
use std::time::Duration;

use stage1_contract::facts::{Accelerator, PciDevice, PciVpd};

use super::attributes::{Uevent, lanes, megatransfers};
use super::{class, vpd};
use crate::facts::deadline::{Job, in_parallel};
use crate::facts::place::numa_node;
use crate::host::Machine;

const DEVICES: &str = "/sys/bus/pci/devices";
const SLOTS: &str = "/sys/bus/pci/slots";
/// The kernel gives a device 125 ms for each four bytes (drivers/pci/vpd.c).
const VPD_DEADLINE: Duration = Duration::from_secs(4);
/// In bytes; what is in use has some hundred.
const VPD_LIMIT: usize = 4096;

/// From `/sys/bus/pci`.
pub(crate) fn discover(machine: &Machine, problems: &mut Vec<String>) -> (Vec<PciDevice>, Vec<Accelerator>) {
    let slots = slots(machine);
    let mut devices = Vec::new();
    let mut accelerators = Vec::new();
    for address in machine.names(DEVICES) {
        let text = machine.attribute(format!("{DEVICES}/{address}/uevent")).unwrap_or_default();
        let uevent = Uevent::parse(&text);
        let device = device(machine, address, &uevent, &slots);
        accelerators.extend(accelerator(&device, &uevent));
        devices.push(device);
    }
    read_vital_product_data(machine, &mut devices, problems);
    (devices, accelerators)
}

/// Of adapters that have some, in parallel: it comes from a slow chip, four bytes at a time, and some hang.
fn read_vital_product_data(machine: &Machine, devices: &mut [PciDevice], problems: &mut Vec<String>) {
    let path = |device: &PciDevice| format!("{DEVICES}/{}/vpd", device.address);
    let mut adapters: Vec<&mut PciDevice> =
        devices.iter_mut().filter(|device| is_adapter(device) && machine.has(path(device))).collect();
    let jobs = adapters.iter().map(|device| {
        let (machine, path) = (machine.clone(), path(device));
        let read: Job<Option<PciVpd>> =
            Box::new(move || vpd::parse(&machine.read_until(path, VPD_LIMIT, vpd::is_whole).ok()?));
        (format!("{}: reading its vital product data", device.address), read)
    });
    let results = in_parallel(VPD_DEADLINE, jobs.collect());
    for (device, result) in adapters.iter_mut().zip(results) {
        match result {
            Ok(vpd) => device.vpd = vpd,
            Err(problem) => problems.push(problem),
        }
    }
}

/// Whether it is the first function of storage, network, display, accelerator or Fibre Channel hardware: others have no part
/// number, and the further functions have the same one.
fn is_adapter(device: &PciDevice) -> bool {
    let class = device.class.as_deref().unwrap_or_default();
    let is_known = ["0x01", "0x02", "0x03", "0x0b", "0x0c04", "0x0c06", "0x12"];
    device.physical_function.is_none()
        && device.address.ends_with(".0")
        && is_known.iter().any(|prefix| class.starts_with(prefix))
}

/// The names of the slots by domain, bus and device: `0000:3b:00`.
fn slots(machine: &Machine) -> BTreeMap<String, String> {
    let slot = |name: String| Some((machine.attribute(format!("{SLOTS}/{name}/address"))?, name));
    machine.names(SLOTS).into_iter().filter_map(slot).collect()
}

/// A large machine has hundreds of functions, so what only some have is asked only of those that can have it.
fn device(
    machine: &Machine,
    address: String,
    uevent: &Uevent,
    slots: &BTreeMap<String, String>,
) -> PciDevice {
    let folder = format!("{DEVICES}/{address}");
    let attribute = |name: &str| machine.attribute(format!("{folder}/{name}"));
    let number = |name: &str| attribute(name)?.parse::<u32>().ok();
    let slot = address.rsplit_once('.').and_then(|(slot, _)| slots.get(slot));
    let hexadecimal = |id: Option<u16>| id.map(|id| format!("{id:#06x}"));
    let mut device = PciDevice {
        class: uevent.class.map(|class| format!("{class:#08x}")),
        class_name: uevent.class.and_then(class::name).map(str::to_string),
        vendor: hexadecimal(uevent.vendor),
        device: hexadecimal(uevent.device),
        subsystem_vendor: hexadecimal(uevent.subsystem_vendor),
        subsystem_device: hexadecimal(uevent.subsystem_device),
        revision: attribute("revision"),
        driver: uevent.driver.map(str::to_string),
        numa_node: numa_node(machine, &address),
        slot: slot.cloned(),
        label: attribute("label"),
        acpi_index: number("acpi_index"),
        sriov_max_vfs: number("sriov_totalvfs").filter(|number| *number > 0),
        physical_function: machine.link_name(format!("{folder}/physfn")),
        iommu_group: machine.link_name(format!("{folder}/iommu_group")).and_then(|name| name.parse().ok()),
        address,
        ..PciDevice::default()
    };
    device.max_link_speed_mtps = attribute("max_link_speed").as_deref().and_then(megatransfers);
    if device.max_link_speed_mtps.is_some() {
        device.max_link_width = attribute("max_link_width").as_deref().and_then(lanes);
        device.link_width = attribute("current_link_width").as_deref().and_then(lanes);
    }
    if device.link_width.is_some() {
        device.link_speed_mtps = attribute("current_link_speed").as_deref().and_then(megatransfers);
    }
    if device.sriov_max_vfs.is_some() {
        device.sriov_vfs = number("sriov_numvfs");
    }
    device
}

fn accelerator(device: &PciDevice, uevent: &Uevent) -> Option<Accelerator> {
    let kind = class::accelerator(uevent.class?, uevent.vendor?)?;
    device.physical_function.is_none().then(|| Accelerator {
        pci_address: device.address.clone(),
        kind: kind.to_string(),
        vendor: device.vendor.clone(),
        device: device.device.clone(),
        driver: device.driver.clone(),
        numa_node: device.numa_node,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::fixture::Tree;

    fn of(address: &str, files: &[(&str, &str)]) -> Vec<(String, String)> {
        let path = |name: &str| format!("/sys/bus/pci/devices/{address}/{name}");
        files.iter().map(|(name, content)| (path(name), content.to_string())).collect()
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_string())
    }

    #[test]
    fn a_network_card_has_its_slot_its_link_and_its_virtual_functions() {
        let mut files = of(
            "0000:3b:00.0",
            &[
                (
                    "uevent",
                    "DRIVER=mlx5_core\nPCI_CLASS=20000\nPCI_ID=15B3:1017\nPCI_SUBSYS_ID=15B3:0008\n\
                     PCI_SLOT_NAME=0000:3b:00.0\nMODALIAS=pci:v000015B3d00001017sv000015B3sd00000008bc02sc00i00\n",
                ),
                ("revision", "0x00\n"),
                ("current_link_speed", "8.0 GT/s PCIe\n"),
                ("current_link_width", "8\n"),
                ("max_link_speed", "8.0 GT/s PCIe\n"),
                ("max_link_width", "16\n"),
                ("numa_node", "1\n"),
                ("sriov_totalvfs", "8\n"),
                ("sriov_numvfs", "2\n"),
                ("label", "Embedded NIC 1\n"),
                ("acpi_index", "1\n"),
            ],
        );
        files.push(("/sys/bus/pci/slots/5-1/address".to_string(), "0000:3b:00\n".to_string()));
        files.push(("/sys/bus/pci/slots/0/address".to_string(), "0000:3c:00\n".to_string()));
        let tree = Tree::new(files)
            .links([("/sys/bus/pci/devices/0000:3b:00.0/iommu_group", "/sys/kernel/iommu_groups/42")]);
        let (devices, accelerators) = discover(&tree.machine(), &mut Vec::new());
        let expected = PciDevice {
            address: "0000:3b:00.0".to_string(),
            class: text("0x020000"),
            class_name: text("Ethernet controller"),
            vendor: text("0x15b3"),
            device: text("0x1017"),
            subsystem_vendor: text("0x15b3"),
            subsystem_device: text("0x0008"),
            revision: text("0x00"),
            driver: text("mlx5_core"),
            link_speed_mtps: Some(8000),
            link_width: Some(8),
            max_link_speed_mtps: Some(8000),
            max_link_width: Some(16),
            numa_node: Some(1),
            slot: text("5-1"),
            label: text("Embedded NIC 1"),
            acpi_index: Some(1),
            sriov_max_vfs: Some(8),
            sriov_vfs: Some(2),
            physical_function: None,
            iommu_group: Some(42),
            vpd: None,
        };
        assert_eq!((devices, accelerators), (vec![expected], Vec::new()));
    }

    #[test]
    fn adapters_have_their_part_numbers_and_one_that_hangs_costs_its_own() {
        let data = b"\x82\x04\0CX-5\x90\x0b\0PN\x08MCX512A-\x78";
        let file = |address: &str, name: &str, content: &[u8]| {
            (format!("/sys/bus/pci/devices/{address}/{name}"), content.to_vec())
        };
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        for (address, class) in [
            ("0000:3b:00.0", "20000"),
            ("0000:3b:00.1", "20000"),
            ("0000:00:1f.0", "60100"),
            ("0000:3c:00.0", "10700"),
        ] {
            files.push(file(address, "uevent", format!("PCI_CLASS={class}\nPCI_ID=15B3:1017\n").as_bytes()));
            if address != "0000:3c:00.0" {
                files.push(file(address, "vpd", data));
            }
        }
        files.push(file("0000:3c:00.0", "x", b""));
        let tree = Tree::new(files);
        let hangs = tree.machine().path("/sys/bus/pci/devices/0000:3c:00.0/vpd");
        // Opening it for reading waits for a writer.
        nix::unistd::mkfifo(&hangs, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut problems = Vec::new();
        let (devices, _) = discover(&tree.machine(), &mut problems);
        let parts: Vec<_> = devices
            .iter()
            .map(|device| {
                (device.address.as_str(), device.vpd.as_ref().and_then(|vpd| vpd.part_number.as_deref()))
            })
            .collect();
        let expected = [
            ("0000:00:1f.0", None),
            ("0000:3b:00.0", Some("MCX512A-")),
            ("0000:3b:00.1", None),
            ("0000:3c:00.0", None),
        ];
        assert_eq!(parts, expected);
        assert_eq!(problems, ["0000:3c:00.0: reading its vital product data: timed out after 4 s"]);
    }

    #[test]
    fn a_bridge_without_a_link_has_no_speed() {
        let files = of(
            "0000:16:05.0",
            &[
                ("uevent", "PCI_CLASS=88000\nPCI_ID=8086:2034\nPCI_SUBSYS_ID=0000:0000\n"),
                ("current_link_speed", "Unknown\n"),
                ("current_link_width", "0\n"),
                ("max_link_speed", "Unknown\n"),
                ("max_link_width", "255\n"),
                ("numa_node", "-1\n"),
            ],
        );
        let (devices, _) = discover(&Tree::new(files).machine(), &mut Vec::new());
        let expected = PciDevice {
            address: "0000:16:05.0".to_string(),
            class: text("0x088000"),
            class_name: text("System peripheral"),
            vendor: text("0x8086"),
            device: text("0x2034"),
            ..PciDevice::default()
        };
        assert_eq!(devices, [expected]);
    }

    #[test]
    fn the_bmcs_display_is_no_gpu_and_virtual_functions_are_left_out() {
        let uevent = |words: &'static str| [("uevent", words)];
        let mut files = of("0000:03:00.0", &uevent("DRIVER=ast\nPCI_CLASS=30000\nPCI_ID=1A03:2000\n"));
        files.extend(of("0000:17:00.0", &uevent("DRIVER=nvidia\nPCI_CLASS=30200\nPCI_ID=10DE:2330\n")));
        files.extend(of("0000:17:00.4", &uevent("PCI_CLASS=30200\nPCI_ID=10DE:2330\n")));
        files.extend(of("0000:6a:01.0", &uevent("DRIVER=idxd\nPCI_CLASS=88000\nPCI_ID=8086:0B25\n")));
        files.extend(of("0000:6b:00.0", &uevent("DRIVER=4xxx\nPCI_CLASS=B4000\nPCI_ID=8086:4940\n")));
        files.extend(of("0000:9a:00.0", &uevent("PCI_CLASS=120000\nPCI_ID=1DA3:1020\n")));
        let tree = Tree::new(files)
            .links([("/sys/bus/pci/devices/0000:17:00.4/physfn", "/sys/bus/pci/devices/0000:17:00.0")]);
        let (devices, accelerators) = discover(&tree.machine(), &mut Vec::new());
        assert_eq!(devices.len(), 6);
        assert_eq!(devices[2].physical_function, text("0000:17:00.0"));
        let found: Vec<_> = accelerators.iter().map(|a| (a.pci_address.as_str(), a.kind.as_str())).collect();
        let expected = [
            ("0000:03:00.0", "display"),
            ("0000:17:00.0", "gpu"),
            ("0000:6b:00.0", "co-processor"),
            ("0000:9a:00.0", "processing-accelerator"),
        ];
        assert_eq!(found, expected);
        assert_eq!(accelerators[1].driver, text("nvidia"));
    }
}
