// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a serial number is one of a single machine, or what a maker has put on all of them. Pure.

use super::placeholder;
use super::placeholder::is_monotonous;

/// A serial number with fewer characters is a number within some order, and identifies no machine.
const SHORTEST: usize = 4;

/// From how many digits on counting, repeating or equal ones are no number of one machine.
const PATTERN: usize = 4;
/// From how many on digits repeat that are not all the same.
const REPETITION: usize = 6;

/// Words that are no part of a serial number: what consists of them, and of a short number, was made up by the firmware.
const WORDS: &[&str] = &[
    "asset",
    "available",
    "base",
    "baseboard",
    "board",
    "bsn",
    "by",
    "chassis",
    "csn",
    "default",
    "demo",
    "dummy",
    "empty",
    "engineering",
    "eval",
    "evaluation",
    "example",
    "filled",
    "fill",
    "here",
    "host",
    "id",
    "invalid",
    "machine",
    "mb",
    "model",
    "motherboard",
    "msn",
    "na",
    "name",
    "no",
    "node",
    "none",
    "not",
    "null",
    "num",
    "number",
    "o",
    "e",
    "m",
    "oem",
    "placeholder",
    "present",
    "product",
    "prototype",
    "proto",
    "sample",
    "serial",
    "serialnumber",
    "server",
    "set",
    "sn",
    "s",
    "n",
    "specified",
    "ssn",
    "string",
    "sys",
    "system",
    "tag",
    "tbd",
    "test",
    "testing",
    "to",
    "be",
    "todo",
    "type",
    "undefined",
    "unit",
    "unknown",
    "unset",
    "unspecified",
    "version",
    "x",
    "xx",
    "xxx",
];

/// Whether the text may be the serial number of one machine. The serial numbers of a maker's machines have digits that
/// differ from one to the next; what has none, or counts, or repeats itself, is on all of them.
pub(super) fn is_own(text: &str) -> bool {
    let text = text.trim();
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).collect();
    let words: Vec<String> = text
        .split(|c: char| !c.is_ascii_alphabetic())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let is_made_up = text.len() < SHORTEST
        || text.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER)
        || placeholder::is_placeholder(text)
        || digits.is_empty()
        || is_pattern(&digits)
        || is_short(&digits) && words.iter().all(|word| WORDS.contains(&word.as_str()))
        || is_counting_hexadecimal(text);
    !is_made_up
}

/// Whether the text stands in place of a serial number that was never set. A short one may be set.
pub(super) fn is_placeholder(text: &str) -> bool {
    placeholder::is_placeholder(text) || text.trim().len() >= SHORTEST && !is_own(text)
}

/// `0000012`: a number within some order.
fn is_short(digits: &[u8]) -> bool {
    digits.iter().skip_while(|digit| **digit == b'0').count() < SHORTEST
}

/// Digits that are all the same, count up or down, also each several times, or repeat two or three.
fn is_pattern(digits: &[u8]) -> bool {
    let mut each_once = digits.to_vec();
    each_once.dedup();
    let counts = |step: u8| {
        let follows = |pair: &[u8]| (pair[0] - b'0' + step) % 10 == pair[1] - b'0';
        each_once.len() >= PATTERN && each_once.windows(2).all(follows)
    };
    let repeats = |period: usize| {
        digits.len() >= if period == 1 { PATTERN } else { REPETITION }
            && digits.iter().zip(&digits[period..]).all(|(one, next)| one == next)
    };
    counts(1) || counts(9) || repeats(1) || repeats(2) || repeats(3)
}

/// `ABCDEF0123456789`, `A1A1A1A1`, without what separates.
fn is_counting_hexadecimal(text: &str) -> bool {
    let text: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    let repeats = |period: usize| {
        text.len() >= 3 * period && text.bytes().zip(text.bytes().skip(period)).all(|(one, next)| one == next)
    };
    let values: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let counts = values.is_some_and(|values| {
        values.len() >= 2 * PATTERN && values.windows(2).all(|pair| (pair[0] + 1) % 16 == pair[1])
    });
    is_monotonous(&text) || counts || repeats(2) || repeats(3) || repeats(4)
}

#[cfg(test)]
mod tests {
    use super::is_own;

    #[test]
    fn what_a_maker_has_on_all_machines_is_no_serial_number() {
        for text in [
            "Serial",
            "ABCDEFGH",
            "QWERTY",
            "Sample",
            "PROTOTYPE",
            "No Serial No",
            "Chassis Serial",
            "NOSERIALNUM",
            "INVALID!",
            "Engineering Sample",
            "Test",
            "TBD by OEM",
            "EVAL-BOARD",
            "empty string",
            "xxxxxxxx",
            "-----",
            "????",
            "....",
            "      ",
            "",
            "12",
            "S-1",
            "0000",
            "0000000001",
            "00000042",
            "1111111",
            "99999999",
            "1234",
            "12345678",
            "87654321",
            "0123456789",
            "9876543210",
            "1234567890AB",
            "ABCDEF0123456789",
            "A1B2C3D4",
            "0x12345678",
            "12-34-56-78",
            "1234-5678",
            "112233445566",
            "12121212",
            "123123123",
            "1234 5678 90",
            "SN123456",
            "S/N: 12345678",
            "SN00000000",
            "SER1234",
            "Serial1",
            "Serial Number 01",
            "SN-0001",
            "OEM 007",
            "Board Serial 2",
            "Chassis01",
            "test12",
            "node 17",
            "Default string1",
            "To be filled by O.E.M.",
            "MB-1234567890",
            "BSN12345678901234567",
            "System Serial Number",
            "Not Specified",
            "Type2 - Board Serial Number",
            "XX0000XX",
            "A1A1A1A1",
            "AB12AB12AB12",
            "S\u{fffd}\u{fffd}12\u{fffd}",
            "B5\u{7}SVH1",
        ] {
            assert!(!is_own(text), "{text:?}");
        }
    }

    #[test]
    fn serial_numbers_as_makers_have_them_are_kept() {
        for text in [
            "5B25JK2",
            "B5SVH1Z",
            "CZ3202002X",
            "MXQ0520FH8",
            "2M22490123",
            "SGH101X8RL",
            "S15317X9",
            "VM147S0",
            "J30A2VKX",
            "CN7016331700FX",
            "ENC5718X",
            "NODE1XYZ",
            "MBS-2019-A",
            "210235A1JTH123000023",
            "WZP22330QJ4",
            "FOC2219N0AB",
            "06DKGWC",
            "1S7X06CTO1WWJ30A2VKX",
            "VMware-56 4d 3a 77 0b 1c 2d 3e-4f 50 61 72 83 94 a5 b6",
            "B-77",
            "VR0901",
            "0123498765",
            "A458817X0123456",
            "SN84739201",
            "PF2AB9K7",
            "GH000123456789X2",
        ] {
            assert!(is_own(text), "{text:?}");
        }
    }
}
