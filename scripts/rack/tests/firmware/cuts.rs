// SPDX-License-Identifier: MIT OR Apache-2.0
//! Power that is cut while firmware is flashed, in every phase.

use stage1_contract::firmware::{AttemptOutcome, Phase};
use stage1_rack::spec::BiosVersion;

use super::nic::{NEW, OLD};
use super::story::{Story, UUID};

impl Story {
    /// Turns the host on, and cuts its power as soon as it says `words` of the entry.
    fn is_cut_at(&self, entry: &str, words: &str) {
        self.host().power_on().unwrap();
        self.says(&format!("{entry} .*: {words}"));
        self.host().cut();
    }

    /// How far the attempts came, and how they ended.
    fn ends(&self) -> Vec<(Phase, Option<AttemptOutcome>)> {
        self.attempts().into_iter().map(|attempt| (attempt.phase, attempt.outcome)).collect()
    }
}

#[test]
fn an_adapter_whose_power_is_cut_runs_its_old_bank_and_is_flashed_again() {
    let offer = format!("nic = '{NEW}'\nentries.rack-nic.limits = {{ max_attempts = 9 }}");
    let nic = "firmware_nic = { faults = { chunk_ms = 40 } }";
    let story = Story::new("firmware-cut-nic", &offer, nic, "");
    story.is_cut_at("rack-nic", "fetching");
    assert!(story.attempts().is_empty(), "{:?}", story.attempts());
    let phases = ["armed", "Flashing 1. %", "Flashing 5. %", "Flashing 9. %"];
    for (cut, words) in (1..).zip(phases) {
        story.is_cut_at("rack-nic", words);
        // This boot has run the old bank, and told how the last attempt ended.
        assert_eq!(story.nic_runs().as_deref(), Some(OLD), "{words}");
        let mut expected = vec![(Phase::Armed, Some(AttemptOutcome::CutOff)); cut - 1];
        expected.push((Phase::Armed, None));
        assert_eq!(story.ends(), expected, "{words}");
    }
    // What is written waits for its activation, and the power cut is one.
    story.is_cut_at("rack-nic", "staged");
    story.host().power_on().unwrap();
    story.comes_to_its_end();
    assert_eq!(story.nic_runs().as_deref(), Some(NEW));
    let mut expected = vec![(Phase::Armed, Some(AttemptOutcome::CutOff)); phases.len()];
    expected.push((Phase::Staged, Some(AttemptOutcome::Confirmed)));
    assert_eq!(story.ends(), expected);
}

#[test]
fn a_bios_that_was_half_written_is_flashed_again_once_it_is_brought_back() {
    let bios = "firmware = 'uefi'\nbios = { version = 'old' }";
    let story = Story::new("firmware-cut-bios", "bios = 'new'", bios, "");
    let old = story.host().bios_code().unwrap();
    story.is_cut_at("rack-board-mtd", "armed");
    assert_eq!(story.host().bios_code().unwrap(), old);
    story.is_cut_at("rack-board-mtd", "writing .*[2-8]. %");
    assert_eq!(
        story.ends(),
        [(Phase::Armed, Some(AttemptOutcome::CutOff)), (Phase::Armed, None)],
        "the boot before was cut off while it was armed"
    );
    assert_ne!(story.host().bios_code().unwrap(), old);
    // Nothing starts from such a chip.
    story.host().program_bios(BiosVersion::Old, story.0.paths()).unwrap();
    story.is_cut_at("rack-board-mtd", "reading back");
    story.host().power_on().unwrap();
    story.comes_to_its_end();
    let outcomes: Vec<_> = story.ends().into_iter().filter_map(|(_, outcome)| outcome).collect();
    let cut_off = AttemptOutcome::CutOff;
    assert_eq!(outcomes, [cut_off.clone(), cut_off, AttemptOutcome::Confirmed]);

    story.0.inventory().verb(&["host", "retry-firmware", UUID]).unwrap();
    story.host().program_bios(BiosVersion::Old, story.0.paths()).unwrap();
    story.is_cut_at("rack-board-mtd", "activating");
    story.host().power_on().unwrap();
    story.comes_to_its_end();
    assert_eq!(story.ends(), [(Phase::Activating, Some(AttemptOutcome::Confirmed))]);
    assert_eq!(story.bios_runs(), story.attempts().last().map(|attempt| attempt.version.clone()));
}
