// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory: modules by SMBIOS, errors by the kernel. Pure.

use std::collections::BTreeMap;

use stage1_contract::Facts;
use stage1_contract::facts::{MemoryController, MemoryDevice, Smbios};

/// A finding about memory.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::facts) enum MemoryFinding<'a> {
    /// The kernel can use much less memory than is installed; in bytes.
    UnusableMemory { installed: u64, usable: u64 },
    /// Memory modules that run below their speed; in MT/s.
    SlowModules { count: usize, configured: u32, speed: u32 },
    /// The modules differ in size: how many there are of each, by size in bytes.
    MixedModuleSizes(BTreeMap<u64, usize>),
    /// Memory modules of a physical machine without ECC.
    ModulesWithoutEcc(usize),
    /// Memory that the kernel has taken out of use because of hardware errors; in bytes.
    CorruptedMemory(u64),
    /// Memory errors that a controller has counted: of a module, else of the whole controller.
    MemoryErrors { name: &'a str, corrected: u64, uncorrected: u64 },
}

pub(super) fn findings(facts: &Facts) -> Vec<MemoryFinding<'_>> {
    let mut findings = Vec::new();
    if let Some(smbios) = &facts.smbios {
        modules(smbios, facts.memory.as_ref().map(|memory| memory.usable_bytes), &mut findings);
    }
    let Some(memory) = &facts.memory else { return findings };
    let corrupted = memory.corrupted_bytes.filter(|corrupted| *corrupted > 0);
    findings.extend(corrupted.map(MemoryFinding::CorruptedMemory));
    memory.controllers.iter().for_each(|controller| errors(controller, &mut findings));
    findings
}

/// The slots of the machine's memory, empty ones too: what else SMBIOS lists as memory devices is a chip for firmware, or
/// belongs to a graphics card (DSP0134 7.17.2, 7.18.2).
pub(in crate::facts) fn slots(smbios: &Smbios) -> Vec<&MemoryDevice> {
    let others = ["Video Memory", "Flash Memory", "Non-volatile RAM", "Cache Memory"];
    let chips = ["ROM", "Flash", "EEPROM", "FEPROM", "EPROM"];
    let is =
        |names: &[&str], name: &Option<String>| name.as_deref().is_some_and(|name| names.contains(&name));
    let of_array = |device: &MemoryDevice| {
        let array = smbios.memory_arrays.iter().find(|array| Some(array.handle) == device.array_handle);
        array.is_some_and(|array| is(&others, &array.usage))
    };
    smbios
        .memory_devices
        .iter()
        .filter(|device| !is(&chips, &device.memory_type) && !of_array(device))
        .collect()
}

/// How much of a module the kernel uses as memory: of one for persistent memory what is configured so (DSP0134 7.18, 44h).
pub(in crate::facts) fn volatile_bytes(device: &MemoryDevice) -> u64 {
    let size = device.size_bytes.unwrap_or_default();
    let is_persistent = device.memory_type.as_deref() == Some("Logical non-volatile device")
        || device.non_volatile_bytes.is_some_and(|bytes| bytes > 0);
    let volatile = device.volatile_bytes.filter(|bytes| *bytes <= size);
    if is_persistent { volatile.unwrap_or_default() } else { size }
}

fn modules<'a>(smbios: &'a Smbios, usable: Option<u64>, findings: &mut Vec<MemoryFinding<'a>>) {
    let devices = slots(smbios).into_iter();
    let installed: Vec<(&MemoryDevice, u64)> =
        devices.map(|device| (device, volatile_bytes(device))).filter(|(_, size)| *size > 0).collect();
    let total: u64 = installed.iter().map(|(_, size)| size).sum();
    // The kernel and the firmware keep a few percent for themselves.
    if let Some(usable) = usable.filter(|usable| *usable < total - total / 8) {
        findings.push(MemoryFinding::UnusableMemory { installed: total, usable });
    }
    let mut slow: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    let mut sizes: BTreeMap<u64, usize> = BTreeMap::new();
    for (device, size) in &installed {
        if let (Some(speed), Some(configured)) = (device.speed_mtps, device.configured_speed_mtps)
            && configured < speed
        {
            *slow.entry((configured, speed)).or_default() += 1;
        }
        *sizes.entry(*size).or_default() += 1;
    }
    let slow = slow.into_iter();
    findings.extend(slow.map(|((configured, speed), count)| MemoryFinding::SlowModules {
        count,
        configured,
        speed,
    }));
    if sizes.len() > 1 {
        findings.push(MemoryFinding::MixedModuleSizes(sizes));
    }
    let virtual_machine = smbios.bios.as_ref().is_some_and(|bios| bios.virtual_machine == Some(true));
    let without_ecc = installed.iter().filter(|(device, _)| device.ecc == Some(false)).count();
    if without_ecc > 0 && !virtual_machine {
        findings.push(MemoryFinding::ModulesWithoutEcc(without_ecc));
    }
}

/// The errors by module; those of the whole controller where none has counted any.
fn errors<'a>(controller: &'a MemoryController, findings: &mut Vec<MemoryFinding<'a>>) {
    let modules = controller.modules.iter().map(|module| {
        let name = module.label.as_deref().unwrap_or(&module.name);
        (name, module.corrected_errors, module.uncorrected_errors)
    });
    let mut counts: Vec<_> =
        modules.filter(|(_, corrected, uncorrected)| corrected + uncorrected > 0).collect();
    if counts.is_empty() && controller.corrected_errors + controller.uncorrected_errors > 0 {
        counts.push((controller.name.as_str(), controller.corrected_errors, controller.uncorrected_errors));
    }
    let counts = counts.into_iter();
    findings.extend(counts.map(|(name, corrected, uncorrected)| MemoryFinding::MemoryErrors {
        name,
        corrected,
        uncorrected,
    }));
}

#[cfg(test)]
mod tests {
    use stage1_contract::Memory;
    use stage1_contract::facts::{Bios, MemoryArray, MemoryModule};

    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn persistent_memory_and_flash_chips_are_no_memory() {
        let persistent = MemoryDevice {
            memory_type: Some("Logical non-volatile device".to_string()),
            non_volatile_bytes: Some(96 * GIB),
            volatile_bytes: Some(32 * GIB),
            ..device(128 * GIB, 3200)
        };
        let unknown = MemoryDevice { volatile_bytes: None, ..persistent.clone() };
        let flash = MemoryDevice { memory_type: Some("Flash".to_string()), ..device(1 << 25, 3200) };
        let video = MemoryDevice { array_handle: Some(32), ..device(1 << 25, 3200) };
        let array =
            MemoryArray { handle: 32, usage: Some("Video Memory".to_string()), ..MemoryArray::default() };
        let memory_devices = vec![device(32 * GIB, 3200), persistent, unknown, flash, video];
        let smbios = Smbios { memory_devices, memory_arrays: vec![array], ..Smbios::default() };
        let sizes: Vec<u64> = slots(&smbios).into_iter().map(volatile_bytes).collect();
        assert_eq!(sizes, [32 * GIB, 32 * GIB, 0]);
        let mut findings = Vec::new();
        modules(&smbios, Some(63 * GIB), &mut findings);
        assert_eq!(findings, []);
    }

    fn device(size: u64, configured: u32) -> MemoryDevice {
        MemoryDevice {
            size_bytes: Some(size),
            speed_mtps: Some(3200),
            configured_speed_mtps: Some(configured),
            ecc: Some(true),
            ..MemoryDevice::default()
        }
    }

    #[test]
    fn memory_that_is_slow_mixed_missing_or_failing() {
        let smbios = Smbios {
            memory_devices: vec![
                device(32 * GIB, 2666),
                device(32 * GIB, 2666),
                device(16 * GIB, 3200),
                device(0, 2666),
            ],
            ..Smbios::default()
        };
        let module = |label: &str, corrected| MemoryModule {
            label: Some(label.to_string()),
            corrected_errors: corrected,
            ..MemoryModule::default()
        };
        let by_module = MemoryController {
            name: "mc0".to_string(),
            corrected_errors: 3,
            modules: vec![module("CPU0_A1", 3), module("CPU0_B1", 0)],
            ..MemoryController::default()
        };
        let whole = MemoryController {
            name: "mc1".to_string(),
            uncorrected_errors: 1,
            ..MemoryController::default()
        };
        let memory = Memory {
            usable_bytes: 62 * GIB,
            corrupted_bytes: Some(4096),
            controllers: vec![by_module, whole],
            ..Memory::default()
        };
        let facts = Facts { smbios: Some(smbios), memory: Some(memory), ..Facts::default() };
        let expected = [
            MemoryFinding::UnusableMemory { installed: 80 * GIB, usable: 62 * GIB },
            MemoryFinding::SlowModules { count: 2, configured: 2666, speed: 3200 },
            MemoryFinding::MixedModuleSizes([(16 * GIB, 1), (32 * GIB, 2)].into()),
            MemoryFinding::CorruptedMemory(4096),
            MemoryFinding::MemoryErrors { name: "CPU0_A1", corrected: 3, uncorrected: 0 },
            MemoryFinding::MemoryErrors { name: "mc1", corrected: 0, uncorrected: 1 },
        ];
        assert_eq!(findings(&facts), expected);
    }

    #[test]
    fn a_virtual_machine_needs_no_ecc() {
        let plain = MemoryDevice { ecc: Some(false), ..device(GIB, 3200) };
        let smbios = |virtual_machine| Smbios {
            bios: Some(Bios { virtual_machine: Some(virtual_machine), ..Bios::default() }),
            memory_devices: vec![plain.clone()],
            ..Smbios::default()
        };
        let (physical, emulated) = (smbios(false), smbios(true));
        let mut findings = Vec::new();
        modules(&physical, None, &mut findings);
        modules(&emulated, None, &mut findings);
        assert_eq!(findings, [MemoryFinding::ModulesWithoutEcc(1)]);
    }
}
