// SPDX-License-Identifier: MIT OR Apache-2.0
//! Disks, from `/sys/block`.

use stage1_inventory::Disk;

use crate::machine::Machine;

/// The size of a `/sys/block/*/size` unit, whatever the disk's own block size.
const SECTOR_BYTES: u64 = 512;

/// Block devices with hardware behind them; loop devices, device mapper and the like have none.
pub fn discover(machine: &Machine, _problems: &mut Vec<String>) -> Vec<Disk> {
    let names = machine.names("/sys/block");
    names
        .into_iter()
        .filter(|name| machine.has(format!("/sys/block/{name}/device")))
        .map(|name| disk(machine, name))
        .collect()
}

fn disk(machine: &Machine, name: String) -> Disk {
    let attribute = |attribute: &str| machine.attribute(format!("/sys/block/{name}/{attribute}"));
    let sectors = attribute("size").and_then(|size| size.parse::<u64>().ok()).unwrap_or_default();
    Disk {
        size_bytes: sectors.saturating_mul(SECTOR_BYTES),
        model: attribute("device/model"),
        serial: attribute("device/serial").or_else(|| attribute("serial")),
        rotational: attribute("queue/rotational").map(|rotational| rotational == "1"),
        name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_have_a_device_behind_them() {
        let dir = tempfile::tempdir().unwrap();
        let block = dir.path().join("sys/block");
        std::fs::create_dir_all(block.join("nvme0n1/device")).unwrap();
        std::fs::create_dir_all(block.join("loop0")).unwrap();
        std::fs::write(block.join("nvme0n1/size"), "2000409264\n").unwrap();
        std::fs::write(block.join("nvme0n1/device/model"), "ACME SSD   \n").unwrap();
        let disks = discover(&Machine::at(dir.path()), &mut Vec::new());
        assert_eq!(disks.len(), 1);
        assert_eq!(disks[0].size_bytes, 1_024_209_543_168);
        assert_eq!(disks[0].model.as_deref(), Some("ACME SSD"));
        assert_eq!(disks[0].serial, None);
    }
}
