// SPDX-License-Identifier: MIT OR Apache-2.0
//! What stage1 finds on virtual servers, against what everybody's tools find there.
//!
//! Needs what `scripts/build` makes, and the inventory server beside this test. Each test has a rack of its own, whose
//! consoles are in `target/rack/NAME/HOST/serial.log` and whose hosts tell into `target/rack/NAME/HOST/share`.

mod bmc;
mod comparison;
mod cpus;
mod disks;
mod dmidecode;
mod firmware;
mod kernel;
mod lshw;
mod nics;
mod pci;
mod told;

use std::cell::Cell;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use stage1_rack::host::Host;
use stage1_rack::paths::Paths;
use stage1_rack::story::BOOT;

use crate::comparison::Comparison;
use crate::told::Told;

/// A comparison with one tool.
type Compare = fn(&Told, &Value) -> Comparison;

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
const PORT_HANDLE: &str = "structure 0x0000 of type 8 has the handle of another";

/// The facts that stage1 found agree with what all the others found.
fn agrees(host: &str, told: &Told, comparisons: &[Compare]) {
    let found = told.json("facts.json");
    agree(host, told, comparisons.iter().map(|compare| compare(told, &found["facts"])));
}

/// Nothing differs in any of them; prints how much was compared.
fn agree(host: &str, told: &Told, comparisons: impl IntoIterator<Item = Comparison>) {
    let mut differences = String::new();
    for comparison in comparisons {
        println!("{host}: {}", comparison.summary());
        assert!(!comparison.is_empty(), "{host}: nothing was compared{}", told.shown);
        differences += &comparison.differences();
    }
    assert!(differences.is_empty(), "{host}: stage1 and the tools differ\n{differences}{}", told.shown);
}

/// stage1 found these problems in this order, each named by some of its words, and no others.
fn has_problems(told: &Told, file: &str, expected: &[&str]) {
    let found = told.json(file)["problems"].clone();
    let found: Vec<&str> =
        found.as_array().unwrap().iter().filter_map(|problem| problem["message"].as_str()).collect();
    let same = found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, words)| found.contains(words));
    assert!(same, "{file}: {found:#?} are not {expected:#?}{}", told.shown);
}

/// What was captured in the host is read here as it was there.
fn captured_agrees(told: &Told) {
    let stage1 = Paths::of_checkout().unwrap().built("stage1").unwrap();
    let output =
        Command::new(stage1).args(["facts", "--json", "--sysroot"]).arg(told.path("capture.tar")).output();
    let here: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    let there = told.json("captured.json");
    assert!(here == there, "the capture gives\n{here:#}\nand the host gave\n{there:#}");
}

#[test]
fn a_bios_server_with_a_device_of_every_kind() {
    let told = &Told::by("bios", stall_disk)["bios"];
    has_problems(told, "facts.json", &[PORT_HANDLE]);
    agrees("bios", told, &ALL);
    agrees("bios", told, &[pci::links]);
    captured_agrees(told);
    let tools = ["dmidecode.txt", "lshw.json", "lsblk.json", "lspci.txt"].map(|file| told.milliseconds(file));
    println!(
        "bios: {} ms for stage1, {} ms for dmidecode, lshw, lsblk and lspci",
        told.milliseconds("facts.json"),
        tools.iter().sum::<u64>()
    );
    a_stalled_disk_costs_a_problem(told);
}

/// Before its last look, that server asks for a disk that answers no more.
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
fn a_stalled_disk_costs_a_problem(told: &Told) {
    let (before, after) = (told.json("facts.json"), told.json("facts-stalled.json"));
    let milliseconds = told.milliseconds("facts-stalled.json");
    println!("bios: {milliseconds} ms with a disk that does not answer: {}", after["problems"]);
    let names = |found: &Value| {
        let disks = found["facts"]["disks"].as_array().unwrap();
        disks.iter().map(|disk| disk["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&before), names(&after), "{}", told.shown);
    let sata = after["facts"]["disks"].as_array().unwrap().iter().find(|disk| disk["transport"] == "sata");
    let sata = sata.unwrap()["name"].as_str().unwrap();
    has_problems(told, "facts-stalled.json", &[PORT_HANDLE, sata]);
    // A group's deadline, and half as much again for an emulated machine.
    assert!(milliseconds < 15_000, "{milliseconds} ms{}", told.shown);
}

#[test]
fn a_uefi_server() {
    let requests = Cell::new([0; 2]);
    let told = &Told::by("uefi", |host| requests.set(bmc::count_requests(host)))["uefi"];
    has_problems(told, "facts.json", &[]);
    agrees("uefi", told, &ALL);
    agrees("uefi", told, &[firmware::variables]);
    captured_agrees(told);
    agree("uefi", told, bmc::all(told));
    let applied = told.json("applied.json");
    assert_eq!(applied["is_as_wanted"], true, "{applied:#}{}", told.shown);
    let [theirs, ours] = requests.get();
    let [their_time, our_time] = ["ipmitool-sets.txt", "applied.json"].map(|file| told.milliseconds(file));
    println!(
        "uefi: the BMC is set with {theirs} requests in {their_time} ms by ipmitool, which proves nothing"
    );
    println!(
        "uefi: the BMC is set with {ours} requests in {our_time} ms by stage1, which reads it before and after"
    );
    assert!(ours < theirs, "{ours} requests, and ipmitool needs {theirs}");
    assert_eq!(applied["requests"], ours);
}

#[test]
fn tables_of_all_kinds() {
    const NOBODY: &str = "this machine has nothing that is its own";
    let all = Told::by("tables", |_| ());
    for (host, problems) in [
        ("plain", &[NOBODY] as &[&str]),
        // QEMU leaves out an OEM string that is empty, but counts it.
        ("odd", &["structure 0x0E00 of type 11 names a string that it does not have, number 3", NOBODY]),
        ("large", &[NOBODY]),
    ] {
        has_problems(&all[host], "facts.json", problems);
        agrees(host, &all[host], &[dmidecode::tables]);
        captured_agrees(&all[host]);
    }
}
