// SPDX-License-Identifier: MIT OR Apache-2.0
//! Real-time clocks that are wrong by decades, and an inventory whose certificate is valid for a month.

use std::time::SystemTime;

use stage1_rack::console_phrases as phrases;
use stage1_rack::host::Host;
use stage1_rack::rack::Rack;
use stage1_rack::scenario::BOOT;

/// Keys of a rack's network and inventory.
pub const NTP: &str = "ntp = true\n[inventory]\ncertificate_days = 30";
/// The empty battery's time, also as seconds since 1970.
pub const EARLY: (&str, i64) = ("1970-01-01T00:00:00", 0);
/// Times after the certificate's, also as seconds since 1970. systemd itself sets a clock back that is 15 years ahead of it.
pub const LATE: (&str, i64) = ("2100-01-01T00:00:00", 4_102_444_800);
pub const LATE_SYSTEMD: (&str, i64) = ("2035-01-01T00:00:00", 2_051_222_400);

/// Seconds since 1970.
pub fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs().cast_signed()
}

/// The real-time clock, which was `early` or `late` when the host was powered on at `begun`, was set to the right time.
pub fn was_corrected(host: &Host, (_, before): (&str, i64), begun: i64) {
    let change = host.rtc_change().unwrap_or_else(|| panic!("the RTC was not set{}", host.shown()));
    // QEMU counts in 32 bits.
    let error = (before + change - begun) as i32;
    assert!(error.abs() < 60, "the RTC is {error} s ahead{}", host.shown());
}

/// Runs by hand, as at boot, a host whose clock is late: without NTP the certificate is not valid, and both times are named.
pub fn fails_without_ntp(rack: &Rack, host: &Host, (late, _): (&str, i64)) {
    rack.ntp().unwrap().stop();
    host.type_line("stage1 run --boot").unwrap();
    let (date, _) = late.split_once(":00").unwrap();
    let failed = format!(
        r"^stage1: failed: register: .*expired at 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ, .* {date}:\d\d:\d\dZ.*\n"
    );
    host.wait_for(&failed, BOOT).unwrap();
    host.wait_for(phrases::SHELL_PROMPT, BOOT).unwrap();
    rack.ntp().unwrap().start().unwrap();
}
