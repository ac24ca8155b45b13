// SPDX-License-Identifier: MIT OR Apache-2.0
//! Types 4 and 7.

use stage1_contract::facts::{Cache, Processor};

use super::{Rendered, named, size};

pub fn processor(processor: &Processor) -> Rendered {
    let voltages: Vec<String> = processor
        .voltages_millivolts
        .iter()
        .map(|millivolts| format!("{}.{} V", millivolts / 1000, millivolts % 1000 / 100))
        .collect();
    let status = processor.populated.map(|populated| match &processor.status {
        Some(status) if populated => format!("Populated, {}", named(status)),
        _ => "Unpopulated".to_string(),
    });
    let cache = &["Not Provided", "No L1 Cache", "No L2 Cache", "No L3 Cache"];
    Rendered::new(4, processor.handle)
        .text("Socket Designation", &processor.socket)
        .name("Type", &processor.processor_type)
        .name("Family", &processor.family)
        .text("Manufacturer", &processor.manufacturer)
        .text("ID", &processor.id)
        .text("Signature", &processor.signature)
        .text("Version", &processor.version)
        .field("Voltage", (!voltages.is_empty()).then(|| voltages.join(" ")), &["Unknown"])
        .unit("External Clock", processor.external_clock_mhz, "MHz")
        .unit("Max Speed", processor.max_speed_mhz, "MHz")
        .unit("Current Speed", processor.current_speed_mhz, "MHz")
        .field("Status", status, &[])
        .name("Upgrade", &processor.upgrade)
        .handle("L1 Cache Handle", processor.l1_cache_handle, cache)
        .handle("L2 Cache Handle", processor.l2_cache_handle, cache)
        .handle("L3 Cache Handle", processor.l3_cache_handle, cache)
        .text("Serial Number", &processor.serial)
        .text("Asset Tag", &processor.asset_tag)
        .text("Part Number", &processor.part_number)
        .number("Core Count", processor.cores, &[])
        .number("Core Enabled", processor.cores_enabled, &[])
        .number("Thread Count", processor.threads, &[])
        .lines("Characteristics", &processor.characteristics)
}

pub fn cache(cache: &Cache) -> Rendered {
    let configuration = match (cache.enabled, cache.socketed, cache.level) {
        (Some(enabled), Some(socketed), Some(level)) => Some(format!(
            "{}, {}, Level {level}",
            if enabled { "Enabled" } else { "Disabled" },
            if socketed { "Socketed" } else { "Not Socketed" }
        )),
        _ => None,
    };
    Rendered::new(7, cache.handle)
        .text("Socket Designation", &cache.socket)
        .field("Configuration", configuration, &[])
        .name("Operational Mode", &cache.mode)
        .name("Location", &cache.location)
        .field("Installed Size", cache.installed_bytes.map(kilobytes), &[])
        .field("Maximum Size", cache.max_bytes.map(kilobytes), &[])
        .lines("Supported SRAM Types", &cache.supported_sram_types)
        .words("Installed SRAM Type", &cache.sram_types)
        .unit("Speed", cache.speed_nanoseconds, "ns")
        .name("Error Correction Type", &cache.error_correction)
        .name("System Type", &cache.cache_type)
        .name("Associativity", &cache.associativity)
}

/// The same, where dmidecode counts from kilobytes on.
fn kilobytes(bytes: u64) -> String {
    if bytes == 0 { "0 kB".to_string() } else { size(bytes) }
}
