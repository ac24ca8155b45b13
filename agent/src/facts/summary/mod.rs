// SPDX-License-Identifier: MIT OR Apache-2.0
//! Facts for people: the findings first, then the machine, group by group. Pure.

mod findings;
mod hardware;
mod machine;
mod words;

use std::fmt::Write;

use stage1_contract::Facts;
use stage1_contract::facts::Discovery;

use crate::display::{columns, count, size};
use words::words;

type Rows = Vec<Vec<String>>;

/// The machine in a few words, for the timeline.
pub(crate) fn one_line(facts: &Facts) -> String {
    let system = facts.system.as_ref();
    let product =
        system.map_or_else(words, |system| words().real(&system.manufacturer).real(&system.product)).0;
    let product = if product.is_empty() { "unnamed machine" } else { &product };
    let threads = facts.cpus.as_ref().map_or(0, |cpus| cpus.threads);
    let memory = facts.memory.as_ref().map_or(0, |memory| memory.usable_bytes);
    let (ports, disks) = (facts.nics.len(), facts.disks.len());
    let (threads, ports, disks) =
        (count(threads, "thread"), count(ports as u64, "port"), count(disks as u64, "disk"));
    format!("{product}, {threads}, {}, {ports}, {disks}", size(memory))
}

/// The machine as groups of aligned lines.
pub(crate) fn table(discovery: &Discovery) -> String {
    let facts = &discovery.facts;
    let groups = [
        ("findings", findings::rows(discovery)),
        ("machine", machine::machine(discovery)),
        ("processors", facts.cpus.as_ref().map_or_else(|| hardware::sockets(facts), hardware::processors)),
        ("memory", hardware::memory(facts)),
        ("ports", facts.nics.iter().map(hardware::port).collect()),
        ("disks", facts.disks.iter().map(hardware::disk).collect()),
        ("accelerators", facts.accelerators.iter().map(hardware::accelerator).collect()),
        ("sensors", hardware::sensors(&facts.sensors)),
    ];
    let mut text = String::new();
    for (name, rows) in groups.iter().filter(|(_, rows)| !rows.is_empty()) {
        let gap = if text.is_empty() { "" } else { "\n" };
        let _ = writeln!(text, "{gap}{name}");
        text += &columns(rows, "  ");
    }
    text
}

#[cfg(test)]
mod tests {
    use stage1_contract::facts::BootFirmware;
    use stage1_contract::{Memory, Nic, SystemInformation};

    use super::*;

    #[test]
    fn the_machine_in_aligned_groups_without_placeholders_or_control_characters() {
        let system = SystemInformation {
            manufacturer: Some("ACME\u{1b}[2J".to_string()),
            product: Some("R1".to_string()),
            serial: Some("To Be Filled By O.E.M.".to_string()),
            ..SystemInformation::default()
        };
        let nic = |name: &str, speed_mbps| Nic {
            name: name.to_string(),
            mac: Some("ac:1f:6b:00:00:01".to_string()),
            driver: Some("igb".to_string()),
            carrier: Some(true),
            speed_mbps,
            ..Nic::default()
        };
        let firmware = serde_json::json!({ "kind": "bios", "vendor": null, "version": "1.2" });
        let firmware: BootFirmware = serde_json::from_value(firmware).unwrap();
        let facts = Facts {
            system: Some(system),
            firmware: Some(firmware),
            memory: Some(Memory { usable_bytes: 1 << 30, ..Memory::default() }),
            nics: vec![nic("eth0", Some(1000)), nic("enp129s0f0", None)],
            placeholders: vec!["/system/serial".to_string()],
            ..Facts::default()
        };
        let text = table(&Discovery { version: 1, identity: None, facts, problems: Vec::new() });
        assert_eq!(
            text,
            "findings\n  firmware  has placeholders for system/serial\n\
             \nmachine\n  product   ACME?[2J R1\n  firmware  BIOS 1.2\n\
             \nmemory\n  1 GiB usable\n\
             \nports\n  eth0        ac:1f:6b:00:00:01  igb  1000 Mbit/s\n  enp129s0f0  ac:1f:6b:00:00:01  igb  carrier\n"
        );
    }
}
