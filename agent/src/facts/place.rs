// SPDX-License-Identifier: MIT OR Apache-2.0
//! The place of a device among the buses.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use crate::host::Machine;

/// The PCI function that a device is, or the nearest that it is behind.
pub(super) fn pci_address(machine: &Machine, device: &str) -> Option<String> {
    let path = machine.resolve(device)?;
    let mut names = path.iter().rev().filter_map(|name| name.to_str());
    names.find(|name| is_pci_address(name)).map(str::to_string)
}

/// The NUMA node of a PCI function, where there are several.
pub(super) fn numa_node(machine: &Machine, pci_address: &str) -> Option<u32> {
    // -1 where the firmware does not report it.
    machine.attribute(format!("/sys/bus/pci/devices/{pci_address}/numa_node"))?.parse().ok()
}

/// The name of the slot that a PCI function is in, where it can be plugged.
pub(super) fn slot(machine: &Machine, pci_address: &str) -> Option<String> {
    let (device, _) = pci_address.rsplit_once('.')?;
    let slots = "/sys/bus/pci/slots";
    let is_it =
        |name: &String| machine.attribute(format!("{slots}/{name}/address")).as_deref() == Some(device);
    machine.names(slots).into_iter().find(is_it)
}

/// `0000:3b:00.0`; the domain of a function behind an Intel VMD has more digits.
fn is_pci_address(name: &str) -> bool {
    let mut parts = name.split([':', '.']);
    let mut hexadecimal = |lengths: std::ops::RangeInclusive<usize>| {
        let part = parts.next().unwrap_or_default();
        lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    hexadecimal(4..=8)
        && hexadecimal(2..=2)
        && hexadecimal(2..=2)
        && hexadecimal(1..=1)
        && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pci_address_is_recognised_among_other_names() {
        for name in ["0000:3b:00.0", "10000:e1:00.0"] {
            assert!(is_pci_address(name), "{name}");
        }
        for name in ["pci0000:00", "0000:3b:00", "2:0:0:0", "0000:3b:00.0.1", "virtio0", "target2:0:0", ""] {
            assert!(!is_pci_address(name), "{name}");
        }
    }
}
