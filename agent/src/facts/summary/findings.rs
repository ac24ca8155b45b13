// SPDX-License-Identifier: MIT OR Apache-2.0
//! Findings as text: the part, and what is wrong with it. Pure.

use stage1_contract::facts::{Discovery, PciDevice, PowerSupply, Sensor};

use super::Rows;
use crate::display::size;
use crate::facts::findings::{
    self, ChassisPart, DeviceFinding, Finding, Link, MemoryFinding, PlatformFinding, ProcessorFinding,
};

pub(super) fn rows(discovery: &Discovery) -> Rows {
    let row = |finding| {
        let (part, text) = match finding {
            Finding::Problem(problem) => ("problem", problem.message.clone()),
            Finding::Platform(finding) => platform(&finding),
            Finding::Processors(finding) => ("cpus", processors(&finding)),
            Finding::Memory(finding) => ("memory", memory(&finding)),
            Finding::Device(finding) => device(&finding),
        };
        vec![part.to_string(), text]
    };
    findings::findings(discovery).into_iter().map(row).collect()
}

fn platform<'a>(finding: &PlatformFinding<'a>) -> (&'a str, String) {
    match finding {
        PlatformFinding::DerivedIdentity(identity) => ("identity", identity.reason.clone()),
        PlatformFinding::Placeholders(pointers) => {
            ("firmware", format!("has placeholders for {}", pointers.join(", ")))
        }
        PlatformFinding::BootStatus(status) => ("firmware", format!("boot status: {status}")),
        PlatformFinding::ChassisState { part, state } => {
            let part = match part {
                ChassisPart::BootUp => "boot-up",
                ChassisPart::PowerSupply => "power supply",
                ChassisPart::Thermal => "thermal",
            };
            ("chassis", format!("{part} state: {state}"))
        }
        PlatformFinding::PowerSupplyStatus { supply, status } => {
            (supply_name(supply), format!("status: {status}"))
        }
        PlatformFinding::PowerSupplyUnplugged(supply) => (supply_name(supply), "not plugged in".to_string()),
        PlatformFinding::BootedWithoutUefi => {
            ("firmware", "supports UEFI, but the machine was booted in BIOS mode".to_string())
        }
        PlatformFinding::UpdateFailed { entry, status } => {
            ("firmware", format!("the last update of {} failed: {status}", entry.fw_class))
        }
        PlatformFinding::BmcWithoutDriver(bmc) => {
            ("bmc", format!("reported by {}, but no driver is bound to it", bmc.reported_by.join(" and ")))
        }
        PlatformFinding::TpmWithoutSha256 => ("tpm", "has no SHA-256 PCR bank".to_string()),
    }
}

fn supply_name(supply: &PowerSupply) -> &str {
    supply.location.as_deref().or(supply.name.as_deref()).unwrap_or("power supply")
}

fn processors(finding: &ProcessorFinding) -> String {
    match finding {
        ProcessorFinding::OfflineProcessors { offline, present } => {
            format!("{offline} of {present} logical processors are offline")
        }
        ProcessorFinding::MixedMicrocode(revisions) => {
            format!("the packages have different microcode: {}", revisions.join(", "))
        }
        ProcessorFinding::Vulnerabilities(names) => format!("vulnerable to {}", names.join(", ")),
        ProcessorFinding::UnusedSockets { populated, used } => {
            format!("{populated} sockets are populated, the kernel uses {used}")
        }
        ProcessorFinding::DisabledCores { socket, enabled, cores } => {
            format!("{}: {enabled} of {cores} cores are enabled", socket.unwrap_or("unnamed socket"))
        }
    }
}

fn memory(finding: &MemoryFinding) -> String {
    match finding {
        MemoryFinding::UnusableMemory { installed, usable } => {
            format!("{} installed, but the kernel can use only {}", size(*installed), size(*usable))
        }
        MemoryFinding::SlowModules { count, configured, speed } => {
            let modules = plural(*count as u64, "module runs", "modules run");
            format!("{modules} at {configured} of {speed} MT/s")
        }
        MemoryFinding::MixedModuleSizes(sizes) => {
            let sizes = sizes.iter().map(|(bytes, count)| format!("{count} of {}", size(*bytes)));
            format!("modules of different sizes: {}", sizes.collect::<Vec<_>>().join(", "))
        }
        MemoryFinding::ModulesWithoutEcc(count) => {
            format!("{} without ECC", plural(*count as u64, "module", "modules"))
        }
        MemoryFinding::CorruptedMemory(bytes) => {
            format!("{} out of use because of hardware errors", size(*bytes))
        }
        MemoryFinding::MemoryErrors { name, corrected, uncorrected } => {
            format!("{name}: {corrected} corrected and {uncorrected} uncorrected errors")
        }
    }
}

fn device<'a>(finding: &DeviceFinding<'a>) -> (&'a str, String) {
    match finding {
        DeviceFinding::NoDriver(device) => (&device.address, format!("{}: no driver", class(device))),
        DeviceFinding::SlowLink { device, now, best } => {
            (&device.address, format!("{}: link {} of {}", class(device), link(now), link(best)))
        }
        DeviceFinding::NoCarrier(nics) => {
            let names: Vec<&str> = nics.iter().map(|nic| nic.name.as_str()).collect();
            ("ports", format!("no carrier: {}", names.join(", ")))
        }
        DeviceFinding::SlowPort { nic, speed, max } => {
            (&nic.name, format!("runs at {speed} of {max} Mbit/s"))
        }
        DeviceFinding::HalfDuplex(nic) => (&nic.name, "runs at half duplex".to_string()),
        DeviceFinding::DiskCritical { disk, warnings } => {
            (&disk.name, format!("critical warnings: {}", warnings.join(", ")))
        }
        DeviceFinding::DiskFailing(disk) => (&disk.name, "reports that it is failing".to_string()),
        DeviceFinding::DiskWorn { disk, used_percent } => {
            (&disk.name, format!("{used_percent} % of its rated life is used"))
        }
        DeviceFinding::MediaErrors { disk, count } => {
            (&disk.name, plural(*count, "media error", "media errors"))
        }
        DeviceFinding::DiskLocked(disk) => (&disk.name, "locked by a password".to_string()),
        DeviceFinding::NoCapacity(disk) => (&disk.name, "has no capacity".to_string()),
        DeviceFinding::SensorFault(sensor) => (&sensor.chip, format!("{}: sensor fault", label(sensor))),
        DeviceFinding::CriticalTemperature(sensor) => {
            (&sensor.chip, format!("{}: critical temperature", label(sensor)))
        }
        DeviceFinding::SensorAlarm(sensor) => (&sensor.chip, format!("{}: alarm", label(sensor))),
        DeviceFinding::WatchdogReset(watchdog) => {
            (&watchdog.name, format!("cause of the last reset: {}", watchdog.boot_status.join(", ")))
        }
    }
}

fn class(device: &PciDevice) -> &str {
    device.class_name.as_deref().or(device.class.as_deref()).unwrap_or("unknown class")
}

fn link(link: &Link) -> String {
    format!("x{} at {} MT/s", link.width, link.speed)
}

fn label(sensor: &Sensor) -> &str {
    sensor.label.as_deref().unwrap_or(&sensor.name)
}

fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use stage1_contract::facts::{
        BmcPresence, BootStatus, Chassis, ChassisState, Disk, MemoryController, MemoryDevice, Nvme,
        NvmeHealth, PowerSupplyStatus, SensorKind, Smbios, Tpm, Watchdog,
    };
    use stage1_contract::{Cpus, Facts, Memory, Nic, Problem};

    use super::*;

    fn lines(facts: Facts) -> Vec<String> {
        let problem = Problem {
            stage: stage1_contract::StageName::Facts,
            message: "sdb: timed out".to_string(),
            advice: None,
        };
        let discovery = Discovery { version: 1, identity: None, facts, problems: vec![problem] };
        rows(&discovery).into_iter().map(|row| row.join(": ")).collect()
    }

    #[test]
    fn findings_of_the_whole_machine() {
        let chassis = Chassis { thermal_state: Some(ChassisState::Critical), ..Chassis::default() };
        let supply = PowerSupply {
            name: Some("PSU2".to_string()),
            present: Some(true),
            plugged: Some(false),
            status: Some(PowerSupplyStatus::NonCritical),
            ..PowerSupply::default()
        };
        let smbios = Smbios {
            boot_status: Some(BootStatus::WatchdogExpired),
            chassis: vec![chassis],
            power_supplies: vec![supply],
            ..Smbios::default()
        };
        let facts = Facts {
            smbios: Some(smbios),
            placeholders: vec!["/system/serial".to_string(), "/smbios/chassis/0/serial".to_string()],
            bmc: Some(BmcPresence { reported_by: vec!["smbios".to_string()], ..BmcPresence::default() }),
            tpm: Some(Tpm { pcr_banks: vec!["sha1".to_string()], ..Tpm::default() }),
            kernel: Some("6.1.0".to_string()),
            ..Facts::default()
        };
        assert_eq!(
            lines(facts),
            [
                "problem: sdb: timed out",
                "firmware: has placeholders for system/serial, chassis/0/serial",
                "firmware: boot status: System watchdog timer expired",
                "chassis: thermal state: Critical",
                "PSU2: status: Non-critical",
                "PSU2: not plugged in",
                "bmc: reported by smbios, but no driver is bound to it",
                "tpm: has no SHA-256 PCR bank",
            ]
        );
    }

    #[test]
    fn findings_of_processors_and_memory() {
        let device = |gibibytes: u64| MemoryDevice {
            size_bytes: Some(gibibytes << 30),
            speed_mtps: Some(3200),
            configured_speed_mtps: Some(2666),
            ecc: Some(false),
            ..MemoryDevice::default()
        };
        let controller = MemoryController {
            name: "mc1".to_string(),
            uncorrected_errors: 1,
            ..MemoryController::default()
        };
        let memory = Memory {
            usable_bytes: 30 << 30,
            corrupted_bytes: Some(1 << 20),
            controllers: vec![controller],
            ..Memory::default()
        };
        let cpus = Cpus {
            threads: 64,
            threads_present: Some(128),
            vulnerabilities: [("mds".to_string(), "Vulnerable".to_string())].into(),
            ..Cpus::default()
        };
        let smbios = Smbios { memory_devices: vec![device(16), device(32)], ..Smbios::default() };
        let facts =
            Facts { smbios: Some(smbios), cpus: Some(cpus), memory: Some(memory), ..Facts::default() };
        assert_eq!(
            lines(facts)[1..],
            [
                "cpus: 64 of 128 logical processors are offline",
                "cpus: vulnerable to mds",
                "memory: 48 GiB installed, but the kernel can use only 30 GiB",
                "memory: 2 modules run at 2666 of 3200 MT/s",
                "memory: modules of different sizes: 1 of 16 GiB, 1 of 32 GiB",
                "memory: 2 modules without ECC",
                "memory: 1 MiB out of use because of hardware errors",
                "memory: mc1: 0 corrected and 1 uncorrected errors",
            ]
        );
    }

    #[test]
    fn findings_of_devices() {
        let device = PciDevice {
            address: "0000:3b:00.0".to_string(),
            class: Some("0x020000".to_string()),
            link_speed_mtps: Some(8000),
            max_link_speed_mtps: Some(16000),
            link_width: Some(8),
            max_link_width: Some(16),
            ..PciDevice::default()
        };
        let nic = |name: &str, carrier: bool| Nic {
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
        let sata = Disk { name: "sda".to_string(), failing: Some(true), ..Disk::default() };
        let sensor = Sensor {
            chip: "coretemp".to_string(),
            name: "temp1".to_string(),
            kind: SensorKind::Temperature,
            value: Some(101_000),
            critical: Some(100_000),
            ..Sensor::default()
        };
        let watchdog = Watchdog {
            name: "watchdog0".to_string(),
            boot_status: vec!["CARDRESET".to_string()],
            ..Watchdog::default()
        };
        let facts = Facts {
            pci: vec![device],
            nics: vec![nic("eno1", true), nic("eno2", false)],
            disks: vec![nvme, sata],
            sensors: vec![sensor],
            watchdogs: vec![watchdog],
            ..Facts::default()
        };
        assert_eq!(
            lines(facts)[1..],
            [
                "0000:3b:00.0: 0x020000: no driver",
                "0000:3b:00.0: 0x020000: link x8 at 8000 MT/s of x16 at 16000 MT/s",
                "ports: no carrier: eno2",
                "eno1: runs at 1000 of 25000 Mbit/s",
                "nvme0n1: critical warnings: ro",
                "nvme0n1: 97 % of its rated life is used",
                "nvme0n1: 1 media error",
                "sda: reports that it is failing",
                "sda: has no capacity",
                "coretemp: temp1: critical temperature",
                "watchdog0: cause of the last reset: CARDRESET",
            ]
        );
    }
}
