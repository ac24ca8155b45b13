// SPDX-License-Identifier: MIT OR Apache-2.0
//! What firmware says where nobody has told it. Pure.

/// What firmware says in place of a value: in lower case, without dots and white space around it.
const PLACEHOLDERS: &[&str] = &[
    "01234567",
    "012345678",
    "0123456789",
    "01234567890123456789",
    "012345678901234567890123456789",
    "0123456789abcdef",
    "123456",
    "1234567",
    "12345678",
    "123456789",
    "1234567890",
    "1234567890abcdef",
    "9876543210",
    "[empty]",
    "asset tag",
    "asset-1234567890",
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
    "no asset information",
    "no asset tag",
    "no dimm",
    "no module installed",
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
    "serial no",
    "serial number",
    "sku",
    "sku number",
    "ssn12345678901234567",
    "system manufacturer",
    "system name",
    "system product name",
    "system serial number",
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

/// What is made up for a memory module that does not tell: `Dimm0_SerNum`, `P1-DIMMA1_AssetTag`, and with a number
/// `SerNum01`, `A1_AssetTagNum0`, `Array1_PartNumber0`.
const ENDS: &[&str] =
    &["assettag", "assettagnum", "_manufacturer", "_partnumber", "partnum", "_serialnumber", "sernum"];

/// What alone, however short, says nothing.
const FILLERS: &[char] = &['0', '-', '.', '*', '?', '#', '_', 'x'];

/// Whether a string of the firmware stands in for one that nobody has set.
pub fn is_placeholder(text: &str) -> bool {
    let text = text.to_lowercase();
    let text = text.trim();
    let words = text.trim_matches('.');
    let unnumbered = words.trim_end_matches(|c: char| c.is_ascii_digit());
    text.is_empty()
        || PLACEHOLDERS.contains(&words)
        || STARTS.iter().any(|start| words.starts_with(start))
        || ENDS.iter().any(|end| unnumbered.ends_with(end))
        || is_monotonous(text) && (text.len() > 3 || text.starts_with(FILLERS))
}

/// One character over and over: `0000000`, `XXXXXXXX`, `........`.
pub fn is_monotonous(text: &str) -> bool {
    let mut characters = text.chars().filter(|c| *c != '-' && !c.is_whitespace());
    characters.next().is_none_or(|first| characters.all(|c| c == first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_firmware_says_for_want_of_better_is_a_placeholder() {
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
