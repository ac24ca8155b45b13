// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole scenario, from power-on: outdated firmware is flashed, one reset follows, the next boot confirms it, and
//! then the target boots.

use serde::de::DeserializeOwned;
use stage1_contract::firmware::{Attempt, FirmwareComponent, FirmwareReport, Journal};
use stage1_contract::{Facts, Problem};
use stage1_rack::firmware_scenario;
use stage1_rack::host::Host;
use stage1_rack::paths::Paths;
use stage1_rack::progress::Progress;
use stage1_rack::qemu::NIC_ADDRESS;
use stage1_rack::qmp::PowerOff;
use stage1_rack::rack::Rack;
use stage1_rack::scenario::BOOT;
use stage1_rack::spec::RackSpec;

use super::bios;
use super::nic::{NEW, OLD};

pub const UUID: &str = "6d1f0c5e-8a43-4f0e-9b52-0a5c6e7d0001";

/// A rack that offers firmware, with one host, `a`, which flashes it.
pub struct Scenario(pub Rack);

impl Scenario {
    /// `offer` are the keys of the firmware, `keys` those of the host; `append` is added to its command line.
    pub fn new(name: &str, offer: &str, keys: &str, append: &str) -> Scenario {
        Scenario::on("firmware", name, offer, keys, append)
    }

    /// The same with another image.
    fn on(image: &str, name: &str, offer: &str, keys: &str, append: &str) -> Scenario {
        let spec = format!(
            "[firmware]\n{offer}\n[[host]]\nname = 'a'\nboot = 'kernel'\nimage = '{image}'\nreboots = true\n\
             append = 'stage1.firmware=apply {append}'\n{keys}\n\
             [host.smbios.system]\nmanufacturer = 'Virtual'\nproduct = 'Rack Server'\nuuid = '{UUID}'\n\
             [[host.nic]]\nmac = '52:54:00:09:00:01'\n"
        );
        Scenario(Rack::up(name, &RackSpec::parse(&spec).unwrap(), &Paths::of_checkout().unwrap()).unwrap())
    }

    pub fn host(&self) -> &Host {
        self.0.host("a").unwrap()
    }

    /// Makes the inventory answer with the action `rescue`.
    pub fn with_shell(self) -> Scenario {
        self.0.inventory().set_action(UUID, "rescue").unwrap();
        self
    }

    /// The inventory's value at this JSON pointer.
    fn value<T: DeserializeOwned>(&self, pointer: &str) -> T {
        let host = self.0.inventory().host(UUID).unwrap();
        let value = host.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is not in {host:#}"));
        serde_json::from_value(value.clone()).unwrap()
    }

    pub fn facts(&self) -> Facts {
        self.value("/report/facts")
    }

    pub fn report(&self) -> FirmwareReport {
        self.value("/report/firmware")
    }

    /// The component of the entry with this name, in the report.
    pub fn component(&self, name: &str) -> FirmwareComponent {
        let report = self.report();
        let found = report.components.iter().find(|component| component.name == name);
        found.unwrap_or_else(|| panic!("{name} is not in {report:#?}{}", self.host().shown())).clone()
    }

    pub fn attempts(&self) -> Vec<Attempt> {
        let host = self.0.inventory().host(UUID).unwrap();
        let journal = host.get("firmware").filter(|journal| !journal.is_null()).cloned();
        journal.map_or(Vec::new(), |journal| serde_json::from_value::<Journal>(journal).unwrap().attempts)
    }

    pub fn problems(&self) -> Vec<String> {
        let problems: Vec<Problem> = self.value("/report/problems");
        problems.into_iter().map(|problem| problem.message).collect()
    }

    /// The number of boots.
    pub fn boots(&self) -> usize {
        firmware_scenario::boots(&self.0, UUID).unwrap()
    }

    /// Waits for a line of the host that matches `pattern`.
    pub fn wait_for(&self, pattern: &str) {
        self.host().wait_for(&format!("^stage1: .*{pattern}.*\n"), BOOT).unwrap();
    }

    /// Waits until the host powers itself off, which is the action for a new host.
    pub fn wait_off(&self) {
        assert_eq!(self.host().wait_off(BOOT).unwrap(), PowerOff::Shutdown, "{}", self.host().shown());
    }

    /// Waits for the prompt of the rescue shell.
    pub fn wait_for_shell(&self) {
        self.host().wait_for("^stage1 rescue# $", BOOT).unwrap();
    }

    /// The adapter's running version in the inventory.
    pub fn nic_runs(&self) -> Option<String> {
        let facts = self.facts();
        let nic = facts.nics.iter().find(|nic| nic.pci_address.as_deref() == Some(NIC_ADDRESS))?;
        nic.devlink.as_ref()?.running.get("fw").cloned()
    }

    /// The version of its BIOS in the inventory.
    pub fn bios_runs(&self) -> Option<String> {
        self.facts().smbios?.bios?.version
    }
}

#[test]
fn outdated_firmware_is_flashed_and_after_one_reset_the_target_runs() {
    outdated("firmware", "firmware-scenario");
}

#[test]
fn outdated_firmware_is_flashed_under_systemd() {
    outdated("firmware-systemd", "firmware-scenario-systemd");
}

fn outdated(image: &str, name: &str) {
    let scenario = Scenario::on(
        image,
        name,
        &format!("nic = '{NEW}'\nbios = 'new'"),
        "firmware = 'uefi'\nbios = { version = 'old' }\nfirmware_nic = {}",
        "",
    );
    // Two boots and a third one; checks the target, the journal and the flashes.
    firmware_scenario::run(&scenario.0, Progress::start()).unwrap();
    let attempts = scenario.attempts();
    let from: Vec<&str> = attempts.iter().map(|attempt| attempt.from.as_str()).collect();
    assert_eq!(from, [OLD, bios::OLD], "the NIC comes first");
    let [nic, bios] = [&attempts[0], &attempts[1]].map(|attempt| attempt.version.clone());
    assert_eq!((nic.as_str(), scenario.nic_runs()), (NEW, Some(nic.clone())));
    assert_eq!(scenario.bios_runs(), Some(bios));
    assert_eq!(attempts[0].boot_id, attempts[1].boot_id, "both were written in one boot");
    assert_eq!(scenario.host().nic_flash().unwrap().chunks().unwrap(), 74);
}

/// A running watchdog of the BMC would reset the host during the write. ipmi_sim does not report one, so the response
/// is replaced.
#[test]
fn the_bmcs_watchdog_is_stopped_while_firmware_is_flashed() {
    let scenario = Scenario::new(
        "firmware-watchdog",
        &format!("nic = '{NEW}'\n[inventory.bmc]\nwatchdog = {{ action = 'reset', seconds = 300 }}"),
        "firmware_nic = {}\n[host.bmc]\nfaults = ['06 25 data 44010010B80BB80B']",
        "",
    );
    scenario.host().power_on().unwrap();
    scenario.wait_off();
    let writes: Vec<String> =
        scenario.host().bmc().unwrap().proxy().writes().iter().map(ToString::to_string).collect();
    let of_watchdog: Vec<&String> = writes.iter().filter(|write| write.starts_with("06 24")).collect();
    // Set, it stands still, and at its end nothing would happen. This BMC reports a running one all the same.
    assert!(!of_watchdog.is_empty(), "{writes:#?}");
    assert!(of_watchdog.iter().all(|write| write.starts_with("06 24 04 00")), "{writes:#?}");
    assert!(!writes.iter().any(|write| write.starts_with("06 22")), "it is not started: {writes:#?}");
    assert_eq!(scenario.component("rack-nic").running.as_deref(), Some(NEW));
    let problems = scenario.problems();
    assert!(problems.iter().any(|problem| problem.contains("watchdog is not set in a boot")), "{problems:?}");
}
