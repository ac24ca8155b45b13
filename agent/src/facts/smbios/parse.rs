// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the bytes of entry point and structure table to facts. Pure.

use std::cell::RefCell;

use stage1_contract::SystemInformation;
use stage1_contract::facts::Smbios;

use super::entry_point::EntryPoint;
use super::structure::{Structure, Table, Version};
use super::walk::walk;
use super::warnings::ParseWarnings;
use super::{devices, host_interface, management, memory, processors, system};

/// The version where no entry point has it: every machine of the last ten years has this layout.
const DEFAULT_VERSION: Version = Version { major: 3, minor: 0 };

/// Reads the tables; faults go to `problems`, one message for each kind.
pub(super) fn parse(
    entry_point: &[u8],
    table: &[u8],
    problems: &mut Vec<String>,
) -> (Option<SystemInformation>, Smbios) {
    let mut warnings = ParseWarnings::default();
    let entry = EntryPoint::parse(entry_point, &mut warnings);
    let structures = walk(table, &entry, &mut warnings);
    let table = Table {
        version: entry.version.unwrap_or(DEFAULT_VERSION),
        has_version: entry.version.is_some(),
        handles: structures
            .iter()
            .map(|parts| (parts.header.struct_type(), *parts.header.handle()))
            .collect(),
        warnings: RefCell::new(warnings),
    };
    let mut system = None;
    let mut smbios = Smbios { version: entry.version_text(), ..Smbios::default() };
    for parts in &structures {
        add(Structure { parts, table: &table }, &mut system, &mut smbios);
    }
    problems.extend(table.warnings.into_inner().into_messages());
    (system, smbios)
}

/// Where a machine has one of a kind, the first counts.
fn add(at: Structure, system: &mut Option<SystemInformation>, smbios: &mut Smbios) {
    match at.kind() {
        0 if smbios.bios.is_none() => smbios.bios = Some(system::bios(at)),
        1 if system.is_none() => *system = Some(system::system(at)),
        2 => smbios.baseboards.push(system::baseboard(at)),
        3 => smbios.chassis.push(system::chassis(at)),
        4 => smbios.processors.push(processors::processor(at)),
        7 => smbios.caches.push(processors::cache(at)),
        9 => smbios.slots.push(devices::slot(at)),
        10 => smbios.onboard_devices.extend(devices::onboard(at)),
        11 => smbios.oem_strings.push(system::strings(at)),
        12 => smbios.configuration_options.push(system::strings(at)),
        13 => smbios.bios_languages.push(system::languages(at)),
        16 => smbios.memory_arrays.push(memory::array(at)),
        17 => smbios.memory_devices.push(memory::device(at)),
        32 if smbios.boot_status.is_none() => smbios.boot_status = system::boot_status(at),
        38 => smbios.ipmi_devices.push(management::ipmi(at)),
        39 => smbios.power_supplies.push(system::power_supply(at)),
        41 => smbios.onboard_devices.push(devices::onboard_extended(at)),
        42 => smbios.host_interfaces.push(host_interface::host_interface(at)),
        43 => smbios.tpm_devices.push(management::tpm(at)),
        _ => {}
    }
}
