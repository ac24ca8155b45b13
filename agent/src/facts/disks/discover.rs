// SPDX-License-Identifier: MIT OR Apache-2.0
//! Discovers disks.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stage1_contract::Disk;

use super::{ask, known};
use crate::facts::deadline::{self, Job};
use crate::host::Machine;

/// How long a disk has for all its responses, and each command for its own, so that no command is aborted while it is
/// waited for.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);

/// The disks, each on its own, as even a file in `/sys` may hang. NVMe and ATA disks are queried; of one that does not answer,
/// the result has what the kernel knows.
pub(crate) fn discover(machine: &Machine, problems: &mut Vec<String>) -> Vec<Disk> {
    let names = machine.names("/sys/block");
    let known: Vec<Arc<Mutex<Option<Disk>>>> = names.iter().map(|_| Arc::default()).collect();
    let jobs = names.iter().zip(&known).map(|(name, known)| {
        let (machine, known, disk) = (machine.clone(), Arc::clone(known), name.clone());
        let job: Job<(Option<Disk>, Vec<String>)> = Box::new(move || read(&machine, disk, &known));
        (format!("{name}: reading from the disk"), job)
    });
    let results = deadline::in_parallel(DEADLINE, jobs.collect());
    let mut disks = Vec::new();
    for ((name, result), known) in names.into_iter().zip(results).zip(known) {
        match result {
            Ok((disk, of_disk)) => {
                disks.extend(disk);
                problems.extend(of_disk);
            }
            Err(problem) => {
                problems.push(problem);
                let known = known.lock().unwrap_or_else(PoisonError::into_inner).take();
                disks.push(known.unwrap_or_else(|| Disk { name, ..Disk::default() }));
            }
        }
    }
    each_once(disks)
}

/// Of a disk that is reached by several paths the first, with the names of the others: they have the same world-wide name,
/// serial number and size.
fn each_once(disks: Vec<Disk>) -> Vec<Disk> {
    let mut once: Vec<Disk> = Vec::new();
    for disk in disks {
        let same = |other: &Disk| {
            disk.wwn.is_some()
                && (&disk.wwn, &disk.serial, disk.size_bytes) == (&other.wwn, &other.serial, other.size_bytes)
        };
        match once.iter().position(same) {
            Some(first) => once[first].other_names.push(disk.name),
            None => once.push(disk),
        }
    }
    once
}

/// What the kernel knows of a disk, which goes to `known` at once, and what the disk answers; nothing for what is no disk.
fn read(machine: &Machine, name: String, known: &Mutex<Option<Disk>>) -> (Option<Disk>, Vec<String>) {
    let mut problems = Vec::new();
    let Some(mut disk) = known::is_disk(machine, &name).then(|| known::disk(machine, name)).flatten() else {
        return (None, problems);
    };
    known.lock().unwrap_or_else(PoisonError::into_inner).replace(disk.clone());
    if disk.nvme.is_some() {
        ask::nvme(machine, &mut disk, &mut problems);
    } else if disk.ata.is_some() {
        ask::ata(machine, &mut disk, &mut problems);
    }
    (Some(disk), problems)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::fixture::Tree;

    const SATA: &str = "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0";

    /// A machine with block devices, each by name, the place of its device, and the bus of that.
    fn tree(devices: &[(&str, &str, &str)], files: &[(&str, &[u8])]) -> Tree {
        let places = devices.iter().map(|(_, place, _)| (format!("{place}/"), &b""[..]));
        let mut tree =
            Tree::new(places.chain(files.iter().map(|(path, content)| (path.to_string(), *content))));
        for (name, place, bus) in devices {
            let (device, subsystem) = (format!("/sys/block/{name}/device"), format!("{place}/subsystem"));
            tree = tree.links([(device.as_str(), *place), (&subsystem, &format!("/sys/bus/{bus}"))]);
        }
        tree
    }

    fn find(tree: &Tree) -> (Vec<Disk>, Vec<String>) {
        let mut problems = Vec::new();
        (discover(&tree.machine(), &mut problems), problems)
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_string())
    }

    #[test]
    fn only_hardware_with_a_medium_is_a_disk() {
        let usb = "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0/host1/target1:0:0/1:0:0:0";
        let emmc = "/sys/devices/platform/mmc0/mmc0:0001";
        let devices = [
            ("vda", "/sys/devices/pci0000:00/0000:00:03.0/virtio0", "virtio"),
            ("sr0", SATA, "scsi"),
            ("sdb", usb, "scsi"),
            ("sdc", "/sys/devices/pci0000:00/0000:00:10.0/host2/target2:0:0/2:0:0:0", "scsi"),
            ("mmcblk0", emmc, "mmc"),
            ("mmcblk0boot0", &format!("{emmc}/block/mmcblk0"), "block"),
            ("nvme0c0n1", "/sys/devices/pci0000:00/0000:00:04.0/nvme/nvme0", "nvme"),
        ];
        let files: [(&str, &[u8]); 12] = [
            ("/sys/block/loop0/size", b"8\n"),
            ("/sys/block/vda/size", b"2000409264\n"),
            ("/sys/block/vda/serial", b"VD1\n"),
            ("/sys/block/vda/queue/logical_block_size", b"512\n"),
            ("/sys/bus/pci/devices/0000:00:03.0/numa_node", b"-1\n"),
            ("/sys/block/sr0/dev", b"11:0\n"),
            ("/sys/block/sr0/size", b"2097151\n"),
            ("/sys/block/sdb/removable", b"1\n"),
            ("/sys/block/sdc/removable", b"0\n"),
            ("/sys/block/mmcblk0/size", b"8\n"),
            ("/sys/devices/platform/mmc0/mmc0:0001/block/mmcblk0/queue/rotational", b"0\n"),
            ("/sys/block/nvme0c0n1/hidden", b"1\n"),
        ];
        let (disks, problems) = find(&tree(&devices, &files));
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(
            disks.iter().map(|disk| disk.name.as_str()).collect::<Vec<_>>(),
            ["mmcblk0", "sdc", "vda"]
        );
        let vda = Disk {
            name: "vda".to_string(),
            size_bytes: 1_024_209_543_168,
            serial: text("VD1"),
            transport: text("virtio"),
            logical_block_bytes: Some(512),
            pci_address: text("0000:00:03.0"),
            ..Disk::default()
        };
        assert_eq!(disks[2], vda);
        assert_eq!(disks[0].transport, text("mmc"));
    }

    #[test]
    fn a_disk_by_two_paths_is_one() {
        let disk = |name: &str, wwn: Option<&str>, serial: &str| Disk {
            name: name.to_string(),
            wwn: wwn.map(str::to_string),
            serial: text(serial),
            ..Disk::default()
        };
        let wwn = Some("5000c500aaaa0001");
        // Some makers give the same name to each.
        let disks =
            vec![disk("sda", wwn, "A"), disk("sdb", wwn, "A"), disk("sdc", wwn, "B"), disk("sdd", None, "A")];
        let disks = each_once(disks);
        assert_eq!(disks.iter().map(|disk| disk.name.as_str()).collect::<Vec<_>>(), ["sda", "sdc", "sdd"]);
        assert_eq!(disks[0].other_names, ["sdb"]);
    }

    #[test]
    fn block_devices_that_are_no_disks() {
        let devices = [
            ("pmem0", "/sys/devices/LNXSYSTM:00/ndbus0/region0/namespace0.0", "nd"),
            ("mtdblock0", "/sys/devices/pci0000:00/0000:00:1f.5/mtd/mtd0", "mtd"),
            ("rbd0", "/sys/devices/rbd/0", "rbd"),
            ("ublkb0", "/sys/devices/virtual/ublk-char/ublkc0", "ublk-char"),
            ("new0", "/sys/devices/virtual/new/0", "new"),
            ("nvme7n1", "/sys/devices/virtual/nvme-fabrics/ctl/nvme7", "nvme"),
        ];
        let sizes = devices.map(|(name, ..)| (format!("/sys/block/{name}/size"), &b"16\n"[..]));
        let sizes: Vec<(&str, &[u8])> = sizes.iter().map(|(path, size)| (path.as_str(), *size)).collect();
        let (disks, _) = find(&tree(&devices, &sizes));
        assert_eq!(disks.iter().map(|disk| disk.name.as_str()).collect::<Vec<_>>(), ["nvme7n1"]);
    }

    #[test]
    fn an_attribute_that_hangs_costs_its_own_disk() {
        let place = |disk: u8| {
            format!("/sys/devices/pci0000:00/0000:00:10.0/host{disk}/target{disk}:0:0/{disk}:0:0:0")
        };
        let places = [place(0), place(1)];
        let devices = [("sda", places[0].as_str(), "scsi"), ("sdb", places[1].as_str(), "scsi")];
        let tree = tree(&devices, &[("/sys/block/sda/size", b"16\n"), ("/sys/block/sdb/size", b"16\n")]);
        // Reading it waits for a writer that never comes.
        let hanging = tree.machine().path(format!("{}/model", places[0]));
        nix::unistd::mkfifo(&hanging, nix::sys::stat::Mode::S_IRUSR).unwrap();
        let (disks, problems) = find(&tree);
        assert_eq!(problems, ["sda: reading from the disk: timed out after 5 s"]);
        assert_eq!(disks.iter().map(|disk| disk.name.as_str()).collect::<Vec<_>>(), ["sda", "sdb"]);
        assert_eq!(disks[1].size_bytes, 8192);
    }

    #[test]
    fn a_sas_disk_is_described_by_the_pages_that_the_kernel_keeps() {
        let place = "/sys/devices/pci0000:00/0000:00:10.0/host2/port-2:0/end_device-2:0/target2:0:0/2:0:0:0";
        let files: [(&str, &[u8]); 8] = [
            ("/sys/block/sda/size", b"16\n"),
            ("/sys/class/sas_device/end_device-2:0/bay_identifier", b"7\n"),
            (&format!("{place}/vendor"), b"SEAGATE \n"),
            (&format!("{place}/model"), b"ST4000NM0023    \n"),
            (&format!("{place}/rev"), b"0004\n"),
            (&format!("{place}/wwid"), b"naa.5000c500a1b2c3d4\n"),
            (&format!("{place}/vpd_pg80"), b"\x00\x80\x00\x08Z1Z0ABCD"),
            (&format!("{place}/vpd_pgb1"), b"\x00\xb1\x00\x3c\x1c\x20\x00\x02"),
        ];
        let (disks, problems) = find(&tree(&[("sda", place, "scsi")], &files));
        assert_eq!(problems, Vec::<String>::new());
        let sda = Disk {
            name: "sda".to_string(),
            size_bytes: 8192,
            model: text("ST4000NM0023"),
            serial: text("Z1Z0ABCD"),
            vendor: text("SEAGATE"),
            firmware: text("0004"),
            wwn: text("5000c500a1b2c3d4"),
            transport: text("sas"),
            rotation_rpm: Some(7200),
            form_factor: text("3.5 inches"),
            pci_address: text("0000:00:10.0"),
            hctl: text("2:0:0:0"),
            bay: text("7"),
            ..Disk::default()
        };
        assert_eq!(disks, [sda]);
    }

    #[test]
    fn a_sleeping_ata_disk_is_not_asked_for_its_health() {
        let mut identity = [0; 512];
        // Words 76, 82, 83, 85 and 87: serial ATA, SMART there and enabled.
        for (word, value) in [(76, 0x0e_u16), (82, 1), (83, 0x4000), (85, 1), (87, 0x4000)] {
            identity[2 * word..2 * word + 2].copy_from_slice(&value.to_le_bytes());
        }
        let registers = |count: u8, lba: [u8; 2]| {
            let mut sense = vec![0x72, 1, 0, 0x1d, 0, 0, 0, 14, 9, 12];
            sense.extend([0, 0, 0, count, 0, 0, 0, lba[0], 0, lba[1], 0, 0x50]);
            sense
        };
        let (awake, asleep) = (registers(0xff, [0, 0]), registers(0, [0, 0]));
        for (mode, power_mode, failing) in [(awake, "active/idle", Some(true)), (asleep, "standby", None)] {
            let files: [(&str, &[u8]); 5] = [
                ("/sys/block/sda/size", b"16\n"),
                (&format!("{SATA}/vendor"), b"ATA     \n"),
                ("/stage1-answers/sda/identify-device", &identity),
                ("/stage1-answers/sda/check-power-mode", &mode),
                ("/stage1-answers/sda/smart-return-status", &registers(0, [0xf4, 0x2c])),
            ];
            let (disks, problems) = find(&tree(&[("sda", SATA, "scsi")], &files));
            assert_eq!(problems, Vec::<String>::new());
            assert_eq!((disks[0].transport.clone(), disks[0].failing), (text("sata"), failing));
            assert_eq!(disks[0].ata.as_ref().unwrap().power_mode, text(power_mode));
        }
    }

    #[test]
    fn a_namespace_has_its_controller_by_way_of_the_subsystem_too() {
        let subsystem = "/sys/devices/virtual/nvme-subsystem/nvme-subsys0";
        let controller = "/sys/devices/pci0000:00/0000:00:04.0/nvme/nvme3";
        let mut health = [0; 512];
        health[0] = 4;
        let files: [(&str, &[u8]); 7] = [
            ("/sys/block/nvme0n1/size", b"16\n"),
            ("/sys/block/nvme0n1/nsid", b"1\n"),
            ("/sys/block/nvme0n1/wwid", b"eui.0025385b71b0a1c2\n"),
            (&format!("{subsystem}/model"), b"ACME SSD   \n"),
            (&format!("{controller}/"), b""),
            ("/stage1-answers/nvme3/smart-log", &health),
            ("/stage1-answers/nvme3/identify-controller", &[0; 100]),
        ];
        let tree = tree(&[("nvme0n1", subsystem, "nvme-subsystem")], &files);
        let path = format!("{subsystem}/nvme3");
        let (disks, problems) =
            find(&tree.links([("/sys/class/nvme/nvme3", controller), (&path, controller)]));
        assert_eq!(problems, ["nvme3: identify-controller: invalid response of length 100, skipped"]);
        assert_eq!((&disks[0].model, &disks[0].pci_address), (&text("ACME SSD"), &text("0000:00:04.0")));
        assert_eq!((&disks[0].transport, disks[0].failing), (&text("nvme"), Some(true)));
        assert_eq!(disks[0].wwn, text("0025385b71b0a1c2"));
        assert_eq!(disks[0].nvme.as_ref().map(|nvme| nvme.controller.as_str()), Some("nvme3"));
    }
}
