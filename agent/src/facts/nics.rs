// SPDX-License-Identifier: MIT OR Apache-2.0
//! Physical network ports, from `/sys/class/net`.

use stage1_inventory::Nic;

use crate::machine::Machine;

/// `ARPHRD_ETHER`, include/uapi/linux/if_arp.h.
const ETHERNET: &str = "1";

/// The names of the ports that are hardware: Ethernet, with a device behind them that is not a
/// virtual function's representor.
pub fn physical_ports(machine: &Machine) -> Vec<String> {
    let mut names = machine.names("/sys/class/net");
    names.retain(|name| {
        let attribute = |attribute: &str| machine.attribute(format!("/sys/class/net/{name}/{attribute}"));
        attribute("type").as_deref() == Some(ETHERNET) && machine.has(format!("/sys/class/net/{name}/device"))
    });
    names
}

/// The ports with what the kernel knows of them.
pub fn discover(machine: &Machine, _problems: &mut Vec<String>) -> Vec<Nic> {
    physical_ports(machine).into_iter().map(|name| nic(machine, name)).collect()
}

fn nic(machine: &Machine, name: String) -> Nic {
    let at = |attribute: &str| format!("/sys/class/net/{name}/{attribute}");
    let attribute = |name: &str| machine.attribute(at(name));
    let mac = attribute("address");
    // addr_assign_type 0: NET_ADDR_PERM, the address is the permanent one.
    let permanent = attribute("addr_assign_type").as_deref() == Some("0");
    Nic {
        permanent_mac: mac.clone().filter(|_| permanent),
        mac,
        driver: machine.link_name(at("device/driver")),
        pci_address: pci_address(machine, &at("device")),
        carrier: attribute("carrier").map(|carrier| carrier == "1"),
        speed_mbps: attribute("speed").and_then(|speed| speed.parse().ok()).filter(|speed| *speed > 0),
        name,
    }
}

/// The device's own name, or for virtio its parent's, where that is a PCI address.
fn pci_address(machine: &Machine, device: &str) -> Option<String> {
    let path = machine.resolve(device)?;
    let mut names = path.iter().rev().filter_map(|name| name.to_str());
    names
        .find(|name| name.len() == 12 && name.as_bytes()[4] == b':' && name.as_bytes()[10] == b'.')
        .map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn hardware_is_told_from_what_the_kernel_made_up() {
        let dir = tempfile::tempdir().unwrap();
        let pci = dir.path().join("sys/devices/pci0000:00/0000:00:02.0/virtio0");
        let net = dir.path().join("sys/class/net");
        for name in ["eth0", "br0", "lo"] {
            std::fs::create_dir_all(net.join(name)).unwrap();
            std::fs::write(net.join(name).join("type"), if name == "lo" { "772\n" } else { "1\n" }).unwrap();
        }
        std::fs::create_dir_all(&pci).unwrap();
        symlink(&pci, net.join("eth0/device")).unwrap();
        symlink("../../../../bus/virtio/drivers/virtio_net", pci.join("driver")).unwrap();
        std::fs::write(net.join("eth0/address"), "ac:1f:6b:00:00:01\n").unwrap();
        std::fs::write(net.join("eth0/addr_assign_type"), "0\n").unwrap();
        std::fs::write(net.join("eth0/speed"), "-1\n").unwrap();
        std::fs::write(net.join("eth0/carrier"), "1\n").unwrap();
        let nics = discover(&Machine::at(dir.path()), &mut Vec::new());
        assert_eq!(
            nics,
            [Nic {
                name: "eth0".to_string(),
                mac: Some("ac:1f:6b:00:00:01".to_string()),
                permanent_mac: Some("ac:1f:6b:00:00:01".to_string()),
                driver: Some("virtio_net".to_string()),
                pci_address: Some("0000:00:02.0".to_string()),
                carrier: Some(true),
                speed_mbps: None,
            }]
        );
    }
}
