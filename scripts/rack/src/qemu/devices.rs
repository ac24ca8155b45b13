// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's options for processors, memory and devices.

use super::{Arguments, disk_file};
use crate::bmc;
use crate::firmware_nic::FLASH_BYTES;
use crate::spec::{BmcKind, Boot, DiskModel, DiskSpec, Firmware, HostSpec, NicModel, NicSpec, TpmVersion};

/// The TPM's socket, in the host's directory.
pub(crate) const TPM_SOCKET: &str = "tpm.sock";
/// The PCI address of the network adapter with updatable firmware.
pub const NIC_ADDRESS: &str = "0000:00:10.0";
/// The device's number in [`NIC_ADDRESS`].
const NIC_DEVICE: u8 = 0x10;
/// The flash of that adapter, in the host's directory.
pub(crate) const NIC_FLASH: &str = "nic.flash";
/// The shared folder, in the host's directory.
pub(crate) const SHARE: &str = "share";
/// Its mount tag in the host.
const SHARE_TAG: &str = "rack";
/// The bus of devices on the board; by default, QEMU would choose any bus.
const BOARD: &str = "pcie.0";

/// Memory, processors, and NUMA nodes.
pub(crate) fn add_nodes(arguments: &mut Arguments, spec: &HostSpec) {
    let (cpus, nodes) = (&spec.cpus, &spec.nodes);
    arguments.add("m", spec.memory_mib.to_string());
    arguments.add("smp", format!("sockets={},cores={},threads={}", cpus.sockets, cpus.cores, cpus.threads));
    for (number, node) in nodes.iter().enumerate() {
        // Without a reserve, a host can have more memory than this machine, as long as it does not use it.
        let size = node.memory_mib;
        arguments.add("object", format!("memory-backend-ram,id=memory{number},size={size}M,reserve=off"));
        let cpus: String = node.cpus.iter().map(|cpu| format!(",cpus={cpu}")).collect();
        arguments.add("numa", format!("node,nodeid={number},memdev=memory{number}{cpus}"));
    }
}

/// PCI Express slots. Those of a NUMA node have a host bridge of their own, which has the node's number.
pub(crate) fn add_slots(arguments: &mut Arguments, spec: &HostSpec) {
    let bridges = (0..).zip(&spec.nodes).filter(|(_, node)| !node.slots.is_empty());
    for (number, _) in bridges.clone() {
        let bus = 0x40 * (number + 1);
        arguments.device(format!("pxb-pcie,id=node{number},bus={BOARD},bus_nr={bus},numa_node={number}"));
    }
    for slot in spec.slots() {
        let bridge = bridges.clone().find(|(_, node)| node.slots.contains(&slot));
        let bus = bridge.map_or(BOARD.to_string(), |(number, _)| format!("node{number}"));
        arguments.device(format!("pcie-root-port,id=slot{slot},bus={bus},chassis={slot},slot={slot}"));
    }
}

/// Network ports at the taps, or with a VLAN at the sockets, with the descriptors `tap_fds`.
pub(crate) fn add_nics(arguments: &mut Arguments, spec: &HostSpec, tap_fds: &[i32]) {
    for (number, (nic, fd)) in spec.nics.iter().zip(tap_fds).enumerate() {
        let kind = if nic.vlan.is_some() { "socket" } else { "tap" };
        arguments.add("netdev", format!("{kind},id=net{number},fd={fd}"));
        arguments.device(nic_device(spec, number, nic));
    }
}

fn nic_device(spec: &HostSpec, number: usize, nic: &NicSpec) -> String {
    let model = match nic.model {
        NicModel::VirtioNetPci => "virtio-net-pci",
        NicModel::E1000e => "e1000e",
    };
    let mut device = format!("{model},{},id=nic{number},netdev=net{number},mac={}", at(nic.slot), nic.mac);
    if spec.boot != Boot::Kernel && nic.can_netboot() {
        device.push_str(&format!(",bootindex={}", number + 1));
    }
    // OVMF has a driver for virtio; for e1000e the ROM has one, which is iPXE itself.
    let has_own_driver = spec.firmware == Firmware::Uefi && nic.model == NicModel::VirtioNetPci;
    if has_own_driver || spec.boot == Boot::Kernel {
        device.push_str(",romfile=");
    }
    device
}

/// Disks, and the controllers that they need.
pub(crate) fn add_disks(arguments: &mut Arguments, spec: &HostSpec) {
    let has = |model| spec.disks.iter().any(|disk| disk.model == model);
    if has(DiskModel::Scsi) {
        arguments.device(format!("virtio-scsi-pci,id=scsi,bus={BOARD}"));
    }
    if has(DiskModel::Usb) {
        arguments.device(format!("qemu-xhci,id=usb,bus={BOARD}"));
    }
    for (number, disk) in spec.disks.iter().enumerate() {
        let file = disk_file(number);
        arguments.add("drive", format!("if=none,id=disk{number},format=raw,file={}", file.display()));
        arguments.device(disk_device(&spec.name, number, disk));
    }
}

fn disk_device(host: &str, number: usize, disk: &DiskSpec) -> String {
    // virtio-blk cuts serial numbers at 20 bytes.
    let host = host.get(..host.len().min(14)).unwrap_or(host);
    let mut device = match disk.model {
        DiskModel::Virtio => format!("virtio-blk-pci,{}", at(disk.slot)),
        DiskModel::Nvme => format!("nvme,{}", at(disk.slot)),
        DiskModel::Sata => format!("ide-hd,bus=ide.{number}"),
        DiskModel::Scsi => "scsi-hd,bus=scsi.0".to_string(),
        DiskModel::Usb => "usb-storage,bus=usb.0,removable=on".to_string(),
    };
    device.push_str(&format!(",drive=disk{number},serial={host}-disk{number}"));
    if let Some(bytes) = disk.block_bytes {
        device.push_str(&format!(",logical_block_size={bytes},physical_block_size={bytes}"));
    }
    if let Some(wwn) = disk.wwn {
        device.push_str(&format!(",wwn={wwn:#x}"));
    }
    if let Some(rpm) = disk.rotation_rpm {
        device.push_str(&format!(",rotation_rate={rpm}"));
    }
    device
}

fn at(slot: Option<u8>) -> String {
    slot.map_or_else(|| format!("bus={BOARD}"), |slot| format!("bus=slot{slot}"))
}

/// TPM, watchdog, BMC, network adapter with updatable firmware, and shared folder.
pub(crate) fn add_others(arguments: &mut Arguments, spec: &HostSpec) {
    if let Some(version) = spec.tpm {
        arguments.add("chardev", format!("socket,id=tpm,path={TPM_SOCKET}"));
        arguments.add("tpmdev", "emulator,id=tpm,chardev=tpm".to_string());
        // As on most hardware: a 1.2 at the LPC bus, a 2.0 in the firmware.
        let model = match version {
            TpmVersion::V1 => "tpm-tis",
            TpmVersion::V2 => "tpm-crb",
        };
        arguments.device(format!("{model},tpmdev=tpm"));
    }
    if spec.watchdog {
        arguments.device(format!("i6300esb,bus={BOARD}"));
    }
    match spec.bmc {
        None => {}
        Some(BmcKind::Bare) => arguments.device("ipmi-bmc-sim,id=bmc".to_string()),
        Some(BmcKind::Whole(_)) => {
            arguments.add("chardev", format!("socket,id=bmc,path={},reconnect=1", bmc::SOCKET));
            arguments.device("ipmi-bmc-extern,id=bmc,chardev=bmc".to_string());
        }
    }
    if spec.bmc.is_some() {
        arguments.device("isa-ipmi-kcs,bmc=bmc".to_string());
    }
    if spec.firmware_nic.is_some() {
        let file = format!("size={FLASH_BYTES},share=on,mem-path={NIC_FLASH}");
        arguments.add("object", format!("memory-backend-file,id=flash,{file}"));
        arguments.device(format!("ivshmem-plain,memdev=flash,bus={BOARD},addr={NIC_DEVICE:#x}"));
    }
    if spec.share {
        arguments.add("fsdev", format!("local,id=share,path={SHARE},security_model=none"));
        arguments.device(format!("virtio-9p-pci,fsdev=share,mount_tag={SHARE_TAG},bus={BOARD}"));
    }
}
