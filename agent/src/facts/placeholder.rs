// SPDX-License-Identifier: MIT OR Apache-2.0
//! What firmware says where nobody has told it. Pure.

/// What firmware says in place of a value (compared in lower case).
const PLACEHOLDERS: &[&str] = &[
    "0",
    "00000000",
    "0123456789",
    "1234567890",
    "123456789",
    "12345678",
    "base board serial number",
    "chassis serial number",
    "default",
    "default string",
    "empty",
    "invalid",
    "n/a",
    "na",
    "no asset tag",
    "none",
    "not applicable",
    "not available",
    "not present",
    "not specified",
    "null",
    "o.e.m.",
    "oem",
    "serial number",
    "system serial number",
    "to be filled by o.e.m.",
    "unknown",
    "xxxxxxxxxxxx",
];

/// Whether a string of the firmware stands in for one that nobody has set.
pub fn is_placeholder(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    PLACEHOLDERS.contains(&text.as_str()) || is_monotonous(&text)
}

/// One character over and over: `0000000`, `XXXXXXXX`, `........`.
pub fn is_monotonous(text: &str) -> bool {
    let mut characters = text.chars().filter(|c| *c != '-' && !c.is_whitespace());
    characters.next().is_none_or(|first| characters.all(|c| c == first))
}
