// SPDX-License-Identifier: MIT OR Apache-2.0
//! PCI devices: against lspci.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::comparison::{Comparison, find};
use crate::outputs::Outputs;

/// Addresses, numbers, drivers, slots and NUMA nodes, against `lspci -vmmnk`.
pub fn numbers(outputs: &Outputs, ours: &Value) -> Comparison {
    let mut lspci = Comparison::with("lspci -vmmnk");
    let text = outputs.text("lspci.txt");
    let records: Vec<BTreeMap<&str, &str>> = text
        .trim()
        .split("\n\n")
        .map(|record| record.lines().filter_map(|line| line.split_once(":\t")).collect())
        .collect();
    lspci.as_many("PCI functions", records.len(), &ours["pci"]);
    for record in records {
        let printed = |key| record.get(key).copied();
        let number = |key| printed(key).map(|digits| format!("0x{digits}"));
        let address = printed("Slot").unwrap();
        let class = format!("0x{}{}", printed("Class").unwrap(), printed("ProgIf").unwrap());
        // lspci leaves out a revision that is 0.
        let revision = format!("0x{}", printed("Rev").unwrap_or("00"));
        lspci
            .thing(address, find(&ours["pci"], "address", address))
            .same("/class", class)
            .same("/vendor", number("Vendor"))
            .same("/device", number("Device"))
            .same("/subsystem_vendor", number("SVendor"))
            .same("/subsystem_device", number("SDevice"))
            .same("/revision", revision)
            .same("/driver", printed("Driver"))
            .same("/slot", printed("PhySlot"))
            .same("/numa_node", printed("NUMANode").map(|node| node.parse::<u32>().unwrap()));
    }
    lspci
}

/// Links, against `lspci -vv`.
pub fn links(outputs: &Outputs, ours: &Value) -> Comparison {
    let mut lspci = Comparison::with("lspci -vv");
    for record in outputs.text("lspci-verbose.txt").trim().split("\n\n") {
        let address = record.split(' ').next().unwrap();
        for (register, speed, width) in [
            ("LnkCap:", "/max_link_speed_mtps", "/max_link_width"),
            ("LnkSta:", "/link_speed_mtps", "/link_width"),
        ] {
            let Some((_, link)) = record.split_once(register) else { continue };
            lspci
                .thing(&format!("{address} {register}"), find(&ours["pci"], "address", address))
                .same(speed, after(link, "Speed ").map(|gigatransfers| (gigatransfers * 1000.0) as u32))
                .same(width, after(link, "Width x").map(|lanes| lanes as u32));
        }
    }
    lspci
}

/// The number that follows `word`.
fn after(text: &str, word: &str) -> Option<f64> {
    let (_, rest) = text.split_once(word)?;
    let end = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
    rest[..end].parse().ok()
}
