// SPDX-License-Identifier: MIT OR Apache-2.0
//! A network adapter with two banks, by devlink.

use stage1_rack::firmware_nic::NicImage;
use stage1_rack::qemu::NIC_ADDRESS;
use stage1_rack::rack::Rack;
use stage1_rack::scenario::BOOT;
use stage1_rack::spec::NicFaults;

use super::{Workbench, rack};

pub const OLD: &str = "22.31.1014";
pub const NEW: &str = "22.39.2048";

/// A host with an adapter that has these keys, and with the new image in its share.
fn with_adapter(name: &str, keys: &str) -> Rack {
    let rack = rack(name, &format!("firmware_nic = {{ {keys} }}"));
    Workbench(rack.host("a").unwrap()).put("new.bin", &NicImage::new(NEW).to_bytes());
    rack
}

impl Workbench<'_> {
    fn write(&self, image: &str) -> String {
        self.flash(&format!("/share/{image} devlink {NIC_ADDRESS}"))
    }

    /// Checks the versions of the adapter.
    fn has(&self, running: &str, stored: &str) {
        let versions = self.flash(&format!("--read /share/new.bin devlink {NIC_ADDRESS}"));
        let expected = format!(
            "Versions {{ running: {{\"fw\": \"{running}\", \"fw.undi\": \"1.0.0\"}}, \
             stored: {{\"fw\": \"{stored}\", \"fw.undi\": \"1.0.0\"}} }}"
        );
        assert_eq!(versions, expected);
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
fn each_bad_image_is_refused_for_its_own_reason() {
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
        bench.put(name, bytes);
    }
    bench.put("empty", b"");
    bench.power_on();
    for (name, _, why) in &images {
        assert_eq!(bench.write(name), format!("refused: nicsim: {why}"), "{name}");
    }
    assert_eq!(bench.write("empty"), "refused: /share/empty is empty");
    assert_eq!(
        bench.write("missing"),
        "refused: reading the size of /share/missing: No such file or directory (os error 2)"
    );
    let absent = bench.flash("/share/new.bin devlink 0000:00:1f.0");
    assert!(absent.starts_with("refused: querying pci/0000:00:1f.0 by devlink: "), "{absent}");
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
    flash.set_faults(NicFaults::default()).unwrap();
    bench.power_on();
    bench.has(OLD, OLD);
    assert_eq!(bench.write("new.bin"), "done");
    assert_eq!(bench.activate(), "Active");
    bench.has(NEW, NEW);
}

#[test]
fn faults_of_the_hardware_are_reported_for_what_they_are() {
    let rack = with_adapter("firmware-nic-faults", "faults = { write_error_percent = 40 }");
    let bench = Workbench(rack.host("a").unwrap());
    let flash = bench.0.nic_flash().unwrap();
    bench.power_on();
    // The driver still reports the old versions.
    assert_eq!(bench.write("new.bin"), "failed: nicsim: NVM write failed (I/O error)");
    bench.has(OLD, OLD);
    assert!((29..31).contains(&flash.chunks().unwrap()), "{} chunks", flash.chunks().unwrap());

    // Only reading back shows it: the bank that was written has no version.
    flash.set_faults(NicFaults { corruption: true, ..NicFaults::default() }).unwrap();
    assert_eq!(bench.write("new.bin"), "done");
    let versions = bench.flash(&format!("--read /share/new.bin devlink {NIC_ADDRESS}"));
    assert!(
        versions.starts_with("Versions { running: {\"fw\": \"22.31.1014\"")
            && versions.ends_with("stored: {} }"),
        "{versions}"
    );

    // A slow driver is waited for beyond its limit.
    flash.set_faults(NicFaults { chunk_ms: 100, ..NicFaults::default() }).unwrap();
    let slow = bench.flash(&format!("--limit 3 /share/new.bin devlink {NIC_ADDRESS}"));
    assert_eq!(slow, "done");
}

#[test]
fn an_activation_that_needs_a_power_cycle_is_reported() {
    let rack = with_adapter("firmware-nic-power-cycle", "activation = 'power-cycle'");
    let bench = Workbench(rack.host("a").unwrap());
    bench.power_on();
    assert_eq!(bench.write("new.bin"), "done");
    let why =
        "nicsim: Firmware activation requires a power cycle (Operation not supported on transport endpoint)";
    assert_eq!(bench.activate(), format!("Reset(Some({why:?}))"));
    bench.has(OLD, NEW);
    bench.0.cut();
    bench.power_on();
    bench.has(NEW, NEW);
}

#[test]
fn signals_and_other_processes_do_not_interrupt_a_write() {
    let rack = with_adapter("firmware-nic-alone", "faults = { chunk_ms = 100 }");
    let bench = Workbench(rack.host("a").unwrap());
    bench.power_on();
    let flash = format!("/share/new.bin devlink {NIC_ADDRESS}");
    bench.flash_until(&format!("{flash} &"), "Flashing 8192/");
    bench.0.type_line("kill $!; kill -INT $!; kill -HUP $!").unwrap();
    assert_eq!(
        bench.flash(&format!("{flash} | grep -v /")),
        "error: another process is writing firmware: try again when it has finished"
    );
    bench.0.wait_for(r"^flash: Flashing 300096/300096\n", BOOT).unwrap();
    bench.0.wait_for(r"^flash: done\n", BOOT).unwrap();
    bench.has(OLD, NEW);
}
