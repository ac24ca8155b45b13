// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first stage on virtual servers, from power-on: successful boots, and the failures that it reports.
//!
//! Needs the output of `scripts/build`, and the inventory server in the folder of this test. Each test has its own rack, with
//! consoles in `target/rack/NAME/HOST/serial.log`.

mod bmc;
mod cli;
mod clock;
mod lldp;
mod network;
mod systemd;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use stage1_contract::StageName;
use stage1_rack::console_phrases as phrases;
use stage1_rack::host::Host;
use stage1_rack::paths::Paths;
use stage1_rack::progress::Progress;
use stage1_rack::qmp::PowerOff;
use stage1_rack::rack::Rack;
use stage1_rack::scenario::{self, BOOT, Form};
use stage1_rack::spec::INVENTORY_NAME;
use stage1_rack::spec::RackSpec;

const UUID: &str = "6d1f0c5e-8a43-4f0e-9b52-0a5c6e7d0001";
const NIC: &str = "[[host.nic]]\nmac = '52:54:00:09:00:01'";

/// A rack with one host, `a`, with `keys` and `tables`.
fn rack(name: &str, keys: &str, tables: &str) -> Rack {
    rack_on("", name, keys, tables)
}

/// The same, with the keys `network` of its boot network.
fn rack_on(network: &str, name: &str, keys: &str, tables: &str) -> Rack {
    let system = format!("[host.smbios.system]\nserial = 'S1'\nuuid = '{UUID}'");
    let spec = format!("[network]\n{network}\n[[host]]\nname = 'a'\n{keys}\n{tables}\n{system}\n");
    Rack::up(name, &RackSpec::parse(&spec).unwrap(), &Paths::of_checkout().unwrap()).unwrap()
}

/// Makes the inventory boot host `a` into the target.
fn expect_host(rack: &Rack) -> &Host {
    let host = rack.host("a").unwrap();
    scenario::add_profile(rack, "").unwrap();
    scenario::prepare(rack, host, 0, UUID).unwrap();
    host
}

fn known(rack: &Rack, pointer: &str) -> String {
    let host = rack.inventory().host(UUID).unwrap();
    let value = host.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is not in {host:#}"));
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

/// Waits for the rescue shell. The failure is on the console and above the shell's prompt, each time with all of `words`.
fn fails(host: &Host, words: &[&str]) {
    host.wait_for(phrases::SHELL_PROMPT, BOOT).unwrap();
    let console = host.serial_text();
    for start in phrases::FAILURES {
        // Under systemd, behind its prefix.
        let logged =
            |line: &str| line.rsplit_once(phrases::JOURNAL).is_some_and(|(_, text)| text.starts_with(start));
        let reason = console.lines().find(|line| line.starts_with(start) || logged(line));
        let reason = reason.unwrap_or_else(|| panic!("no line {start:?}{}", host.shown()));
        for word in words {
            assert!(reason.contains(word), "{word:?} is not in {reason:?}{}", host.shown());
        }
    }
    assert!(!console.contains(phrases::JUMP), "{}", host.shown());
}

fn whole_scenario(name: &str, keys: &str, form: Form) {
    let rack = rack(name, keys, NIC);
    scenario::run(&rack, form, Progress::start()).unwrap();
    assert_eq!(known(&rack, "/state"), "installed");
}

#[test]
fn bios_whole_scenario() {
    whole_scenario("test-bios", "image = 'init'", Form::Kernel);
}

#[test]
fn uefi_whole_scenario_with_a_unified_kernel_image() {
    whole_scenario("test-uefi", "image = 'init'\nfirmware = 'uefi'", Form::Uki);
}

#[test]
fn uefi_http_whole_scenario() {
    whole_scenario("test-uefi-http", "firmware = 'uefi'\nboot = 'uefi-http'", Form::Kernel);
}

/// The battery of its clock is empty.
fn registers_by_name(rack_name: &str, image: &str) {
    let (rtc, begun) = (clock::EARLY, clock::now());
    let append = format!("stage1.inventory=https://{INVENTORY_NAME}:8443/ipxe stage1.ntp={INVENTORY_NAME}");
    let keys = format!("boot = 'kernel'\nimage = '{image}'\nrtc = '{}'\nappend = '{append}'", rtc.0);
    let rack = rack_on(clock::NTP, rack_name, &keys, NIC);
    scenario::register_all(&rack, Progress::start()).unwrap();
    assert_eq!(known(&rack, "/state"), "registered");
    clock::was_corrected(rack.host("a").unwrap(), rtc, begun);
}

#[test]
fn registers_by_name_although_the_name_server_refuses_aaaa() {
    registers_by_name("test-name", "init");
}

#[test]
fn systemd_registers_by_name_although_the_name_server_refuses_aaaa() {
    registers_by_name("test-name-systemd", "systemd");
}

#[test]
fn a_new_server_registers_and_powers_off() {
    let disks =
        "[[host.disk]]\nmodel = 'nvme'\nsize_mib = 64\n[[host.disk]]\nmodel = 'sata'\nsize_mib = 32\n";
    let nics = "[[host.nic]]\nmodel = 'e1000e'\nmac = '52:54:00:09:00:01'\n\
                [[host.nic]]\nmac = '52:54:00:09:00:02'\nconnected = false\n";
    let rack = rack("test-registration", "", &format!("{nics}{disks}"));
    scenario::register_all(&rack, Progress::start()).unwrap();
    assert_eq!(known(&rack, "/state"), "registered");
    assert_eq!(known(&rack, "/report/facts/system/serial"), "S1");

    let host = rack.inventory().host(UUID).unwrap();
    let facts = |pointer: &str| host.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut sizes: Vec<u64> =
        facts("/report/facts/disks").iter().filter_map(|disk| disk["size_bytes"].as_u64()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [32 << 20, 64 << 20]);
    let mut ports: Vec<(String, bool)> = facts("/report/facts/nics")
        .iter()
        .filter_map(|nic| Some((nic["mac"].as_str()?.to_string(), nic["carrier"].as_bool()?)))
        .collect();
    ports.sort_unstable();
    assert_eq!(ports, [("52:54:00:09:00:01".to_string(), true), ("52:54:00:09:00:02".to_string(), false)]);
}

#[test]
fn continues_by_hand_once_the_inventory_is_up() {
    let (rtc, begun) = (clock::LATE, clock::now());
    let keys = format!("boot = 'kernel'\nrtc = '{}'\nappend = 'stage1.inventory-timeout=5'", rtc.0);
    let rack = rack_on(clock::NTP, "test-inventory-down", &keys, NIC);
    let host = expect_host(&rack);
    rack.inventory().stop();
    host.power_on().unwrap();
    fails(host, &[&phrases::request(&StageName::Register, "PUT"), UUID, phrases::REFUSED]);
    rack.inventory().start().unwrap();
    clock::fails_without_ntp(&rack, host, rtc);
    host.type_line("stage1 run --boot").unwrap();
    scenario::wait_for_target(&rack, host).unwrap();
    clock::was_corrected(host, rtc, begun);
}

#[test]
fn a_host_that_was_removed_from_the_inventory_fails() {
    let rack = rack("test-unknown-host", "boot = 'kernel'", NIC);
    let host = rack.host("a").unwrap();
    rack.inventory().set_action(UUID, "boot").unwrap();
    host.power_on().unwrap();
    host.wait_for(phrases::NO_PROFILE_YET, BOOT).unwrap();
    rack.inventory().run(&["host", "remove", UUID]).unwrap();
    fails(host, &[&phrases::request(&StageName::Profile, "GET"), UUID, "/profile: HTTP 404"]);
}

#[test]
fn refuses_a_file_with_a_wrong_digest() {
    let rack = rack("test-wrong-digest", "boot = 'kernel'", NIC);
    let host = expect_host(&rack);
    let initrd = image_like(&rack, &rack.directory().join("target.cpio.zst"));
    let mut bytes = fs::read(&initrd).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&initrd, bytes).unwrap();

    host.power_on().unwrap();
    let name = initrd.file_name().unwrap().to_string_lossy().into_owned();
    fails(host, &["download: ", &name, phrases::WRONG_DIGEST]);
    assert_eq!(known(&rack, "/state"), "failed");
    let events = known(&rack, "/events");
    assert!(events.contains(&name) && events.contains(phrases::WRONG_DIGEST), "{events}");
}

/// The inventory's copy of a file.
fn image_like(rack: &Rack, file: &PathBuf) -> PathBuf {
    let content = fs::read(file).unwrap();
    let images = fs::read_dir(rack.inventory().directory().join("images")).unwrap();
    let mut same =
        images.map(|entry| entry.unwrap().path()).filter(|path| fs::read(path).unwrap() == content);
    same.next().expect("the inventory has a copy")
}

#[test]
fn refuses_a_truncated_initramfs() {
    let rack = rack("test-truncated", "image = 'init'", NIC);
    let host = expect_host(&rack);
    let initramfs =
        fs::File::options().write(true).open(rack.inventory().boot_directory().join("a/initramfs")).unwrap();
    let length = initramfs.metadata().unwrap().len();
    initramfs.set_len(length * 7 / 10).unwrap();
    host.power_on().unwrap();
    fails(host, &[phrases::DAMAGED_INITRAMFS]);
}

/// No DHCP server answers within this time.
fn no_dhcp(name: &str, image: &str, seconds: u32, state: &str) {
    let keys = format!("boot = 'kernel'\nimage = '{image}'\nappend = 'stage1.network-timeout={seconds}'");
    let rack = rack_on("dhcp = false", name, &keys, NIC);
    let host = rack.host("a").unwrap();
    host.power_on().unwrap();
    fails(host, &[phrases::NO_ADDRESS, state]);
}

#[test]
fn init_reports_that_no_dhcp_server_answers() {
    no_dhcp("test-no-dhcp", "demo", 5, phrases::NO_DHCP);
}

#[test]
fn systemd_reports_that_no_dhcp_server_answers() {
    // The emulated systemd takes some seconds until the port has its name.
    no_dhcp("test-no-dhcp-systemd", "systemd", 30, phrases::NO_DHCP_OF_SYSTEMD);
}

/// There is no port.
fn no_port(name: &str, image: &str) {
    let keys = format!("boot = 'kernel'\nimage = '{image}'\nappend = 'stage1.network-timeout=5'");
    let rack = rack(name, &keys, "");
    let host = rack.host("a").unwrap();
    host.power_on().unwrap();
    fails(host, &[phrases::NO_PORT]);
}

#[test]
fn init_reports_that_there_is_no_port() {
    no_port("test-no-nic", "demo");
}

#[test]
fn systemd_reports_that_there_is_no_port() {
    no_port("test-no-nic-systemd", "systemd");
}

/// A wrong setting is reported, and the host powers off on failure.
fn wrong_setting(name: &str, image: &str) {
    let append = "append = 'stage1.network-timeout=soon stage1.on-failure=poweroff'";
    let rack = rack(name, &format!("boot = 'kernel'\nimage = '{image}'\n{append}"), NIC);
    let host = rack.host("a").unwrap();
    host.power_on().unwrap();
    host.wait_for(phrases::BAD_NETWORK_TIMEOUT, BOOT).unwrap();
    assert_eq!(host.wait_off(BOOT).unwrap(), PowerOff::Shutdown);
}

#[test]
fn init_reports_a_wrong_setting_and_powers_off_on_failure() {
    wrong_setting("test-bad-setting", "demo");
}

#[test]
fn systemd_reports_a_wrong_setting_and_powers_off_on_failure() {
    wrong_setting("test-bad-setting-systemd", "systemd");
}
