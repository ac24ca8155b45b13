// SPDX-License-Identifier: MIT OR Apache-2.0
//! Facts for people: what is odd first, then the machine, group by group. Pure.

use std::collections::BTreeMap;
use std::fmt::Write;

use stage1_contract::facts::{Accelerator, Discovery, MemoryDevice, Sensor};
use stage1_contract::{Cpus, Disk, Facts, FirmwareKind, Nic};

use super::oddities::oddities;
use super::placeholder::is_placeholder;
use crate::display::{columns, size};

/// The machine in a few words, for the timeline.
pub fn one_line(facts: &Facts) -> String {
    let system = facts.system.as_ref();
    let product =
        system.map_or_else(words, |system| words().real(&system.manufacturer).real(&system.product)).0;
    let product = if product.is_empty() { "unnamed machine" } else { &product };
    let threads = facts.cpus.as_ref().map_or(0, |cpus| cpus.threads);
    let memory = facts.memory.as_ref().map_or(0, |memory| memory.usable_bytes);
    let (ports, disks) = (facts.nics.len(), facts.disks.len());
    format!("{product}, {threads} threads, {}, {ports} ports, {disks} disks", size(memory))
}

/// The machine as groups of aligned lines.
pub fn table(discovery: &Discovery) -> String {
    let facts = &discovery.facts;
    let odd = oddities(discovery).into_iter().map(|(part, words)| vec![part, words]).collect();
    let groups = [
        ("odd", odd),
        ("machine", machine(discovery)),
        ("processors", facts.cpus.as_ref().map_or_else(|| sockets(facts), processors)),
        ("memory", memory(facts)),
        ("ports", facts.nics.iter().map(port).collect()),
        ("disks", facts.disks.iter().map(disk).collect()),
        ("accelerators", facts.accelerators.iter().map(accelerator).collect()),
        ("sensors", sensors(&facts.sensors)),
    ];
    let mut text = String::new();
    for (name, rows) in groups.iter().filter(|(_, rows)| !rows.is_empty()) {
        let gap = if text.is_empty() { "" } else { "\n" };
        let _ = writeln!(text, "{gap}{name}");
        text += &columns(rows, "  ");
    }
    text
}

type Rows = Vec<Vec<String>>;

/// Words with spaces between them; what is absent is left out.
#[derive(Default)]
struct Words(String);

impl Words {
    fn add(mut self, word: &str) -> Self {
        if !word.is_empty() {
            let gap = if self.0.is_empty() { "" } else { " " };
            self.0 += gap;
            self.0 += word;
        }
        self
    }

    fn any(self, word: &Option<String>) -> Self {
        self.add(word.as_deref().unwrap_or_default())
    }

    /// What somebody has set, no placeholder.
    fn real(self, text: &Option<String>) -> Self {
        self.add(text.as_deref().filter(|text| !is_placeholder(text)).unwrap_or_default())
    }

    fn labelled(self, label: &str, text: &Option<String>) -> Self {
        match text.as_deref().filter(|text| !is_placeholder(text)) {
            Some(text) => self.add(label).add(text),
            None => self,
        }
    }
}

fn words() -> Words {
    Words::default()
}

fn machine(discovery: &Discovery) -> Rows {
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
    if !facts.pci.is_empty() {
        row("pci", words().add(&format!("{} functions", facts.pci.len())));
    }
    row("kernel", words().any(&facts.kernel));
    rows
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
    name.add(&format!("(told by {})", bmc.told_by.join(", ")))
}

fn processors(cpus: &Cpus) -> Rows {
    let model = cpus.model.as_deref().unwrap_or("unnamed");
    let mut rows =
        vec![vec![format!("{} x {model}, {} cores, {} threads", cpus.sockets, cpus.cores, cpus.threads)]];
    let mut more = Vec::new();
    if let Some(khz) = cpus.max_khz {
        more.push(format!("up to {} MHz", khz / 1000));
    }
    if cpus.numa_nodes.len() > 1 {
        more.push(format!("{} NUMA nodes", cpus.numa_nodes.len()));
    }
    let mut microcodes: Vec<&str> =
        cpus.packages.iter().filter_map(|package| package.microcode.as_deref()).collect();
    microcodes.dedup();
    more.extend(microcodes.iter().map(|microcode| format!("microcode {microcode}")));
    more.extend(cpus.virtualisation.clone());
    let caches = cpus.caches.iter().filter(|cache| cache.kind != "instruction");
    more.extend(caches.map(|cache| format!("L{} {}", cache.level, size(cache.size_bytes))));
    if !more.is_empty() {
        rows.push(vec![more.join(", ")]);
    }
    rows
}

/// The processors as SMBIOS has them, where the kernel's view is not there.
fn sockets(facts: &Facts) -> Rows {
    let processors = facts.smbios.iter().flat_map(|smbios| &smbios.processors);
    let kinds = processors.filter(|processor| processor.populated == Some(true)).map(|processor| {
        let name = processor.version.as_ref().or(processor.family.as_ref()).map_or("unnamed", String::as_str);
        processor.cores.map_or_else(|| name.to_string(), |cores| format!("{name}, {cores} cores"))
    });
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    kinds.for_each(|kind| *counts.entry(kind).or_default() += 1);
    counts.into_iter().map(|(kind, count)| vec![format!("{count} x {kind}")]).collect()
}

fn memory(facts: &Facts) -> Rows {
    let dimms: &[MemoryDevice] =
        facts.smbios.as_ref().map(|smbios| smbios.memory_devices.as_slice()).unwrap_or_default();
    let installed: Vec<&MemoryDevice> =
        dimms.iter().filter(|dimm| dimm.size_bytes.is_some_and(|size| size > 0)).collect();
    let mut head = Vec::new();
    if !dimms.is_empty() {
        let total = installed.iter().filter_map(|dimm| dimm.size_bytes).sum();
        head.push(format!("{} in {} of {} slots", size(total), installed.len(), dimms.len()));
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

fn port(nic: &Nic) -> Vec<String> {
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
        carrier,
        words().labelled("firmware", &nic.firmware_version).0,
        module.0,
    ]
}

fn disk(disk: &Disk) -> Vec<String> {
    let kind = match (disk.rotational, disk.rotation_rpm) {
        // What is behind it, nobody knows.
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
        health.map_or_else(String::new, |health| format!("{} % used", health.used_percent)),
    ]
}

fn accelerator(accelerator: &Accelerator) -> Vec<String> {
    let ids = [&accelerator.vendor, &accelerator.device]
        .map(|id| id.as_deref().unwrap_or("?").trim_start_matches("0x"));
    vec![
        accelerator.pci_address.clone(),
        accelerator.kind.clone(),
        ids.join(":"),
        words().any(&accelerator.driver).0,
        accelerator.numa_node.map_or_else(String::new, |node| format!("node {node}")),
    ]
}

/// The hottest temperature of each chip, and how many readings there are in all.
fn sensors(sensors: &[Sensor]) -> Rows {
    let mut hottest: BTreeMap<&str, (i64, &str)> = BTreeMap::new();
    for sensor in sensors.iter().filter(|sensor| sensor.kind == "temperature") {
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
        rows.push(vec!["all".to_string(), format!("{} readings", sensors.len())]);
    }
    rows
}

#[cfg(test)]
mod tests {
    use stage1_contract::facts::BootFirmware;
    use stage1_contract::{Memory, SystemInformation};

    use super::*;

    #[test]
    fn the_machine_in_aligned_groups_without_placeholders_or_control_characters() {
        let system = SystemInformation {
            manufacturer: Some("ACME\u{1b}[2J".to_string()),
            product: Some("R1".to_string()),
            serial: Some("To Be Filled By O.E.M.".to_string()),
            ..SystemInformation::default()
        };
        let nic = |name: &str, speed_mbps| Nic {
            name: name.to_string(),
            mac: Some("ac:1f:6b:00:00:01".to_string()),
            driver: Some("igb".to_string()),
            carrier: Some(true),
            speed_mbps,
            ..Nic::default()
        };
        let firmware = serde_json::json!({ "kind": "bios", "vendor": null, "version": "1.2" });
        let firmware: BootFirmware = serde_json::from_value(firmware).unwrap();
        let facts = Facts {
            system: Some(system),
            firmware: Some(firmware),
            memory: Some(Memory { usable_bytes: 1 << 30, ..Memory::default() }),
            nics: vec![nic("eth0", Some(1000)), nic("enp129s0f0", None)],
            placeholders: vec!["/system/serial".to_string()],
            ..Facts::default()
        };
        let text = table(&Discovery { version: 1, identity: None, facts, problems: Vec::new() });
        assert_eq!(
            text,
            "odd\n  firmware  has placeholders for system/serial\n\
             \nmachine\n  product   ACME?[2J R1\n  firmware  BIOS 1.2\n\
             \nmemory\n  1 GiB usable\n\
             \nports\n  eth0        ac:1f:6b:00:00:01  igb  1000 Mbit/s\n  enp129s0f0  ac:1f:6b:00:00:01  igb  carrier\n"
        );
    }
}
