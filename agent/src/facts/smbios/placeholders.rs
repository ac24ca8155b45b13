// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which of the firmware's texts are placeholders, as JSON pointers (RFC 6901) into the facts. Pure.

use serde_json::Value;
use stage1_inventory::SystemInformation;
use stage1_inventory::facts::Smbios;

use crate::facts::placeholder::is_placeholder;

/// The fields that are the firmware's own texts, by the list that they are in; every other text is the name of
/// a code, or a number.
const TEXTS: &[(&str, &[&str])] = &[
    ("bios", &["vendor", "version", "release_date"]),
    ("baseboards", &["manufacturer", "product", "version", "serial", "asset_tag", "location"]),
    ("chassis", &["manufacturer", "version", "serial", "asset_tag", "sku"]),
    (
        "processors",
        &["socket", "manufacturer", "version", "socket_type", "serial", "asset_tag", "part_number"],
    ),
    ("caches", &["socket"]),
    ("slots", &["designation"]),
    ("onboard_devices", &["designation"]),
    ("oem_strings", &["strings"]),
    ("configuration_options", &["strings"]),
    ("bios_languages", &["current", "installable"]),
    (
        "memory_devices",
        &[
            "locator",
            "bank_locator",
            "manufacturer",
            "serial",
            "asset_tag",
            "part_number",
            "firmware_version",
        ],
    ),
    (
        "power_supplies",
        &["location", "name", "manufacturer", "serial", "asset_tag", "part_number", "revision"],
    ),
    ("tpm_devices", &["description"]),
];

/// Those of system information.
const SYSTEM: &[&str] = &["manufacturer", "product", "version", "serial", "sku", "family"];

/// Pointers to every placeholder.
pub fn placeholders(system: Option<&SystemInformation>, smbios: &Smbios) -> Vec<String> {
    let mut found = Vec::new();
    look(&value(system), SYSTEM, "/system", &mut found);
    let smbios = value(smbios);
    for (list, fields) in TEXTS {
        look(&smbios[list], fields, &format!("/smbios/{list}"), &mut found);
    }
    found
}

/// The wire types are plain data, which always have a JSON form.
fn value(facts: impl serde::Serialize) -> Value {
    serde_json::to_value(facts).unwrap_or_default()
}

fn look(value: &Value, fields: &[&str], pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                look(item, fields, &format!("{pointer}/{index}"), found);
            }
        }
        Value::Object(object) => {
            for field in fields {
                if let Some(value) = object.get(*field) {
                    look(value, fields, &format!("{pointer}/{field}"), found);
                }
            }
        }
        // Banks and slots may be numbered from 0 on.
        Value::String(text) if pointer.ends_with("locator") && text.parse::<u32>().is_ok() => {}
        Value::String(text) if is_placeholder(text) => found.push(pointer.to_string()),
        _ => {}
    }
}
