// SPDX-License-Identifier: MIT OR Apache-2.0
//! Types 16 and 17.

use stage1_contract::facts::{MemoryArray, MemoryDevice};

use super::{Rendered, size};

pub fn memory_array(array: &MemoryArray) -> Rendered {
    Rendered::new(16, array.handle)
        .name("Location", &array.location)
        .name("Use", &array.usage)
        .name("Error Correction Type", &array.error_correction)
        .any("Maximum Capacity", sizes(array.max_bytes), &["Unknown"])
        .handle("Error Information Handle", array.error_handle, &["Not Provided", "No Error"])
        .number("Number Of Devices", array.devices, &[])
}

pub fn memory_device(device: &MemoryDevice) -> Rendered {
    let size = match device.size_bytes {
        Some(0) => vec!["No Module Installed".to_string(), "0 bytes".to_string(), "0 kB".to_string()],
        bytes => sizes(bytes),
    };
    let amount = |bytes: Option<u64>| {
        bytes.map(|bytes| if bytes == 0 { "None".to_string() } else { self::size(bytes) })
    };
    let rendered = Rendered::new(17, device.handle)
        .handle("Array Handle", device.array_handle, &["0xFFFF"])
        .handle("Error Information Handle", device.error_handle, &["Not Provided", "No Error"])
        .unit("Total Width", device.total_width_bits, "bits")
        .unit("Data Width", device.data_width_bits, "bits")
        .any("Size", size, &["Unknown"])
        .name("Form Factor", &device.form_factor)
        .number("Set", device.set, &["None", "Unknown"])
        .text("Locator", &device.locator)
        .text("Bank Locator", &device.bank_locator)
        .name("Type", &device.memory_type)
        .words("Type Detail", &device.type_detail)
        .unit("Speed", device.speed_mtps, "MT/s")
        .text("Manufacturer", &device.manufacturer)
        .text("Serial Number", &device.serial)
        .text("Asset Tag", &device.asset_tag)
        .text("Part Number", &device.part_number)
        .number("Rank", device.rank, &["Unknown"])
        .unit("Configured Memory Speed", device.configured_speed_mtps, "MT/s");
    rendered
        .field("Minimum Voltage", device.min_millivolts.map(volts), &["Unknown"])
        .field("Maximum Voltage", device.max_millivolts.map(volts), &["Unknown"])
        .field("Configured Voltage", device.configured_millivolts.map(volts), &["Unknown"])
        .name("Memory Technology", &device.technology)
        .words("Memory Operating Mode Capability", &device.operating_modes)
        .text("Firmware Version", &device.firmware_version)
        .field("Module Manufacturer ID", device.module_manufacturer_id.clone(), &["Unknown"])
        .field("Module Product ID", device.module_product_id.clone(), &["Unknown"])
        .field(
            "Memory Subsystem Controller Manufacturer ID",
            device.controller_manufacturer_id.clone(),
            &["Unknown"],
        )
        .field("Memory Subsystem Controller Product ID", device.controller_product_id.clone(), &["Unknown"])
        .field("Non-Volatile Size", amount(device.non_volatile_bytes), &["Unknown"])
        .field("Volatile Size", amount(device.volatile_bytes), &["Unknown"])
        .field("Cache Size", amount(device.cache_bytes), &["Unknown"])
        .field("Logical Size", amount(device.logical_bytes), &["Unknown"])
}

/// `%g` of volts, with one decimal at least.
fn volts(millivolts: u16) -> String {
    let text = format!("{}.{:03}", millivolts / 1000, millivolts % 1000);
    let text = text.trim_end_matches('0');
    format!("{text}{} V", if text.ends_with('.') { "0" } else { "" })
}

/// The ways in which dmidecode prints sizes, some of which round.
fn sizes(bytes: Option<u64>) -> Vec<String> {
    let Some(bytes) = bytes else { return Vec::new() };
    let exact = [(20, "MB"), (30, "GB"), (40, "TB")];
    let exact = exact.into_iter().filter(|(shift, _)| bytes % (1 << shift) == 0);
    let exact = exact.map(|(shift, unit)| format!("{} {unit}", bytes >> shift));
    [size(bytes)].into_iter().chain(exact).collect()
}
