// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the machine is: one file or folder per group of facts, discovered side by side.

mod bmc;
mod cpus;
mod deadline;
mod disks;
mod firmware;
pub mod identity;
mod memory;
mod nics;
mod pci;
mod placeholder;
mod sensors;
pub mod smbios;
mod summary;
mod tpm;
mod watchdogs;

use std::time::Duration;

use stage1_inventory::Facts;

use crate::machine::Machine;

pub use memory::available_bytes;
pub use nics::physical_ports;
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

impl Group {
    /// All groups.
    pub const ALL: [Self; 11] = [
        Self::Smbios,
        Self::Firmware,
        Self::Cpus,
        Self::Memory,
        Self::Pci,
        Self::Nics,
        Self::Disks,
        Self::Tpm,
        Self::Bmc,
        Self::Watchdogs,
        Self::Sensors,
    ];
}

/// What one group found: puts it into the facts.
type Found = Box<dyn FnOnce(&mut Facts) + Send>;

/// Discovers the groups side by side without changing anything; and what could not be found out, and why.
pub fn discover(machine: &Machine, groups: &[Group]) -> (Facts, Vec<String>) {
    let jobs = groups.iter().map(|group| {
        let (machine, group) = (machine.clone(), *group);
        let name = format!("{group:?}").to_lowercase();
        let job: deadline::Job<(Found, Vec<String>)> = Box::new(move || {
            let mut problems = Vec::new();
            (look(&machine, group, &mut problems), problems)
        });
        (name, job)
    });
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
    if let (Some(firmware), Some(smbios)) = (&mut facts.firmware, &facts.smbios) {
        firmware.vendor = smbios.bios.as_ref().and_then(|bios| bios.vendor.clone());
        firmware.version = smbios.bios.as_ref().and_then(|bios| bios.version.clone());
    }
    (facts, problems)
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
