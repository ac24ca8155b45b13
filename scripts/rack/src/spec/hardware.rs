// SPDX-License-Identifier: MIT OR Apache-2.0
//! A host's hardware.

use anyhow::{Result, bail, ensure};
use serde::Deserialize;

use super::{HostSpec, yes};

/// Processors.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CpuSpec {
    /// Number of packages.
    pub sockets: u32,
    /// Cores per package.
    pub cores: u32,
    /// Threads per core.
    pub threads: u32,
}

impl Default for CpuSpec {
    fn default() -> CpuSpec {
        CpuSpec { sockets: 1, cores: 1, threads: 1 }
    }
}

/// A NUMA node.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSpec {
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Numbers of its logical processors, counted from 0.
    pub cpus: Vec<u32>,
    /// Numbers of its PCI Express slots. A slot in no list has no node.
    #[serde(default)]
    pub slots: Vec<u8>,
}

/// A kind of Trusted Platform Module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum TpmVersion {
    /// TPM 1.2.
    #[serde(rename = "1.2")]
    V1,
    /// TPM 2.0.
    #[serde(rename = "2.0")]
    V2,
}

/// A network port.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NicSpec {
    /// Model.
    #[serde(default)]
    pub model: NicModel,
    /// Permanent MAC address, six pairs of lower-case hex digits with colons.
    pub mac: String,
    /// Whether its cable is plugged in.
    #[serde(default = "yes")]
    pub connected: bool,
    /// Number of its PCI Express slot; otherwise it is on the board.
    pub slot: Option<u8>,
    /// Name of the switch at its cable; otherwise it is in the boot network itself.
    pub switch: Option<String>,
    /// Name of that switch's port.
    pub port: Option<String>,
    /// The only VLAN on its cable, whose frames are tagged; the boot network is in it.
    pub vlan: Option<u16>,
    /// Whether it is in another network, 10.8.0.0/24, with a DHCP server, a name server and a gateway, from which nothing
    /// of this rack is reached.
    #[serde(default)]
    pub foreign: bool,
}

impl NicSpec {
    /// Whether the boot network answers it.
    pub(crate) fn can_netboot(&self) -> bool {
        self.connected && !self.foreign && self.vlan.is_none()
    }
}

/// A model of network adapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NicModel {
    /// A paravirtual one.
    #[default]
    VirtioNetPci,
    /// Intel 82574L.
    E1000e,
}

/// A disk.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskSpec {
    /// Model.
    #[serde(default)]
    pub model: DiskModel,
    /// Capacity in MiB; its file is sparse.
    pub size_mib: u64,
    /// Size of a logical block in bytes.
    pub block_bytes: Option<u32>,
    /// World Wide Name, for SATA and SCSI.
    pub wwn: Option<u64>,
    /// Rotation rate in revolutions per minute, for SATA and SCSI; 1: non-rotating.
    pub rotation_rpm: Option<u16>,
    /// Number of its PCI Express slot, for virtio and NVMe; otherwise it is on the board.
    pub slot: Option<u8>,
}

/// A model of disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskModel {
    /// A paravirtual disk.
    #[default]
    Virtio,
    /// An NVMe namespace.
    Nvme,
    /// A disk at an AHCI controller.
    Sata,
    /// A disk at a paravirtual SCSI controller.
    Scsi,
    /// A USB stick.
    Usb,
}

impl HostSpec {
    /// The numbers of all occupied slots, in ascending order.
    pub fn slots(&self) -> Vec<u8> {
        let nics = self.nics.iter().filter_map(|nic| nic.slot);
        let mut slots: Vec<u8> = nics.chain(self.disks.iter().filter_map(|disk| disk.slot)).collect();
        slots.sort_unstable();
        slots
    }

    /// Errors name the key.
    pub(super) fn check_hardware(&self) -> Result<()> {
        let CpuSpec { sockets, cores, threads } = self.cpus;
        for (key, count) in [("sockets", sockets), ("cores", cores), ("threads", threads)] {
            ensure!((1..=64).contains(&count), "cpus.{key}: {count} is not between 1 and 64");
        }
        self.check_nodes(sockets * cores * threads)?;
        for disk in &self.disks {
            ensure!(
                (1..=1 << 30).contains(&disk.size_mib),
                "disk.size_mib: {} is out of range",
                disk.size_mib
            );
            let on_pci = matches!(disk.model, DiskModel::Virtio | DiskModel::Nvme);
            ensure!(on_pci || disk.slot.is_none(), "disk.slot: only for virtio and nvme");
            let on_wire = matches!(disk.model, DiskModel::Sata | DiskModel::Scsi);
            let has_more = disk.wwn.is_some() || disk.rotation_rpm.is_some();
            ensure!(on_wire || !has_more, "disk: wwn and rotation_rpm are only for sata and scsi");
        }
        if let Some([slot, _]) = self.slots().array_windows().find(|[one, next]| one == next) {
            bail!("slot: two devices in slot {slot}");
        }
        for device in &self.smbios.onboard_devices {
            let nic = device.nic;
            ensure!(nic < self.nics.len(), "smbios.onboard.nic: no NIC {nic}");
        }
        Ok(())
    }

    fn check_nodes(&self, cpus: u32) -> Result<()> {
        if self.nodes.is_empty() {
            return Ok(());
        }
        let memory: u32 = self.nodes.iter().map(|node| node.memory_mib).sum();
        let all = self.memory_mib;
        ensure!(memory == all, "node.memory_mib: the nodes have {memory} MiB, but the host {all} MiB");
        let mut named: Vec<u32> = self.nodes.iter().flat_map(|node| node.cpus.clone()).collect();
        named.sort_unstable();
        ensure!(
            named.iter().copied().eq(0..cpus),
            "node.cpus: each of 0 to {} must be in one node",
            cpus - 1
        );
        let slots = self.slots();
        match self.nodes.iter().flat_map(|node| &node.slots).find(|slot| !slots.contains(slot)) {
            Some(slot) => bail!("node.slots: no device in slot {slot}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::RackSpec;

    #[test]
    fn errors_name_the_key() {
        for (keys, expected) in [
            ("cpus = { sockets = 0 }", "cpus.sockets: 0"),
            ("tpm = '3.0'", "`2.0`"),
            ("[[host.node]]\nmemory_mib = 512\ncpus = [0]", "node.memory_mib: the nodes have 512 MiB"),
            ("[[host.node]]\nmemory_mib = 1024\ncpus = [1]", "node.cpus"),
            ("[[host.node]]\nmemory_mib = 1024\ncpus = [0]\nslots = [3]", "node.slots: no device in slot 3"),
            ("[[host.disk]]\nmodel = 'sata'\nsize_mib = 1\nslot = 1", "disk.slot"),
            ("[[host.disk]]\nmodel = 'nvme'\nsize_mib = 1\nwwn = 1", "wwn"),
            (
                "[[host.disk]]\nsize_mib = 1\nslot = 1\n[[host.disk]]\nsize_mib = 1\nslot = 1",
                "two devices in slot 1",
            ),
            ("[host.smbios]\nentry_point = '2.8'", "`2.1`"),
            (
                "[[host.smbios.onboard]]\ndesignation = 'x'\nkind = 'ethernet'\ninstance = 1\nnic = 0",
                "smbios.onboard.nic",
            ),
        ] {
            let text = format!("[[host]]\nname = 'a'\nboot = 'kernel'\n{keys}\n");
            let error = format!("{:#}", RackSpec::parse(&text).unwrap_err());
            assert!(error.contains(expected), "{keys}: {error}");
        }
    }
}
