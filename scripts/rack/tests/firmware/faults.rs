// SPDX-License-Identifier: MIT OR Apache-2.0
//! What goes wrong: each is told as what it is, the host registers all the same, and nothing is tried for ever.

use std::fs;
use std::path::PathBuf;

use stage1_contract::firmware::{AttemptOutcome, Decision};
use stage1_rack::firmware_nic::NicImage;
use stage1_rack::manifests::{Manifests, NIC};
use stage1_rack::qemu::NIC_ADDRESS;
use stage1_rack::spec::{NicFaults, OfferSpec};
use stage1_rack::story::BOOT;
use toml::Table;

use super::bios;
use super::nic::{NEW, OLD};
use super::story::{Story, UUID};

/// The new version for the adapter, with these keys of the entry.
fn offer(keys: &str) -> OfferSpec {
    offer_with(toml::from_str(keys).unwrap())
}

fn offer_with(keys: Table) -> OfferSpec {
    let entries = Table::from_iter([(NIC.to_string(), keys.into())]);
    OfferSpec { nic: Some(NEW.to_string()), bios: None, entries }
}

/// The same with these bytes for an image.
fn offer_image(manifests: &Manifests, name: &str, bytes: &[u8]) -> OfferSpec {
    offer_with(Table::from_iter([("image".to_string(), manifests.image(name, bytes).unwrap().into())]))
}

/// What `sh -c` does in place of a vendor's program; codes as most of them have.
fn tool(script: &str, more: &str) -> OfferSpec {
    let codes = "codes = { '0' = 'done', '1' = 'refused', '2' = 'failed' }";
    offer(&format!("{more}\nmethod.exec = {{ argv = ['/bin/sh', '-c', '{script}'], {codes} }}"))
}

/// A host with a shell, in which firmware is flashed by hand, as often as is wanted.
struct ByHand(Story);

impl ByHand {
    fn new(name: &str, keys: &str) -> ByHand {
        let story = Story::new(name, "", keys, "").wants_shell();
        story.host().power_on().unwrap();
        story.has_shell();
        ByHand(story)
    }

    fn manifests(&self) -> &Manifests {
        self.0.0.manifests().unwrap()
    }

    fn publish(&self, offer: &OfferSpec) {
        self.manifests().publish(&self.manifests().fill_in(offer).unwrap()).unwrap();
    }

    /// Publishes the next set in which `from` was changed to `to`, and signed by `key`, which is made; it was changed
    /// before or after that.
    fn publish_changed(&self, key: &str, from: &str, to: &str) {
        let manifests = self.manifests();
        if key != "rack" {
            manifests.make_key(key).unwrap();
        }
        let path = manifests.sign(&manifests.fill_in(&offer("")).unwrap(), key).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(from.is_empty() || text.contains(from), "{from} is not in {text}");
        fs::write(&path, text.replace(from, to)).unwrap();
        manifests.publish_file(&path).unwrap();
    }

    /// The inventory's copy of an image.
    fn served(&self, name: &str) -> PathBuf {
        self.0.0.inventory().directory().join("images").join(name)
    }

    fn runs(&self, command: &str) -> String {
        let host = self.0.host();
        let before = host.serial_text().len();
        host.type_line(&format!("{command}; echo ended: $?")).unwrap();
        host.wait_for(r"^ended: \d+\n", BOOT).unwrap();
        self.0.has_shell();
        host.serial_text().split_off(before)
    }

    /// As if nothing was tried so far, has the host flash what is offered; gives all that it says.
    fn applies(&self) -> String {
        self.0.0.inventory().verb(&["host", "retry-firmware", UUID]).unwrap();
        self.runs("stage1 firmware apply")
    }

    /// It is not tried, and the host says `words`.
    fn leaves_alone(&self, offer: &OfferSpec, words: &str) {
        self.publish(offer);
        let told = self.applies();
        let found = told.lines().any(|line| line.starts_with(NIC_ADDRESS) && line.ends_with(words));
        assert!(found, "{words:?} is not in {told}");
        assert!(self.0.attempts().is_empty(), "{:?} of {words}", self.0.attempts());
    }

    /// It is tried once, and ends so.
    fn ends(&self, offer: &OfferSpec, outcome: AttemptOutcome, words: &str) {
        self.publish(offer);
        let told = self.applies();
        let attempts = self.0.attempts();
        let [attempt] = attempts.as_slice() else { panic!("{attempts:?}, and the host says: {told}") };
        let detail = attempt.detail.as_deref().unwrap_or_default();
        assert_eq!((&attempt.outcome, detail.contains(words)), (&Some(outcome), true), "{attempt:?}\n{told}");
        assert!(told.contains(words), "{words:?} is not in {told}");
    }
}

#[test]
fn what_must_not_be_written_is_not_even_tried() {
    let by_hand = ByHand::new("firmware-faults-offer", "firmware_nic = {}");
    let chunks = || by_hand.0.host().nic_flash().unwrap().chunks().unwrap();
    let image = format!("nic-{NEW}.bin");

    for fixed in ["board.id", "fw.psid"] {
        let other = offer(&format!("match.fixed = {{ '{fixed}' = 'OTHER' }}"));
        by_hand.leaves_alone(&other, "left alone: no entry matches it");
    }
    let older = OfferSpec { nic: Some("22.30.1".to_string()), ..OfferSpec::default() };
    by_hand.leaves_alone(&older, "current: it is newer");

    by_hand.publish_changed("rack", NEW, "22.40.1");
    let told = by_hand.applies();
    assert!(told.contains("its signature is none of the image's keys'"), "{told}");
    by_hand.publish_changed("other", "", "");
    let told = by_hand.applies();
    assert!(told.contains("its signature is none of the image's keys'"), "{told}");
    let path = by_hand.manifests().sign(&by_hand.manifests().fill_in(&offer("")).unwrap(), "rack").unwrap();
    fs::remove_file(path.with_extension("toml.sig")).unwrap();
    by_hand.manifests().publish_file(&path).unwrap();
    let told = by_hand.applies();
    assert!(told.contains("it is not signed"), "{told}");
    let mut set = by_hand.manifests().fill_in(&offer("")).unwrap();
    set.insert("expires".to_string(), "2020-12-31".into());
    by_hand.manifests().publish(&set).unwrap();
    let told = by_hand.applies();
    assert!(told.contains("the manifest set has expired"), "{told}");

    by_hand.publish(&offer(""));
    let whole = fs::read(by_hand.served(&image)).unwrap();
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    fs::write(by_hand.served(&image), changed).unwrap();
    let told = by_hand.applies();
    assert!(told.contains(&image) && told.contains("wrong digest"), "{told}");
    fs::write(by_hand.served(&image), &whole[..whole.len() / 2]).unwrap();
    let told = by_hand.applies();
    assert!(told.contains(&image) && told.contains("bytes"), "{told}");
    assert!(by_hand.0.attempts().is_empty(), "{:?}", by_hand.0.attempts());

    assert_eq!(chunks(), 0);
    let told = by_hand.runs("stage1 register");
    assert!(told.contains("registered, action"), "{told}");
    assert_eq!(by_hand.0.component(NIC).decision, Decision::Update);
    assert_eq!(by_hand.0.nic_runs().as_deref(), Some(OLD));
}

#[test]
fn what_goes_wrong_while_it_is_written_leaves_the_old_firmware() {
    let by_hand = ByHand::new("firmware-faults-write", "firmware_nic = {}");
    let flash = by_hand.0.host().nic_flash().unwrap();
    let image = NicImage::new(NEW);
    let other = NicImage { psid: "OTHER00000001".to_string(), ..image.clone() };
    let other = offer_image(by_hand.manifests(), "other.bin", &other.to_bytes());
    by_hand.ends(&other, AttemptOutcome::Refused, "nicsim: PSID mismatch between image and board");
    // Its digest is what the manifest says, and its own checksum is not.
    let damaged = offer_image(by_hand.manifests(), "damaged.bin", &image.damaged());
    by_hand.ends(&damaged, AttemptOutcome::Refused, "nicsim: image checksum invalid");
    assert_eq!(flash.chunks().unwrap(), 0);

    flash.break_down(NicFaults { write_error_percent: 40, ..NicFaults::default() }).unwrap();
    by_hand.ends(&offer(""), AttemptOutcome::Failed, "nicsim: NVM write failed");
    flash.break_down(NicFaults { corruption: true, ..NicFaults::default() }).unwrap();
    by_hand.ends(&offer(""), AttemptOutcome::Failed, "it tells no version");
    flash.break_down(NicFaults::default()).unwrap();

    by_hand.ends(&tool("echo it is locked; exit 1", ""), AttemptOutcome::Refused, "it is locked");
    by_hand.ends(&tool("echo no power; exit 2", ""), AttemptOutcome::Failed, "no power");
    // It was killed or says what nobody knows.
    by_hand.ends(&tool("exit 77", ""), AttemptOutcome::Failed, "exit code 77");
    let hangs = tool("exec sleep 3600", "limits = { flash_seconds = 1, verify_seconds = 5 }");
    by_hand.ends(&hangs, AttemptOutcome::Failed, "no end after");

    // One that tells versions tells on itself.
    let tells = format!("{{ argv = ['/bin/sh', '-c', 'echo FW: {OLD}'], running = 'FW:' }}");
    let lies = "argv = ['/bin/sh', '-c', 'exit 0'], codes = { '0' = 'done' }";
    let lies = format!("version.source = 'tool'\nmethod.exec = {{ {lies}, version = {tells} }}");
    by_hand.ends(&offer(&lies), AttemptOutcome::Failed, "the old content is still there");
    let told = by_hand.runs("stage1 register");
    assert!(told.contains("registered, action"), "{told}");
    assert_eq!(by_hand.0.nic_runs().as_deref(), Some(OLD));

    // A driver that goes on after its deadline and comes to its end: only what is read back counts.
    flash.break_down(NicFaults { chunk_ms: 100, ..NicFaults::default() }).unwrap();
    by_hand.publish(&offer("limits = { flash_seconds = 2, verify_seconds = 60 }"));
    let told = by_hand.applies();
    assert!(told.contains("current: it runs; the next boot confirms it"), "{told}");
    let attempts = by_hand.0.attempts();
    assert_eq!((attempts.len(), &attempts[0].outcome), (1, &None), "{attempts:?}");
    assert_eq!(by_hand.0.boots(), 1);
}

#[test]
fn a_reload_that_is_refused_becomes_a_reset() {
    let offer = format!("nic = '{NEW}'");
    let story = Story::new("firmware-faults-reload", &offer, "firmware_nic = { activation = 'reset' }", "");
    story.host().power_on().unwrap();
    story.says("rack-nic .*: activating");
    story.comes_to_its_end();
    let attempts = story.attempts();
    assert_eq!((attempts.len(), &attempts[0].outcome), (1, &Some(AttemptOutcome::Confirmed)), "{attempts:?}");
    assert_eq!((story.boots(), story.nic_runs().as_deref()), (2, Some(NEW)));
}

/// A program that says that all went well, and wrote nothing.
#[test]
fn what_does_not_come_to_run_is_tried_as_often_as_is_allowed_and_then_left() {
    let story = Story::new("firmware-faults-lies", "", "firmware_nic = {}", "");
    let manifests = story.0.manifests().unwrap();
    let lies = tool("echo all is well", "limits.max_attempts = 2\nactivate = { by = 'warm' }");
    manifests.publish(&manifests.fill_in(&lies).unwrap()).unwrap();
    story.host().power_on().unwrap();
    story.comes_to_its_end();
    let outcomes: Vec<_> = story.attempts().into_iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Some(AttemptOutcome::Unchanged), Some(AttemptOutcome::Unchanged)]);
    assert_eq!(story.boots(), 3, "two resets, and never another one");
    assert_eq!(story.component(NIC).decision, Decision::Exhausted);
    let problems = story.problems();
    assert!(problems.iter().any(|problem| problem.contains("was tried 2 times")), "{problems:?}");

    story.host().power_on().unwrap();
    story.comes_to_its_end();
    assert_eq!((story.boots(), story.attempts().len()), (4, 2));
}

#[test]
fn a_chip_that_hangs_costs_its_deadline_and_no_reset() {
    let offer = "bios = 'new'\nentries.rack-board-mtd.limits = { flash_seconds = 5, verify_seconds = 5 }";
    let bios = "firmware = 'uefi'\nbios = { version = 'old', readonly = true }";
    let story = Story::new("firmware-faults-readonly", offer, bios, "");
    story.host().power_on().unwrap();
    story.says("a rescue shell: firmware is broken: the host must not be reset");
    story.has_shell();
    let attempts = story.attempts();
    assert_eq!((attempts.len(), &attempts[0].outcome), (1, &Some(AttemptOutcome::Broken)), "{attempts:?}");
    let detail = attempts[0].detail.as_deref().unwrap_or_default();
    assert!(detail.contains("no end after 5 s"), "{detail}");
    assert_eq!((story.boots(), story.bios_runs().as_deref()), (1, Some(bios::OLD)));
    let problems = story.problems();
    assert!(problems.iter().any(|problem| problem.contains("rack-board-mtd")), "{problems:?}");
}
