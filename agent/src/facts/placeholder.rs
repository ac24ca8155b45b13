// SPDX-License-Identifier: MIT OR Apache-2.0
//! What firmware has in place of values that were never set. Pure.

/// What firmware has in place of a value: in lower case, without dots and white space around it.
const PLACEHOLDERS: &[&str] = &[
    "0123456789abcdef",
    "1234567890abcdef",
    "[empty]",
    "asset tag",
    "base board asset tag",
    "base board asset tag#",
    "base board serial number",
    "base board version",
    "board asset tag",
    "board manufacturer",
    "board product name",
    "board serial number",
    "board version",
    "chassis asset tag",
    "chassis manufacture",
    "chassis manufacturer",
    "chassis serial number",
    "chassis version",
    "default",
    "empty",
    "fill by oem",
    "filled by oem",
    "invalid",
    "n/a",
    "na",
    "nil",
    "(none)",
    "no asset information",
    "no asset tag",
    "no dimm",
    "no module installed",
    "no serial",
    "no serial number",
    "noserial",
    "none",
    "not applicable",
    "not available",
    "not defined",
    "not installed",
    "not present",
    "not provided",
    "not set",
    "not settable",
    "not specified",
    "not used",
    "null",
    "o.e.m",
    "oem",
    "oem default string",
    "part number",
    "product name",
    "s/n",
    "s/n: n/a",
    "serial",
    "serial no",
    "serial number",
    "sku",
    "sku number",
    "system manufacturer",
    "system name",
    "system product name",
    "serialnumber",
    "system serial number",
    "systemserialnumber",
    "system sku",
    "system version",
    "tbd",
    "to be filed by msft",
    "type2 - board asset tag",
    "type2 - board serial number",
    "type2 - board version",
    "type3 - chassis asset tag",
    "type3 - chassis serial number",
    "type3 - chassis version",
    "undefined",
    "unknow",
    "unknown",
    "unspecified",
    "x.x",
    "xxxxx-xxxxx-xxxxx",
    "{no asset tag}",
];

/// What placeholders start with; more words or a number follow.
const STARTS: &[&str] =
    &["default string", "manufacturer0", "modulepartnumber", "oem_define", "to be filled by", "to be set by"];

/// What firmware makes up for a memory module without the value: `Dimm0_SerNum`, `P1-DIMMA1_AssetTag`, and with a number
/// `SerNum01`, `A1_AssetTagNum0`, `Array1_PartNumber0`.
const ENDS: &[&str] =
    &["assettag", "assettagnum", "_manufacturer", "_partnumber", "partnum", "_serialnumber", "sernum"];

/// Single words without a value, however short the text.
const FILLERS: &[char] = &['0', '-', '.', '*', '?', '#', '_', 'x'];

/// From how many digits on counting up or down is no number of one machine.
const COUNT: usize = 4;
/// From how many on it is none even with letters before it, `MB-1234567890`.
const LONG_COUNT: usize = 8;

/// Whether a string of the firmware is a placeholder for a value that was never set.
pub(super) fn is_placeholder(text: &str) -> bool {
    let text = text.to_lowercase();
    let text = text.trim();
    let words = text.trim_matches('.');
    let unnumbered = words.trim_end_matches(|c: char| c.is_ascii_digit());
    let count = &words[unnumbered.len()..];
    PLACEHOLDERS.contains(&words)
        || STARTS.iter().any(|start| words.starts_with(start))
        || ENDS.iter().any(|end| unnumbered.ends_with(end))
        || counts(count) && count.len() >= if unnumbered.is_empty() { COUNT } else { LONG_COUNT }
        || is_monotonous(text.trim_start_matches("0x"))
            && (text.len() > 3 || text.is_empty() || text.starts_with(FILLERS))
}

/// Whether digits count up or down, `0123456789012`, `9876543210`.
fn counts(digits: &str) -> bool {
    let steps =
        |step: u8| digits.as_bytes().windows(2).all(|pair| (pair[0] - b'0' + step) % 10 == pair[1] - b'0');
    steps(1) || steps(9)
}

/// One character over and over: `0000000`, `XXXXXXXX`, `........`.
pub(super) fn is_monotonous(text: &str) -> bool {
    let mut characters = text.chars().filter(|c| *c != '-' && !c.is_whitespace());
    characters.next().is_none_or(|first| characters.all(|c| c == first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_firmware_has_in_place_of_a_value_is_a_placeholder() {
        for text in [
            "Not Specified",
            "To be filled by O.E.M.",
            "To Be Filled By O.E.M. by More String",
            " Default string ",
            "0123456789",
            "NO DIMM",
            "Unknown",
            "Dimm0_SerNum",
            "P2-DIMMH1_AssetTag",
            "SerNum01",
            "PartNum7",
            "Array1_PartNumber0",
            "A1_AssetTagNum0",
            "Manufacturer03",
            "OEM_Define1",
            "0",
            "00000000",
            "xx",
            "XXXXXXXX",
            "............",
            "--",
            "FFFFFFFF",
            "O.E.M.",
            "None",
            "N/A",
            "System Serial Number",
            "Base Board Asset Tag#",
            "1234",
            "0123",
            "123456789012",
            "9876543210",
            "MB-1234567890",
            "BSN12345678901234567",
            "0x00000000",
            "No Serial Number",
            "(none)",
            "",
        ] {
            assert!(is_placeholder(text), "{text:?}");
        }
    }

    #[test]
    fn what_somebody_has_set_is_none() {
        for text in [
            "1",
            "A",
            "A1",
            "11",
            "DIMM 0",
            "SER1234",
            "PX-4567",
            "1235",
            "CPU0",
            "7X06CTO1WW",
            "J1A1",
            "Node0",
            "B5SVH1",
            "PSU1",
            "HMA84GR7AFR4N-VK",
        ] {
            assert!(!is_placeholder(text), "{text:?}");
        }
    }
}
