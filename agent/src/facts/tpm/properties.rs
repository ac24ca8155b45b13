// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a TPM answers of itself (TPM 2.0 Library, parts 2 and 3). Pure.

use std::collections::BTreeMap;

use stage1_contract::facts::Tpm;

use crate::facts::bytes::{array, text};

/// TPM2_GetCapability (part 3, 30.2) for the properties from `TPM_PT_FAMILY_INDICATOR` to
/// `TPM_PT_FIRMWARE_VERSION_2`, as one command without sessions.
pub(super) const COMMAND: [u8; 22] = [
    0x80, 0x01, // TPM_ST_NO_SESSIONS
    0x00, 0x00, 0x00, 0x16, // the command's size
    0x00, 0x00, 0x01, 0x7a, // TPM_CC_GetCapability
    0x00, 0x00, 0x00, 0x06, // TPM_CAP_TPM_PROPERTIES
    0x00, 0x00, 0x01, 0x00, // the first: TPM_PT_FAMILY_INDICATOR
    0x00, 0x00, 0x00, 0x0d, // how many
];

/// Property tags (part 2, 6.13, `TPM_PT`).
const REVISION: u32 = 0x102;
const MANUFACTURER: u32 = 0x105;
const VENDOR_STRINGS: [u32; 4] = [0x106, 0x107, 0x108, 0x109];
const FIRMWARE_VERSION_1: u32 = 0x10b;
const FIRMWARE_VERSION_2: u32 = 0x10c;

/// The properties by tag.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Properties(BTreeMap<u32, u32>);

impl Properties {
    /// Reads the answer to [`COMMAND`]: tag, size and response code; whether there is more; the capability and the
    /// number of properties, each a tag and a value. `None` where it is no such answer, or an error.
    pub(super) fn parse(answer: &[u8]) -> Option<Self> {
        let word = |at| array(answer, at).map(u32::from_be_bytes);
        let (success, capability, count) = (word(6)? == 0, word(11)?, word(15)?);
        if !success || capability != 6 {
            return None;
        }
        let properties = answer.get(19..)?.chunks_exact(8).take(usize::try_from(count).ok()?);
        let pair = |chunk| Some((u32::from_be_bytes(array(chunk, 0)?), u32::from_be_bytes(array(chunk, 4)?)));
        properties.map(pair).collect::<Option<_>>().map(Self)
    }

    /// Sets the fields of the facts.
    pub(super) fn describe(&self, tpm: &mut Tpm) {
        let value = |tag: u32| self.0.get(&tag).copied();
        tpm.revision = value(REVISION).map(|revision| format!("{}.{:02}", revision / 100, revision % 100));
        tpm.manufacturer = value(MANUFACTURER).and_then(|code| text(&code.to_be_bytes()));
        let strings: Vec<u8> =
            VENDOR_STRINGS.into_iter().filter_map(value).flat_map(u32::to_be_bytes).collect();
        tpm.vendor_string = strings.split(|byte| *byte == 0).next().and_then(text);
        let versions = value(FIRMWARE_VERSION_1).zip(value(FIRMWARE_VERSION_2));
        tpm.firmware_version = versions
            .map(|(one, two)| format!("{}.{}.{}.{}", one >> 16, one & 0xffff, two >> 16, two & 0xffff));
    }
}

/// Manufacturer and firmware version of a TPM 1.2, in the `caps` that the kernel writes
/// (drivers/char/tpm/tpm-sysfs.c).
pub(super) fn caps(caps: &str) -> (Option<String>, Option<String>) {
    let mut values = BTreeMap::new();
    values.extend(caps.lines().filter_map(|line| line.split_once(": ")));
    let code =
        values.get("Manufacturer").and_then(|code| u32::from_str_radix(code.strip_prefix("0x")?, 16).ok());
    let manufacturer = code.and_then(|code| text(&code.to_be_bytes()));
    (manufacturer, values.get("Firmware version").map(ToString::to_string))
}

/// What swtpm 0.7.1 with libtpms 0.9.2 answers to [`COMMAND`].
#[cfg(test)]
pub const SWTPM: &[u8] = b"\x80\x01\x00\x00\x00\x7b\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00\x00\x00\x0d\
    \x00\x00\x01\x002.0\x00\x00\x00\x01\x01\x00\x00\x00\x00\x00\x00\x01\x02\x00\x00\x00\xa4\
    \x00\x00\x01\x03\x00\x00\x00\x4b\x00\x00\x01\x04\x00\x00\x07\xe5\x00\x00\x01\x05IBM\x00\
    \x00\x00\x01\x06SW  \x00\x00\x01\x07 TPM\x00\x00\x01\x08\x00\x00\x00\x00\x00\x00\x01\x09\x00\x00\x00\x00\
    \x00\x00\x01\x0a\x00\x00\x00\x01\x00\x00\x01\x0b\x20\x19\x10\x23\x00\x00\x01\x0c\x00\x16\x36\x36";

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn a_truncated_response_gives_what_is_complete_and_an_error_nothing() {
        assert_eq!(SWTPM.len(), 0x7b);
        assert_eq!(Properties::parse(SWTPM).unwrap().0.len(), 13);
        assert_eq!(Properties::parse(&SWTPM[..SWTPM.len() - 1]).unwrap().0.len(), 12);
        assert_eq!(Properties::parse(&SWTPM[..18]), None);
        // TPM_RC_INITIALIZE
        assert_eq!(Properties::parse(b"\x80\x01\x00\x00\x00\x0a\x00\x00\x01\x00"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(start in 0..SWTPM.len(), tail in any::<Vec<u8>>()) {
            let answer = [&SWTPM[..start], &tail[..]].concat();
            if let Some(properties) = Properties::parse(&answer) {
                properties.describe(&mut Tpm::default());
            }
        }

        #[test]
        fn versions_are_read_back(one in any::<[u16; 2]>(), two in any::<[u16; 2]>()) {
            let join = |[high, low]: [u16; 2]| u32::from(high) << 16 | u32::from(low);
            let properties =
                [(FIRMWARE_VERSION_1, join(one)), (FIRMWARE_VERSION_2, join(two))].into_iter().collect();
            let mut tpm = Tpm::default();
            Properties(properties).describe(&mut tpm);
            let expected = format!("{}.{}.{}.{}", one[0], one[1], two[0], two[1]);
            assert_eq!(tpm.firmware_version, Some(expected));
        }

        #[test]
        fn any_text_is_read(words in "((Manufacturer|Firmware version): ?(0x)?[0-9a-f.]*\n|.*)*") {
            caps(&words);
        }
    }
}
