// SPDX-License-Identifier: MIT OR Apache-2.0
//! Power cuts while firmware is flashed, in every phase.

use stage1_contract::firmware::{AttemptOutcome, Phase};
use stage1_rack::spec::BiosVersion;

use super::nic::{NEW, OLD};
use super::scenario::{Scenario, UUID};

impl Scenario {
    /// Powers the host on, and cuts its power as soon as it reports `phase` of the entry.
    fn cut_at(&self, entry: &str, phase: &str) {
        self.host().power_on().unwrap();
        self.wait_for(&format!("{entry} .*: {phase}"));
        self.host().cut();
    }

    /// The phase and the outcome of each attempt.
    fn ends(&self) -> Vec<(Phase, Option<AttemptOutcome>)> {
        self.attempts().into_iter().map(|attempt| (attempt.phase, attempt.outcome)).collect()
    }
}

#[test]
fn an_adapter_whose_power_is_cut_runs_its_old_bank_and_is_flashed_again() {
    let offer = format!("nic = '{NEW}'\nentries.rack-nic.limits = {{ max_attempts = 9 }}");
    let nic = "firmware_nic = { faults = { chunk_ms = 40 } }";
    let scenario = Scenario::new("firmware-cut-nic", &offer, nic, "");
    scenario.cut_at("rack-nic", "fetching");
    assert!(scenario.attempts().is_empty(), "{:?}", scenario.attempts());
    let phases = ["armed", "Flashing 1. %", "Flashing 5. %", "Flashing 9. %"];
    for (cut, phase) in (1..).zip(phases) {
        scenario.cut_at("rack-nic", phase);
        // This boot has run the old bank, and recorded how the last attempt ended.
        assert_eq!(scenario.nic_runs().as_deref(), Some(OLD), "{phase}");
        let mut expected = vec![(Phase::Armed, Some(AttemptOutcome::CutOff)); cut - 1];
        expected.push((Phase::Armed, None));
        assert_eq!(scenario.ends(), expected, "{phase}");
    }
    // The new version waits for its activation; a power cut activates it, too.
    scenario.cut_at("rack-nic", "staged");
    scenario.host().power_on().unwrap();
    scenario.wait_off();
    assert_eq!(scenario.nic_runs().as_deref(), Some(NEW));
    let mut expected = vec![(Phase::Armed, Some(AttemptOutcome::CutOff)); phases.len()];
    expected.push((Phase::Staged, Some(AttemptOutcome::Confirmed)));
    assert_eq!(scenario.ends(), expected);
}

#[test]
fn a_half_written_bios_is_flashed_again_once_it_is_restored() {
    let bios = "firmware = 'uefi'\nbios = { version = 'old' }";
    let scenario = Scenario::new("firmware-cut-bios", "bios = 'new'", bios, "");
    let old = scenario.host().bios_code().unwrap();
    scenario.cut_at("rack-board-mtd", "armed");
    assert_eq!(scenario.host().bios_code().unwrap(), old);
    scenario.cut_at("rack-board-mtd", "writing .*[2-8]. %");
    assert_eq!(
        scenario.ends(),
        [(Phase::Armed, Some(AttemptOutcome::CutOff)), (Phase::Armed, None)],
        "the boot before was cut off while it was armed"
    );
    assert_ne!(scenario.host().bios_code().unwrap(), old);
    // No host boots from such a chip.
    scenario.host().program_bios(BiosVersion::Old, scenario.0.paths()).unwrap();
    scenario.cut_at("rack-board-mtd", "reading back");
    scenario.host().power_on().unwrap();
    scenario.wait_off();
    let outcomes: Vec<_> = scenario.ends().into_iter().filter_map(|(_, outcome)| outcome).collect();
    let cut_off = AttemptOutcome::CutOff;
    assert_eq!(outcomes, [cut_off.clone(), cut_off, AttemptOutcome::Confirmed]);

    scenario.0.inventory().run(&["host", "retry-firmware", UUID]).unwrap();
    scenario.host().program_bios(BiosVersion::Old, scenario.0.paths()).unwrap();
    scenario.cut_at("rack-board-mtd", "activating");
    scenario.host().power_on().unwrap();
    scenario.wait_off();
    assert_eq!(scenario.ends(), [(Phase::Activating, Some(AttemptOutcome::Confirmed))]);
    assert_eq!(scenario.bios_runs(), scenario.attempts().last().map(|attempt| attempt.version.clone()));
}
