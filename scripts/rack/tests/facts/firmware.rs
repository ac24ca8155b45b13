// SPDX-License-Identifier: MIT OR Apache-2.0
//! What UEFI keeps: against efibootmgr, the variables themselves, and what the firmware prints at its start.

use serde_json::Value;

use crate::comparison::{Comparison, find};
use crate::outputs::Outputs;

/// Boot entries and their order, and Secure Boot.
pub fn variables(outputs: &Outputs, ours: &Value) -> Comparison {
    let mut efi = Comparison::with("efibootmgr, OVMF");
    let ours = &ours["firmware"];
    let lines = outputs.lines("efibootmgr.txt");
    let order: Vec<&str> = lines["BootOrder"].split(',').collect();
    // Of a variable: four bytes of attributes, then the value.
    let secure_boot = outputs.text("secure-boot.txt").split_whitespace().nth(5) == Some("01");
    efi.thing("firmware", Some(ours))
        .same("/kind", "uefi")
        .same("/boot_current", lines["BootCurrent"].as_str())
        .same("/boot_order", order)
        .same("/secure_boot", secure_boot);

    let mut entries = 0;
    for line in outputs.text("efibootmgr.txt").lines() {
        let Some((number, rest)) = line.strip_prefix("Boot").and_then(|line| line.split_at_checked(4)) else {
            continue;
        };
        let Some((active, rest)) = rest.split_at_checked(2).filter(|(_, rest)| !rest.is_empty()) else {
            continue;
        };
        if !number.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            continue;
        }
        efi.thing(&format!("Boot{number}"), find(&ours["boot_entries"], "number", number))
            .same("/active", active == "* ")
            .same("/description", rest.split('\t').next());
        entries += 1;
    }
    efi.as_many("boot entries", entries, &ours["boot_entries"]);
    started(&mut efi, outputs, ours);
    efi
}

/// The entry that the firmware started, whose device path it prints in its own words.
fn started(efi: &mut Comparison, outputs: &Outputs, ours: &Value) {
    let line = outputs.serial.lines().find_map(|line| line.trim().strip_prefix("BdsDxe: starting Boot"));
    let (number, rest) = line.and_then(|line| line.split_once(' ')).expect("OVMF prints what it starts");
    let (_, path) = rest.split_once("\" from ").expect("OVMF prints from where");
    efi.thing(number, find(&ours["boot_entries"], "number", number)).same("/device_path", display_only(path));
}

/// What stage1 writes of an address: the remote one alone, which is the display-only form (UEFI 10.6.1.6).
fn display_only(path: &str) -> String {
    let shorten = |node: &str| match node.split_once(',') {
        Some((remote, _)) if node.starts_with("IPv") => format!("{remote})"),
        _ => node.to_string(),
    };
    path.split('/').map(shorten).collect::<Vec<_>>().join("/")
}
