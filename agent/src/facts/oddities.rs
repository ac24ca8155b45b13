// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an operator should look at before all else: things that are broken, slower than they could be, or do not fit
//! together. Pure.

use std::collections::BTreeMap;

use stage1_contract::facts::{Discovery, Disk, Facts, MemoryDevice, NvmeHealth, PciDevice, Sensor, Smbios};
use stage1_contract::{FirmwareKind, IdentitySource, Nic};

use crate::display::size as bytes;

/// What is odd, each with the part that it is about.
pub fn oddities(discovery: &Discovery) -> Vec<(String, String)> {
    let facts = &discovery.facts;
    let mut odd = Vec::new();
    let mut say = |part: &str, words: String| odd.push((part.to_string(), words));
    for problem in &discovery.problems {
        say("problem", problem.message.clone());
    }
    if let Some(identity) = &discovery.identity
        && identity.source != IdentitySource::SystemUuid
    {
        say("identity", identity.reason.clone());
    }
    firmware(facts, &mut say);
    processors(facts, &mut say);
    memory(facts, &mut say);
    facts.pci.iter().for_each(|device| pci(device, &mut say));
    nics(&facts.nics, &mut say);
    facts.disks.iter().for_each(|disk| self::disk(disk, &mut say));
    facts.sensors.iter().for_each(|sensor| self::sensor(sensor, &mut say));
    for watchdog in facts.watchdogs.iter().filter(|watchdog| !watchdog.boot_status.is_empty()) {
        say(&watchdog.name, format!("tells of the last reset: {}", watchdog.boot_status.join(", ")));
    }
    odd
}

fn firmware(facts: &Facts, say: &mut dyn FnMut(&str, String)) {
    let telling = ["serial", "uuid", "product", "manufacturer"];
    let is_telling = |pointer: &&String| {
        ["/system/", "/smbios/baseboards/", "/smbios/chassis/"].iter().any(|part| pointer.starts_with(part))
            && telling.iter().any(|field| pointer.ends_with(field))
    };
    let placeholders: Vec<&str> =
        facts.placeholders.iter().filter(is_telling).map(|it| it.trim_start_matches("/smbios/")).collect();
    if !placeholders.is_empty() {
        let names = placeholders.iter().map(|it| it.trim_start_matches('/')).collect::<Vec<_>>().join(", ");
        say("firmware", format!("has placeholders for {names}"));
    }
    if let Some(smbios) = &facts.smbios {
        enclosure(smbios, say);
    }
    let bios = facts.smbios.as_ref().and_then(|smbios| smbios.bios.as_ref());
    let started = facts.firmware.as_ref().map(|firmware| &firmware.kind);
    if bios.is_some_and(|bios| bios.uefi == Some(true) && bios.virtual_machine != Some(true))
        && started == Some(&FirmwareKind::Bios)
        && facts.kernel.is_some()
    {
        say("firmware", "can do UEFI, and the machine was started without it".to_string());
    }
    let entries = facts.firmware.iter().flat_map(|firmware| &firmware.esrt);
    for entry in entries.filter(|entry| entry.last_attempt_version.is_some_and(|version| version != 0)) {
        if let Some(status) = entry.last_attempt_status.as_deref().filter(|status| *status != "success") {
            say("firmware", format!("the last update of {} failed: {status}", entry.fw_class));
        }
    }
    // A dump of the tables alone says nothing of drivers.
    let bmc = facts.bmc.as_ref().filter(|_| facts.kernel.is_some());
    let told = bmc.filter(|bmc| bmc.device.is_none() && !bmc.told_by.is_empty());
    if let Some(bmc) = told {
        say("bmc", format!("is told by {}, and no driver has found it", bmc.told_by.join(" and ")));
    }
    if facts
        .tpm
        .as_ref()
        .is_some_and(|tpm| !tpm.pcr_banks.is_empty() && !tpm.pcr_banks.iter().any(|it| it == "sha256"))
    {
        say("tpm", "has no SHA-256 bank of PCRs".to_string());
    }
}

fn enclosure(smbios: &Smbios, say: &mut dyn FnMut(&str, String)) {
    if let Some(status) = smbios.boot_status.as_deref().filter(|status| *status != "No errors detected") {
        say("firmware", format!("tells of this boot: {status}"));
    }
    let bad = |state: &Option<String>| {
        state.clone().filter(|state| !matches!(state.as_str(), "Safe" | "Unknown" | "Other"))
    };
    for chassis in &smbios.chassis {
        let states = [
            ("boot-up", &chassis.boot_up_state),
            ("power supply", &chassis.power_supply_state),
            ("thermal", &chassis.thermal_state),
        ];
        for (name, state) in states {
            if let Some(state) = bad(state) {
                say("chassis", format!("{name} state: {state}"));
            }
        }
    }
    for supply in smbios.power_supplies.iter().filter(|supply| supply.present == Some(true)) {
        let name = supply.location.as_deref().or(supply.name.as_deref()).unwrap_or("power supply");
        if let Some(status) =
            supply.status.as_deref().filter(|status| matches!(*status, "Non-critical" | "Critical"))
        {
            say(name, format!("status: {status}"));
        }
        if supply.plugged == Some(false) {
            say(name, "is not plugged in".to_string());
        }
    }
}

fn processors(facts: &Facts, say: &mut dyn FnMut(&str, String)) {
    let Some(cpus) = &facts.cpus else { return };
    if let Some(present) = cpus.threads_present.filter(|present| *present > cpus.threads) {
        say("cpus", format!("{} of {present} logical processors are offline", present - cpus.threads));
    }
    let mut microcodes: Vec<&str> =
        cpus.packages.iter().filter_map(|package| package.microcode.as_deref()).collect();
    microcodes.sort_unstable();
    microcodes.dedup();
    if microcodes.len() > 1 {
        say("cpus", format!("the packages have different microcode: {}", microcodes.join(", ")));
    }
    let vulnerable = cpus.vulnerabilities.iter().filter(|(_, words)| words.starts_with("Vulnerable"));
    let vulnerable: Vec<&str> = vulnerable.map(|(name, _)| name.as_str()).collect();
    if !vulnerable.is_empty() {
        say("cpus", format!("vulnerable to {}", vulnerable.join(", ")));
    }
    let Some(smbios) = &facts.smbios else { return };
    let sockets = smbios.processors.iter().filter(|processor| processor.populated == Some(true)).count();
    if sockets > cpus.sockets as usize {
        say("cpus", format!("{sockets} sockets are populated, the kernel has {}", cpus.sockets));
    }
    for processor in &smbios.processors {
        if let (Some(all), Some(enabled)) = (processor.cores, processor.cores_enabled)
            && enabled < all
            && enabled > 0
        {
            let socket = processor.socket.as_deref().unwrap_or("a socket");
            say("cpus", format!("{socket}: {enabled} of {all} cores are enabled"));
        }
    }
}

fn memory(facts: &Facts, say: &mut dyn FnMut(&str, String)) {
    if let Some(smbios) = &facts.smbios {
        dimms(smbios, facts, say);
    }
    let Some(memory) = &facts.memory else { return };
    if let Some(corrupted) = memory.corrupted_bytes.filter(|corrupted| *corrupted > 0) {
        say("memory", format!("{} are out of use because they are broken", bytes(corrupted)));
    }
    for controller in &memory.controllers {
        let modules: Vec<_> = controller
            .modules
            .iter()
            .map(|module| {
                let name = module.label.as_deref().unwrap_or(&module.name);
                (name, module.corrected_errors, module.uncorrected_errors)
            })
            .collect();
        let told: u64 = modules.iter().map(|(_, corrected, uncorrected)| corrected + uncorrected).sum();
        let whole = (controller.name.as_str(), controller.corrected_errors, controller.uncorrected_errors);
        let all = if told == 0 { vec![whole] } else { modules };
        for (name, corrected, uncorrected) in all.into_iter().filter(|(_, c, u)| c + u > 0) {
            say("memory", format!("{name}: {corrected} corrected and {uncorrected} uncorrected errors"));
        }
    }
}

fn dimms(smbios: &Smbios, facts: &Facts, say: &mut dyn FnMut(&str, String)) {
    let installed: Vec<&MemoryDevice> =
        smbios.memory_devices.iter().filter(|dimm| dimm.size_bytes.is_some_and(|size| size > 0)).collect();
    let total: u64 = installed.iter().filter_map(|dimm| dimm.size_bytes).sum();
    let usable = facts.memory.as_ref().map(|memory| memory.usable_bytes);
    // The kernel and the firmware keep a few percent for themselves.
    if let Some(usable) = usable.filter(|usable| *usable < total - total / 8) {
        say("memory", format!("{} are installed, the kernel can use {}", bytes(total), bytes(usable)));
    }
    let mut slow: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    let mut sizes: BTreeMap<u64, usize> = BTreeMap::new();
    for dimm in &installed {
        if let (Some(speed), Some(configured)) = (dimm.speed_mtps, dimm.configured_speed_mtps)
            && configured < speed
        {
            *slow.entry((configured, speed)).or_default() += 1;
        }
        *sizes.entry(dimm.size_bytes.unwrap_or_default()).or_default() += 1;
    }
    for ((configured, speed), count) in slow {
        say(
            "memory",
            format!("{} at {configured} of {speed} MT/s", plural(count, "module runs", "modules run")),
        );
    }
    if sizes.len() > 1 {
        let sizes: Vec<String> =
            sizes.iter().map(|(size, count)| format!("{count} of {}", bytes(*size))).collect();
        say("memory", format!("modules of different sizes: {}", sizes.join(", ")));
    }
    let virtual_machine = smbios.bios.as_ref().is_some_and(|bios| bios.virtual_machine == Some(true));
    let plain = installed.iter().filter(|dimm| dimm.ecc == Some(false)).count();
    if plain > 0 && !virtual_machine {
        say("memory", format!("{} without ECC", plural(plain, "module", "modules")));
    }
}

fn pci(device: &PciDevice, say: &mut dyn FnMut(&str, String)) {
    let class = device.class.as_deref().unwrap_or_default();
    let name = device.class_name.as_deref().unwrap_or(class);
    // Storage (01) and network (02) controllers; the classes that a server is bought for.
    if device.driver.is_none() && (class.starts_with("0x01") || class.starts_with("0x02")) {
        say(&device.address, format!("{name} without a driver"));
    }
    let bridge = class.starts_with("0x06");
    let speeds = (device.link_speed_mtps, device.max_link_speed_mtps);
    let widths = (device.link_width, device.max_link_width);
    if let ((Some(speed), Some(max_speed)), (Some(width), Some(max_width))) = (speeds, widths)
        && !bridge
        && device.physical_function.is_none()
        && (speed < max_speed || width < max_width)
        && width > 0
    {
        let words = format!("link x{width} at {speed} MT/s of x{max_width} at {max_speed} MT/s");
        say(&device.address, format!("{name}: {words}"));
    }
}

fn nics(nics: &[Nic], say: &mut dyn FnMut(&str, String)) {
    let without: Vec<&str> =
        nics.iter().filter(|nic| nic.carrier == Some(false)).map(|nic| nic.name.as_str()).collect();
    if !without.is_empty() {
        say("ports", format!("no carrier: {}", without.join(", ")));
    }
    for nic in nics {
        if let (Some(speed), Some(most)) = (nic.speed_mbps, nic.speed_max_mbps)
            && speed < most
        {
            say(&nic.name, format!("runs at {speed} of {most} Mbit/s"));
        }
        if nic.duplex.as_deref() == Some("Half") {
            say(&nic.name, "runs half duplex".to_string());
        }
    }
}

fn disk(disk: &Disk, say: &mut dyn FnMut(&str, String)) {
    let health = disk.nvme.as_ref().and_then(|nvme| nvme.health.as_ref());
    if let Some(warnings) = health.map(|health| &health.critical_warnings).filter(|it| !it.is_empty()) {
        say(&disk.name, format!("critical: {}", warnings.join(", ")));
    } else if disk.failing == Some(true) {
        say(&disk.name, "says that it fails".to_string());
    }
    if let Some(health) = health {
        wear(&disk.name, health, say);
    }
    if disk.ata.as_ref().and_then(|ata| ata.security.as_ref()).is_some_and(|security| security.locked) {
        say(&disk.name, "is locked by a password".to_string());
    }
    if disk.size_bytes == 0 {
        say(&disk.name, "has no capacity".to_string());
    }
}

fn wear(name: &str, health: &NvmeHealth, say: &mut dyn FnMut(&str, String)) {
    /// From where on a disk should be on the list of those to replace, in percent.
    const WORN: u8 = 90;
    if health.used_percent >= WORN {
        say(name, format!("{} % of its life is used up", health.used_percent));
    }
    if health.media_errors > 0 {
        say(
            name,
            plural(usize::try_from(health.media_errors).unwrap_or(usize::MAX), "media error", "media errors"),
        );
    }
}

fn sensor(sensor: &Sensor, say: &mut dyn FnMut(&str, String)) {
    let name = sensor.label.as_deref().unwrap_or(&sensor.name);
    let hot = matches!((sensor.value, sensor.critical), (Some(value), Some(critical)) if sensor.kind == "temperature" && critical > 0 && value >= critical);
    let words = if sensor.fault == Some(true) {
        "is broken"
    } else if hot {
        "is at its critical temperature"
    } else if sensor.alarm == Some(true) {
        "raises an alarm"
    } else {
        return;
    };
    say(&sensor.chip, format!("{name} {words}"));
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use stage1_contract::facts::{
        Ata, AtaSecurity, BmcPresence, MemoryController, MemoryModule, Nvme, Processor, Watchdog,
    };
    use stage1_contract::{Cpus, Memory, Problem};

    use super::*;

    const GIB: u64 = 1 << 30;

    fn odd(facts: Facts) -> Vec<String> {
        let discovery = Discovery { version: 1, identity: None, facts, problems: Vec::new() };
        oddities(&discovery).into_iter().map(|(part, words)| format!("{part}: {words}")).collect()
    }

    fn dimm(size: u64, configured: u32) -> MemoryDevice {
        MemoryDevice {
            size_bytes: Some(size),
            speed_mtps: Some(3200),
            configured_speed_mtps: Some(configured),
            ecc: Some(true),
            ..MemoryDevice::default()
        }
    }

    #[test]
    fn nothing_is_odd_about_nothing() {
        assert_eq!(odd(Facts::default()), [""; 0]);
    }

    #[test]
    fn problems_come_first() {
        let problem = Problem {
            stage: stage1_contract::StageName::Facts,
            message: "sda: no answer".to_string(),
            advice: None,
        };
        let facts = Facts { placeholders: vec!["/system/serial".to_string()], ..Facts::default() };
        let discovery = Discovery { version: 1, identity: None, facts, problems: vec![problem] };
        let odd = oddities(&discovery);
        assert_eq!(odd[0], ("problem".to_string(), "sda: no answer".to_string()));
        assert_eq!(odd[1], ("firmware".to_string(), "has placeholders for system/serial".to_string()));
    }

    #[test]
    fn memory_that_is_slow_mixed_missing_or_failing() {
        let smbios = Smbios {
            memory_devices: vec![
                dimm(32 * GIB, 2666),
                dimm(32 * GIB, 2666),
                dimm(16 * GIB, 3200),
                dimm(0, 3200),
            ],
            ..Smbios::default()
        };
        let module = |label: &str, corrected| MemoryModule {
            label: Some(label.to_string()),
            corrected_errors: corrected,
            ..MemoryModule::default()
        };
        let controller = MemoryController {
            name: "mc0".to_string(),
            corrected_errors: 3,
            modules: vec![module("CPU0_A1", 3), module("CPU0_B1", 0)],
            ..MemoryController::default()
        };
        let silent = MemoryController {
            name: "mc1".to_string(),
            uncorrected_errors: 1,
            ..MemoryController::default()
        };
        let memory =
            Memory { usable_bytes: 62 * GIB, controllers: vec![controller, silent], ..Memory::default() };
        let found = odd(Facts { smbios: Some(smbios), memory: Some(memory), ..Facts::default() });
        assert_eq!(
            found,
            [
                "memory: 80 GiB are installed, the kernel can use 62 GiB",
                "memory: 2 modules run at 2666 of 3200 MT/s",
                "memory: modules of different sizes: 1 of 16 GiB, 2 of 32 GiB",
                "memory: CPU0_A1: 3 corrected and 0 uncorrected errors",
                "memory: mc1: 0 corrected and 1 uncorrected errors",
            ]
        );
    }

    #[test]
    fn processors_that_are_not_all_there() {
        let processor = |socket: &str, enabled| Processor {
            socket: Some(socket.to_string()),
            populated: Some(true),
            cores: Some(32),
            cores_enabled: Some(enabled),
            ..Processor::default()
        };
        let smbios =
            Smbios { processors: vec![processor("CPU1", 32), processor("CPU2", 16)], ..Smbios::default() };
        let vulnerabilities = [
            ("mds", "Vulnerable: no microcode"),
            ("meltdown", "Mitigation: PTI"),
            ("retbleed", "Vulnerable"),
        ];
        let cpus = Cpus {
            sockets: 1,
            threads: 64,
            threads_present: Some(128),
            vulnerabilities: vulnerabilities
                .map(|(name, words)| (name.to_string(), words.to_string()))
                .into(),
            ..Cpus::default()
        };
        assert_eq!(
            odd(Facts { smbios: Some(smbios), cpus: Some(cpus), ..Facts::default() }),
            [
                "cpus: 64 of 128 logical processors are offline",
                "cpus: vulnerable to mds, retbleed",
                "cpus: 2 sockets are populated, the kernel has 1",
                "cpus: CPU2: 16 of 32 cores are enabled",
            ]
        );
    }

    #[test]
    fn devices_without_a_driver_or_on_half_a_link() {
        let device = |address: &str, class: &str| PciDevice {
            address: address.to_string(),
            class: Some(class.to_string()),
            driver: Some("driver".to_string()),
            link_speed_mtps: Some(8000),
            max_link_speed_mtps: Some(16000),
            link_width: Some(8),
            max_link_width: Some(16),
            ..PciDevice::default()
        };
        let nic = PciDevice { driver: None, ..device("0000:3b:00.0", "0x020000") };
        let bridge = device("0000:00:01.0", "0x060400");
        assert_eq!(
            odd(Facts { pci: vec![nic, bridge], ..Facts::default() }),
            [
                "0000:3b:00.0: 0x020000 without a driver",
                "0000:3b:00.0: 0x020000: link x8 at 8000 MT/s of x16 at 16000 MT/s",
            ]
        );
    }

    #[test]
    fn ports_disks_sensors_and_the_rest() {
        let nic = |name: &str, carrier| Nic {
            name: name.to_string(),
            carrier: Some(carrier),
            speed_mbps: carrier.then_some(1000),
            speed_max_mbps: Some(25_000),
            ..Nic::default()
        };
        let health = NvmeHealth {
            used_percent: 97,
            media_errors: 1,
            critical_warnings: vec!["ro".to_string()],
            ..NvmeHealth::default()
        };
        let nvme = Disk {
            name: "nvme0n1".to_string(),
            size_bytes: 1,
            nvme: Some(Nvme { health: Some(health), ..Nvme::default() }),
            ..Disk::default()
        };
        let security = AtaSecurity { locked: true, ..AtaSecurity::default() };
        let sata = Disk {
            name: "sda".to_string(),
            failing: Some(true),
            ata: Some(Ata { security: Some(security), ..Ata::default() }),
            ..Disk::default()
        };
        let sensor = Sensor {
            chip: "coretemp".to_string(),
            name: "temp1".to_string(),
            kind: "temperature".to_string(),
            value: Some(101_000),
            critical: Some(100_000),
            ..Sensor::default()
        };
        let watchdog = Watchdog {
            name: "watchdog0".to_string(),
            boot_status: vec!["CARDRESET".to_string()],
            ..Watchdog::default()
        };
        let bmc = BmcPresence { told_by: vec!["smbios".to_string()], ..BmcPresence::default() };
        let facts = Facts {
            nics: vec![nic("eno1", true), nic("eno2", false)],
            disks: vec![nvme, sata],
            sensors: vec![sensor],
            watchdogs: vec![watchdog],
            bmc: Some(bmc),
            kernel: Some("6.1.0".to_string()),
            ..Facts::default()
        };
        assert_eq!(
            odd(facts),
            [
                "bmc: is told by smbios, and no driver has found it",
                "ports: no carrier: eno2",
                "eno1: runs at 1000 of 25000 Mbit/s",
                "nvme0n1: critical: ro",
                "nvme0n1: 97 % of its life is used up",
                "nvme0n1: 1 media error",
                "sda: says that it fails",
                "sda: is locked by a password",
                "sda: has no capacity",
                "coretemp: temp1 is at its critical temperature",
                "watchdog0: tells of the last reset: CARDRESET",
            ]
        );
    }
}
