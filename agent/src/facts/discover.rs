// SPDX-License-Identifier: MIT OR Apache-2.0
//! The discovery of all groups.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::time::Duration;

use anyhow::{Result, bail};
use clap::ValueEnum;
use stage1_contract::facts::Smbios;
use stage1_contract::{Facts, FirmwareKind, Identity, Nic};

use super::placeholder::is_placeholder;
use super::{
    bmc, cpus, deadline, disks, firmware, identity, memory, nics, pci, sensors, smbios, tpm, watchdogs,
};
use crate::host::Machine;

/// How long a group may take. Slow devices, such as disks, have a shorter deadline of their own.
const DEADLINE: Duration = Duration::from_secs(10);

/// A group of facts, discovered by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Group {
    /// The SMBIOS tables.
    Smbios,
    /// How the machine was started, Secure Boot, ESRT, boot entries.
    Firmware,
    /// Processors.
    Cpus,
    /// Memory and its error counters.
    Memory,
    /// PCI functions, GPUs and accelerators among them.
    Pci,
    /// Network ports.
    Nics,
    /// Disks.
    Disks,
    /// The TPM.
    Tpm,
    /// Whether there is a BMC.
    Bmc,
    /// Watchdogs.
    Watchdogs,
    /// Temperatures, fans, voltages as the kernel shows them.
    Sensors,
}

/// What a group has discovered: puts it into the facts.
type Found = Box<dyn FnOnce(&mut Facts) + Send>;

/// Discovers the groups in parallel, without changing anything on the machine. Also returns what could not be read, and why.
pub fn discover(machine: &Machine, groups: &[Group]) -> (Facts, Vec<String>) {
    // The tables hold the firmware's version and the BMC's interface, too.
    // An ARM processor has its name from there.
    let tables =
        [Group::Smbios, Group::Firmware, Group::Bmc, Group::Cpus].iter().any(|group| groups.contains(group));
    let others = groups.iter().copied().filter(|group| *group != Group::Smbios);
    let jobs = tables.then_some(Group::Smbios).into_iter().chain(others).map(|group| job(machine, group));
    let mut facts = Facts { kernel: machine.attribute("/proc/sys/kernel/osrelease"), ..Facts::default() };
    let mut problems = Vec::new();
    for result in deadline::in_parallel(DEADLINE, jobs.collect()) {
        match result {
            Ok((found, of_group)) => {
                found(&mut facts);
                problems.extend(of_group);
            }
            Err(problem) => problems.push(problem),
        }
    }
    relate(&mut facts, groups);
    (facts, problems)
}

/// The host's identity, derived from all its facts.
///
/// # Errors
/// Where nothing in the facts identifies the machine; and where its SMBIOS tables could not be read, since the rest of
/// the facts would give it another identity.
pub(crate) fn identify(machine: &Machine, facts: &Facts) -> Result<Identity> {
    if facts.smbios.is_none() && smbios::present(machine) {
        bail!(
            "cannot derive a host identity: the SMBIOS tables exist but could not be read; run this as root"
        );
    }
    identity::choose(facts)
}

/// Every group.
pub(crate) fn everything() -> &'static [Group] {
    Group::value_variants()
}

fn job(machine: &Machine, group: Group) -> (String, deadline::Job<(Found, Vec<String>)>) {
    let machine = machine.clone();
    let name = group.to_possible_value().map_or_else(String::new, |value| value.get_name().to_string());
    let work = move || {
        let mut problems = Vec::new();
        (discover_group(&machine, group, &mut problems), problems)
    };
    (name, Box::new(work))
}

/// Facts of one group that come from another.
fn relate(facts: &mut Facts, groups: &[Group]) {
    match (&mut facts.firmware, facts.smbios.as_ref().and_then(|smbios| smbios.bios.as_ref())) {
        (Some(firmware), Some(bios)) => {
            (firmware.vendor, firmware.version) = (bios.vendor.clone(), bios.version.clone());
        }
        // With neither UEFI nor BIOS information there is no such firmware, as in some virtual machines.
        (Some(firmware), None) if firmware.kind == FirmwareKind::Bios => facts.firmware = None,
        _ => {}
    }
    name_arm_processors(facts);
    mark_boot_port(facts);
    let described = facts.smbios.as_ref().is_some_and(|smbios| !smbios.ipmi_devices.is_empty());
    if described && groups.contains(&Group::Bmc) {
        let reported_by = &mut facts.bmc.get_or_insert_default().reported_by;
        if !reported_by.iter().any(|source| source == "smbios") {
            reported_by.insert(0, "smbios".to_string());
        }
    }
    if !groups.contains(&Group::Smbios) {
        (facts.system, facts.smbios, facts.placeholders) = (None, None, Vec::new());
    }
}

/// Without a word of the boot loader, the port in the device path of the boot entry that UEFI has used (UEFI 10.3.4.11).
fn mark_boot_port(facts: &mut Facts) {
    let Some(firmware) = facts.firmware.as_ref().filter(|_| facts.nics.iter().all(|nic| nic.boot.is_none()))
    else {
        return;
    };
    let mut entries = firmware.boot_entries.iter();
    let entry = entries.find(|entry| Some(&entry.number) == firmware.boot_current.as_ref());
    let path = entry.and_then(|entry| entry.device_path.as_deref()).unwrap_or_default();
    let Some((_, address)) = path.split_once("MAC(") else { return };
    let is_boot = |nic: &&mut Nic| {
        let mac = nic.permanent_mac.as_ref().or(nic.mac.as_ref()).map(|mac| mac.replace(':', ""));
        mac.is_some_and(|mac| address.starts_with(&mac))
    };
    facts.nics.iter_mut().filter(is_boot).for_each(|nic| nic.boot = Some(true));
}

/// ARM's kernel has the cores' design, `Neoverse-N1`; the firmware what was bought, `Ampere(R) Altra(R) Processor`.
fn name_arm_processors(facts: &mut Facts) {
    let Some(cpus) = facts.cpus.as_mut().filter(|cpus| cpus.part.is_some()) else { return };
    // A virtual machine's tables have the name of its own kind there, `virt-7.2`.
    let is_virtual =
        |smbios: &&Smbios| smbios.bios.as_ref().is_some_and(|bios| bios.virtual_machine == Some(true));
    let tables = facts.smbios.iter().filter(|smbios| !is_virtual(smbios));
    let processors = tables.flat_map(|smbios| &smbios.processors);
    let mut populated = processors.filter(|processor| processor.populated != Some(false));
    let Some(processor) = populated.next() else {
        return;
    };
    let real = |text: &Option<String>| text.clone().filter(|text| !is_placeholder(text));
    // Some firmware has the name in the manufacturer's place.
    cpus.model = real(&processor.version).or(cpus.model.take()).or_else(|| real(&processor.manufacturer));
}

fn discover_group(machine: &Machine, group: Group, problems: &mut Vec<String>) -> Found {
    match group {
        Group::Smbios => {
            let found = smbios::discover(machine, problems);
            Box::new(move |facts| {
                (facts.system, facts.smbios, facts.placeholders) =
                    (found.system, found.smbios, found.placeholders);
            })
        }
        Group::Firmware => {
            let found = firmware::discover(machine, problems);
            Box::new(move |facts| facts.firmware = Some(found))
        }
        Group::Cpus => {
            let found = cpus::discover(machine, problems);
            Box::new(move |facts| facts.cpus = found)
        }
        Group::Memory => {
            let found = memory::discover(machine, problems);
            Box::new(move |facts| facts.memory = found)
        }
        Group::Pci => {
            let (devices, accelerators) = pci::discover(machine, problems);
            Box::new(move |facts| (facts.pci, facts.accelerators) = (devices, accelerators))
        }
        Group::Nics => {
            let found = nics::discover(machine, problems);
            Box::new(move |facts| facts.nics = found)
        }
        Group::Disks => {
            let found = disks::discover(machine, problems);
            Box::new(move |facts| facts.disks = found)
        }
        Group::Tpm => {
            let found = tpm::discover(machine, problems);
            Box::new(move |facts| facts.tpm = found)
        }
        Group::Bmc => {
            let found = bmc::discover(machine, problems);
            Box::new(move |facts| facts.bmc = found)
        }
        Group::Watchdogs => {
            let found = watchdogs::discover(machine, problems);
            Box::new(move |facts| facts.watchdogs = found)
        }
        Group::Sensors => {
            let found = sensors::discover(machine, problems);
            Box::new(move |facts| facts.sensors = found)
        }
    }
}

#[cfg(test)]
mod tests {
    use stage1_contract::Cpus;
    use stage1_contract::facts::{Bios, BootEntry, BootFirmware, Processor};

    use super::*;

    #[test]
    fn an_arm_processor_has_the_name_that_smbios_gives_it() {
        let named = |version: Option<&str>, virtual_machine, model: Option<&str>, part: Option<&str>| {
            let text = |text: Option<&str>| text.map(str::to_string);
            let processor = Processor {
                manufacturer: text(Some("Made Up")),
                version: text(version),
                ..Processor::default()
            };
            let bios = Bios { virtual_machine: Some(virtual_machine), ..Bios::default() };
            let smbios = Smbios { processors: vec![processor], bios: Some(bios), ..Smbios::default() };
            let cpus = Cpus { model: text(model), part: text(part), ..Cpus::default() };
            let mut facts = Facts { smbios: Some(smbios), cpus: Some(cpus), ..Facts::default() };
            name_arm_processors(&mut facts);
            facts.cpus.and_then(|cpus| cpus.model)
        };
        let (core, arm) = (Some("Neoverse-N1"), Some("0xd0c"));
        assert_eq!(named(Some("Altra Q80-30"), false, core, arm).as_deref(), Some("Altra Q80-30"));
        assert_eq!(named(Some("Not Specified"), false, core, arm).as_deref(), core);
        assert_eq!(named(None, false, None, arm).as_deref(), Some("Made Up"));
        assert_eq!(named(Some("virt-7.2"), true, core, arm).as_deref(), core);
        let xeon = Some("Intel(R) Xeon(R)");
        assert_eq!(named(Some("Xeon"), false, xeon, None).as_deref(), xeon);
    }

    #[test]
    fn the_port_of_uefis_boot_entry_is_the_boot_port_unless_the_boot_loader_names_one() {
        let entry = |number: &str, path: &str| BootEntry {
            number: number.to_string(),
            device_path: Some(path.to_string()),
            ..BootEntry::default()
        };
        let mut firmware: BootFirmware =
            serde_json::from_value(serde_json::json!({ "kind": "uefi", "vendor": null, "version": null }))
                .unwrap();
        firmware.boot_current = Some("0003".to_string());
        firmware.boot_entries = vec![
            entry("0002", "PciRoot(0x0)/Pci(0x3,0x0)/MAC(525400090101,0x1)/IPv4(0.0.0.0)"),
            entry("0003", "PciRoot(0x0)/Pci(0x4,0x0)/MAC(525400090102,0x1)/IPv4(0.0.0.0)"),
        ];
        let nic = |mac: &str, boot| Nic { mac: Some(mac.to_string()), boot, ..Nic::default() };
        let marked = |first: Option<bool>| {
            let nics = vec![nic("52:54:00:09:01:01", first), nic("52:54:00:09:01:02", None)];
            let mut facts = Facts { firmware: Some(firmware.clone()), nics, ..Facts::default() };
            mark_boot_port(&mut facts);
            facts.nics.iter().map(|nic| nic.boot).collect::<Vec<_>>()
        };
        assert_eq!(marked(None), [None, Some(true)]);
        assert_eq!(marked(Some(true)), [Some(true), None]);
    }

    #[test]
    fn an_architecture_that_is_not_supported_is_a_problem() {
        let tree = crate::facts::fixture::Tree::new([(
            "/proc/cpuinfo",
            "vendor_id       : IBM/S390\n# processors    : 4\n",
        )]);
        let (facts, problems) = discover(&tree.machine(), &[Group::Cpus]);
        assert_eq!(facts.cpus, None);
        assert!(
            problems.iter().any(|problem| problem.contains("this architecture is not supported")),
            "{problems:?}"
        );
    }
}
