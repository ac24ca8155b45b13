// SPDX-License-Identifier: MIT OR Apache-2.0
//! The BMC: configured at the first boot, unchanged by the second; a failure never stops the boot.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use stage1_rack::console_phrases::BMC_HANGS;
use stage1_rack::firmware_scenario::boots;
use stage1_rack::progress::Progress;
use stage1_rack::rack::Rack;
use stage1_rack::scenario::{self, BOOT, Form};

use crate::{NIC, UUID, expect_host, known, rack_on};

/// One user with a given password, and one with a generated one; all others are disabled.
pub const DESIRED: &str = "[inventory.bmc]\nunknown_users = 'disable'\nipmi_over_lan = true\nset_clock = true\n\
    [[inventory.bmc.users]]\nname = 'stage1'\ngenerate = true\n\
    [[inventory.bmc.users]]\nname = 'watch'\nprivilege = 'operator'\npassword = '4-Night-Watch'";
/// A BMC with another user.
pub const BMC: &str = "[host.bmc]\n[[host.bmc.user]]\nslot = 2\nname = 'root'\npassword = 'factory'\n";

pub fn problems(rack: &Rack) -> Vec<String> {
    let host = rack.inventory().host(UUID).unwrap();
    let problems = host.pointer("/report/problems").and_then(Value::as_array).cloned().unwrap_or_default();
    problems.iter().filter_map(|problem| problem["message"].as_str()).map(str::to_string).collect()
}

/// Every file below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn is_configured_by_one_boot_and_unchanged_by_the_next() {
    let rack = rack_on(DESIRED, "test-bmc", "boot = 'kernel'", &format!("{BMC}{NIC}"));
    let (host, bmc) = (rack.host("a").unwrap(), rack.host("a").unwrap().bmc().unwrap());
    // Logs in as both users; other passwords are refused.
    scenario::run(&rack, Form::Kernel, Progress::start()).unwrap();
    assert_eq!(known(&rack, "/report/bmc/outcome/is_as_wanted"), "true", "{:?}", problems(&rack));
    assert_eq!(known(&rack, "/report/bmc/outcome/users/0/password"), "proven");
    assert!(rack.inventory().host(UUID).unwrap().pointer("/report/bmc/outcome/changes").is_none());
    let factory = bmc.ipmitool("root", "factory", &["chassis", "power", "status"]);
    assert!(factory.is_err(), "root can still log in: {factory:?}");

    let credentials = rack.inventory().credentials(UUID).unwrap();
    let mut users = credentials.as_array().unwrap().iter();
    let password = users.find(|user| user["user"] == "stage1").unwrap()["password"].as_str().unwrap();
    assert!(bmc.ipmitool("stage1", password, &["sel", "info"]).unwrap().contains("SEL Information"));
    let power = |word| bmc.ipmitool("stage1", password, &["chassis", "power", word]).unwrap();
    power("off");
    let asked = Instant::now();
    while power("status") != "Chassis Power is off" {
        assert!(asked.elapsed() < BOOT, "the host is still on{}", host.shown());
    }
    let before = boots(&rack, UUID).unwrap();
    power("on");
    let asked = Instant::now();
    while boots(&rack, UUID).unwrap() == before {
        assert!(asked.elapsed() < BOOT, "no event of another boot{}", host.shown());
        thread::sleep(Duration::from_millis(200));
    }

    // Only the inventory and the BMC itself may have them.
    let (inventory, own) =
        (rack.inventory().directory().to_path_buf(), host.serial_log().with_file_name("bmc"));
    let secrets = [password, "4-Night-Watch"];
    let mut read = 0;
    for path in files(rack.directory()) {
        if path.starts_with(&inventory) || path.starts_with(&own) {
            continue;
        }
        let Ok(bytes) = fs::read(&path) else { continue };
        read += 1;
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} has a password", path.display());
        }
    }
    assert!(read > 2, "{read} files were read");
    let report = known(&rack, "/report");
    let events = known(&rack, "/events");
    assert!(secrets.iter().all(|secret| !report.contains(secret) && !events.contains(secret)));
}

#[test]
fn that_stops_responding_does_not_stop_the_boot_of_init() {
    hangs("test-bmc-hangs", "demo");
}

#[test]
fn that_stops_responding_does_not_stop_the_boot_of_systemd() {
    hangs("test-bmc-hangs-systemd", "systemd");
}

fn hangs(name: &str, image: &str) {
    let keys = format!("boot = 'kernel'\nimage = '{image}'");
    let bmc = format!("[host.bmc]\nfaults = ['06 46 hang']\n{NIC}");
    let rack = rack_on(DESIRED, name, &keys, &bmc);
    let host = expect_host(&rack);
    host.power_on().unwrap();
    scenario::wait_for_target(&rack, host).unwrap();
    let problems = problems(&rack);
    assert!(problems.iter().any(|problem| problem.contains(BMC_HANGS)), "{problems:?}");
    assert_eq!(known(&rack, "/report/bmc/device/ipmi_version"), "2.0");
}
