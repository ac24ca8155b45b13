// SPDX-License-Identifier: MIT OR Apache-2.0
//! UEFI variables, and the codes of the ESRT (UEFI 3.1, 3.3, 23.4). Pure.

use stage1_contract::facts::LastAttemptStatus;

use crate::facts::bytes::array;

/// `LOAD_OPTION_ACTIVE` (UEFI 3.1.3).
const ACTIVE: u32 = 1;

/// ESRT firmware types, from 0 on (UEFI 23.4).
const FW_TYPES: [&str; 4] = ["unknown", "system-firmware", "device-firmware", "uefi-driver"];

/// ESRT last attempt status, from 0 on (UEFI 23.4, `LAST_ATTEMPT_STATUS_`).
const LAST_ATTEMPT: [LastAttemptStatus; 9] = [
    LastAttemptStatus::Success,
    LastAttemptStatus::Unsuccessful,
    LastAttemptStatus::InsufficientResources,
    LastAttemptStatus::IncorrectVersion,
    LastAttemptStatus::InvalidFormat,
    LastAttemptStatus::AuthenticationError,
    LastAttemptStatus::AcPowerNotConnected,
    LastAttemptStatus::InsufficientBattery,
    LastAttemptStatus::UnsatisfiedDependencies,
];

/// What is in a variable: in efivarfs, the data comes behind the attributes.
pub(super) fn data(file: &[u8]) -> Option<&[u8]> {
    file.get(4..)
}

/// A variable that is one byte, 0 or 1.
pub(super) fn flag(data: &[u8]) -> Option<bool> {
    data.first().map(|byte| *byte == 1)
}

/// A variable of numbers of boot entries, as `efibootmgr` writes them.
pub(super) fn numbers(data: &[u8]) -> Vec<String> {
    let numbers = data.as_chunks::<2>().0.iter();
    numbers.map(|number| format!("{:04X}", u16::from_le_bytes(*number))).collect()
}

/// The number of a boot entry, if that is what the variable is: `Boot0003`.
pub(super) fn boot_number(variable: &str) -> Option<&str> {
    let number = variable.strip_prefix("Boot")?;
    (number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(number)
}

/// An `EFI_LOAD_OPTION` (UEFI 3.1.3).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LoadOption<'a> {
    /// Whether the firmware tries it by itself.
    pub active: bool,
    /// What the boot menu shows.
    pub description: String,
    /// One device path or several.
    pub device_path: &'a [u8],
}

impl<'a> LoadOption<'a> {
    /// Reads it: the attributes, the length of the device paths, the description as far as its NUL, the device
    /// paths. `None` where it is shorter than its length field.
    pub(super) fn parse(data: &'a [u8]) -> Option<Self> {
        let attributes = u32::from_le_bytes(array(data, 0)?);
        let length = usize::from(u16::from_le_bytes(array(data, 4)?));
        let rest = data.get(6..)?;
        let units: Vec<u16> = rest.as_chunks().0.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
        let end = units.iter().position(|unit| *unit == 0)?;
        let description = String::from_utf16_lossy(units.get(..end)?);
        let device_path = rest.get(2 * (end + 1)..)?.get(..length)?;
        Some(Self { active: attributes & ACTIVE != 0, description, device_path })
    }
}

/// What kind of firmware an ESRT entry is for, else its number.
pub(super) fn fw_type(code: u32) -> String {
    at(&FW_TYPES, code).map_or_else(|| format!("{code:#x}"), ToString::to_string)
}

/// The result of the last update of an ESRT entry.
pub(super) fn last_attempt_status(code: u32) -> LastAttemptStatus {
    at(&LAST_ATTEMPT, code).cloned().unwrap_or_else(|| LastAttemptStatus::Unlisted(format!("{code:#x}")))
}

fn at<T>(values: &[T], code: u32) -> Option<&T> {
    values.get(usize::try_from(code).ok()?)
}

#[cfg(test)]
pub mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    /// The data of a `Boot####` variable.
    pub fn load_option(attributes: u32, description: &str, device_path: &[u8]) -> Vec<u8> {
        let mut data = attributes.to_le_bytes().to_vec();
        data.extend(u16::try_from(device_path.len()).unwrap().to_le_bytes());
        data.extend(description.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
        data.extend(device_path);
        data
    }

    #[test]
    fn codes_without_a_name_keep_their_number() {
        assert_eq!([1, 4].map(fw_type), ["system-firmware", "0x4"]);
        assert_eq!(
            [0, 8, 0x1001].map(|code| last_attempt_status(code).to_string()),
            ["success", "unsatisfied dependencies", "0x1001"]
        );
    }

    #[test]
    fn boot_entries_are_recognised_among_other_variables() {
        assert_eq!(boot_number("Boot00FF"), Some("00FF"));
        for name in ["BootOrder", "BootCurrent", "Boot003", "Boot00000", "Driver0000", "BootNext"] {
            assert_eq!(boot_number(name), None, "{name}");
        }
        assert_eq!(numbers(&[3, 0, 0xff, 0, 9]), ["0003", "00FF"]);
    }

    proptest! {
        #[test]
        fn load_options_are_read_back(
            attributes: u32, description in "[^\0]{0,40}", device_path: Vec<u8>, optional_data: Vec<u8>
        ) {
            let mut data = load_option(attributes, &description, &device_path);
            data.extend(optional_data);
            let active = attributes & 1 == 1;
            let expected = LoadOption { active, description, device_path: &device_path };
            assert_eq!(LoadOption::parse(&data), Some(expected));
        }

        #[test]
        fn a_load_option_cut_short_is_none(
            description in "[^\0]{0,40}", device_path: Vec<u8>, cut in any::<proptest::sample::Index>()
        ) {
            let data = load_option(1, &description, &device_path);
            assert_eq!(LoadOption::parse(&data[..cut.index(data.len())]), None);
        }

        #[test]
        fn any_bytes_are_read(data: Vec<u8>) {
            LoadOption::parse(&data);
            numbers(&data);
            flag(&data);
        }
    }
}
