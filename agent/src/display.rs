// SPDX-License-Identifier: MIT OR Apache-2.0
//! Formats values for people: hexadecimal, sizes, times, columns.

use stage1_contract::printable;
pub(crate) use stage1_contract::size;

/// Lower-case hexadecimal, two digits a byte.
pub fn hex(bytes: &[u8]) -> String {
    hex_with(bytes, "")
}

/// Lower-case hexadecimal, two digits a byte, with a separator between the bytes: `":"` writes a MAC address.
pub(crate) fn hex_with(bytes: &[u8], separator: &str) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(separator)
}

/// A number in thousandths, without zeros at its end: `12.08`.
pub(crate) fn decimal(thousandths: i64) -> String {
    let sign = if thousandths < 0 { "-" } else { "" };
    let (whole, rest) = (thousandths.unsigned_abs() / 1000, thousandths.unsigned_abs() % 1000);
    let number = format!("{sign}{whole}.{rest:03}");
    number.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// A number of things: `1 port`, `2 ports`.
pub(crate) fn count(number: impl Into<u64>, one: &str) -> String {
    match number.into() {
        1 => format!("1 {one}"),
        number => format!("{number} {one}s"),
    }
}

/// Seconds since 1970 as RFC 3339 in UTC.
pub(crate) fn utc(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / 86400);
    let rest = seconds % 86400;
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a day counted from 1970 (Howard Hinnant, *chrono-Compatible Low-Level Date Algorithms*,
/// `civil_from_days`).
pub(crate) fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}

/// Rows of cells as lines of text, each column as wide as its widest cell, with two spaces between columns.
///
/// Each line starts with `indent` and ends with a newline, without trailing spaces. Rows may differ in length. A column whose cells
/// are all empty is left out; where the first row is a heading, its columns stay. Control characters in a cell become
/// `?`, so cells may hold text from devices.
pub(crate) fn columns<Row: AsRef<[Cell]>, Cell: AsRef<str>>(rows: &[Row], indent: &str) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        let cells = row.as_ref();
        widths.resize(widths.len().max(cells.len()), 0);
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = cell.as_ref().chars().count().max(*width);
        }
    }
    let line = |row: &Row| {
        let cells = row.as_ref().iter().zip(&widths).filter(|(_, width)| **width > 0);
        let cells = cells.map(|(cell, &width)| format!("{:<width$}", printable(cell.as_ref())));
        let line = format!("{indent}{}", cells.collect::<Vec<_>>().join("  "));
        format!("{}\n", line.trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_and_several() {
        assert_eq!([0_u32, 1, 2].map(|ports| count(ports, "port")), ["0 ports", "1 port", "2 ports"]);
    }

    #[test]
    fn times_are_those_of_date() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (u32::MAX.into(), "2106-02-07T06:28:15Z"),
        ] {
            assert_eq!(utc(seconds), text);
        }
    }

    #[test]
    fn bytes_in_hexadecimal() {
        assert_eq!(hex(&[0xac, 0x1f, 0x06]), "ac1f06");
        assert_eq!(hex_with(&[0xac, 0x1f, 0x06], ":"), "ac:1f:06");
        assert_eq!(hex_with(&[], ":"), "");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["eno1", "", "10 Gbit/s"], ["enp129s0f0", "", ""]];
        assert_eq!(columns(&rows, "  "), "  eno1        10 Gbit/s\n  enp129s0f0\n");
    }

    #[test]
    fn a_heading_keeps_its_column() {
        let rows = [["port", "vlan", "after"].as_slice(), &["eno1", "", "3 ms"], &["eno2"]];
        assert_eq!(columns(&rows, ""), "port  vlan  after\neno1        3 ms\neno2\n");
    }

    #[test]
    fn cells_cannot_control_the_terminal() {
        assert_eq!(columns(&[["é\u{1b}[2J", "x"], ["abcdefg", "y"]], ""), "é?[2J    x\nabcdefg  y\n");
        assert_eq!(columns::<[&str; 1], _>(&[], "  "), "");
    }
}
