// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which of the firmware's texts are placeholders, as JSON pointers (RFC 6901) into the facts. Pure.

use stage1_contract::SystemInformation;
use stage1_contract::facts::{Smbios, StringList};

use crate::facts::placeholder::is_placeholder;
use crate::facts::serial_number;
use crate::facts::system_uuid::is_shared;

/// Looks at those fields of every item of a list that are the firmware's own texts; every other text is the name
/// of a code, or a number.
macro_rules! look {
    ($found:ident, $smbios:ident.$list:ident: $($field:ident),+) => {
        for (index, item) in $smbios.$list.iter().enumerate() {
            $(look_at(item.$field.as_deref(), || {
                format!(concat!("/smbios/", stringify!($list), "/{}/", stringify!($field)), index)
            }, &mut $found);)+
        }
    };
    ($found:ident, $pointer:literal, $one:expr => $($field:ident),+) => {
        if let Some(one) = $one {
            $(look_at(one.$field.as_deref(), || concat!($pointer, "/", stringify!($field)).to_string(), &mut $found);)+
        }
    };
}

/// Pointers to every placeholder.
pub(super) fn placeholders(system: Option<&SystemInformation>, smbios: &Smbios) -> Vec<String> {
    let mut found = Vec::new();
    look!(found, "/system", system => manufacturer, product, version, sku, family);
    look!(found, "/smbios/bios", &smbios.bios => vendor, version, release_date);
    look!(found, smbios.baseboards: manufacturer, product, version, asset_tag, location);
    look!(found, smbios.chassis: manufacturer, version, asset_tag, sku);
    look_at_what_identifies(system, smbios, &mut found);
    look!(found, smbios.processors: socket, manufacturer, version, socket_type, serial, asset_tag, part_number);
    look!(found, smbios.caches: socket);
    look!(found, smbios.slots: designation);
    look!(found, smbios.onboard_devices: designation);
    look!(found, smbios.bios_languages: current);
    look!(found, smbios.memory_devices: manufacturer, serial, asset_tag, part_number, firmware_version);
    look!(found, smbios.power_supplies: location, name, manufacturer, serial, asset_tag, part_number, revision);
    look!(found, smbios.tpm_devices: description);
    for (index, device) in smbios.memory_devices.iter().enumerate() {
        for (field, text) in [("locator", &device.locator), ("bank_locator", &device.bank_locator)] {
            // Banks and slots may be numbered from 0 on.
            let text = text.as_deref().filter(|text| text.parse::<u32>().is_err());
            look_at(text, || format!("/smbios/memory_devices/{index}/{field}"), &mut found);
        }
    }
    look_at_lists(&smbios.oem_strings, "oem_strings", &mut found);
    look_at_lists(&smbios.configuration_options, "configuration_options", &mut found);
    for (index, languages) in smbios.bios_languages.iter().enumerate() {
        look_at_texts(&languages.installable, &format!("bios_languages/{index}/installable"), &mut found);
    }
    found
}

/// What would stand for the machine is judged more strictly than other texts.
fn look_at_what_identifies(system: Option<&SystemInformation>, smbios: &Smbios, found: &mut Vec<String>) {
    let (boards, chassis) = (smbios.baseboards.iter().enumerate(), smbios.chassis.iter().enumerate());
    let serials = system
        .map(|system| ("/system/serial".to_string(), &system.serial))
        .into_iter()
        .chain(boards.map(|(index, board)| (format!("/smbios/baseboards/{index}/serial"), &board.serial)))
        .chain(chassis.map(|(index, chassis)| (format!("/smbios/chassis/{index}/serial"), &chassis.serial)));
    let unset = serials.filter(|(_, serial)| serial.as_deref().is_some_and(serial_number::is_placeholder));
    found.extend(unset.map(|(pointer, _)| pointer));
    if system.and_then(|system| system.uuid.as_deref()).is_some_and(is_shared) {
        found.push("/system/uuid".to_string());
    }
}

fn look_at_lists(lists: &[StringList], name: &str, found: &mut Vec<String>) {
    for (index, list) in lists.iter().enumerate() {
        look_at_texts(&list.strings, &format!("{name}/{index}/strings"), found);
    }
}

fn look_at_texts(texts: &[Option<String>], place: &str, found: &mut Vec<String>) {
    for (index, text) in texts.iter().enumerate() {
        look_at(text.as_deref(), || format!("/smbios/{place}/{index}"), found);
    }
}

fn look_at(text: Option<&str>, pointer: impl FnOnce() -> String, found: &mut Vec<String>) {
    if text.is_some_and(is_placeholder) {
        found.push(pointer());
    }
}
