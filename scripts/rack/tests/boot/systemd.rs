// SPDX-License-Identifier: MIT OR Apache-2.0
//! The image with systemd as init does what the agent as init does. To be quick, one server has all of it.

use std::fs;

use stage1_contract::{PortNeighbours, StageName};
use stage1_rack::console_phrases as phrases;
use stage1_rack::host::Host;
use stage1_rack::paths::Paths;
use stage1_rack::progress::Progress;
use stage1_rack::rack::Rack;
use stage1_rack::scenario::{self, BOOT, Form};
use stage1_rack::spec::RackSpec;

use crate::bmc::{BMC, DESIRED, problems};
use crate::{NIC, UUID, clock, expect_host, fails, image_like, known, rack_on};

/// Two switches, and a server with a port at each, a BMC and disks.
const SERVER: &str = "
[[switch]]
name = 'leaf1'
address = '10.9.0.2'
[[switch]]
name = 'leaf2'
address = '10.9.0.3'
[[host]]
name = 'a'
image = 'systemd'
append = 'stage1.lldp-timeout=60'
[[host.nic]]
mac = '52:54:00:09:00:01'
switch = 'leaf1'
port = 'swp1'
[[host.nic]]
model = 'e1000e'
mac = '52:54:00:09:00:02'
switch = 'leaf2'
port = 'swp7'
[[host.disk]]
model = 'nvme'
size_mib = 64
[[host.disk]]
model = 'sata'
size_mib = 32";

#[test]
fn registers_with_two_switches_and_a_bmc_and_boots() {
    let spec = format!("{DESIRED}\n{SERVER}\n{BMC}[host.smbios.system]\nuuid = '{UUID}'\n");
    let spec = RackSpec::parse(&spec).unwrap();
    let rack = Rack::up("test-systemd", &spec, &Paths::of_checkout().unwrap()).unwrap();
    // Logs in to the BMC as each user; other passwords are refused.
    scenario::run(&rack, Form::Uki, Progress::start()).unwrap();
    assert_eq!(known(&rack, "/state"), "installed");
    assert_eq!(known(&rack, "/report/bmc/outcome/is_as_wanted"), "true", "{:?}", problems(&rack));

    let host = rack.inventory().host(UUID).unwrap();
    let ports: Vec<PortNeighbours> = serde_json::from_value(host["report"]["lldp"].clone()).unwrap();
    let neighbours: Vec<(&str, &str, &str)> = ports
        .iter()
        .flat_map(|port| port.neighbours.iter().map(move |neighbour| (port, neighbour)))
        .map(|(port, neighbour)| {
            assert!(port.port.starts_with("enp"), "udev has not named it yet: {port:?}");
            (port.mac.as_deref().unwrap(), neighbour.system_name.as_deref().unwrap(), &*neighbour.port_id)
        })
        .collect();
    let expected = [("52:54:00:09:00:01", "leaf1", "swp1"), ("52:54:00:09:00:02", "leaf2", "swp7")];
    assert_eq!(neighbours, expected, "{ports:#?}");
    let disks = host["report"]["facts"]["disks"].as_array().unwrap();
    let mut sizes: Vec<u64> = disks.iter().filter_map(|disk| disk["size_bytes"].as_u64()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [32 << 20, 64 << 20]);
}

/// Starts a run by hand.
fn run(host: &Host) {
    host.type_line("stage1 run").unwrap();
}

/// Waits until that run has failed with this reason, and for the prompt.
fn run_fails(host: &Host, reason: &str) {
    host.wait_for(&format!("^stage1: failed: .*{reason}.*\n"), BOOT).unwrap();
    host.wait_for(phrases::SHELL_PROMPT, BOOT).unwrap();
}

/// Each failure ends in a shell, in which the run is started again.
#[test]
fn continues_by_hand_after_each_failure() {
    let (rtc, begun) = (clock::LATE_SYSTEMD, clock::now());
    let keys = format!(
        "image = 'systemd'\nboot = 'kernel'\nfirmware = 'uefi'\nrtc = '{}'\nappend = 'stage1.inventory-timeout=5'",
        rtc.0
    );
    let rack = rack_on(clock::NTP, "test-systemd-failures", &keys, &format!("{BMC}{NIC}"));
    let host = rack.host("a").unwrap();
    rack.inventory().stop();
    host.power_on().unwrap();
    fails(host, &[&phrases::request(&StageName::Register, "PUT"), UUID, phrases::REFUSED]);

    // What no alias of a device loads.
    host.type_line("ls -d /dev/ipmi0 /dev/efi_capsule_loader /sys/firmware/efi/efivars/Boot0000-* | wc -l")
        .unwrap();
    host.wait_for("^3\r?\n", BOOT).unwrap();
    host.type_line("cat /sys/class/watchdog/*/identity").unwrap();
    host.wait_for("^iTCO_wdt\r?\n", BOOT).unwrap();

    rack.inventory().start().unwrap();
    clock::fails_without_ntp(&rack, host, rtc);
    rack.inventory().set_action(UUID, "boot").unwrap();
    host.type_line("stage1 run --boot").unwrap();
    host.wait_for(phrases::NO_PROFILE_YET, BOOT).unwrap();
    clock::was_corrected(host, rtc, begun);
    rack.inventory().run(&["host", "remove", UUID]).unwrap();
    run_fails(host, "/profile: HTTP 404");

    expect_host(&rack);
    let initrd = image_like(&rack, &rack.directory().join("target.cpio.zst"));
    let whole = fs::read(&initrd).unwrap();
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    fs::write(&initrd, changed).unwrap();
    run(host);
    run_fails(host, phrases::WRONG_DIGEST);
    fs::write(&initrd, whole).unwrap();
    run(host);
    scenario::wait_for_target(&rack, host).unwrap();
}
