// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has no tool of its own: against the kernel's own words in `/sys`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::comparison::{Comparison, find};
use crate::outputs::Outputs;

/// TPM, watchdogs, sensors, microcode, distances of NUMA nodes, vulnerabilities.
pub fn words(outputs: &Outputs, ours: &Value) -> Comparison {
    let mut kernel = Comparison::with("/sys");
    let text = outputs.text("sysfs.txt");
    let printed: BTreeMap<&str, &str> =
        text.lines().filter_map(|line| line.strip_prefix("/sys/")?.split_once(':')).collect();
    tpm(&mut kernel, &printed, &ours["tpm"]);
    let mut watchdogs = 0;
    for (name, identity) in below(&printed, "class/watchdog/", "/identity") {
        kernel.thing(name, find(&ours["watchdogs"], "name", name)).same("/identity", identity);
        watchdogs += 1;
    }
    kernel.as_many("watchdogs", watchdogs, &ours["watchdogs"]);
    sensors(&mut kernel, &printed, &ours["sensors"]);

    let cpus = &ours["cpus"];
    for (node, distances) in below(&printed, "devices/system/node/node", "/distance") {
        let distances: Vec<u32> = distances.split(' ').map(|distance| distance.parse().unwrap()).collect();
        let found = cpus["numa_nodes"].as_array().into_iter().flatten();
        let found = found.into_iter().find(|ours| ours["id"].as_u64() == node.parse().ok());
        kernel.thing(&format!("node {node}"), found).same("/distances", distances);
    }
    for (name, state) in below(&printed, "devices/system/cpu/vulnerabilities/", "") {
        kernel.thing(name, Some(&cpus["vulnerabilities"])).same(&format!("/{name}"), state);
    }
    for (_, version) in below(&printed, "devices/system/cpu/cpu0/microcode/", "version") {
        kernel.thing("microcode", Some(cpus)).same("/packages/0/microcode", version);
    }
    kernel
}

fn tpm(kernel: &mut Comparison, printed: &BTreeMap<&str, &str>, ours: &Value) {
    let version = match printed["class/tpm/tpm0/tpm_version_major"] {
        "1" => "1.2",
        "2" => "2.0",
        other => panic!("TPM of version {other}"),
    };
    let banks: BTreeSet<&str> = below(printed, "class/tpm/tpm0/pcr-", "/0").map(|(bank, _)| bank).collect();
    let mut ours = ours.clone();
    if let Some(list) = ours["pcr_banks"].as_array_mut() {
        list.sort_by_key(ToString::to_string);
    }
    // swtpm is IBM's.
    let banks: Vec<&str> = banks.into_iter().collect();
    kernel
        .thing("TPM", Some(&ours))
        .same("/version", version)
        .same("/pcr_banks", banks)
        .same("/manufacturer", "IBM");
}

fn sensors(kernel: &mut Comparison, printed: &BTreeMap<&str, &str>, ours: &Value) {
    let mut count = 0;
    for (chip, name) in below(printed, "class/hwmon/", "/name") {
        for (sensor, value) in below(printed, &format!("class/hwmon/{chip}/"), "_input") {
            let at =
                |what: &str| printed.get(format!("class/hwmon/{chip}/{sensor}_{what}").as_str()).copied();
            // NVMe: 0 K is no limit.
            let number = |what| at(what)?.parse::<i64>().ok().filter(|limit| *limit != -273_150);
            // Chips of one name are distinguished by what they belong to, which the kernel numbers alike.
            let mut alike = ours.as_array().into_iter().flatten();
            let found = alike.find(|ours| {
                ours["chip"] == name
                    && ours["name"] == sensor
                    && ours["device"] == format!("{name}{}", &chip[5..])
            });
            kernel
                .thing(&format!("{chip} {sensor}"), found)
                .same("/value", json!(value.parse::<i64>().unwrap()))
                .same("/label", at("label"))
                .same("/minimum", number("min"))
                .same("/maximum", number("max"))
                .same("/critical", number("crit"))
                .same("/alarm", at("alarm").map(|alarm| alarm == "1"));
            count += 1;
        }
    }
    kernel.as_many("sensors", count, ours);
}

/// The names between `start` and `end` that make a path, with its content.
fn below<'a>(
    printed: &'a BTreeMap<&str, &'a str>,
    start: &'a str,
    end: &'a str,
) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
    printed.iter().filter_map(move |(path, value)| {
        let name = path.strip_prefix(start)?.strip_suffix(end)?;
        (!name.contains('/')).then_some((name, *value))
    })
}
