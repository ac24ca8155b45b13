// SPDX-License-Identifier: MIT OR Apache-2.0
//! A network adapter with two banks, by devlink.

use stage1_rack::firmware_nic::NicImage;
use stage1_rack::qemu::NIC_ADDRESS;
use stage1_rack::rack::Rack;
use stage1_rack::spec::NicFaults;
use stage1_rack::story::BOOT;

use super::{Workbench, rack};

pub const OLD: &str = "22.31.1014";
pub const NEW: &str = "22.39.2048";

/// A host whose adapter `keys` describe, with the new image in its share.
fn with_adapter(name: &str, keys: &str) -> Rack {
    let rack = rack(name, &format!("firmware_nic = {{ {keys} }}"));
    Workbench(rack.host("a").unwrap()).lay_down("new.bin", &NicImage::new(NEW).to_bytes());
    rack
}

impl Workbench<'_> {
    fn write(&self, image: &str) -> String {
        self.flash(&format!("/share/{image} devlink {NIC_ADDRESS}"))
    }

    /// The adapter has these versions.
    fn has(&self, running: &str, stored: &str) {
        let told = self.flash(&format!("--read /share/new.bin devlink {NIC_ADDRESS}"));
        let expected = format!(
            "Versions {{ running: {{\"fw\": \"{running}\", \"fw.undi\": \"1.0.0\"}}, \
             stored: {{\"fw\": \"{stored}\", \"fw.undi\": \"1.0.0\"}} }}"
        );
        assert_eq!(told, expected);
    }

    fn activate(&self) -> String {
        self.flash(&format!("--activate /share/new.bin devlink {NIC_ADDRESS}"))
    }
}

#[test]
fn new_firmware_is_stored_and_then_runs() {
    let rack = with_adapter("firmware-nic-good", "");
    let bench = Workbench(rack.host("a").unwrap());
    bench.power_on();
    bench.has(OLD, OLD);
    assert_eq!(bench.flash(&format!("--check /share/new.bin devlink {NIC_ADDRESS}")), "may be written");
    assert_eq!(bench.write("new.bin"), "done");
    for progress in ["Preparing to flash 0/0", "Flashing fw 4096/300096", "Flashing fw 300096/300096"] {
        let line = format!("flash: {}", progress.replace(" fw", ""));
        assert!(bench.0.serial_text().contains(&line), "{line}{}", bench.0.shown());
    }
    bench.has(OLD, NEW);
    assert_eq!(bench.activate(), "Active");
    bench.has(NEW, NEW);
    assert_eq!(bench.0.nic_flash().unwrap().chunks().unwrap(), 74);
}

#[test]
fn each_bad_image_is_refused_with_its_own_words() {
    let rack = with_adapter("firmware-nic-bad", "");
    let bench = Workbench(rack.host("a").unwrap());
    let image = NicImage::new(NEW);
    let other = NicImage { psid: "OTHER00000001".to_string(), ..image.clone() };
    let older = NicImage { security_revision: 0, ..image.clone() };
    let images = [
        ("junk", b"junk".repeat(1000), "not a firmware image for this device (Invalid argument)"),
        ("truncated", image.truncated(), "not a firmware image for this device (Invalid argument)"),
        ("other", other.to_bytes(), "PSID mismatch between image and board (Operation not permitted)"),
        ("damaged", image.damaged(), "image checksum invalid (Not a data message)"),
        (
            "older",
            older.to_bytes(),
            "image security revision is lower than installed (Operation not permitted)",
        ),
    ];
    for (name, bytes, _) in &images {
        bench.lay_down(name, bytes);
    }
    bench.lay_down("empty", b"");
    bench.power_on();
    for (name, _, words) in &images {
        assert_eq!(bench.write(name), format!("refused: nicsim: {words}"), "{name}");
    }
    assert_eq!(bench.write("empty"), "refused: /share/empty is empty");
    assert_eq!(
        bench.write("missing"),
        "refused: looking at /share/missing: No such file or directory (os error 2)"
    );
    let nobody = bench.flash("/share/new.bin devlink 0000:00:1f.0");
    assert!(nobody.starts_with("refused: asking pci/0000:00:1f.0 by devlink: "), "{nobody}");
    bench.has(OLD, OLD);
    assert_eq!(bench.0.nic_flash().unwrap().chunks().unwrap(), 0);
}

#[test]
fn after_a_power_cut_the_old_bank_runs_and_the_new_one_can_be_written() {
    let rack = with_adapter("firmware-nic-cut", "faults = { chunk_ms = 50 }");
    let bench = Workbench(rack.host("a").unwrap());
    bench.power_on();
    bench.flash_until(&format!("/share/new.bin devlink {NIC_ADDRESS}"), "Flashing 81920/300096");
    bench.0.cut();
    let flash = bench.0.nic_flash().unwrap();
    assert!((20..74).contains(&flash.chunks().unwrap()), "{} chunks", flash.chunks().unwrap());
    flash.break_down(NicFaults::default()).unwrap();
    bench.power_on();
    bench.has(OLD, OLD);
    assert_eq!(bench.write("new.bin"), "done");
    assert_eq!(bench.activate(), "Active");
    bench.has(NEW, NEW);
}

#[test]
fn faults_of_the_hardware_are_told_as_what_they_are() {
    let rack = with_adapter("firmware-nic-faults", "faults = { write_error_percent = 40 }");
    let bench = Workbench(rack.host("a").unwrap());
    let flash = bench.0.nic_flash().unwrap();
    bench.power_on();
    // The old firmware runs on, and the driver says so.
    assert_eq!(bench.write("new.bin"), "failed: nicsim: NVM write failed (I/O error)");
    bench.has(OLD, OLD);
    assert!((29..31).contains(&flash.chunks().unwrap()), "{} chunks", flash.chunks().unwrap());

    // Nobody notices until it is read back: the bank that was written has no version.
    flash.break_down(NicFaults { corruption: true, ..NicFaults::default() }).unwrap();
    assert_eq!(bench.write("new.bin"), "done");
    let told = bench.flash(&format!("--read /share/new.bin devlink {NIC_ADDRESS}"));
    assert!(
        told.starts_with("Versions { running: {\"fw\": \"22.31.1014\"") && told.ends_with("stored: {} }"),
        "{told}"
    );

    // A driver that takes its time is not waited for without end.
    flash.break_down(NicFaults { chunk_ms: 500, ..NicFaults::default() }).unwrap();
    let slow = bench.flash(&format!("--limit 3 /share/new.bin devlink {NIC_ADDRESS}"));
    assert_eq!(slow, "unknown: no end after 3 s; the driver is still at it");
}

#[test]
fn firmware_that_waits_for_a_power_cycle_says_so() {
    let rack = with_adapter("firmware-nic-power-cycle", "activation = 'power-cycle'");
    let bench = Workbench(rack.host("a").unwrap());
    bench.power_on();
    assert_eq!(bench.write("new.bin"), "done");
    let words =
        "nicsim: Firmware activation requires a power cycle (Operation not supported on transport endpoint)";
    assert_eq!(bench.activate(), format!("Reset(Some({words:?}))"));
    bench.has(OLD, NEW);
    bench.0.cut();
    bench.power_on();
    bench.has(NEW, NEW);
}

#[test]
fn nothing_comes_between_while_firmware_is_written() {
    let rack = with_adapter("firmware-nic-alone", "faults = { chunk_ms = 100 }");
    let bench = Workbench(rack.host("a").unwrap());
    bench.power_on();
    let flash = format!("/share/new.bin devlink {NIC_ADDRESS}");
    bench.flash_until(&format!("{flash} &"), "Flashing 8192/");
    bench.0.type_line("kill $!; kill -INT $!; kill -HUP $!").unwrap();
    assert_eq!(bench.flash(&format!("{flash} | grep -v /")), "error: another process writes firmware");
    bench.0.wait_for(r"^flash: Flashing 300096/300096\n", BOOT).unwrap();
    bench.0.wait_for(r"^flash: done\n", BOOT).unwrap();
    bench.has(OLD, NEW);
}
