// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether there is a BMC.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::time::Duration;

use stage1_contract::facts::BmcPresence;

use super::deadline::{Job, in_parallel};
use crate::host::Machine;

/// SMBIOS type 38, where the kernel exports the structures one by one.
const SMBIOS: &str = "/sys/firmware/dmi/entries/38-0";
/// The ACPI device of an IPMI interface, and the table that describes one (IPMI 2.0, appendix C3).
const ACPI: [&str; 2] = ["/sys/bus/acpi/devices/IPI0001:00", "/sys/firmware/acpi/tables/SPMI"];
const DEVICES: &str = "/sys/class/ipmi";

/// The kernel asks the BMC again for what is older than 10 s (`IPMI_DYN_DEV_ID_EXPIRY`), and BMCs hang.
const DEADLINE: Duration = Duration::from_secs(3);

/// From ACPI and the kernel's IPMI drivers.
pub(super) fn discover(machine: &Machine, problems: &mut Vec<String>) -> Option<BmcPresence> {
    let device = machine.names(DEVICES).into_iter().next();
    let sources = [
        ("smbios", machine.has(SMBIOS)),
        ("acpi", ACPI.iter().any(|path| machine.has(path))),
        ("kernel", device.is_some()),
    ];
    let reported_by: Vec<String> =
        sources.into_iter().filter(|(_, reports)| *reports).map(|(name, _)| name.to_string()).collect();
    if reported_by.is_empty() {
        return None;
    }
    let mut presence = BmcPresence { reported_by, ..BmcPresence::default() };
    if let Some(device) = device {
        presence.interface = machine.attribute(format!("{DEVICES}/{device}/device/type"));
        match device_id(machine, &device) {
            Ok(id) => {
                presence =
                    BmcPresence { reported_by: presence.reported_by, interface: presence.interface, ..id }
            }
            Err(problem) => problems.push(problem),
        }
        presence.device = Some(device);
    }
    Some(presence)
}

/// What the BMC has answered to the kernel's Get Device ID.
fn device_id(machine: &Machine, device: &str) -> Result<BmcPresence, String> {
    let machine = machine.clone();
    let folder = format!("{DEVICES}/{device}/device/bmc");
    let read: Job<BmcPresence> = Box::new(move || {
        let attribute = |name: &str| machine.attribute(format!("{folder}/{name}"));
        BmcPresence {
            ipmi_version: attribute("ipmi_version"),
            manufacturer_id: attribute("manufacturer_id"),
            product_id: attribute("product_id"),
            firmware_revision: attribute("firmware_revision"),
            guid: attribute("guid"),
            ..BmcPresence::default()
        }
    });
    in_parallel(DEADLINE, vec![(device.to_string(), read)]).pop().unwrap_or(Ok(BmcPresence::default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::fixture::Tree;

    #[test]
    fn a_bmc_is_reported_by_all_who_know_of_it() {
        let bmc = "/sys/devices/platform/IPI0001:00";
        let files = [
            ("/sys/firmware/dmi/entries/38-0/handle".to_string(), "9728\n"),
            ("/sys/bus/acpi/devices/IPI0001:00/".to_string(), ""),
            (format!("{bmc}/type"), "kcs\n"),
            (format!("{bmc}/bmc/ipmi_version"), "2.0\n"),
            (format!("{bmc}/bmc/manufacturer_id"), "0x0002a2\n"),
            (format!("{bmc}/bmc/product_id"), "0x0100\n"),
            (format!("{bmc}/bmc/firmware_revision"), "6.10\n"),
            (format!("{bmc}/bmc/guid"), "44454c4c-4200-1035-8052-b4c04f4a4b32\n"),
        ];
        let tree = Tree::new(files).links([("/sys/class/ipmi/ipmi0/device", bmc)]);
        let text = |text: &str| Some(text.to_string());
        let expected = BmcPresence {
            device: text("ipmi0"),
            reported_by: ["smbios", "acpi", "kernel"].map(str::to_string).to_vec(),
            interface: text("kcs"),
            ipmi_version: text("2.0"),
            manufacturer_id: text("0x0002a2"),
            product_id: text("0x0100"),
            firmware_revision: text("6.10"),
            guid: text("44454c4c-4200-1035-8052-b4c04f4a4b32"),
        };
        assert_eq!(discover(&tree.machine(), &mut Vec::new()), Some(expected));
    }

    #[test]
    fn a_bmc_without_a_driver_is_reported_by_acpi_and_no_bmc_by_none() {
        let tree = Tree::new([("/sys/firmware/acpi/tables/SPMI", "SPMI")]);
        let presence = discover(&tree.machine(), &mut Vec::new()).unwrap();
        assert_eq!((presence.reported_by, presence.device), (vec!["acpi".to_string()], None));
        assert_eq!(discover(&Tree::new([("/sys/", "")]).machine(), &mut Vec::new()), None);
    }
}
