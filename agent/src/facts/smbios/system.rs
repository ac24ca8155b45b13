// SPDX-License-Identifier: MIT OR Apache-2.0
//! The system and its enclosure: types 0 to 3, 11 to 13, 32 and 39. Pure.

use smbioslib::{
    ChassisHeight, PowerCords, RomSize, SMBiosBaseboardInformation, SMBiosBiosLanguageInformation,
    SMBiosInformation, SMBiosStruct, SMBiosSystemChassisInformation, SMBiosSystemInformation,
    SMBiosSystemPowerSupply,
};
use stage1_contract::SystemInformation;
use stage1_contract::facts::{Baseboard, Bios, BiosLanguage, BootStatus, Chassis, PowerSupply, StringList};
use uuid::Uuid;

use super::names::system as names;
use super::structure::{Structure, Version};

/// The first version whose UUIDs have their first three fields little-endian (DSP0134 7.2.1); before, dmidecode
/// and the kernel take them as they are.
const LITTLE_ENDIAN_UUID: Version = Version { major: 2, minor: 6 };

/// BIOS information, type 0 (DSP0134 7.1).
pub(super) fn bios(at: Structure) -> Bios {
    let bios = SMBiosInformation::new(at.parts);
    let segment = bios.starting_address_segment().filter(|segment| *segment != 0).map(u32::from);
    let flags = |bit: u8| bios.characteristics_extension1().map(|flags| flags.raw & bit != 0);
    Bios {
        vendor: at.text(bios.vendor()),
        version: at.text(bios.version()),
        release_date: at.text(bios.release_date()),
        release: at.release(0x14),
        embedded_controller_release: at.release(0x16),
        rom_bytes: rom_bytes(&bios),
        address: segment.map(|segment| format!("0x{:05x}", segment << 4)),
        runtime_bytes: segment.map(|segment| (0x1_0000 - segment) << 4),
        uefi: flags(1 << 3),
        virtual_machine: flags(1 << 4),
        characteristics: bios_characteristics(&bios),
    }
}

/// Sizes from 16 MiB on are in a field of their own (DSP0134 7.1, 18h); without that field it is 16 MiB.
fn rom_bytes(bios: &SMBiosInformation) -> Option<u64> {
    let size = match bios.rom_size()? {
        RomSize::SeeExtendedRomSize => bios.extended_rom_size().unwrap_or(RomSize::Megabytes(16)),
        size => size,
    };
    match size {
        RomSize::Kilobytes(size) => Some(u64::from(size) << 10),
        RomSize::Megabytes(size) => Some(u64::from(size) << 20),
        RomSize::Gigabytes(size) => Some(u64::from(size) << 30),
        RomSize::Undefined(_) | RomSize::SeeExtendedRomSize => None,
    }
}

fn bios_characteristics(bios: &SMBiosInformation) -> Vec<String> {
    let mut all = match bios.characteristics().map(|bits| bits.raw) {
        Some(bits) if bits & 1 << 3 != 0 => vec!["BIOS characteristics not supported".to_string()],
        bits => names::BIOS.of(bits.unwrap_or(0)),
    };
    all.extend(names::BIOS_1.of(bios.characteristics_extension0().map_or(0, |bits| bits.raw)));
    all.extend(names::BIOS_2.of(bios.characteristics_extension1().map_or(0, |bits| bits.raw)));
    all
}

/// System information, type 1 (DSP0134 7.2).
pub(super) fn system(at: Structure) -> SystemInformation {
    let system = SMBiosSystemInformation::new(at.parts);
    SystemInformation {
        manufacturer: at.text(system.manufacturer()),
        product: at.text(system.product_name()),
        version: at.text(system.version()),
        serial: at.text(system.serial_number()),
        uuid: at.parts.get_field_data(0x08, 0x18).and_then(|raw| uuid_text(raw, at.table.version)),
        sku: at.text(system.sku_number()),
        family: at.text(system.family()),
        wake_up_type: system.wakeup_type().map(|kind| names::WAKE_UP.of(kind.raw)),
    }
}

/// In the byte order of the table's version; smbios-lib supports only the new one.
pub(super) fn uuid_text(raw: &[u8], version: Version) -> Option<String> {
    let raw = raw.try_into().ok()?;
    let little_endian = version >= LITTLE_ENDIAN_UUID;
    let uuid = if little_endian { Uuid::from_bytes_le(raw) } else { Uuid::from_bytes(raw) };
    Some(uuid.to_string())
}

/// A board, type 2 (DSP0134 7.3).
pub(super) fn baseboard(at: Structure) -> Baseboard {
    let board = SMBiosBaseboardInformation::new(at.parts);
    Baseboard {
        handle: at.handle(),
        manufacturer: at.text(board.manufacturer()),
        product: at.text(board.product()),
        version: at.text(board.version()),
        serial: at.text(board.serial_number()),
        asset_tag: at.text(board.asset_tag()),
        features: names::BOARD_FEATURES.of(board.feature_flags().map_or(0, |flags| flags.raw)),
        location: at.text(board.location_in_chassis()),
        chassis_handle: at.reference_to(3, board.chassis_handle()),
        board_type: board.board_type().map(|kind| names::BOARD.of(kind.raw)),
        contained_handles: (0..at.announced(0x0e, 2)).filter_map(|item| at.word(0x0f + 2 * item)).collect(),
    }
}

/// A chassis, type 3 (DSP0134 7.4).
pub(super) fn chassis(at: Structure) -> Chassis {
    let chassis = SMBiosSystemChassisInformation::new(at.parts);
    Chassis {
        handle: at.handle(),
        manufacturer: at.text(chassis.manufacturer()),
        chassis_type: at.byte(0x05).map(|kind| names::CHASSIS.of(kind & 0x7f)),
        lock: at.byte(0x05).map(|kind| kind & 0x80 != 0),
        version: at.text(chassis.version()),
        serial: at.text(chassis.serial_number()),
        asset_tag: at.text(chassis.asset_tag_number()),
        boot_up_state: chassis.bootup_state().map(|state| names::CHASSIS_STATE.of(state.raw)),
        power_supply_state: chassis.power_supply_state().map(|state| names::CHASSIS_STATE.of(state.raw)),
        thermal_state: chassis.thermal_state().map(|state| names::CHASSIS_STATE.of(state.raw)),
        security_status: chassis.security_status().map(|status| names::CHASSIS_SECURITY.of(status.raw)),
        height_units: match chassis.height() {
            Some(ChassisHeight::U(units)) => Some(units),
            _ => None,
        },
        power_cords: match chassis.number_of_power_cords() {
            Some(PowerCords::Count(count)) => Some(count),
            _ => None,
        },
        sku: at.text(chassis.sku_number()),
    }
}

/// OEM strings, type 11, and configuration options, type 12 (DSP0134 7.12, 7.13).
pub(super) fn strings(at: Structure) -> StringList {
    StringList { handle: at.handle(), strings: at.texts(at.byte(0x04)) }
}

/// The firmware's languages, type 13 (DSP0134 7.14).
pub(super) fn languages(at: Structure) -> BiosLanguage {
    let languages = SMBiosBiosLanguageInformation::new(at.parts);
    let flags = languages.flags().filter(|_| at.table.version >= Version { major: 2, minor: 1 });
    BiosLanguage {
        handle: at.handle(),
        current: at.text(languages.current_language()),
        installable: at.texts(languages.number_of_installable_languages()),
        format: flags.map(|flags| if flags.raw & 1 == 1 { "Abbreviated" } else { "Long" }.to_string()),
    }
}

/// How this boot went, type 32 (DSP0134 7.33).
pub(super) fn boot_status(at: Structure) -> Option<BootStatus> {
    at.byte(0x0a).map(|status| match status {
        128..=191 => BootStatus::OemSpecific,
        192.. => BootStatus::ProductSpecific,
        _ => names::BOOT_STATUS.of(status),
    })
}

/// A power supply, type 39 (DSP0134 7.40).
pub(super) fn power_supply(at: Structure) -> PowerSupply {
    let supply = SMBiosSystemPowerSupply::new(at.parts);
    let bits = supply.power_supply_characteristics().map(|bits| bits.raw);
    let field = |first: u32, width: u32| bits.map(|bits| bits >> first & ((1 << width) - 1));
    let present = field(1, 1).map(|bit| bit == 1);
    PowerSupply {
        handle: at.handle(),
        group: supply.power_unit_group().filter(|group| *group != 0),
        location: at.text(supply.location()),
        name: at.text(supply.device_name()),
        manufacturer: at.text(supply.manufacturer()),
        serial: at.text(supply.serial_number()),
        asset_tag: at.text(supply.asset_tag_number()),
        part_number: at.text(supply.model_part_number()),
        revision: at.text(supply.revision_level()),
        max_power_watts: at.word(0x0c).filter(|watts| *watts != 0x8000),
        present,
        status: field(7, 3)
            .filter(|_| present == Some(true))
            .map(|status| names::POWER_SUPPLY_STATUS.of(status)),
        supply_type: field(10, 4).map(|kind| names::POWER_SUPPLY.of(kind)),
        range_switching: field(3, 4).map(|kind| names::POWER_SUPPLY_SWITCHING.of(kind)),
        plugged: field(2, 1).map(|bit| bit == 0),
        hot_replaceable: field(0, 1).map(|bit| bit == 1),
        input_voltage_probe_handle: at.reference(supply.input_voltage_probe_handle()),
        cooling_device_handle: at.reference(supply.cooling_device_handle()),
        input_current_probe_handle: at.reference(supply.input_current_probe_handle()),
    }
}
