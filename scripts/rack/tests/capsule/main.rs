// SPDX-License-Identifier: MIT OR Apache-2.0
//! Capsules, loaded into a real UEFI by the agent's backend: the result of good and of bad ones, the status in the
//! ESRT, and the state after a power cut.
//!
//! Needs what `scripts/rack/firmware/build` and `scripts/rack/firmware/ovmf/build` make, and the inventory server next
//! to this test. Each test has a rack of its own, whose console is in `target/rack/NAME/a/serial.log`.

#[path = "../firmware/workbench.rs"]
mod workbench;

use std::fs;
use std::time::Duration;

use stage1_rack::chip::Bios;
use stage1_rack::paths::Paths;
use stage1_rack::qemu::BIOS_CHIP;
use stage1_rack::rack::Rack;
use stage1_rack::scenario::BOOT;
use stage1_rack::spec::BiosVersion;
use workbench::{Workbench, rack};

/// The versions in SMBIOS and in the ESRT. Each accepts no version older than itself.
const OLD: (&str, u32) = ("1.0.0", 0x01_0000);
const NEW: (&str, u32) = ("1.1.0", 0x01_0100);
/// `last_attempt_status`: edk2's `LAST_ATTEMPT_STATUS_DRIVER_ERROR_VERSION_TOO_LOW`.
const TOO_OLD: u32 = 0x1010;
/// `last_attempt_status`: edk2's `LAST_ATTEMPT_STATUS_DRIVER_ERROR_IMAGE_AUTH_FAILURE`.
const NOT_SIGNED: u32 = 0x1012;
/// The class of the capsules, and that of unknown.cap.
const CLASS: &str = "6f1d3c52-8b1e-4c55-9c1f-0a5e5d0c0b1a";
const UNKNOWN: &str = "0d5b1f6e-3c0a-4a53-8f53-7f2f3f6f9a11";
/// Longer than such a host takes to boot.
const LONG_ENOUGH: Duration = Duration::from_secs(60);

/// A host whose UEFI accepts capsules, with these capsules in its share.
fn with_capsules(name: &str, capsules: &[&str]) -> Rack {
    let rack = rack(name, "firmware = 'uefi'\nreboots = true\nbios = { version = 'capsule' }");
    for capsule in capsules {
        Workbench(rack.host("a").unwrap()).put(capsule, &built(capsule));
    }
    rack
}

/// A file that `scripts/rack/firmware/ovmf/build` made.
fn built(name: &str) -> Vec<u8> {
    fs::read(Paths::of_checkout().unwrap().capsule_uefi(name).unwrap()).unwrap()
}

/// The only entry of the ESRT.
#[derive(Debug, PartialEq)]
struct Esrt {
    running: u32,
    lowest: u32,
    attempted: u32,
    status: u32,
}

impl Esrt {
    /// The entry of a firmware without any attempt.
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

    fn load(&self, capsule: &str) -> String {
        self.flash(&format!("/share/{capsule} capsule"))
    }

    /// Does a warm reset; returns the version that runs then.
    fn reboot(&self) -> String {
        self.0.type_line("reboot -f").unwrap();
        self.is_up()
    }
}

#[test]
fn a_good_capsule_runs_after_one_warm_reset_and_an_older_one_is_refused() {
    let rack = with_capsules("capsule-good", &["new.cap", "old.cap"]);
    let bench = Workbench(rack.host("a").unwrap());
    assert_eq!(bench.power_on(), OLD.0);
    assert_eq!(bench.esrt(), Esrt::untouched(OLD));
    assert_eq!(bench.flash("--check /share/new.cap capsule"), "may be written");
    let running = format!("Versions {{ running: {{\"{CLASS}\": \"{}\"}}, stored: {{}} }}", OLD.1);
    assert_eq!(bench.flash("--read /share/new.cap capsule"), running);
    assert_eq!(bench.load("new.cap"), "done");
    assert_eq!(bench.flash("--read /share/new.cap capsule"), running);
    assert_eq!(bench.reboot(), NEW.0);
    let updated = Esrt { running: NEW.1, lowest: NEW.1, attempted: NEW.1, status: 0 };
    assert_eq!(bench.esrt(), updated);

    assert_eq!(bench.load("old.cap"), "done");
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
    bench.put("half.cap", half);
    let mut tampered = good.clone();
    *tampered.last_mut().unwrap() ^= 1;
    bench.put("tampered.cap", &tampered);

    assert_eq!(bench.power_on(), OLD.0);
    assert_eq!(
        bench.load("half.cap"),
        format!(
            "refused: reading /share/half.cap as a capsule: its header has a size of {} bytes, but the file has {}",
            good.len(),
            half.len()
        )
    );
    assert_eq!(
        bench.load("unknown.cap"),
        format!("refused: /share/unknown.cap is for {UNKNOWN}, which is not in the ESRT of this machine")
    );
    // The kernel and the firmware would accept it, without any sign that it had no effect.
    bench.0.type_line("cat /share/unknown.cap >/dev/efi_capsule_loader && echo was: accepted").unwrap();
    bench.0.wait_for(r"^was: accepted\n", BOOT).unwrap();
    assert_eq!(bench.reboot(), OLD.0);
    assert_eq!(bench.esrt(), Esrt::untouched(OLD));

    // Only the firmware checks the signature, after the reset.
    assert_eq!(bench.load("tampered.cap"), "done");
    assert_eq!(bench.reboot(), OLD.0);
    assert_eq!(bench.esrt(), Esrt { status: NOT_SIGNED, ..Esrt::untouched(OLD) });
}

#[test]
fn after_power_cuts_before_the_reset_the_capsule_can_be_loaded_again() {
    let rack = with_capsules("capsule-cut-before", &["new.cap"]);
    let bench = Workbench(rack.host("a").unwrap());
    assert_eq!(bench.power_on(), OLD.0);
    bench.flash_until("/share/new.cap capsule", "loading 1048576/");
    bench.0.cut();
    assert_eq!(bench.power_on(), OLD.0);
    assert_eq!(bench.load("new.cap"), "done");
    bench.0.cut();
    assert_eq!(bench.power_on(), OLD.0);
    assert_eq!(bench.esrt(), Esrt::untouched(OLD));
    assert_eq!(bench.load("new.cap"), "done");
    assert_eq!(bench.reboot(), NEW.0);
}

#[test]
fn a_power_cut_while_the_firmware_writes_leaves_no_firmware_and_no_status() {
    let rack = with_capsules("capsule-cut-during", &["new.cap"]);
    let bench = Workbench(rack.host("a").unwrap());
    assert_eq!(bench.power_on(), OLD.0);
    assert_eq!(bench.load("new.cap"), "done");
    bench.0.type_line("reboot -f").unwrap();
    bench.0.wait_for("^uefi: writing 409600/", BOOT).unwrap();
    bench.0.cut();

    let old = Bios::read(BiosVersion::Capsule, rack.paths()).unwrap();
    let path = rack.directory().join("a").join(BIOS_CHIP);
    let mut chip = fs::read(&path).unwrap();
    let code = chip.split_at_mut(old.variables.len()).1;
    assert!(code != old.code && code != built("new/OVMF_CODE.fd"), "the chip is not half written");
    bench.0.power_on().unwrap();
    let found = bench.0.wait_for("workbench: bios", LONG_ENOUGH);
    assert!(found.is_err(), "a host without firmware booted: {found:?}");
    bench.0.cut();

    // An external programmer, such as the BMC, keeps the variables, and with them the record of the attempt in the
    // ESRT. After a success only the running version would differ.
    code.copy_from_slice(&old.code);
    fs::write(&path, chip).unwrap();
    assert_eq!(bench.power_on(), OLD.0);
    assert_eq!(bench.esrt(), Esrt { attempted: NEW.1, ..Esrt::untouched(OLD) });
    assert_eq!(bench.load("new.cap"), "done");
    assert_eq!(bench.reboot(), NEW.0);
}
