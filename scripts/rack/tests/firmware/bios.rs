// SPDX-License-Identifier: MIT OR Apache-2.0
//! A BIOS chip, by MTD.

use stage1_rack::chip::Bios;
use stage1_rack::paths::Paths;
use stage1_rack::rack::Rack;
use stage1_rack::spec::BiosVersion;

use super::{Workbench, rack};

/// The version of Debian 12's OVMF.
pub const OLD: &str = "0.0.0";
/// The partition with the code.
const CODE: &str = "mtd bios-code";

/// A host with a BIOS chip, and the code of the new version in its share.
fn with_chip(name: &str, chip: &str) -> Rack {
    let rack = rack(name, &format!("firmware = 'uefi'\nreboots = true\nbios = {{ {chip} }}"));
    let new = Bios::read(BiosVersion::New, &Paths::of_checkout().unwrap()).unwrap();
    Workbench(rack.host("a").unwrap()).put("new.code", &new.code);
    rack
}

#[test]
fn a_new_bios_runs_after_a_reset_and_after_a_power_cycle() {
    // Debian updates the new OVMF: its version is read from a host that is delivered with it.
    let delivered = with_chip("firmware-bios-new", "version = 'new'");
    let new = Workbench(delivered.host("a").unwrap()).power_on();
    assert_ne!(new, OLD);
    drop(delivered);

    let rack = with_chip("firmware-bios-good", "version = 'old'");
    let bench = Workbench(rack.host("a").unwrap());
    assert_eq!(bench.power_on(), OLD);
    let stored = bench.flash(&format!("--read /share/new.code {CODE}"));
    assert!(stored.starts_with("Different("), "{stored}");
    assert_eq!(bench.flash(&format!("/share/new.code {CODE}")), "done");
    assert_eq!(bench.flash(&format!("--read /share/new.code {CODE}")), "Image");
    bench.0.type_line("reboot -f").unwrap();
    assert_eq!(bench.is_up(), new);
    bench.0.cut();
    assert_eq!(bench.power_on(), new);
}

#[test]
fn a_half_written_bios_is_restored_by_an_external_programmer() {
    let rack = with_chip("firmware-bios-cut", "version = 'old'");
    let bench = Workbench(rack.host("a").unwrap());
    assert_eq!(bench.power_on(), OLD);
    bench.flash_until(&format!("/share/new.code {CODE}"), "writing 409600/");
    let busy = bench.0.program_bios(BiosVersion::Old, rack.paths()).unwrap_err().to_string();
    assert_eq!(busy, "host a is on; power it off before its BIOS chip is programmed");
    bench.0.cut();
    bench.0.program_bios(BiosVersion::Old, rack.paths()).unwrap();
    assert_eq!(bench.power_on(), OLD);
}

#[test]
fn a_bad_image_is_refused_and_a_chip_that_hangs_times_out() {
    let rack = with_chip("firmware-bios-readonly", "version = 'old', readonly = true");
    let bench = Workbench(rack.host("a").unwrap());
    bench.put("short.code", &[0xff; 4096]);
    assert_eq!(bench.power_on(), OLD);
    assert_eq!(
        bench.flash(&format!("/share/short.code {CODE}")),
        "refused: /share/short.code has 4096 bytes, but the MTD partition bios-code has 3653632"
    );
    assert_eq!(bench.flash("/share/new.code mtd BIOS"), "refused: no MTD partition BIOS found");
    // The chip never becomes ready, and the kernel waits for it: the process that writes does not even end.
    let hangs = "unknown: timed out after 50 s; it is still writing";
    bench.flash_until(&format!("--limit 5 /share/new.code {CODE}"), hangs);
}
