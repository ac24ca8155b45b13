// SPDX-License-Identifier: MIT OR Apache-2.0
//! The clock of the system, and the one that goes on without power (RTC).

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]
#![allow(unsafe_code, reason = "clock_settime(2), gmtime_r(3), an ioctl of the RTC")]

use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Machine;

/// Where each archive of the image has the time at which it was built, as seconds since 1970.
const BUILD_TIMES: &str = "/etc/stage1/build-time.d";
/// The RTC.
const RTC: &str = "/dev/rtc0";

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// When the image was built, in seconds since 1970: the newest of its archives. `None` if no archive has it.
pub fn build_time(machine: &Machine) -> Option<u64> {
    let names = machine.names(BUILD_TIMES);
    names.iter().filter_map(|name| machine.attribute(format!("{BUILD_TIMES}/{name}"))?.parse().ok()).max()
}

/// Sets the clock of the running machine to the time at which the image was built, if it is before that: the battery of the
/// RTC is empty, or it was never set. Returns the new time if it was set.
///
/// # Errors
/// As [`set`].
pub fn raise(machine: &Machine) -> io::Result<Option<u64>> {
    match build_time(machine).filter(|built| machine.is_live() && now() < *built) {
        Some(built) => set(Duration::from_secs(built)).map(|()| Some(built)),
        None => Ok(None),
    }
}

/// The time of the RTC, in seconds since 1970 (Documentation/ABI/testing/sysfs-class-rtc).
pub fn rtc(machine: &Machine) -> Option<u64> {
    machine.attribute("/sys/class/rtc/rtc0/since_epoch")?.parse().ok()
}

/// Sets the system's clock.
///
/// # Errors
/// Those of clock_settime(2): it needs CAP_SYS_TIME.
pub fn set(time: Duration) -> io::Result<()> {
    let seconds = time.as_secs().try_into().map_err(io::Error::other)?;
    let time = libc::timespec { tv_sec: seconds, tv_nsec: time.subsec_nanos().into() };
    // SAFETY: `time` is a value of this function, and nothing keeps a pointer to it.
    let result = unsafe { libc::clock_settime(libc::CLOCK_REALTIME, &raw const time) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Sets the RTC to the system's clock, in UTC.
///
/// # Errors
/// If there is no RTC, or it refuses (rtc(4)).
pub fn write_rtc(machine: &Machine) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{RTC}: {error}"));
    let device = OpenOptions::new().read(true).open(machine.path(RTC)).map_err(named)?;
    let time = rtc_time(now());
    // SAFETY: RTC_SET_TIME reads one `struct rtc_time` (nine ints), which `time` is, and keeps no pointer to it.
    let result = unsafe { libc::ioctl(device.as_raw_fd(), RTC_SET_TIME as _, time.as_ptr()) };
    if result < 0 { Err(named(io::Error::last_os_error())) } else { Ok(()) }
}

/// `_IOW('p', 0x0a, struct rtc_time)` (linux/rtc.h).
const RTC_SET_TIME: u32 = 0x4024_700a;

/// A time as `struct rtc_time`: the fields of `struct tm` without those that the C library adds.
fn rtc_time(seconds: u64) -> [libc::c_int; 9] {
    // As a field, because the C library's name for this type depends on the C library.
    let time = libc::timespec { tv_sec: seconds.try_into().unwrap_or_default(), tv_nsec: 0 };
    // SAFETY: `struct tm` is plain data, for which zeros are valid.
    let mut tm: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both point to values of this function, and nothing keeps a pointer to them.
    unsafe { libc::gmtime_r(&raw const time.tv_sec, &raw mut tm) };
    [tm.tm_sec, tm.tm_min, tm.tm_hour, tm.tm_mday, tm.tm_mon, tm.tm_year, tm.tm_wday, tm.tm_yday, 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_as_new_as_its_newest_archive() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::at(dir.path());
        assert_eq!(build_time(&machine), None);
        let folder = dir.path().join("etc/stage1/build-time.d");
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in [("base", "1700000000\n"), ("site", "1800000000\n"), ("bad", "soon\n")] {
            std::fs::write(folder.join(name), text).unwrap();
        }
        assert_eq!(build_time(&machine), Some(1_800_000_000));
    }

    #[test]
    fn the_clock_of_a_captured_machine_is_not_set() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("etc/stage1/build-time.d");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("base"), "99999999999").unwrap();
        assert!(matches!(raise(&Machine::at(dir.path())), Ok(None)));
    }

    #[test]
    fn the_rtc_gets_the_date_in_its_own_form() {
        // 2023-11-14T22:13:20Z
        assert_eq!(rtc_time(1_700_000_000), [20, 13, 22, 14, 10, 123, 2, 317, 0]);
    }

    #[test]
    fn without_an_rtc_the_error_names_it() {
        let error = write_rtc(&Machine::at("/nowhere")).unwrap_err();
        assert!(error.to_string().starts_with("/dev/rtc0: "), "{error}");
    }
}
