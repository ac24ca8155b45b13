// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sizes for people.

/// A number of bytes with a binary prefix, rounded to one decimal; a decimal that is zero is left out: `1.5 KiB`, `64 GiB`.
pub fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    // What would be rounded up to 1024.0 is 1 of the next unit.
    while value >= 1023.95 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let tenths = (value * 10.0).round();
    let decimals = usize::from(tenths % 10.0 != 0.0);
    format!("{:.decimals$} {}", tenths / 10.0, units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_decimal_only_where_it_is_not_zero() {
        let texts = [0, 512, 1536, 64 << 30, 1_024_209_543_168].map(size);
        assert_eq!(texts, ["0 B", "512 B", "1.5 KiB", "64 GiB", "953.9 GiB"]);
        // 1023.99 MiB, 1.99 KiB, and more than the largest unit has a next for.
        let rounded = [(1 << 30) - 10_000, 2038, u64::MAX].map(size);
        assert_eq!(rounded, ["1 GiB", "2 KiB", "16384 PiB"]);
    }
}
