// SPDX-License-Identifier: MIT OR Apache-2.0
//! The present time, on a machine whose clock may never have been set.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use crate::host::{Machine, clock};

/// Seconds since 1970: the host's clock, or the date of the BIOS or of the image, if it is before one of those.
pub(crate) fn present(machine: &Machine) -> u64 {
    let bios = machine.attribute("/sys/class/dmi/id/bios_date").and_then(|date| bios_date(&date));
    clock::now().max(clock::build_time(machine).unwrap_or_default()).max(bios.unwrap_or_default())
}

/// The date of the BIOS (DSP0134 7.1, `mm/dd/yyyy`), up to a month too early.
fn bios_date(date: &str) -> Option<u64> {
    let mut parts = date.trim().split('/').map(|part| part.parse::<u64>().ok());
    let (month, _, year) = (parts.next()??, parts.next()??, parts.next()??);
    let is_date = (1..=12).contains(&month) && (1990..2100).contains(&year);
    is_date.then(|| ((year - 1970) * 365 + (month - 1) * 30) * 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_never_set_is_behind_the_bios() {
        // 2028-03-01 is 1,835,481,600.
        let date = bios_date("03/01/2028\n").unwrap();
        assert!((1_832_803_200..=1_835_481_600).contains(&date), "{date}");
        for date in ["", "N/A", "2028-03-01", "13/01/2028", "03/01/28", "00/00/0000"] {
            assert_eq!(bios_date(date), None, "{date}");
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("sys/class/dmi/id")).unwrap();
        std::fs::write(dir.path().join("sys/class/dmi/id/bios_date"), "03/01/2099\n").unwrap();
        assert!(present(&Machine::at(dir.path())) > 4_000_000_000);
    }
}
