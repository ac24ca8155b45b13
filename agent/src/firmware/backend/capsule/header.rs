// SPDX-License-Identifier: MIT OR Apache-2.0
//! The headers of a capsule: the firmware that it is for (UEFI 2.10, 8.5.3 and 23.3). Pure. All numbers are
//! little-endian.

use thiserror::Error;
use uuid::{Uuid, uuid};

/// `EFI_FIRMWARE_MANAGEMENT_CAPSULE_ID_GUID`: the classes are in its payload headers.
const MANAGEMENT: Uuid = uuid!("6dcbd5ed-e82d-4c44-bda1-7194199ad92a");
/// `CAPSULE_FLAGS_PERSIST_ACROSS_RESET`.
const PERSIST_ACROSS_RESET: u32 = 0x0001_0000;

/// Why a file is not a usable capsule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Malformed {
    /// It ends within its headers.
    #[error("truncated, or not a capsule")]
    Short,
    /// Its size field differs from its size.
    #[error("its header has a size of {field} bytes, but the file has {actual}")]
    Size {
        /// The size field, in bytes.
        field: u64,
        /// The actual size in bytes.
        actual: u64,
    },
    /// It is not processed after a reset, but while the system runs.
    #[error("its flags are {0:#x}, without CAPSULE_FLAGS_PERSIST_ACROSS_RESET")]
    Flags(u32),
}

/// The firmware that a capsule is for, as classes of the ESRT (`fw_class`).
///
/// # Errors
/// If it is not a complete capsule.
pub(super) fn classes(capsule: &[u8]) -> Result<Vec<Uuid>, Malformed> {
    let class = guid(capsule, 0).ok_or(Malformed::Short)?;
    let [header, flags, size] = numbers(capsule, 16).ok_or(Malformed::Short)?;
    let actual = capsule.len() as u64;
    if u64::from(size) != actual {
        return Err(Malformed::Size { field: size.into(), actual });
    }
    if flags & PERSIST_ACROSS_RESET == 0 {
        return Err(Malformed::Flags(flags));
    }
    if class != MANAGEMENT {
        return Ok(vec![class]);
    }
    let body = capsule.get(header as usize..).ok_or(Malformed::Short)?;
    managed(body).ok_or(Malformed::Short)
}

/// `EFI_FIRMWARE_MANAGEMENT_CAPSULE_HEADER`: version, number of drivers, number of payloads, and the offset of each.
fn managed(body: &[u8]) -> Option<Vec<Uuid>> {
    let count = |at| Some(usize::from(u16::from_le_bytes(bytes(body, at)?)));
    let (drivers, payloads) = (count(4)?, count(6)?);
    (drivers..drivers + payloads)
        .map(|item| {
            let offset = u64::from_le_bytes(bytes(body, 8 + 8 * item)?);
            // `EFI_FIRMWARE_MANAGEMENT_CAPSULE_IMAGE_HEADER`, `UpdateImageTypeId`.
            guid(body, usize::try_from(offset).ok()?.checked_add(4)?)
        })
        .collect()
}

fn numbers<const COUNT: usize>(capsule: &[u8], at: usize) -> Option<[u32; COUNT]> {
    let mut numbers = [0; COUNT];
    for (number, value) in numbers.iter_mut().enumerate() {
        *value = u32::from_le_bytes(bytes(capsule, at + 4 * number)?);
    }
    Some(numbers)
}

fn guid(from: &[u8], at: usize) -> Option<Uuid> {
    bytes(from, at).map(Uuid::from_bytes_le)
}

fn bytes<const LENGTH: usize>(from: &[u8], at: usize) -> Option<[u8; LENGTH]> {
    from.get(at..at.checked_add(LENGTH)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, prop_assert, proptest};

    const CLASS: Uuid = uuid!("6f1d3c52-8b1e-4c55-9c1f-0a5e5d0c0b1a");

    fn capsule(class: Uuid, flags: u32, body: &[u8]) -> Vec<u8> {
        let size = 28 + body.len() as u32;
        let mut bytes = class.to_bytes_le().to_vec();
        bytes.extend([28, flags, size].iter().flat_map(|number: &u32| number.to_le_bytes()));
        bytes.extend(body);
        bytes
    }

    /// One driver, and one payload for [`CLASS`].
    fn management_body() -> Vec<u8> {
        let mut body = [&1_u32.to_le_bytes()[..], &1_u16.to_le_bytes(), &1_u16.to_le_bytes()].concat();
        body.extend([24_u64, 32].iter().flat_map(|offset| offset.to_le_bytes()));
        body.extend([0xee; 8]);
        body.extend(2_u32.to_le_bytes());
        body.extend(CLASS.to_bytes_le());
        body.extend([0xdd; 40]);
        body
    }

    #[test]
    fn a_capsule_names_the_classes_that_it_is_for() {
        assert_eq!(classes(&capsule(CLASS, PERSIST_ACROSS_RESET, b"payload")), Ok(vec![CLASS]));
        let managed = capsule(MANAGEMENT, PERSIST_ACROSS_RESET | 0x4_0000, &management_body());
        assert_eq!(classes(&managed), Ok(vec![CLASS]));
    }

    #[test]
    fn an_incomplete_capsule_is_refused() {
        let whole = capsule(CLASS, PERSIST_ACROSS_RESET, b"payload");
        assert_eq!(classes(&whole[..34]), Err(Malformed::Size { field: 35, actual: 34 }));
        assert_eq!(classes(&whole[..20]), Err(Malformed::Short));
        assert_eq!(classes(&capsule(CLASS, 0x2_0000, b"")), Err(Malformed::Flags(0x2_0000)));
        let body = management_body();
        assert_eq!(classes(&capsule(MANAGEMENT, PERSIST_ACROSS_RESET, &body[..40])), Err(Malformed::Short));
    }

    proptest! {
        #[test]
        fn no_capsule_panics(mut body in prop::collection::vec(any::<u8>(), 0..80), managed: bool) {
            let class = if managed { MANAGEMENT } else { CLASS };
            let _ = classes(&body);
            if let Some(count) = body.get_mut(6..8) {
                count[1] = 0;
            }
            let found = classes(&capsule(class, PERSIST_ACROSS_RESET, &body));
            prop_assert!(managed || found == Ok(vec![CLASS]));
        }
    }
}
