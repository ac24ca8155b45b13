// SPDX-License-Identifier: MIT OR Apache-2.0
//! Discovers how the machine was started.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::io::ErrorKind;

use stage1_contract::facts::{BootEntry, EsrtEntry};
use stage1_contract::{BootFirmware, FirmwareKind};

use super::{device_path, variable};
use crate::host::Machine;

const EFI: &str = "/sys/firmware/efi";
const VARIABLES: &str = "/sys/firmware/efi/efivars";
const ESRT: &str = "/sys/firmware/efi/esrt/entries";
/// `EFI_GLOBAL_VARIABLE` (UEFI 3.3).
const GLOBAL: &str = "-8be4df61-93ca-11d2-aa0d-00e098032b8c";

/// From `/sys/firmware/efi`. Vendor and version are in the SMBIOS tables.
pub(crate) fn discover(machine: &Machine, problems: &mut Vec<String>) -> BootFirmware {
    let kind = if machine.has(EFI) { FirmwareKind::Uefi } else { FirmwareKind::Bios };
    let mut numbers = |name| variable(machine, name, problems).map(|data| variable::numbers(&data));
    let boot_order = numbers("BootOrder").unwrap_or_default();
    let boot_current = numbers("BootCurrent").and_then(|numbers| numbers.into_iter().next());
    let boot_next = numbers("BootNext").and_then(|numbers| numbers.into_iter().next());
    let mut flag = |name| variable(machine, name, problems).and_then(|data| variable::flag(&data));
    BootFirmware {
        kind,
        vendor: None,
        version: None,
        platform_bits: machine
            .attribute(format!("{EFI}/fw_platform_size"))
            .and_then(|bits| bits.parse().ok()),
        secure_boot: flag("SecureBoot"),
        setup_mode: flag("SetupMode"),
        boot_current,
        boot_next,
        boot_order,
        boot_entries: boot_entries(machine, problems),
        esrt: esrt(machine),
    }
}

/// The data of a variable of the firmware's own; `None` where there is none.
fn variable(machine: &Machine, name: &str, problems: &mut Vec<String>) -> Option<Vec<u8>> {
    match machine.read(format!("{VARIABLES}/{name}{GLOBAL}")) {
        Ok(bytes) => variable::data(&bytes).map(<[u8]>::to_vec),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
        Err(error) => {
            problems.push(format!("reading the UEFI variable {name}: {error}, skipped"));
            None
        }
    }
}

fn boot_entries(machine: &Machine, problems: &mut Vec<String>) -> Vec<BootEntry> {
    let files = machine.names(VARIABLES);
    let variables = files.iter().filter_map(|file| file.strip_suffix(GLOBAL));
    let mut entries = Vec::new();
    for (name, number) in variables.filter_map(|name| Some((name, variable::boot_number(name)?))) {
        let Some(data) = variable(machine, name, problems) else { continue };
        let Some(option) = variable::LoadOption::parse(&data) else {
            problems.push(format!(
                "parsing the UEFI variable {name}: not a boot entry (length {}), skipped",
                data.len()
            ));
            continue;
        };
        let device_path = device_path::text(option.device_path);
        if device_path.is_none() {
            problems.push(format!("parsing the UEFI variable {name}: malformed device path, skipped"));
        }
        entries.push(BootEntry {
            number: number.to_string(),
            description: option.description,
            active: option.active,
            device_path,
        });
    }
    entries
}

/// Documentation/ABI/testing/sysfs-firmware-efi-esrt.
fn esrt(machine: &Machine) -> Vec<EsrtEntry> {
    let mut names = machine.names(ESRT);
    names.sort_by_key(|name| (name.len(), name.clone()));
    let entry = |name: String| {
        let attribute = |attribute: &str| machine.attribute(format!("{ESRT}/{name}/{attribute}"));
        let number = |name: &str| attribute(name)?.parse::<u32>().ok();
        Some(EsrtEntry {
            fw_class: attribute("fw_class")?,
            fw_type: number("fw_type").map(variable::fw_type),
            fw_version: number("fw_version"),
            lowest_supported_fw_version: number("lowest_supported_fw_version"),
            capsule_flags: attribute("capsule_flags"),
            last_attempt_version: number("last_attempt_version"),
            last_attempt_status: number("last_attempt_status").map(variable::last_attempt_status),
        })
    };
    names.into_iter().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use stage1_contract::facts::LastAttemptStatus;

    use super::*;
    use crate::facts::fixture::Tree;

    fn text(text: &str) -> Option<String> {
        Some(text.to_string())
    }

    fn efi(name: &str, data: &[u8]) -> (String, Vec<u8>) {
        (format!("{VARIABLES}/{name}{GLOBAL}"), [&[7, 0, 0, 0], data].concat())
    }

    #[test]
    fn a_machine_without_uefi_has_a_bios() {
        let firmware = discover(&Tree::new([("/sys/firmware/dmi/", "")]).machine(), &mut Vec::new());
        assert_eq!(firmware.kind, FirmwareKind::Bios);
        assert_eq!((firmware.secure_boot, firmware.boot_entries), (None, Vec::new()));
    }

    #[test]
    fn uefi_variables_have_secure_boot_and_the_boot_entries() {
        let entry = variable::tests::load_option(1, "UEFI PXEv4", device_path::tests::PXE);
        let files = [
            efi("SecureBoot", &[1]),
            efi("SetupMode", &[0]),
            efi("BootOrder", &[0x0a, 0, 0, 0]),
            efi("BootCurrent", &[0x0a, 0]),
            efi("Boot0000", b"\x01"),
            efi("Boot000A", &entry),
            efi("BootOptionSupport", &[3, 3, 0, 0]),
            efi("Timeout", &[5, 0]),
            (format!("{EFI}/fw_platform_size"), b"64\n".to_vec()),
        ];
        let mut problems = Vec::new();
        let firmware = discover(&Tree::new(files).machine(), &mut problems);
        let boot_entry = BootEntry {
            number: "000A".to_string(),
            description: "UEFI PXEv4".to_string(),
            active: true,
            device_path: text("PciRoot(0x0)/Pci(0x1c,0x0)/Pci(0x0,0x0)/MAC(525400123456,0x1)/IPv4(0.0.0.0)"),
        };
        let expected = BootFirmware {
            kind: FirmwareKind::Uefi,
            vendor: None,
            version: None,
            platform_bits: Some(64),
            secure_boot: Some(true),
            setup_mode: Some(false),
            boot_current: text("000A"),
            boot_next: None,
            boot_order: vec!["000A".to_string(), "0000".to_string()],
            boot_entries: vec![boot_entry],
            esrt: Vec::new(),
        };
        assert_eq!(firmware, expected);
        assert_eq!(problems, ["parsing the UEFI variable Boot0000: not a boot entry (length 1), skipped"]);
    }

    #[test]
    fn the_esrt_lists_what_capsules_can_update() {
        let entry = |name: &str, files: &[(&str, &str)]| -> Vec<(String, String)> {
            let path = |file: &str| format!("{ESRT}/{name}/{file}");
            files.iter().map(|(file, content)| (path(file), content.to_string())).collect()
        };
        let mut files = entry(
            "entry0",
            &[
                ("fw_class", "ddc0ee61-e7f0-4e7d-acc5-c070a398838e\n"),
                ("fw_type", "1\n"),
                ("fw_version", "65586\n"),
                ("lowest_supported_fw_version", "65582\n"),
                ("capsule_flags", "0x10000\n"),
                ("last_attempt_version", "65586\n"),
                ("last_attempt_status", "5\n"),
            ],
        );
        files.extend(entry("entry10", &[("fw_class", "e8e5a0c5-2c0c-4d05-9f1b-7a1c2d3e4f50\n")]));
        files.extend(entry("entry2", &[("fw_class", "6bd2efb9-23ab-4b4c-bc37-016517413e9a\n")]));
        let esrt = discover(&Tree::new(files).machine(), &mut Vec::new()).esrt;
        let first = EsrtEntry {
            fw_class: "ddc0ee61-e7f0-4e7d-acc5-c070a398838e".to_string(),
            fw_type: text("system-firmware"),
            fw_version: Some(65_586),
            lowest_supported_fw_version: Some(65_582),
            capsule_flags: text("0x10000"),
            last_attempt_version: Some(65_586),
            last_attempt_status: Some(LastAttemptStatus::AuthenticationError),
        };
        assert_eq!(esrt[0], first);
        assert!(esrt[1].fw_class.starts_with("6bd2efb9") && esrt[2].fw_class.starts_with("e8e5a0c5"));
    }
}
