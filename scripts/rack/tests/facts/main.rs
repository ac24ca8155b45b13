// SPDX-License-Identifier: MIT OR Apache-2.0
//! What stage1 finds on virtual servers, against what the usual tools find there.
//!
//! Needs what `scripts/build` makes, and the inventory server next to this test. Each test has a rack of its own, whose
//! consoles are in `target/rack/NAME/HOST/serial.log` and whose hosts write into `target/rack/NAME/HOST/share`.

mod bmc;
mod comparison;
mod cpus;
mod disks;
mod dmidecode;
mod firmware;
mod kernel;
mod lshw;
mod nics;
mod outputs;
mod pci;

use std::cell::Cell;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use stage1_rack::host::Host;
use stage1_rack::paths::Paths;
use stage1_rack::scenario::BOOT;

use crate::comparison::Comparison;
use crate::outputs::Outputs;

/// A comparison with one tool.
type Compare = fn(&Outputs, &Value) -> Comparison;

/// Those with which every server is compared.
const ALL: [Compare; 9] = [
    dmidecode::tables,
    lshw::tree,
    pci::numbers,
    disks::blocks,
    disks::identities,
    disks::nvme,
    nics::ports,
    cpus::topology,
    kernel::words,
];

/// QEMU gives a port connector the handle of the BIOS information.
const PORT_HANDLE: &str = "SMBIOS structure 0x0000 (type 8): duplicate handle";

/// The facts that stage1 found agree with what all the others found.
fn agrees(host: &str, outputs: &Outputs, comparisons: &[Compare]) {
    let found = outputs.json("facts.json");
    agree(host, outputs, comparisons.iter().map(|compare| compare(outputs, &found["facts"])));
}

/// Nothing differs in any of them; prints how much was compared.
fn agree(host: &str, outputs: &Outputs, comparisons: impl IntoIterator<Item = Comparison>) {
    let mut differences = String::new();
    for comparison in comparisons {
        println!("{host}: {}", comparison.summary());
        assert!(!comparison.is_empty(), "{host}: nothing was compared{}", outputs.shown);
        differences += &comparison.differences();
    }
    assert!(differences.is_empty(), "{host}: stage1 and the tools differ\n{differences}{}", outputs.shown);
}

/// stage1 found these problems in this order, each named by some of its words, and no others.
fn has_problems(outputs: &Outputs, file: &str, expected: &[&str]) {
    let found = outputs.json(file)["problems"].clone();
    let found: Vec<&str> =
        found.as_array().unwrap().iter().filter_map(|problem| problem["message"].as_str()).collect();
    let same = found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, words)| found.contains(words));
    assert!(same, "{file}: {found:#?} are not {expected:#?}{}", outputs.shown);
}

/// What was captured in the host is read here as it was there.
fn captured_agrees(outputs: &Outputs) {
    let stage1 = Paths::of_checkout().unwrap().built("stage1").unwrap();
    let output =
        Command::new(stage1).args(["facts", "--json", "--sysroot"]).arg(outputs.path("capture.tar")).output();
    let here: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    let there = outputs.json("captured.json");
    assert!(here == there, "the capture gives\n{here:#}\nand the host gave\n{there:#}");
}

#[test]
fn a_bios_server_with_a_device_of_every_kind() {
    let outputs = &Outputs::by("bios", stall_disk)["bios"];
    has_problems(outputs, "facts.json", &[PORT_HANDLE]);
    agrees("bios", outputs, &ALL);
    agrees("bios", outputs, &[pci::links]);
    captured_agrees(outputs);
    let tools =
        ["dmidecode.txt", "lshw.json", "lsblk.json", "lspci.txt"].map(|file| outputs.milliseconds(file));
    println!(
        "bios: {} ms for stage1, {} ms for dmidecode, lshw, lsblk and lspci",
        outputs.milliseconds("facts.json"),
        tools.iter().sum::<u64>()
    );
    a_stalled_disk_costs_a_problem(outputs);
}

/// Before its last discovery, that server asks for a disk that no longer answers.
fn stall_disk(host: &Host) {
    const SATA: usize = 2;
    host.wait_for(r"^reference: stall the disk \w+\n", BOOT).unwrap();
    host.set_stalled(SATA, true).unwrap();
    host.type_line("").unwrap();
    // Where that does not come, the disk must go on all the same; the time it took is judged later.
    let _ = host.wait_for(r"^reference: facts-stalled.json: exit .*\n", Duration::from_secs(25));
    host.set_stalled(SATA, false).unwrap();
}

/// It costs a problem, and the time until it was given up; nothing else is missing.
fn a_stalled_disk_costs_a_problem(outputs: &Outputs) {
    let (before, after) = (outputs.json("facts.json"), outputs.json("facts-stalled.json"));
    let milliseconds = outputs.milliseconds("facts-stalled.json");
    println!("bios: {milliseconds} ms with a disk that does not answer: {}", after["problems"]);
    let names = |found: &Value| {
        let disks = found["facts"]["disks"].as_array().unwrap();
        disks.iter().map(|disk| disk["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&before), names(&after), "{}", outputs.shown);
    let sata = after["facts"]["disks"].as_array().unwrap().iter().find(|disk| disk["transport"] == "sata");
    let sata = sata.unwrap()["name"].as_str().unwrap();
    has_problems(outputs, "facts-stalled.json", &[PORT_HANDLE, sata]);
    // A group's deadline, and half as much again for an emulated machine.
    assert!(milliseconds < 15_000, "{milliseconds} ms{}", outputs.shown);
}

#[test]
fn a_uefi_server() {
    let requests = Cell::new([0; 2]);
    let outputs = &Outputs::by("uefi", |host| requests.set(bmc::count_requests(host)))["uefi"];
    has_problems(outputs, "facts.json", &[]);
    agrees("uefi", outputs, &ALL);
    agrees("uefi", outputs, &[firmware::variables]);
    captured_agrees(outputs);
    agree("uefi", outputs, bmc::all(outputs));
    let applied = outputs.json("applied.json");
    assert_eq!(applied["is_as_wanted"], true, "{applied:#}{}", outputs.shown);
    let [theirs, ours] = requests.get();
    let [their_time, our_time] = ["ipmitool-sets.txt", "applied.json"].map(|file| outputs.milliseconds(file));
    println!(
        "uefi: the BMC is set with {theirs} requests in {their_time} ms by ipmitool, which verifies nothing"
    );
    println!(
        "uefi: the BMC is set with {ours} requests in {our_time} ms by stage1, which reads it before and after"
    );
    assert!(ours < theirs, "{ours} requests, and ipmitool needs {theirs}");
    assert_eq!(applied["requests"], ours);
}

#[test]
fn tables_of_all_kinds() {
    const NO_IDENTITY: &str = "cannot derive a host identity: ";
    let all = Outputs::by("tables", |_| ());
    for (host, problems) in [
        ("plain", &[NO_IDENTITY] as &[&str]),
        // QEMU leaves out an OEM string that is empty, but counts it.
        (
            "unusual",
            &["SMBIOS structure 0x0E00 (type 11): refers to a missing string, number 3", NO_IDENTITY],
        ),
        ("large", &[NO_IDENTITY]),
    ] {
        has_problems(&all[host], "facts.json", problems);
        agrees(host, &all[host], &[dmidecode::tables]);
        captured_agrees(&all[host]);
    }
}
