// SPDX-License-Identifier: MIT OR Apache-2.0
//! Facts for people. Pure.

use std::fmt::Write;

use stage1_inventory::{Cpus, Facts, FirmwareKind, Identity, Nic};

/// The machine in a few words, for the timeline.
pub fn one_line(facts: &Facts) -> String {
    let system = facts.system.clone().unwrap_or_default();
    let product = [system.manufacturer, system.product].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let product = if product.is_empty() { "unnamed machine".to_string() } else { product };
    let threads = facts.cpus.as_ref().map_or(0, |cpus| cpus.threads);
    let memory = facts.memory.as_ref().map_or(0, |memory| memory.usable_bytes);
    format!(
        "{product}, {threads} threads, {}, {} ports, {} disks",
        bytes(memory),
        facts.nics.len(),
        facts.disks.len()
    )
}

/// The machine as aligned lines, grouped.
pub fn table(facts: &Facts, identity: Result<&Identity, &anyhow::Error>) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = writeln!(text, "{name:<14}{value}");
        }
    };
    match identity {
        Ok(identity) => line("identity", Some(format!("{} ({})", identity.id, identity.reason))),
        Err(error) => line("identity", Some(format!("none: {error}"))),
    }
    if let Some(system) = &facts.system {
        line("manufacturer", system.manufacturer.clone());
        line("product", system.product.clone());
        line("version", system.version.clone());
        line("serial", system.serial.clone());
        line("uuid", system.uuid.clone());
        line("sku", system.sku.clone());
        line("family", system.family.clone());
    }
    if let Some(firmware) = &facts.firmware {
        let kind = match &firmware.kind {
            FirmwareKind::Uefi => "UEFI",
            FirmwareKind::Bios => "BIOS",
            FirmwareKind::Unknown(kind) => kind,
        };
        let parts = [Some(kind), firmware.vendor.as_deref(), firmware.version.as_deref()];
        line("firmware", Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" ")));
    }
    line("cpus", facts.cpus.as_ref().map(cpus));
    line("memory", facts.memory.as_ref().map(|memory| bytes(memory.usable_bytes)));
    for each in &facts.nics {
        line("port", Some(nic(each)));
    }
    for disk in &facts.disks {
        let parts =
            [Some(disk.name.clone()), Some(bytes(disk.size_bytes)), disk.model.clone(), disk.serial.clone()];
        line("disk", Some(parts.into_iter().flatten().collect::<Vec<_>>().join("  ")));
    }
    line("kernel", facts.kernel.clone());
    text
}

fn cpus(cpus: &Cpus) -> String {
    let model = cpus.model.as_deref().unwrap_or("unnamed");
    format!("{model}, {} sockets, {} cores, {} threads", cpus.sockets, cpus.cores, cpus.threads)
}

fn nic(nic: &Nic) -> String {
    let carrier = match nic.carrier {
        Some(true) => "carrier",
        Some(false) => "no carrier",
        None => "down",
    };
    let speed = nic.speed_mbps.map(|speed| format!("{speed} Mbit/s"));
    let parts = [
        Some(nic.name.clone()),
        nic.mac.clone(),
        nic.driver.clone(),
        nic.pci_address.clone(),
        Some(carrier.to_string()),
        speed,
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("  ")
}

/// Bytes with a binary prefix and one decimal.
fn bytes(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", units[unit]) }
}
