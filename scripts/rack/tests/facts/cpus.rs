// SPDX-License-Identifier: MIT OR Apache-2.0
//! Processors and NUMA nodes: against lscpu.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::comparison::Comparison;
use crate::outputs::Outputs;

/// Model, topology, caches and NUMA nodes, against `lscpu -J`.
pub fn topology(outputs: &Outputs, ours: &Value) -> Comparison {
    let mut lscpu = Comparison::with("lscpu");
    let theirs = outputs.json("lscpu.json");
    let theirs: BTreeMap<&str, &str> = theirs["lscpu"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["field"].as_str().unwrap().trim_end_matches(':'), line["data"].as_str().unwrap()))
        .collect();
    let number = |field: &str| theirs[field].parse::<u64>().unwrap();
    let cpus = &ours["cpus"];
    lscpu
        .thing("processors", Some(cpus))
        .same("/architecture", theirs["Architecture"])
        .same("/vendor", theirs["Vendor ID"])
        .same("/model", theirs["Model name"])
        .same("/family", number("CPU family"))
        .same("/model_number", number("Model"))
        .same("/stepping", theirs["Stepping"])
        .same("/sockets", number("Socket(s)"))
        .same("/cores", number("Socket(s)") * number("Core(s) per socket"))
        .same("/threads", number("CPU(s)"))
        .same("/hypervisor", theirs["Flags"].split(' ').any(|flag| flag == "hypervisor"));
    let nodes = &cpus["numa_nodes"];
    for (field, list) in &theirs {
        let Some(node) = field.strip_prefix("NUMA node").and_then(|rest| rest.strip_suffix(" CPU(s)")) else {
            continue;
        };
        let node: u64 = node.parse().unwrap();
        let found = nodes.as_array().into_iter().flatten().find(|ours| ours["id"] == node);
        // lscpu takes the kernel's `0-1` apart.
        let cpus = found.and_then(|node| node["cpus"].as_str()).map(single_numbers);
        let found = found.map(|_| json!({ "cpus": cpus }));
        lscpu.thing(&format!("node {node}"), found.as_ref()).same("/cpus", single_numbers(list));
    }
    lscpu.as_many("NUMA nodes", number("NUMA node(s)") as usize, nodes);
    caches(&mut lscpu, &theirs, cpus);
    lscpu
}

/// lscpu adds up what all processors have: `16 MiB (4 instances)`.
fn caches(lscpu: &mut Comparison, theirs: &BTreeMap<&str, &str>, cpus: &Value) {
    for (field, level, kind) in [
        ("L1d cache", 1, "data"),
        ("L1i cache", 1, "instruction"),
        ("L2 cache", 2, "unified"),
        ("L3 cache", 3, "unified"),
    ] {
        let words: Vec<&str> = theirs[field].split([' ', '(']).collect();
        let unit = match words[1] {
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            unit => panic!("{field}: {unit}"),
        };
        let instances: u64 = words[3].parse().unwrap();
        let size = words[0].parse::<u64>().unwrap() * unit / instances;
        let found = cpus["caches"].as_array().into_iter().flatten();
        let found = found.into_iter().find(|cache| cache["level"] == level && cache["kind"] == kind);
        let threads = cpus["threads"].as_u64().unwrap_or_default();
        lscpu.thing(field, found).same("/size_bytes", size).same("/shared_by", threads / instances);
    }
}

/// `0-2,5` as `0,1,2,5`.
fn single_numbers(list: &str) -> String {
    let numbers = list.split(',').flat_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        first.parse::<u32>().unwrap()..=last.parse().unwrap()
    });
    numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(",")
}
