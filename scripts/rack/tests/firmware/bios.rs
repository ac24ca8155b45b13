// SPDX-License-Identifier: MIT OR Apache-2.0
//! A BIOS chip, by MTD.

use stage1_rack::chip::Bios;
use stage1_rack::paths::Paths;
use stage1_rack::rack::Rack;
use stage1_rack::spec::BiosVersion;

use super::{Workbench, rack};

/// What Debian 12's OVMF calls itself.
pub const OLD: &str = "0.0.0";
/// The partition with the code.
const CODE: &str = "mtd bios-code";

/// A host with a BIOS chip, and the new version's code in its share.
fn with_chip(name: &str, chip: &str) -> Rack {
    let rack = rack(name, &format!("firmware = 'uefi'\nreboots = true\nbios = {{ {chip} }}"));
    let new = Bios::read(BiosVersion::New, &Paths::of_checkout().unwrap()).unwrap();
    Workbench(rack.host("a").unwrap()).lay_down("new.code", &new.code);
    rack
}

#[test]
fn a_new_bios_runs_after_a_reset_and_after_a_power_cycle() {
    // Versions move: what the new one calls itself is told by a chip that came with it.
    let delivered = with_chip("firmware-bios-new", "version = 'new'");
    let new = Workbench(delivered.host("a").unwrap()).power_on();
    assert_ne!(new, OLD);
    drop(delivered);

    let rack = with_chip("firmware-bios-good", "version = 'old'");
    let bench = Workbench(rack.host("a").unwrap());
    assert_eq!(bench.power_on(), OLD);
    let told = bench.flash(&format!("--read /share/new.code {CODE}"));
    assert!(told.starts_with("Different("), "{told}");
    assert_eq!(bench.flash(&format!("/share/new.code {CODE}")), "done");
    assert_eq!(bench.flash(&format!("--read /share/new.code {CODE}")), "Image");
    bench.0.type_line("reboot -f").unwrap();
    assert_eq!(bench.is_up(), new);
    bench.0.cut();
    assert_eq!(bench.power_on(), new);
}

#[test]
fn a_bios_that_is_half_written_is_brought_back_from_outside() {
    let rack = with_chip("firmware-bios-cut", "version = 'old'");
    let bench = Workbench(rack.host("a").unwrap());
    assert_eq!(bench.power_on(), OLD);
    bench.flash_until(&format!("/share/new.code {CODE}"), "writing 409600/");
    let busy = bench.0.program_bios(BiosVersion::Old, rack.paths()).unwrap_err().to_string();
    assert_eq!(busy, "host a is on: a BIOS chip is programmed while it is off");
    bench.0.cut();
    bench.0.program_bios(BiosVersion::Old, rack.paths()).unwrap();
    assert_eq!(bench.power_on(), OLD);
}

#[test]
fn what_must_not_be_written_is_refused_and_a_chip_that_hangs_is_told() {
    let rack = with_chip("firmware-bios-readonly", "version = 'old', readonly = true");
    let bench = Workbench(rack.host("a").unwrap());
    bench.lay_down("short.code", &[0xff; 4096]);
    assert_eq!(bench.power_on(), OLD);
    assert_eq!(
        bench.flash(&format!("/share/short.code {CODE}")),
        "refused: /share/short.code has 4096 bytes, and the MTD partition bios-code 3653632"
    );
    assert_eq!(bench.flash("/share/new.code mtd BIOS"), "refused: there is no MTD partition BIOS");
    // The chip never gets ready, and the kernel waits for it: what asked it to write does not even end.
    let hangs = "unknown: no end after 5 s; it is still being written";
    bench.flash_until(&format!("--limit 5 /share/new.code {CODE}"), hangs);
}
