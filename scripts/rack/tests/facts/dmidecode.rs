// SPDX-License-Identifier: MIT OR Apache-2.0
//! SMBIOS: against dmidecode. Here only that what the rack gave a host arrives; every field of many tables is compared
//! by the agent's own tests.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::comparison::Comparison;
use crate::outputs::Outputs;

/// Tables of which there is one, or several in a row: the heading, where ours are, and fields of both.
type Table = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const TABLES: &[Table] = &[
    (
        "System Information",
        "/system",
        &[("Manufacturer", "/manufacturer"), ("Serial Number", "/serial"), ("UUID", "/uuid")],
    ),
    (
        "Base Board Information",
        "/smbios/baseboards",
        &[("Product Name", "/product"), ("Serial Number", "/serial"), ("Asset Tag", "/asset_tag")],
    ),
    ("Chassis Information", "/smbios/chassis", &[("Serial Number", "/serial"), ("Asset Tag", "/asset_tag")]),
    (
        "Processor Information",
        "/smbios/processors",
        &[("Socket Designation", "/socket"), ("Version", "/version"), ("Part Number", "/part_number")],
    ),
    (
        "Memory Device",
        "/smbios/memory_devices",
        &[
            ("Locator", "/locator"),
            ("Bank Locator", "/bank_locator"),
            ("Manufacturer", "/manufacturer"),
            ("Serial Number", "/serial"),
            ("Asset Tag", "/asset_tag"),
            ("Part Number", "/part_number"),
        ],
    ),
    ("Onboard Device", "/smbios/onboard_devices", &[("Reference Designation", "/designation")]),
    ("IPMI Device Information", "/smbios/ipmi_devices", &[]),
];

const NIL: &str = "00000000-0000-0000-0000-000000000000";

/// The tables that identify the host and its parts.
pub fn tables(outputs: &Outputs, ours: &Value) -> Comparison {
    let mut dmidecode = Comparison::with("dmidecode");
    let text = outputs.text("dmidecode.txt");
    for (heading, pointer, fields) in TABLES {
        let theirs: Vec<_> = text.split("\n\n").filter_map(|table| read(table, heading)).collect();
        let ours = ours.pointer(pointer).unwrap_or(&Value::Null);
        let list = if ours.is_object() { Value::from(vec![ours.clone()]) } else { ours.clone() };
        dmidecode.as_many(heading, theirs.len(), &list);
        for (number, theirs) in theirs.iter().enumerate() {
            let mut thing = dmidecode.thing(&format!("{heading} {number}"), list.get(number));
            for (field, pointer) in *fields {
                // Its words for a string that is not there, and for a UUID of zeros, which stage1 shows as it is.
                let printed = theirs.get(field).copied().filter(|printed| *printed != "Not Specified");
                let printed = printed.map(|printed| if printed == "Not Settable" { NIL } else { printed });
                thing.same(pointer, printed);
            }
        }
    }
    dmidecode
}

/// The fields of one structure, where it has that heading.
fn read<'a>(table: &'a str, heading: &str) -> Option<BTreeMap<&'a str, &'a str>> {
    let mut lines = table.lines().skip_while(|line| line.starts_with("Handle") || line.is_empty());
    let matches = lines.next()? == heading;
    matches.then(|| {
        lines
            .filter_map(|line| line.split_once(": "))
            .map(|(key, value)| (key.trim(), value.trim()))
            .collect()
    })
}
