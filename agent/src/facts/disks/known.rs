// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel knows of a disk, from `/sys/block`, without asking the disk.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::path::Path;

use stage1_contract::Disk;
use stage1_contract::facts::{Ata, Nvme};

use super::{ata, scsi};
use crate::facts::place;
use crate::host::Machine;

/// The size of a `/sys/block/*/size` unit, whatever the disk's own block size.
const SECTOR_BYTES: u64 = 512;

/// Buses of block devices that are no disks: persistent memory, flash chips, network and user-space block devices.
const NO_DISKS: [&str; 5] = ["nd", "mtd", "rbd", "ublk-char", "nbd"];

/// Whether a block device is hardware, and a disk of its own. Loop devices and the like have no device behind them, or one
/// that is virtual itself; of these only NVMe's are disks, by multipath or over a fabric.
pub(super) fn is_disk(machine: &Machine, name: &str) -> bool {
    let at = |attribute: &str| format!("/sys/block/{name}/{attribute}");
    // Optical and floppy drives, by the majors 11 and 2 (Documentation/admin-guide/devices.txt).
    let no_disk =
        machine.attribute(at("dev")).is_some_and(|dev| dev.starts_with("11:") || dev.starts_with("2:"));
    let path_only = machine.attribute(at("hidden")).as_deref() == Some("1");
    // The boot partitions of an eMMC have the disk as their device.
    let part = || machine.has(at("device/queue"));
    let bus = machine.link_name(at("device/subsystem"));
    let no_bus = bus.is_some_and(|bus| NO_DISKS.contains(&bus.as_str()));
    let place = machine.resolve(at("device")).unwrap_or_default();
    let is_virtual = place.strip_prefix("/sys/devices/virtual").is_ok_and(|place| {
        let class = place.iter().next().unwrap_or_default().to_string_lossy();
        !class.starts_with("nvme")
    });
    machine.has(at("device")) && !no_disk && !no_bus && !is_virtual && !path_only && !part()
}

/// What the kernel knows of a disk, without asking it; `None` for a drive without its medium.
pub(super) fn disk(machine: &Machine, name: String) -> Option<Disk> {
    let at = |attribute: &str| format!("/sys/block/{name}/{attribute}");
    let attribute = |name: &str| machine.attribute(at(name));
    let number = |name: &str| attribute(name).and_then(|number| number.parse().ok());
    let flag = |name: &str| attribute(name).map(|flag| flag == "1");
    let sectors = attribute("size").and_then(|size| size.parse::<u64>().ok()).unwrap_or_default();
    let removable = flag("removable");
    if sectors == 0 && removable == Some(true) {
        return None;
    }
    let bus = machine.link_name(at("device/subsystem"));
    let is_scsi = bus.as_deref() == Some("scsi");
    let controller = controller(machine, &name);
    let device = controller.as_ref().map_or_else(|| at("device"), |name| format!("/sys/class/nvme/{name}"));
    let pci_address = place::pci_address(machine, &device);
    let mut disk = Disk {
        size_bytes: sectors.saturating_mul(SECTOR_BYTES),
        model: attribute("device/model").or_else(|| attribute("device/name")),
        serial: attribute("device/serial").or_else(|| attribute("serial")),
        rotational: flag("queue/rotational"),
        vendor: is_scsi.then(|| attribute("device/vendor")).flatten(),
        firmware: ["rev", "firmware_rev", "fwrev"]
            .iter()
            .find_map(|name| attribute(&format!("device/{name}"))),
        wwn: attribute("wwid").or_else(|| attribute("device/wwid")).as_deref().and_then(world_wide_name),
        transport: transport(machine, &at("device"), bus.as_deref()),
        logical_block_bytes: number("queue/logical_block_size"),
        physical_block_bytes: number("queue/physical_block_size"),
        read_only: flag("ro"),
        removable,
        numa_node: pci_address.as_ref().and_then(|address| place::numa_node(machine, address)),
        pci_address,
        ..Disk::default()
    };
    if let Some(controller) = controller {
        let fabric = machine.attribute(format!("{device}/transport")).filter(|fabric| fabric != "pcie");
        disk.transport = Some(fabric.map_or_else(|| "nvme".to_string(), |fabric| format!("nvme-{fabric}")));
        disk.bay = disk.pci_address.as_ref().and_then(|address| place::slot(machine, address));
        disk.nvme = Some(Nvme { controller, ..Nvme::default() });
    }
    if is_scsi {
        let place = machine.resolve(at("device")).unwrap_or_default();
        disk.hctl = place.file_name().and_then(|name| name.to_str()).map(str::to_string);
        disk.bay = bay(machine, &place);
        read_vital_product_data(machine, &name, &mut disk);
    }
    if disk.transport.as_deref() == Some("usb") {
        disk.serial = disk.serial.take().or_else(|| usb_serial(machine, &at("device")));
    }
    disk.name = name;
    Some(disk)
}

/// The bay of a SCSI disk: its element in an enclosure (drivers/scsi/ses.c: the link `enclosure_device:NAME`), else the
/// number that the SAS expander has for it.
fn bay(machine: &Machine, place: &Path) -> Option<String> {
    let names = machine.names(place);
    if let Some(name) = names.iter().find_map(|name| name.strip_prefix("enclosure_device:")) {
        return Some(name.trim().to_string()).filter(|name| !name.is_empty());
    }
    let is_end = |name: &str| name.starts_with("end_device-");
    let end = place.ancestors().filter_map(|path| path.file_name()?.to_str()).find(|name| is_end(name))?;
    machine.attribute(format!("/sys/class/sas_device/{end}/bay_identifier"))
}

/// SCSI's vital product data, which the kernel has asked for when it found the disk; an ATA disk has its IDENTIFY data there.
fn read_vital_product_data(machine: &Machine, name: &str, disk: &mut Disk) {
    let page = |code: &str| machine.read(format!("/sys/block/{name}/device/vpd_pg{code}")).ok();
    disk.serial = page("80").as_deref().and_then(scsi::serial).or(disk.serial.take());
    if let Some(page) = page("b1") {
        (disk.rotation_rpm, disk.form_factor) = scsi::characteristics(&page);
    }
    // SAT-4 11.2: the vendor of an ATA disk is this. A USB bridge may break on a command that it does not know.
    if disk.vendor.as_deref() == Some("ATA") && disk.transport.as_deref() != Some("usb") {
        disk.vendor = None;
        disk.ata = Some(Ata::default());
        if let Some(identity) = page("89").as_deref().and_then(scsi::ata_identity).and_then(ata::identity) {
            take_identity(disk, identity);
        }
    }
}

/// The serial number of the USB device that a disk is in, or behind. The kernel asks such a disk for no vital product data,
/// since some break on it.
fn usb_serial(machine: &Machine, device: &str) -> Option<String> {
    let path = machine.resolve(device)?;
    let usb = path.ancestors().find(|path| machine.has(path.join("idVendor")))?;
    machine.attribute(usb.join("serial"))
}

/// The NVMe controller of a namespace: its device, or with multipath the first below the subsystem that is its device.
fn controller(machine: &Machine, name: &str) -> Option<String> {
    let device = format!("/sys/block/{name}/device");
    match machine.link_name(format!("{device}/subsystem"))?.as_str() {
        "nvme" => machine.link_name(device),
        "nvme-subsystem" => machine.names(device).into_iter().find(|name| {
            let number = name.strip_prefix("nvme").unwrap_or_default();
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        }),
        _ => None,
    }
}

/// How a disk that is not NVMe is attached, by its place among the devices.
fn transport(machine: &Machine, device: &str, bus: Option<&str>) -> Option<String> {
    let path = machine.resolve(device)?;
    let passes = |prefix: &str| {
        path.iter().any(|name| {
            let number = name.to_str().and_then(|name| name.strip_prefix(prefix));
            number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
        })
    };
    let known =
        [("usb", "usb"), ("ata", "ata"), ("end_device-", "sas"), ("rport-", "fc"), ("session", "iscsi")];
    let found = known.iter().find(|(prefix, _)| passes(prefix)).map(|(_, transport)| *transport);
    found.or(bus).map(str::to_string)
}

/// The name in the kernel's `wwid`; one that is made of model and serial number is none.
fn world_wide_name(wwid: &str) -> Option<String> {
    let (kind, name) = wwid.split_once('.')?;
    matches!(kind, "naa" | "eui" | "uuid").then(|| name.to_string())
}

/// Takes over IDENTIFY DEVICE data, which has more than SCSI's INQUIRY has room for.
pub(super) fn take_identity(disk: &mut Disk, identity: ata::Identity) {
    disk.model = identity.model.or(disk.model.take());
    disk.serial = identity.serial.or(disk.serial.take());
    disk.firmware = identity.revision.or(disk.firmware.take());
    disk.wwn = disk.wwn.take().or(identity.wwn);
    disk.rotation_rpm = identity.rotation_rpm;
    disk.form_factor = identity.form_factor;
    disk.transport = Some(if identity.serial_ata { "sata" } else { "ide" }.to_string());
    disk.ata = Some(identity.ata);
}
