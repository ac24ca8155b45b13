// SPDX-License-Identifier: MIT OR Apache-2.0
//! Capsules, handed to a real UEFI by the agent's backend: what becomes of good and of bad ones, what the ESRT says of it,
//! and what a power cut leaves.
//!
//! Needs what `scripts/rack/firmware/build` and `scripts/rack/firmware/ovmf/build` make, and the inventory server beside
//! this test. Each test has a rack of its own, whose console is in `target/rack/NAME/a/serial.log`.

#[path = "../firmware/workbench.rs"]
mod workbench;

use std::fs;
use std::time::Duration;

use stage1_rack::chip::Bios;
use stage1_rack::paths::Paths;
use stage1_rack::qemu::BIOS_CHIP;
use stage1_rack::rack::Rack;
use stage1_rack::spec::BiosVersion;
use stage1_rack::story::BOOT;
use workbench::{Workbench, rack};

/// The versions, to SMBIOS and to the ESRT. Each runs nothing older than itself.
const OLD: (&str, u32) = ("1.0.0", 0x01_0000);
const NEW: (&str, u32) = ("1.1.0", 0x01_0100);
/// `last_attempt_status`: what edk2 calls `LAST_ATTEMPT_STATUS_DRIVER_ERROR_VERSION_TOO_LOW`.
const TOO_OLD: u32 = 0x1010;
/// And `LAST_ATTEMPT_STATUS_DRIVER_ERROR_IMAGE_AUTH_FAILURE`.
const NOT_SIGNED: u32 = 0x1012;
/// What the capsules are for, and what unknown.cap is for.
const CLASS: &str = "6f1d3c52-8b1e-4c55-9c1f-0a5e5d0c0b1a";
const UNKNOWN: &str = "0d5b1f6e-3c0a-4a53-8f53-7f2f3f6f9a11";
/// Longer than such a host takes to come up.
const LONG_ENOUGH: Duration = Duration::from_secs(60);

/// A host whose UEFI takes capsules, with these capsules in its share.
fn with_capsules(name: &str, capsules: &[&str]) -> Rack {
    let rack = rack(name, "firmware = 'uefi'\nreboots = true\nbios = { version = 'capsule' }");
    for capsule in capsules {
        Workbench(rack.host("a").unwrap()).lay_down(capsule, &built(capsule));
    }
    rack
}

/// A file that `scripts/rack/firmware/ovmf/build` made.
fn built(name: &str) -> Vec<u8> {
    fs::read(Paths::of_checkout().unwrap().capsule_uefi(name).unwrap()).unwrap()
}

/// What the ESRT says of the one firmware that is in it.
#[derive(Debug, PartialEq)]
struct Esrt {
    running: u32,
    lowest: u32,
    attempted: u32,
    status: u32,
}

impl Esrt {
    /// That of a firmware with which nothing was tried.
    fn untouched((_, version): (&str, u32)) -> Esrt {
        Esrt { running: version, lowest: version, attempted: 0, status: 0 }
    }
}

impl Workbench<'_> {
    fn esrt(&self) -> Esrt {
        let line = "cd /sys/firmware/efi/esrt/entries/entry0; \
                    echo esrt: $(cat fw_version lowest_supported_fw_version last_attempt_version last_attempt_status)";
        self.0.type_line(line).unwrap();
        let found = self.0.wait_for(r"^esrt: (\d+) (\d+) (\d+) (\d+)\n", BOOT).unwrap();
        self.0.wait_for("^workbench# $", BOOT).unwrap();
        let [running, lowest, attempted, status] =
            [1, 2, 3, 4].map(|group| found.group(group).parse().unwrap());
        Esrt { running, lowest, attempted, status }
    }

    fn hand_over(&self, capsule: &str) -> String {
        self.flash(&format!("/share/{capsule} capsule"))
    }

    /// Resets warmly; gives the version that runs then.
    fn reboot(&self) -> String {
        self.0.type_line("reboot -f").unwrap();
        self.is_up()
    }
}

#[test]
fn a_good_capsule_runs_after_one_warm_reset_and_an_older_one_no_more() {
    let rack = with_capsules("capsule-good", &["new.cap", "old.cap"]);
    let bench = Workbench(rack.host("a").unwrap());
    assert_eq!(bench.power_on(), OLD.0);
    assert_eq!(bench.esrt(), Esrt::untouched(OLD));
    assert_eq!(bench.flash("--check /share/new.cap capsule"), "may be written");
    let running = format!("Versions {{ running: {{\"{CLASS}\": \"{}\"}}, stored: {{}} }}", OLD.1);
    assert_eq!(bench.flash("--read /share/new.cap capsule"), running);
    assert_eq!(bench.hand_over("new.cap"), "done");
    assert_eq!(bench.flash("--read /share/new.cap capsule"), running);
    assert_eq!(bench.reboot(), NEW.0);
    let updated = Esrt { running: NEW.1, lowest: NEW.1, attempted: NEW.1, status: 0 };
    assert_eq!(bench.esrt(), updated);

    assert_eq!(bench.hand_over("old.cap"), "done");
    assert_eq!(bench.reboot(), NEW.0);
    let refused = Esrt { attempted: OLD.1, status: TOO_OLD, ..updated };
    assert_eq!(bench.esrt(), refused);
    bench.0.cut();
    assert_eq!(bench.power_on(), NEW.0);
    assert_eq!(bench.esrt(), refused);
}

#[test]
fn bad_capsules_are_refused_by_the_agent_or_by_the_firmware() {
    let rack = with_capsules("capsule-bad", &["unknown.cap"]);
    let bench = Workbench(rack.host("a").unwrap());
    let good = built("new.cap");
    let half = &good[..good.len() / 2];
    bench.lay_down("half.cap", half);
    let mut tampered = good.clone();
    *tampered.last_mut().unwrap() ^= 1;
    bench.lay_down("tampered.cap", &tampered);

    assert_eq!(bench.power_on(), OLD.0);
    assert_eq!(
        bench.hand_over("half.cap"),
        format!(
            "refused: reading /share/half.cap as a capsule: it says that it has {} bytes, and has {}",
            good.len(),
            half.len()
        )
    );
    assert_eq!(
        bench.hand_over("unknown.cap"),
        format!("refused: /share/unknown.cap is for {UNKNOWN}, which is not in the firmware's ESRT")
    );
    // The kernel and the firmware would take it, and then nothing tells that it did not help.
    bench.0.type_line("cat /share/unknown.cap >/dev/efi_capsule_loader && echo was: taken").unwrap();
    bench.0.wait_for(r"^was: taken\n", BOOT).unwrap();
    assert_eq!(bench.reboot(), OLD.0);
    assert_eq!(bench.esrt(), Esrt::untouched(OLD));

    // Only the firmware looks at the signature, after the reset.
    assert_eq!(bench.hand_over("tampered.cap"), "done");
    assert_eq!(bench.reboot(), OLD.0);
    assert_eq!(bench.esrt(), Esrt { status: NOT_SIGNED, ..Esrt::untouched(OLD) });
}

#[test]
fn after_power_cuts_before_the_reset_it_can_be_tried_again() {
    let rack = with_capsules("capsule-cut-before", &["new.cap"]);
    let bench = Workbench(rack.host("a").unwrap());
    assert_eq!(bench.power_on(), OLD.0);
    bench.flash_until("/share/new.cap capsule", "handing over 1048576/");
    bench.0.cut();
    assert_eq!(bench.power_on(), OLD.0);
    assert_eq!(bench.hand_over("new.cap"), "done");
    bench.0.cut();
    assert_eq!(bench.power_on(), OLD.0);
    assert_eq!(bench.esrt(), Esrt::untouched(OLD));
    assert_eq!(bench.hand_over("new.cap"), "done");
    assert_eq!(bench.reboot(), NEW.0);
}

#[test]
fn a_power_cut_while_the_firmware_writes_leaves_none_and_no_status() {
    let rack = with_capsules("capsule-cut-during", &["new.cap"]);
    let bench = Workbench(rack.host("a").unwrap());
    assert_eq!(bench.power_on(), OLD.0);
    assert_eq!(bench.hand_over("new.cap"), "done");
    bench.0.type_line("reboot -f").unwrap();
    bench.0.wait_for("^uefi: writing 409600/", BOOT).unwrap();
    bench.0.cut();

    let old = Bios::read(BiosVersion::Capsule, rack.paths()).unwrap();
    let path = rack.directory().join("a").join(BIOS_CHIP);
    let mut chip = fs::read(&path).unwrap();
    let code = chip.split_at_mut(old.variables.len()).1;
    assert!(code != old.code && code != built("new/OVMF_CODE.fd"), "nothing was half-written");
    bench.0.power_on().unwrap();
    let found = bench.0.wait_for("workbench: bios", LONG_ENOUGH);
    assert!(found.is_err(), "a host without firmware came up: {found:?}");
    bench.0.cut();

    // A BMC that writes the chip from outside leaves the variables, and with them what the firmware noted of its attempt:
    // for success it would be the same, but for the version that runs.
    code.copy_from_slice(&old.code);
    fs::write(&path, chip).unwrap();
    assert_eq!(bench.power_on(), OLD.0);
    assert_eq!(bench.esrt(), Esrt { attempted: NEW.1, ..Esrt::untouched(OLD) });
    assert_eq!(bench.hand_over("new.cap"), "done");
    assert_eq!(bench.reboot(), NEW.0);
}
