// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the machine is: one file or folder per group of facts, discovered side by side.

mod bmc;
mod bytes;
mod capture;
mod cpus;
mod deadline;
mod device;
mod disks;
mod firmware;
pub mod identity;
mod memory;
mod nics;
mod oddities;
mod pci;
mod place;
mod placeholder;
mod scrub;
mod sensors;
pub mod smbios;
mod summary;
mod tpm;
mod watchdogs;

use std::time::Duration;

use anyhow::{Result, bail};
use clap::ValueEnum;
use stage1_contract::{Facts, FirmwareKind, Identity};

use crate::host::Machine;

pub use capture::{Unpacked, capture};
pub use memory::available_bytes;
pub use nics::refresh_link;
pub use summary::{one_line, table};

/// How long a group may take; what is slow by nature, such as a disk, has a shorter deadline of its own.
const DEADLINE: Duration = Duration::from_secs(10);

/// A group of facts, which is discovered on its own.
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

/// What one group found: puts it into the facts.
type Found = Box<dyn FnOnce(&mut Facts) + Send>;

/// Discovers the groups side by side without changing anything; and what could not be found out, and why.
pub fn discover(machine: &Machine, groups: &[Group]) -> (Facts, Vec<String>) {
    // The firmware's version and one word on the BMC are in the tables.
    let tables = [Group::Smbios, Group::Firmware, Group::Bmc].iter().any(|group| groups.contains(group));
    let others = groups.iter().copied().filter(|group| *group != Group::Smbios);
    let jobs = tables.then_some(Group::Smbios).into_iter().chain(others).map(|group| job(machine, group));
    let mut facts = Facts { kernel: machine.attribute("/proc/sys/kernel/osrelease"), ..Facts::default() };
    let mut problems = Vec::new();
    for result in deadline::side_by_side(DEADLINE, jobs.collect()) {
        match result {
            Ok((found, complaints)) => {
                found(&mut facts);
                problems.extend(complaints);
            }
            Err(problem) => problems.push(problem),
        }
    }
    relate(&mut facts, groups);
    (facts, problems)
}

/// Who the machine is, by all its facts.
///
/// # Errors
/// Where nothing about it is its own; and where its SMBIOS tables could not be read, since by what is left it would be
/// taken for another.
pub fn identify(machine: &Machine, facts: &Facts) -> Result<Identity> {
    if facts.smbios.is_none() && smbios::present(machine) {
        bail!(
            "the SMBIOS tables are there and could not be read, so who the host is cannot be said (are you root?)"
        );
    }
    identity::choose(facts)
}

/// Every group.
pub fn everything() -> &'static [Group] {
    Group::value_variants()
}

fn job(machine: &Machine, group: Group) -> (String, deadline::Job<(Found, Vec<String>)>) {
    let machine = machine.clone();
    let name = group.to_possible_value().map_or_else(String::new, |value| value.get_name().to_string());
    let work = move || {
        let mut problems = Vec::new();
        (look(&machine, group, &mut problems), problems)
    };
    (name, Box::new(work))
}

/// What one group knows of another.
fn relate(facts: &mut Facts, groups: &[Group]) {
    match (&mut facts.firmware, facts.smbios.as_ref().and_then(|smbios| smbios.bios.as_ref())) {
        (Some(firmware), Some(bios)) => {
            (firmware.vendor, firmware.version) = (bios.vendor.clone(), bios.version.clone());
        }
        // Without a word of UEFI or of a BIOS there is neither, as in some virtual machines.
        (Some(firmware), None) if firmware.kind == FirmwareKind::Bios => facts.firmware = None,
        _ => {}
    }
    let told = facts.smbios.as_ref().is_some_and(|smbios| !smbios.ipmi_devices.is_empty());
    if told && groups.contains(&Group::Bmc) {
        let told_by = &mut facts.bmc.get_or_insert_default().told_by;
        if !told_by.iter().any(|teller| teller == "smbios") {
            told_by.insert(0, "smbios".to_string());
        }
    }
    if !groups.contains(&Group::Smbios) {
        (facts.system, facts.smbios, facts.placeholders) = (None, None, Vec::new());
    }
}

fn look(machine: &Machine, group: Group, problems: &mut Vec<String>) -> Found {
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
pub(crate) mod fixture;
