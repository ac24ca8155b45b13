// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which machines and adapters an entry is for.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Which machines (for the BIOS) or adapters (for a NIC) an entry is for. Texts are compared exactly.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// BIOS: the system's manufacturer (SMBIOS type 1, 04h).
    pub sys_vendor: Option<String>,
    /// BIOS: the system's product name (SMBIOS type 1, 05h).
    pub product: Option<String>,
    /// BIOS: the first board's manufacturer (SMBIOS type 2, 04h).
    pub board_vendor: Option<String>,
    /// BIOS: the first board's product name (SMBIOS type 2, 05h).
    pub board_name: Option<String>,
    /// BIOS: the GUID (`fw_class`) of an entry in the EFI System Resource Table, in lower case. The source `esrt` reads
    /// the version of this entry.
    pub esrt: Option<String>,
    /// NIC: `vendor:device` or `vendor:device:subvendor:subdevice` in hexadecimal, any of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pci: Vec<PciPattern>,
    /// NIC: the name of its kernel driver.
    pub driver: Option<String>,
    /// NIC: fixed versions of devlink, `"fw.psid" = "MT_0000000359"`, all of these.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fixed: BTreeMap<String, String>,
}

/// PCI IDs: `15b3:101d`, or with the subsystem IDs `15b3:101d:15b3:0016`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(with = "String", extend("pattern" = "^[0-9a-f]{4}:[0-9a-f]{4}(:[0-9a-f]{4}:[0-9a-f]{4})?$"))
)]
#[serde(try_from = "String", into = "String")]
pub struct PciPattern {
    /// The vendor ID.
    pub vendor: u16,
    /// The device ID.
    pub device: u16,
    /// The subsystem vendor ID and the subsystem ID; `None` for any.
    pub subsystem: Option<(u16, u16)>,
}

impl PciPattern {
    /// Whether a device can match both.
    pub fn overlaps(&self, other: &Self) -> bool {
        (self.vendor, self.device) == (other.vendor, other.device)
            && (self.subsystem.is_none() || other.subsystem.is_none() || self.subsystem == other.subsystem)
    }
}

impl FromStr for PciPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| {
            let well_formed =
                part.len() == 4 && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            u16::from_str_radix(part, 16).ok().filter(|_| well_formed)
        };
        let numbers: Option<Vec<u16>> = text.split(':').map(number).collect();
        match numbers.as_deref() {
            Some(&[vendor, device]) => Ok(Self { vendor, device, subsystem: None }),
            Some(&[vendor, device, subvendor, subdevice]) => {
                Ok(Self { vendor, device, subsystem: Some((subvendor, subdevice)) })
            }
            _ => Err(format!(
                "{text:?} is not vendor:device or vendor:device:subvendor:subdevice, of four lower-case hexadecimal digits each"
            )),
        }
    }
}

impl fmt::Display for PciPattern {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:04x}:{:04x}", self.vendor, self.device)?;
        match self.subsystem {
            Some((vendor, device)) => write!(f, ":{vendor:04x}:{device:04x}"),
            None => Ok(()),
        }
    }
}

impl TryFrom<String> for PciPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<PciPattern> for String {
    fn from(pattern: PciPattern) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::PciPattern;

    #[test]
    fn ids_are_written_as_they_were_read() {
        for text in ["15b3:101d", "1af4:1110:1af4:1100"] {
            assert_eq!(text.parse::<PciPattern>().unwrap().to_string(), text);
        }
        for text in
            ["", "15b3", "15b3:101d:15b3", "0x15b3:0x101d", "15B3:101d", "15b3:+01d", "1:2", "1:2:3:4:5"]
        {
            assert!(text.parse::<PciPattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_board_of_its_own_overlaps_with_any_board() {
        let overlaps =
            |one: &str, other: &str| one.parse::<PciPattern>().unwrap().overlaps(&other.parse().unwrap());
        assert!(overlaps("15b3:101d", "15b3:101d"));
        assert!(overlaps("15b3:101d", "15b3:101d:15b3:0016"));
        assert!(!overlaps("15b3:101d:15b3:0017", "15b3:101d:15b3:0016"));
        assert!(!overlaps("15b3:101d", "15b3:101b"));
    }
}
