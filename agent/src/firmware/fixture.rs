// SPDX-License-Identifier: MIT OR Apache-2.0
//! A machine, and manifests for it, for tests.

use std::collections::BTreeMap;

use stage1_contract::facts::{Baseboard, Bios, Devlink, EsrtEntry, PciDevice, Smbios};
use stage1_contract::firmware::ManifestSet;
use stage1_contract::{BootFirmware, Facts, FirmwareKind, Nic, SystemInformation};

use super::set;

pub const CLASS: &str = "ddc0ee61-e7f0-4e7d-acc5-c070a398838e";

/// A set of these entries; `image` stands for an image.
pub fn manifests(entries: &str) -> ManifestSet {
    let digest = "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92";
    let image = format!("{{ urls = [\"/i\"], size = 1048576, sha256 = \"{digest}\" }}");
    let head = "schema = 1\nserial = 1\nexpires = \"2027-06-30\"\n";
    set::parse(&format!("{head}{}", entries.replace("IMAGE", &image))).unwrap()
}

/// An entry for the adapter of [`machine`], with more of its keys.
pub fn nic(more: &str) -> String {
    format!(
        "[[entry]]\nname = \"nic\"\ncomponent = \"nic\"\nmatch = {{ pci = [\"15b3:101d\"] }}\n{more}\n\
         method = {{ devlink = {{}} }}\nactivate = {{ by = \"warm\" }}\n"
    )
}

/// An entry for the board of [`machine`], with more of its keys.
pub fn board(more: &str) -> String {
    format!(
        "[[entry]]\nname = \"board\"\ncomponent = \"bios\"\nmatch = {{ product = \"R640\" }}\n{more}\n\
         method = {{ mtd = {{ partition = \"bios\" }} }}\nactivate = {{ by = \"cold\" }}\n"
    )
}

/// A machine with an adapter of two ports and an on-board one.
pub fn machine() -> Facts {
    let text = |text: &str| Some(text.to_string());
    let board = |product: &str| Baseboard {
        manufacturer: text("Dell Inc."),
        product: text(product),
        ..Baseboard::default()
    };
    let bios = Bios { version: text("2.12.2"), release: text("2.12"), ..Bios::default() };
    let esrt = EsrtEntry {
        fw_class: CLASS.to_string(),
        fw_version: Some(0x0002_0c02),
        lowest_supported_fw_version: Some(0x0002_0500),
        ..EsrtEntry::default()
    };
    Facts {
        system: Some(SystemInformation {
            manufacturer: text("Dell Inc."),
            product: text("R640"),
            ..SystemInformation::default()
        }),
        firmware: Some(BootFirmware {
            kind: FirmwareKind::Uefi,
            vendor: None,
            version: None,
            platform_bits: None,
            secure_boot: None,
            setup_mode: None,
            boot_current: None,
            boot_next: None,
            boot_order: Vec::new(),
            boot_entries: Vec::new(),
            esrt: vec![esrt],
        }),
        smbios: Some(Smbios {
            bios: Some(bios),
            baseboards: vec![board("0X45NX"), board("PCIe riser")],
            ..Smbios::default()
        }),
        nics: vec![port("0000:3b:00.1", "SN1"), port("0000:3b:00.0", "SN1"), onboard()],
        pci: vec![
            pci("0000:00:1f.6", "0x8086", "0x15fb"),
            pci("0000:3b:00.0", "0x15b3", "0x101d"),
            pci("0000:3b:00.1", "0x15b3", "0x101d"),
        ],
        ..Facts::default()
    }
}

/// A port of a ConnectX adapter.
pub fn port(address: &str, serial: &str) -> Nic {
    let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    };
    Nic {
        name: format!("eth-{address}"),
        pci_address: Some(address.to_string()),
        driver: Some("mlx5_core".to_string()),
        bus: Some("pci".to_string()),
        firmware_version: Some("22.31.1014 (MT_0000000359)".to_string()),
        devlink: Some(Devlink {
            serial: Some(serial.to_string()),
            fixed: map(&[("fw.psid", "MT_0000000359"), ("fw.srev", "4")]),
            running: map(&[("fw", "22.31.1014")]),
            stored: map(&[("fw", "22.31.1014")]),
            ..Devlink::default()
        }),
        ..Nic::default()
    }
}

fn onboard() -> Nic {
    Nic { name: "eno1".to_string(), pci_address: Some("0000:00:1f.6".to_string()), ..Nic::default() }
}

pub fn pci(address: &str, vendor: &str, device: &str) -> PciDevice {
    PciDevice {
        address: address.to_string(),
        vendor: Some(vendor.to_string()),
        device: Some(device.to_string()),
        subsystem_vendor: Some("0x15b3".to_string()),
        subsystem_device: Some("0x0016".to_string()),
        ..PciDevice::default()
    }
}
