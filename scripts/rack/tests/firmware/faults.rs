// SPDX-License-Identifier: MIT OR Apache-2.0
//! Failures: each is reported for what it is, the host registers all the same, and there is no reboot loop.

use std::fs;
use std::path::PathBuf;

use stage1_contract::firmware::{AttemptOutcome, Decision};
use stage1_rack::firmware_nic::NicImage;
use stage1_rack::manifests::{Manifests, NIC};
use stage1_rack::qemu::NIC_ADDRESS;
use stage1_rack::scenario::BOOT;
use stage1_rack::spec::{NicFaults, OfferSpec};
use toml::Table;

use super::bios;
use super::nic::{NEW, OLD};
use super::scenario::{Scenario, UUID};

/// The new version for the adapter, with these keys in its entry.
fn offer(keys: &str) -> OfferSpec {
    offer_with(toml::from_str(keys).unwrap())
}

fn offer_with(keys: Table) -> OfferSpec {
    let entries = Table::from_iter([(NIC.to_string(), keys.into())]);
    OfferSpec { nic: Some(NEW.to_string()), bios: None, entries }
}

/// The same, with these bytes as the image.
fn offer_image(manifests: &Manifests, name: &str, bytes: &[u8]) -> OfferSpec {
    offer_with(Table::from_iter([("image".to_string(), manifests.image(name, bytes).unwrap().into())]))
}

/// A script in place of a vendor's program, with the usual exit codes.
fn tool(script: &str, more: &str) -> OfferSpec {
    let codes = "codes = { '0' = 'done', '1' = 'refused', '2' = 'failed' }";
    offer(&format!("{more}\nmethod.exec = {{ argv = ['/bin/sh', '-c', '{script}'], {codes} }}"))
}

/// A host with a shell, in which firmware is flashed by hand, any number of times.
struct ByHand(Scenario);

impl ByHand {
    fn new(name: &str, keys: &str) -> ByHand {
        let scenario = Scenario::new(name, "", keys, "").with_shell();
        scenario.host().power_on().unwrap();
        scenario.wait_for_shell();
        ByHand(scenario)
    }

    fn manifests(&self) -> &Manifests {
        self.0.0.manifests().unwrap()
    }

    fn publish(&self, offer: &OfferSpec) {
        self.manifests().publish(&self.manifests().fill_in(offer).unwrap()).unwrap();
    }

    /// Publishes the next set, signed by `key`, which is created unless it is the rack's; after signing, `from` is
    /// replaced by `to`.
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

    /// The path of an image in the inventory.
    fn served(&self, name: &str) -> PathBuf {
        self.0.0.inventory().directory().join("images").join(name)
    }

    fn run(&self, command: &str) -> String {
        let host = self.0.host();
        let before = host.serial_text().len();
        host.type_line(&format!("{command}; echo ended: $?")).unwrap();
        host.wait_for(r"^ended: \d+\n", BOOT).unwrap();
        self.0.wait_for_shell();
        host.serial_text().split_off(before)
    }

    /// Resets the counter of attempts, and flashes what is offered; returns the output.
    fn apply(&self) -> String {
        self.0.0.inventory().run(&["host", "retry-firmware", UUID]).unwrap();
        self.run("stage1 firmware apply")
    }

    /// Checks that nothing is tried, and that the line of the adapter ends with `decision`.
    fn is_not_flashed(&self, offer: &OfferSpec, decision: &str) {
        self.publish(offer);
        let output = self.apply();
        let found = output.lines().any(|line| line.starts_with(NIC_ADDRESS) && line.ends_with(decision));
        assert!(found, "{decision:?} is not in {output}");
        assert!(self.0.attempts().is_empty(), "{:?} of {decision}", self.0.attempts());
    }

    /// Checks that it is tried once, with this outcome and this reason.
    fn ends(&self, offer: &OfferSpec, outcome: AttemptOutcome, why: &str) {
        self.publish(offer);
        let output = self.apply();
        let attempts = self.0.attempts();
        let [attempt] = attempts.as_slice() else { panic!("{attempts:?}, and the host printed: {output}") };
        let detail = attempt.detail.as_deref().unwrap_or_default();
        assert_eq!((&attempt.outcome, detail.contains(why)), (&Some(outcome), true), "{attempt:?}\n{output}");
        assert!(output.contains(why), "{why:?} is not in {output}");
    }
}

#[test]
fn an_image_that_must_not_be_written_is_not_tried() {
    let by_hand = ByHand::new("firmware-faults-offer", "firmware_nic = {}");
    let chunks = || by_hand.0.host().nic_flash().unwrap().chunks().unwrap();
    let image = format!("nic-{NEW}.bin");

    for fixed in ["board.id", "fw.psid"] {
        let other = offer(&format!("match.fixed = {{ '{fixed}' = 'OTHER' }}"));
        by_hand.is_not_flashed(&other, "skipped: no entry matches it");
    }
    let older = OfferSpec { nic: Some("22.30.1".to_string()), ..OfferSpec::default() };
    by_hand.is_not_flashed(&older, "current: a newer version is running");

    by_hand.publish_changed("rack", NEW, "22.40.1");
    let output = by_hand.apply();
    assert!(output.contains("the signature is not valid for any key of this image"), "{output}");
    by_hand.publish_changed("other", "", "");
    let output = by_hand.apply();
    assert!(output.contains("the signature is not valid for any key of this image"), "{output}");
    let path = by_hand.manifests().sign(&by_hand.manifests().fill_in(&offer("")).unwrap(), "rack").unwrap();
    fs::remove_file(path.with_extension("toml.sig")).unwrap();
    by_hand.manifests().publish_file(&path).unwrap();
    let output = by_hand.apply();
    assert!(output.contains("the set is not signed"), "{output}");
    let mut set = by_hand.manifests().fill_in(&offer("")).unwrap();
    set.insert("expires".to_string(), "2020-12-31".into());
    by_hand.manifests().publish(&set).unwrap();
    let output = by_hand.apply();
    assert!(output.contains("the manifest set has expired"), "{output}");

    by_hand.publish(&offer(""));
    let whole = fs::read(by_hand.served(&image)).unwrap();
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    fs::write(by_hand.served(&image), changed).unwrap();
    let output = by_hand.apply();
    assert!(output.contains(&image) && output.contains("wrong digest"), "{output}");
    fs::write(by_hand.served(&image), &whole[..whole.len() / 2]).unwrap();
    let output = by_hand.apply();
    assert!(output.contains(&image) && output.contains("bytes"), "{output}");
    assert!(by_hand.0.attempts().is_empty(), "{:?}", by_hand.0.attempts());

    assert_eq!(chunks(), 0);
    let output = by_hand.run("stage1 register");
    assert!(output.contains("registered, action"), "{output}");
    assert_eq!(by_hand.0.component(NIC).decision, Decision::Update);
    assert_eq!(by_hand.0.nic_runs().as_deref(), Some(OLD));
}

#[test]
fn a_failed_write_leaves_the_old_firmware() {
    let by_hand = ByHand::new("firmware-faults-write", "firmware_nic = {}");
    let flash = by_hand.0.host().nic_flash().unwrap();
    let image = NicImage::new(NEW);
    let other = NicImage { psid: "OTHER00000001".to_string(), ..image.clone() };
    let other = offer_image(by_hand.manifests(), "other.bin", &other.to_bytes());
    by_hand.ends(&other, AttemptOutcome::Refused, "nicsim: PSID mismatch between image and board");
    // Its digest is that of the manifest, but its own checksum is wrong.
    let damaged = offer_image(by_hand.manifests(), "damaged.bin", &image.damaged());
    by_hand.ends(&damaged, AttemptOutcome::Refused, "nicsim: image checksum invalid");
    assert_eq!(flash.chunks().unwrap(), 0);

    flash.set_faults(NicFaults { write_error_percent: 40, ..NicFaults::default() }).unwrap();
    by_hand.ends(&offer(""), AttemptOutcome::Failed, "nicsim: NVM write failed");
    flash.set_faults(NicFaults { corruption: true, ..NicFaults::default() }).unwrap();
    by_hand.ends(&offer(""), AttemptOutcome::Failed, "it reports no stored version");
    flash.set_faults(NicFaults::default()).unwrap();

    by_hand.ends(&tool("echo it is locked; exit 1", ""), AttemptOutcome::Refused, "it is locked");
    by_hand.ends(&tool("echo no power; exit 2", ""), AttemptOutcome::Failed, "no power");
    // An exit code that is not in the table.
    by_hand.ends(&tool("exit 77", ""), AttemptOutcome::Failed, "exit code 77");

    // A false success is detected by the version that the program prints.
    let version = format!("{{ argv = ['/bin/sh', '-c', 'echo FW: {OLD}'], running = 'FW:' }}");
    let no_op = "argv = ['/bin/sh', '-c', 'exit 0'], codes = { '0' = 'done' }";
    let no_op = format!("version.source = 'tool'\nmethod.exec = {{ {no_op}, version = {version} }}");
    by_hand.ends(&offer(&no_op), AttemptOutcome::Failed, "the old content is still there");
    let output = by_hand.run("stage1 register");
    assert!(output.contains("registered, action"), "{output}");
    assert_eq!(by_hand.0.nic_runs().as_deref(), Some(OLD));

    // A driver that finishes after its limit.
    flash.set_faults(NicFaults { chunk_ms: 100, ..NicFaults::default() }).unwrap();
    by_hand.publish(&offer("limits = { flash_seconds = 2, verify_seconds = 60 }"));
    let output = by_hand.apply();
    assert!(output.contains("current: it is running; the next boot confirms it"), "{output}");
    let attempts = by_hand.0.attempts();
    assert_eq!((attempts.len(), &attempts[0].outcome), (1, &None), "{attempts:?}");
    assert_eq!(by_hand.0.boots(), 1);
}

/// Two banks or not: what is still written after ten times its limit is never let go.
#[test]
fn a_tool_that_never_ends_keeps_the_host() {
    let by_hand = ByHand::new("firmware-faults-tool", "firmware_nic = {}");
    let hangs = tool("exec sleep 3600", "limits = { flash_seconds = 1, verify_seconds = 5 }");
    by_hand.ends(&hangs, AttemptOutcome::Broken, "timed out after 10 s; it is still writing");
    let output = by_hand.run("reboot; sleep 3");
    let refusal = format!("the firmware of {NIC} {NIC_ADDRESS} may be half written");
    assert!(output.contains(&refusal), "{output}");
    by_hand.publish(&offer(""));
    let output = by_hand.apply();
    assert!(output.contains(&refusal), "{output}");
    assert_eq!((by_hand.0.boots(), by_hand.0.host().nic_flash().unwrap().chunks().unwrap()), (1, 0));

    // An operator ends the program, and takes the mark away.
    by_hand.run("killall sleep; rm /run/stage1/firmware.broken");
    by_hand.0.host().type_line("reboot").unwrap();
    by_hand.0.wait_for("register: .*");
    by_hand.0.wait_for_shell();
    assert_eq!(by_hand.0.boots(), 2);
}

#[test]
fn a_refused_reload_becomes_a_reset() {
    let offer = format!("nic = '{NEW}'");
    let scenario =
        Scenario::new("firmware-faults-reload", &offer, "firmware_nic = { activation = 'reset' }", "");
    scenario.host().power_on().unwrap();
    scenario.wait_for("rack-nic .*: activating");
    scenario.wait_off();
    let attempts = scenario.attempts();
    assert_eq!((attempts.len(), &attempts[0].outcome), (1, &Some(AttemptOutcome::Confirmed)), "{attempts:?}");
    assert_eq!((scenario.boots(), scenario.nic_runs().as_deref()), (2, Some(NEW)));
}

/// A program that reports success, but wrote nothing.
#[test]
fn a_version_that_never_runs_is_tried_max_attempts_times() {
    let scenario = Scenario::new("firmware-faults-no-op", "", "firmware_nic = {}", "");
    let manifests = scenario.0.manifests().unwrap();
    let no_op = tool("echo all is well", "limits.max_attempts = 2\nactivate = { by = 'warm' }");
    manifests.publish(&manifests.fill_in(&no_op).unwrap()).unwrap();
    scenario.host().power_on().unwrap();
    scenario.wait_off();
    let outcomes: Vec<_> = scenario.attempts().into_iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Some(AttemptOutcome::Unchanged), Some(AttemptOutcome::Unchanged)]);
    assert_eq!(scenario.boots(), 3, "two resets, and no reboot loop");
    assert_eq!(scenario.component(NIC).decision, Decision::Exhausted);
    let problems = scenario.problems();
    assert!(problems.iter().any(|problem| problem.contains("was tried 2 times")), "{problems:?}");

    scenario.host().power_on().unwrap();
    scenario.wait_off();
    assert_eq!((scenario.boots(), scenario.attempts().len()), (4, 2));
}

#[test]
fn a_chip_that_hangs_times_out_without_a_reset() {
    let offer = "bios = 'new'\nentries.rack-board-mtd.limits = { flash_seconds = 5, verify_seconds = 5 }";
    let bios = "firmware = 'uefi'\nbios = { version = 'old', readonly = true }";
    let scenario = Scenario::new("firmware-faults-readonly", offer, bios, "");
    scenario.host().power_on().unwrap();
    scenario.wait_for("a rescue shell: firmware is broken: the host must not be reset");
    scenario.wait_for_shell();
    let attempts = scenario.attempts();
    assert_eq!((attempts.len(), &attempts[0].outcome), (1, &Some(AttemptOutcome::Broken)), "{attempts:?}");
    let detail = attempts[0].detail.as_deref().unwrap_or_default();
    assert!(detail.contains("timed out after 50 s"), "{detail}");
    assert_eq!((scenario.boots(), scenario.bios_runs().as_deref()), (1, Some(bios::OLD)));
    let problems = scenario.problems();
    assert!(problems.iter().any(|problem| problem.contains("rack-board-mtd")), "{problems:?}");
}
