// SPDX-License-Identifier: MIT OR Apache-2.0
//! Processors, memory, ports, disks, accelerators and sensors. Pure.

use std::collections::BTreeMap;

use stage1_contract::facts::{Accelerator, MemoryDevice, PciDevice, Sensor, SensorKind};
use stage1_contract::{Cpus, Disk, Facts, Nic};

use super::Rows;
use super::words::words;
use crate::display::{count, size};
use crate::facts::findings::{microcodes, slots, volatile_bytes};
use crate::facts::pci::part;

pub(super) fn processors(cpus: &Cpus) -> Rows {
    let model = cpus.model.as_deref().unwrap_or("unnamed");
    let mut rows =
        vec![vec![format!("{} x {model}, {} cores, {} threads", cpus.sockets, cpus.cores, cpus.threads)]];
    let mut more = Vec::new();
    if let Some(khz) = cpus.max_khz {
        more.push(format!("up to {} MHz", khz / 1000));
    }
    let nodes = cpus.numa_nodes.iter().filter(|node| node.cpus.is_some()).count();
    match cpus.numa_nodes.len() - nodes {
        0 if nodes > 1 => more.push(format!("{nodes} NUMA nodes")),
        0 => {}
        // Memory of accelerators, or CXL.
        without => {
            more.push(format!("{}, and {without} without processors", count(nodes as u64, "NUMA node")));
        }
    }
    more.extend(microcodes(cpus).iter().map(|microcode| format!("microcode {microcode}")));
    more.extend(cpus.virtualisation.clone());
    let caches = cpus.caches.iter().filter(|cache| cache.kind != "instruction");
    more.extend(caches.map(|cache| format!("L{} {}", cache.level, size(cache.size_bytes))));
    if !more.is_empty() {
        rows.push(vec![more.join(", ")]);
    }
    rows
}

/// The processors by SMBIOS, for a dump of the tables alone.
pub(super) fn sockets(facts: &Facts) -> Rows {
    let processors = facts.smbios.iter().flat_map(|smbios| &smbios.processors);
    let kinds = processors.filter(|processor| processor.populated == Some(true)).map(|processor| {
        let name = processor.version.as_ref().or(processor.family.as_ref()).map_or("unnamed", String::as_str);
        processor.cores.map_or_else(|| name.to_string(), |cores| format!("{name}, {cores} cores"))
    });
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    kinds.for_each(|kind| *counts.entry(kind).or_default() += 1);
    counts.into_iter().map(|(kind, count)| vec![format!("{count} x {kind}")]).collect()
}

pub(super) fn memory(facts: &Facts) -> Rows {
    let dimms: Vec<&MemoryDevice> = facts.smbios.as_ref().map(slots).unwrap_or_default();
    let is_installed = |dimm: &&MemoryDevice| dimm.size_bytes.is_some_and(|size| size > 0);
    let installed: Vec<&MemoryDevice> = dimms.iter().copied().filter(is_installed).collect();
    let mut head = Vec::new();
    if !dimms.is_empty() {
        let total: u64 = installed.iter().filter_map(|dimm| dimm.size_bytes).sum();
        let volatile: u64 = installed.iter().map(|dimm| volatile_bytes(dimm)).sum();
        let used = installed.iter().filter(|dimm| volatile_bytes(dimm) > 0).count();
        head.push(format!("{} in {used} of {} slots", size(volatile), dimms.len()));
        if total > volatile {
            let count = installed.len() - used;
            head.push(format!("{} persistent in {count}", size(total - volatile)));
        }
    }
    if let Some(memory) = &facts.memory {
        head.push(format!("{} usable", size(memory.usable_bytes)));
    }
    let mut rows = Rows::new();
    if !head.is_empty() {
        rows.push(vec![head.join(", ")]);
    }
    // Modules of one kind are one line, with the slots that they sit in.
    let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for dimm in &installed {
        let shared = installed.iter().filter(|other| other.locator == dimm.locator).count() > 1;
        let slot = if shared { words().any(&dimm.bank_locator) } else { words() };
        kinds.entry(module(dimm)).or_default().push(slot.any(&dimm.locator).0);
    }
    for (kind, slots) in kinds {
        rows.push(vec![format!("{} x {kind}: {}", slots.len(), slots.join(", "))]);
    }
    rows
}

fn module(dimm: &MemoryDevice) -> String {
    let speed = match (dimm.configured_speed_mtps, dimm.speed_mtps) {
        (Some(configured), Some(speed)) => format!("{configured} of {speed} MT/s"),
        (Some(speed), None) | (None, Some(speed)) => format!("{speed} MT/s"),
        (None, None) => String::new(),
    };
    let ecc = if dimm.ecc == Some(true) { "ECC" } else { "" };
    let name = words().any(&dimm.size_bytes.map(size)).any(&dimm.memory_type).any(&dimm.form_factor);
    name.add(ecc).add(&speed).real(&dimm.manufacturer).real(&dimm.part_number).0
}

/// A port, with the name of its adapter where it is a common one.
pub(super) fn port(nic: &Nic, devices: &[PciDevice]) -> Vec<String> {
    let function = devices.iter().find(|device| Some(&device.address) == nic.pci_address.as_ref());
    let function = function.filter(|_| nic.bus.as_deref() != Some("usb"));
    let adapter = function
        .and_then(|device| part(device.vendor.as_deref(), device.device.as_deref()))
        .unwrap_or_default();
    let part_number = function.and_then(|device| part_number(device, devices));
    let carrier = match (nic.carrier, nic.speed_mbps) {
        (Some(true), Some(speed)) => format!("{speed} Mbit/s"),
        (Some(true), None) => "carrier".to_string(),
        (Some(false), _) => "no carrier".to_string(),
        (None, _) => "down".to_string(),
    };
    let module = nic
        .module
        .as_ref()
        .map_or_else(words, |module| words().add(&module.kind).any(&module.vendor).any(&module.part_number));
    vec![
        nic.name.clone(),
        words().any(nic.permanent_mac.as_ref().map_or(&nic.mac, |_| &nic.permanent_mac)).0,
        words().any(&nic.pci_address).0,
        words().any(&nic.driver).0,
        adapter.to_string(),
        carrier,
        words().labelled("firmware", &nic.firmware_version).0,
        words().labelled("part", &part_number).0,
        module.add(if nic.boot == Some(true) { "booted from" } else { "" }).0,
    ]
}

/// The part number of the adapter, which its first function has.
fn part_number(function: &PciDevice, devices: &[PciDevice]) -> Option<String> {
    let (device, _) = function.address.rsplit_once('.')?;
    let first = devices.iter().find(|other| other.address.strip_prefix(device) == Some(".0"))?;
    first.vpd.as_ref()?.part_number.clone()
}

pub(super) fn disk(disk: &Disk) -> Vec<String> {
    let kind = match (disk.rotational, disk.rotation_rpm) {
        // The medium behind it is unknown.
        _ if disk.transport.as_deref() == Some("virtio") => String::new(),
        (Some(true), Some(rpm)) => format!("{rpm} rpm"),
        (Some(true), None) => "rotating".to_string(),
        (Some(false), _) => "solid state".to_string(),
        (None, _) => String::new(),
    };
    let health = disk.nvme.as_ref().and_then(|nvme| nvme.health.as_ref());
    vec![
        disk.name.clone(),
        size(disk.size_bytes),
        words().any(&disk.transport).0,
        kind,
        words().any(&disk.vendor).any(&disk.model).0,
        words().labelled("serial", &disk.serial).0,
        words().labelled("firmware", &disk.firmware).0,
        words().any(&disk.hctl).labelled("bay", &disk.bay).0,
        match disk.other_names.as_slice() {
            [] => String::new(),
            names => format!("also {}", names.join(", ")),
        },
        health.map_or_else(String::new, |health| format!("{} % used", health.used_percent)),
    ]
}

/// How many disks there are, and which are alike.
pub(super) fn storage(disks: &[Disk]) -> Rows {
    let mut rows = Rows::new();
    if disks.len() < 2 {
        return rows;
    }
    let total = disks.iter().map(|disk| disk.size_bytes).fold(0, u64::saturating_add);
    rows.push(vec![format!("{} in {} disks", size(total), disks.len())]);
    let mut kinds: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for disk in disks {
        let kind =
            words().add(&size(disk.size_bytes)).any(&disk.transport).any(&disk.vendor).any(&disk.model);
        kinds.entry(kind.0).or_default().push(&disk.name);
    }
    let several = kinds.iter().filter(|(_, names)| names.len() > 1);
    rows.extend(several.map(|(kind, names)| vec![format!("{} x {kind}: {}", names.len(), names.join(", "))]));
    rows
}

pub(super) fn accelerator(accelerator: &Accelerator) -> Vec<String> {
    let ids = [&accelerator.vendor, &accelerator.device]
        .map(|id| id.as_deref().unwrap_or("?").trim_start_matches("0x"));
    vec![
        accelerator.pci_address.clone(),
        accelerator.kind.clone(),
        ids.join(":"),
        part(accelerator.vendor.as_deref(), accelerator.device.as_deref()).unwrap_or_default().to_string(),
        words().any(&accelerator.driver).0,
        accelerator.numa_node.map_or_else(String::new, |node| format!("node {node}")),
    ]
}

/// The hottest temperature of each chip, and how many readings there are in all.
pub(super) fn sensors(sensors: &[Sensor]) -> Rows {
    let mut hottest: BTreeMap<&str, (i64, &str)> = BTreeMap::new();
    for sensor in sensors.iter().filter(|sensor| sensor.kind == SensorKind::Temperature) {
        let Some(value) = sensor.value else { continue };
        let reading = (value, sensor.label.as_deref().unwrap_or(&sensor.name));
        let slot = hottest.entry(&sensor.chip).or_insert(reading);
        *slot = reading.max(*slot);
    }
    let mut rows = Rows::new();
    for (chip, (millidegrees, name)) in hottest {
        rows.push(vec![chip.to_string(), format!("{name} {} °C", millidegrees / 1000)]);
    }
    if !sensors.is_empty() {
        rows.push(vec!["all".to_string(), count(sensors.len() as u64, "reading")]);
    }
    rows
}
