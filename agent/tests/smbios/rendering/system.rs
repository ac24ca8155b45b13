// SPDX-License-Identifier: MIT OR Apache-2.0
//! Types 0 to 3, 11 to 13 and 39.

use stage1_contract::SystemInformation;
use stage1_contract::facts::{Baseboard, Bios, BiosLanguage, Chassis, PowerSupply, StringList};

use super::{Rendered, named, size};

pub fn bios(bios: &Bios) -> Rendered {
    let runtime = bios.runtime_bytes.map(|bytes| match bytes % 1024 {
        0 => format!("{} kB", bytes / 1024),
        _ => format!("{bytes} bytes"),
    });
    let rom = bios
        .rom_bytes
        .map(|bytes| vec![size(bytes), format!("{} MB", bytes >> 20), format!("{} GB", bytes >> 30)]);
    Rendered::new(0, None)
        .text("Vendor", &bios.vendor)
        .text("Version", &bios.version)
        .text("Release Date", &bios.release_date)
        .field("Address", bios.address.as_deref().map(upper), &[])
        .field("Runtime Size", runtime, &[])
        .any("ROM Size", rom.unwrap_or_default(), &[])
        .lines("Characteristics", &bios.characteristics)
        .text("BIOS Revision", &bios.release)
        .text("Firmware Revision", &bios.embedded_controller_release)
}

pub fn system(system: &SystemInformation) -> Rendered {
    let uuid = system.uuid.as_deref().map(|uuid| match uuid {
        "00000000-0000-0000-0000-000000000000" => "Not Settable".to_string(),
        "ffffffff-ffff-ffff-ffff-ffffffffffff" => "Not Present".to_string(),
        uuid => uuid.to_string(),
    });
    Rendered::new(1, None)
        .text("Manufacturer", &system.manufacturer)
        .text("Product Name", &system.product)
        .text("Version", &system.version)
        .text("Serial Number", &system.serial)
        .field("UUID", uuid, &[])
        .name("Wake-up Type", &system.wake_up_type)
        .text("SKU Number", &system.sku)
        .text("Family", &system.family)
}

pub fn baseboard(board: &Baseboard) -> Rendered {
    let handles: Vec<String> =
        board.contained_handles.iter().map(|handle| format!("\n0x{handle:04X}")).collect();
    let handles = (!handles.is_empty()).then(|| format!("{}{}", handles.len(), handles.concat()));
    Rendered::new(2, board.handle)
        .text("Manufacturer", &board.manufacturer)
        .text("Product Name", &board.product)
        .text("Version", &board.version)
        .text("Serial Number", &board.serial)
        .text("Asset Tag", &board.asset_tag)
        .lines("Features", &board.features)
        .text("Location In Chassis", &board.location)
        .handle("Chassis Handle", board.chassis_handle, &["0xFFFF"])
        .name("Type", &board.board_type)
        .field("Contained Object Handles", handles, &["0"])
}

pub fn chassis(chassis: &Chassis) -> Rendered {
    Rendered::new(3, chassis.handle)
        .text("Manufacturer", &chassis.manufacturer)
        .name("Type", &chassis.chassis_type)
        .yes("Lock", chassis.lock, "Present", "Not Present")
        .text("Version", &chassis.version)
        .text("Serial Number", &chassis.serial)
        .text("Asset Tag", &chassis.asset_tag)
        .name("Boot-up State", &chassis.boot_up_state)
        .name("Power Supply State", &chassis.power_supply_state)
        .name("Thermal State", &chassis.thermal_state)
        .name("Security Status", &chassis.security_status)
        .field("Height", chassis.height_units.map(|units| format!("{units} U")), &["Unspecified"])
        .number("Number Of Power Cords", chassis.power_cords, &["Unspecified"])
        .text("SKU Number", &chassis.sku)
}

pub fn strings(kind: u8, key: &str, list: &StringList) -> Rendered {
    let rendered = Rendered::new(kind, list.handle);
    // Beyond those that there are, dmidecode prints a bad index for each that is announced.
    (1..=255).fold(rendered, |rendered, number| {
        let text = list.strings.get(number - 1).cloned().flatten();
        rendered.text(&format!("{key} {number}"), &text)
    })
}

pub fn languages(languages: &BiosLanguage) -> Rendered {
    let installable: Vec<String> =
        languages.installable.iter().map(|text| text.clone().unwrap_or_default()).collect();
    let installable = format!("{}\n{}", installable.len(), installable.join("\n"));
    Rendered::new(13, languages.handle)
        .text("Language Description Format", &languages.format)
        .field("Installable Languages", installable.trim().to_string(), &[])
        .text("Currently Installed Language", &languages.current)
}

pub fn power_supply(supply: &PowerSupply) -> Rendered {
    let status = supply.present.map(|present| match &supply.status {
        Some(status) if present => format!("Present, {}", named(status.word())),
        _ => "Not Present".to_string(),
    });
    Rendered::new(39, supply.handle)
        .number("Power Unit Group", supply.group, &[])
        .text("Location", &supply.location)
        .text("Name", &supply.name)
        .text("Manufacturer", &supply.manufacturer)
        .text("Serial Number", &supply.serial)
        .text("Asset Tag", &supply.asset_tag)
        .text("Model Part Number", &supply.part_number)
        .text("Revision", &supply.revision)
        .unit("Max Power Capacity", supply.max_power_watts, "W")
        .field("Status", status, &[])
        .name("Type", &supply.supply_type)
        .name("Input Voltage Range Switching", &supply.range_switching)
        .yes("Plugged", supply.plugged, "Yes", "No")
        .yes("Hot Replaceable", supply.hot_replaceable, "Yes", "No")
        .handle("Input Voltage Probe Handle", supply.input_voltage_probe_handle, &[])
        .handle("Cooling Device Handle", supply.cooling_device_handle, &[])
        .handle("Input Current Probe Handle", supply.input_current_probe_handle, &[])
}

fn upper(number: &str) -> String {
    format!("0x{}", number[2..].to_uppercase())
}
