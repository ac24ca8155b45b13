// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text after a type/length byte: in an SDR (IPMI 2.0, section 43.15) and in a FRU inventory (FRU Information Storage
//! Definition v1.0 r1.3, section 13).

use std::fmt::Write;

/// The ID string of an SDR, from its type/length byte on. Section 43.15 counts characters; like ipmitool and FreeIPMI this
/// counts bytes, which is the same for 8-bit text and is what BMCs mean by it. Shorter if the bytes end before the length. A
/// space at its end is kept: a number may follow.
pub(super) fn of_sdr(field: &[u8]) -> String {
    let Some((kind, bytes)) = field.split_first() else { return String::new() };
    let bytes = bytes.get(..usize::from(kind & 0x1f)).unwrap_or(bytes);
    cleaned(&match kind >> 6 {
        0b00 => wide(bytes),
        0b01 => bcd_plus(bytes),
        0b10 => packed(bytes),
        _ => latin_1(bytes),
    })
}

/// A field of a FRU, by the upper two bits of its type/length byte. Bytes that are not text are returned in
/// hexadecimal. A field of which only the length was written has no text.
pub(super) fn of_fru(kind: u8, bytes: &[u8], language: u8) -> String {
    if bytes.iter().all(|byte| *byte == 0xff) {
        return String::new();
    }
    let text = cleaned(&match kind >> 6 {
        0b00 => hexadecimal(bytes),
        0b01 => bcd_plus(bytes),
        0b10 => packed(bytes),
        _ if matches!(language, 0 | ENGLISH) => latin_1(bytes),
        _ => wide(bytes),
    });
    text.trim().to_string()
}

/// The language code of English, which code 0 means too (section 15).
const ENGLISH: u8 = 25;

/// UTF-16, unless it reads as plain ASCII, padded by zeros: many inventories have that, whatever their language code is.
fn wide(bytes: &[u8]) -> String {
    let text = bytes.iter().rposition(|byte| *byte != 0).map_or(&[][..], |last| &bytes[..=last]);
    if !bytes.len().is_multiple_of(2) || text.iter().all(|byte| matches!(byte, 0x20..=0x7e)) {
        return latin_1(bytes);
    }
    let (pairs, _) = bytes.as_chunks();
    let units: Vec<u16> = pairs.iter().copied().map(u16::from_le_bytes).collect();
    String::from_utf16_lossy(&units)
}

fn latin_1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// Two characters a byte, the upper half first.
fn bcd_plus(bytes: &[u8]) -> String {
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    halves
        .map(|half| match half {
            0..=9 => char::from(b'0' + half),
            10 => ' ',
            11 => '-',
            12 => '.',
            13 => ':',
            14 => ',',
            _ => '_',
        })
        .collect()
}

/// Six bits a character, the lowest first, counted from the space on.
fn packed(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut bits, mut count) = (0u16, 0);
    for byte in bytes {
        bits |= u16::from(*byte) << count;
        count += 8;
        while count >= 6 {
            text.push(char::from(b' ' + (bits & 0x3f) as u8));
            bits >>= 6;
            count -= 6;
        }
    }
    text
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Without the zeros that pad it, and without what would move a terminal's cursor.
fn cleaned(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::*;

    #[test]
    fn every_type_is_read() {
        // The packed example is that of the FRU definition, section 13.3.
        assert_eq!(of_fru(0x80, &[0x29, 0xdc, 0xa6], 0), "IPMI");
        assert_eq!(of_sdr(&[0x83, 0x29, 0xdc, 0xa6]), "IPMI");
        assert_eq!(of_sdr(&[0x42, 0x12, 0xb3]), "12-3");
        assert_eq!(of_fru(0x40, &[0x9a, 0xbc, 0xde, 0xf0], 0), "9 -.:,_0");
        assert_eq!(of_sdr(&[0xc8, b'C', b'P', b'U', b' ', b'1', 0xb0, 0, 0]), "CPU 1\u{b0}");
        assert_eq!(of_fru(0x00, &[0x01, 0xfe], 0), "01fe");
        assert_eq!(
            (of_fru(0xc0, &[0xff; 8], 0), of_fru(0x00, &[0xff; 8], 0)),
            (String::new(), String::new())
        );
        // Three bytes are four characters, and a BMC that counts four of them gets no fifth.
        assert_eq!(
            (of_sdr(&[0x84, 0x29, 0xdc, 0xa6]).as_str(), of_sdr(&[0x42, 0x12, 0xb3, 9]).as_str()),
            ("IPMI", "12-3")
        );
        assert_eq!((of_fru(0xc0, b" 1 \0\0", 0), of_sdr(b"\xc4Fan ")), ("1".to_string(), "Fan ".to_string()));
    }

    #[test]
    fn ascii_that_is_marked_as_wide_is_ascii() {
        assert_eq!(of_fru(0xc0, b"PWS-1K", 3), "PWS-1K");
        assert_eq!(of_fru(0xc0, b"S1\0\0", 3), "S1");
        assert_eq!(of_fru(0xc0, &[0x2d, 0x4e, 0xfd, 0x56], 2), "\u{4e2d}\u{56fd}");
        assert_eq!(of_sdr(b"\x05Fan 1"), "Fan 1");
        assert_eq!(of_sdr(b"\x06F\0a\0n\0"), "Fan");
    }

    #[test]
    fn a_length_beyond_the_end_gives_what_there_is() {
        assert_eq!(of_sdr(&[0xdf, b'F', b'a', b'n', 0x1b]), "Fan");
        assert_eq!(of_sdr(&[]), "");
    }

    proptest! {
        #[test]
        fn no_bytes_bring_it_down(
            kind in any::<u8>(),
            bytes in prop::collection::vec(any::<u8>(), 0..70),
            language in any::<u8>(),
        ) {
            let text = of_fru(kind, &bytes, language) + &of_sdr(&bytes);
            assert!(!text.contains(char::is_control));
        }
    }
}
