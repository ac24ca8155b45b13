// SPDX-License-Identifier: MIT OR Apache-2.0
//! The entry point: the tables' version, and how large the structure table is (DSP0134 5.2). Pure.

use super::structure::Version;
use super::warnings::ParseWarnings;
use crate::facts::bytes::array;

/// What the entry point announces of the structure table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct EntryPoint {
    /// The version; absent without an entry point.
    pub version: Option<Version>,
    /// The revision of the document, which only the 64-bit entry point has.
    pub revision: Option<u8>,
    /// The table's length: that of a 64-bit entry point is the most that it can be.
    pub length: Option<usize>,
    /// How many structures there are; unknown from a 64-bit entry point, whose table ends at its marker.
    pub count: Option<usize>,
}

impl EntryPoint {
    /// Reads any of the three kinds. Of one that is damaged the version is taken, its lengths are not.
    pub(super) fn parse(bytes: &[u8], warnings: &mut ParseWarnings) -> Self {
        let (kind, entry, length) = match bytes {
            [b'_', b'S', b'M', b'3', b'_', ..] => ("_SM3_", Self::bits64(bytes), length(bytes, 6, 0x18)),
            // Version 2.1 of the specification has 1Eh by mistake.
            [b'_', b'S', b'M', b'_', ..] => ("_SM_", Self::bits32(bytes), length(bytes, 5, 0x1e)),
            [b'_', b'D', b'M', b'I', b'_', ..] => ("_DMI_", Self::legacy(bytes), Some(0x0f)),
            _ => {
                warnings.entry_point("no anchor _SM3_, _SM_ or _DMI_: assuming version 3.0");
                return Self::default();
            }
        };
        let sound = match length.and_then(|length| bytes.get(..length)) {
            None => Err("too short"),
            Some(whole) if sum(whole) != 0 => Err("wrong checksum"),
            // DSP0134 5.2.1, offset 10h: the 32-bit entry point has the legacy one in it.
            Some(whole) if kind == "_SM_" && !whole.get(0x10..0x1f).is_none_or(is_legacy) => {
                Err("wrong anchor or checksum of the intermediate part")
            }
            Some(_) => Ok(()),
        };
        match sound {
            Ok(()) => entry,
            Err(why) => {
                warnings.entry_point(&format!("{kind}: {why}: only its version is used"));
                Self { length: None, count: None, ..entry }
            }
        }
    }

    /// The version as dmidecode prints it; with the revision where there is one.
    pub(super) fn version_text(&self) -> Option<String> {
        let version = self.version?;
        let text = format!("{}.{}", version.major, version.minor);
        Some(match self.revision {
            Some(revision) => format!("{text}.{revision}"),
            None => text,
        })
    }

    /// DSP0134 5.2.2.
    fn bits64(bytes: &[u8]) -> Self {
        Self {
            version: version(bytes.get(7), bytes.get(8)),
            revision: bytes.get(9).copied(),
            length: array(bytes, 0x0c).and_then(|length| u32::from_le_bytes(length).try_into().ok()),
            count: None,
        }
    }

    /// DSP0134 5.2.1.
    fn bits32(bytes: &[u8]) -> Self {
        let mut version = version(bytes.get(6), bytes.get(7));
        // Firmware that took the two digits for hexadecimal ones; dmidecode does the same (dmi_fixup_version).
        if let Some(version) = &mut version {
            match (version.major, version.minor) {
                (2, 0x1f | 0x21) => version.minor = 3,
                (2, 0x33) => version.minor = 6,
                _ => {}
            }
        }
        Self {
            version,
            revision: None,
            length: word(bytes, 0x16),
            count: word(bytes, 0x1c).filter(|count| *count > 0),
        }
    }

    /// The one of SMBIOS 2.0 and before, whose version is BCD.
    fn legacy(bytes: &[u8]) -> Self {
        let bcd = bytes.get(0x0e);
        Self {
            version: version(bcd.map(|bcd| bcd >> 4).as_ref(), bcd.map(|bcd| bcd & 15).as_ref()),
            revision: None,
            length: word(bytes, 6),
            count: word(bytes, 0x0c).filter(|count| *count > 0),
        }
    }
}

fn version(major: Option<&u8>, minor: Option<&u8>) -> Option<Version> {
    Some(Version { major: *major?, minor: *minor? })
}

/// The entry point's own length, where it is at least what it must be.
fn length(bytes: &[u8], offset: usize, least: usize) -> Option<usize> {
    bytes.get(offset).map(|length| usize::from(*length)).filter(|length| *length >= least)
}

fn is_legacy(bytes: &[u8]) -> bool {
    bytes.starts_with(b"_DMI_") && sum(bytes) == 0
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

fn word(bytes: &[u8], offset: usize) -> Option<usize> {
    array(bytes, offset).map(|word| u16::from_le_bytes(word).into())
}
