// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine as a whole. Pure.

use stage1_contract::facts::Discovery;
use stage1_contract::{Facts, FirmwareKind};

use super::Rows;
use super::words::{Words, words};

/// Identity, system, enclosure, firmware, BMC, TPM, watchdogs and kernel.
pub(super) fn machine(discovery: &Discovery) -> Rows {
    let facts = &discovery.facts;
    let mut rows = Rows::new();
    let mut row = |name: &str, value: Words| {
        if !value.0.is_empty() {
            rows.push(vec![name.to_string(), value.0]);
        }
    };
    if let Some(identity) = &discovery.identity {
        row("identity", words().add(&identity.id).add(&format!("({})", identity.reason)));
    }
    if let Some(system) = &facts.system {
        let product = words().real(&system.manufacturer).real(&system.product);
        let repeated = system.version == system.product;
        row("product", if repeated { product } else { product.real(&system.version) });
        row("serial", words().real(&system.serial));
        row("uuid", words().any(&system.uuid));
        row("sku", words().real(&system.sku));
        row("family", words().real(&system.family));
    }
    if let Some(smbios) = &facts.smbios {
        for board in &smbios.baseboards {
            let name = words().real(&board.manufacturer).real(&board.product).real(&board.version);
            row("board", name.labelled("serial", &board.serial));
        }
        for chassis in &smbios.chassis {
            let height = chassis.height_units.map(|units| format!("{units} U"));
            let name = words().real(&chassis.manufacturer).real(&chassis.chassis_type).any(&height);
            row(
                "chassis",
                name.labelled("serial", &chassis.serial).labelled("asset tag", &chassis.asset_tag),
            );
        }
    }
    row("firmware", firmware(facts));
    row("bmc", bmc(facts));
    if let Some(tpm) = &facts.tpm {
        let name = words().any(&tpm.version).any(&tpm.manufacturer).any(&tpm.firmware_version);
        let banks = tpm.pcr_banks.join(", ");
        row("tpm", if banks.is_empty() { name } else { name.add("with").add(&banks) });
    }
    for watchdog in &facts.watchdogs {
        let name = watchdog.identity.as_ref().unwrap_or(&watchdog.name);
        let timeout = watchdog.timeout_s.map(|seconds| format!("{seconds} s"));
        row("watchdog", words().add(name).any(&watchdog.state).any(&timeout));
    }
    row("slots", slots(facts));
    if !facts.pci.is_empty() {
        row("pci", words().add(&format!("{} functions", facts.pci.len())));
    }
    row("kernel", words().any(&facts.kernel));
    rows
}

/// The free slots for cards (DSP0134 7.10.4).
fn slots(facts: &Facts) -> Words {
    let slots = facts.smbios.as_ref().map(|smbios| smbios.slots.as_slice()).unwrap_or_default();
    let free = slots.iter().filter(|slot| slot.usage.as_deref() == Some("Available"));
    let names: Vec<&str> = free.map(|slot| slot.designation.as_deref().unwrap_or("unnamed")).collect();
    match (slots.len(), names.as_slice()) {
        (0, _) => words(),
        (all, []) => words().add(&format!("0 of {all} free")),
        (all, free) => words().add(&format!("{} of {all} free: {}", free.len(), free.join(", "))),
    }
}

fn firmware(facts: &Facts) -> Words {
    let Some(firmware) = &facts.firmware else { return words() };
    let kind = match &firmware.kind {
        FirmwareKind::Uefi => "UEFI",
        FirmwareKind::Bios => "BIOS",
        FirmwareKind::Unknown(kind) => kind,
    };
    let bios = facts.smbios.as_ref().and_then(|smbios| smbios.bios.as_ref());
    let date = bios.and_then(|bios| bios.release_date.clone());
    let secure_boot = match firmware.secure_boot {
        Some(true) => "Secure Boot on",
        Some(false) => "Secure Boot off",
        None => "",
    };
    let is_current = |number| Some(number) == firmware.boot_current.as_ref();
    let current = firmware.boot_entries.iter().find(|entry| is_current(&entry.number));
    let current = current.map(|entry| format!("booted {:?}", entry.description));
    let name = words().add(kind).any(&firmware.vendor).any(&firmware.version).labelled("of", &date);
    name.add(secure_boot).any(&current)
}

fn bmc(facts: &Facts) -> Words {
    let Some(bmc) = &facts.bmc else { return words() };
    let smbios = facts.smbios.iter().flat_map(|smbios| &smbios.ipmi_devices).next();
    let name = match smbios {
        Some(device) => words().any(&device.interface_type).labelled("at", &device.base_address),
        None => words().any(&bmc.interface),
    };
    let name = name.any(&bmc.device).labelled("firmware", &bmc.firmware_revision);
    name.add(&format!("(reported by {})", bmc.reported_by.join(", ")))
}
