// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an ATA disk answers (ACS-4, T13/BSR INCITS 529), and how it is asked through SCSI (SAT-4, T10/BSR INCITS 491):
//! commands and answers. Pure.

use stage1_contract::facts::{Ata, AtaSecurity};

use super::scsi::form_factor;
use crate::facts::bytes::{array, text};

/// Length of the IDENTIFY DEVICE data.
pub(super) const IDENTIFY_LENGTH: usize = 512;

/// IDENTIFY DEVICE (ACS-4 7.13) as ATA PASS-THROUGH (16) (SAT-4 12.2.2.3): PIO data-in, the sector count field has
/// how many blocks come in.
pub(super) const IDENTIFY_DEVICE: [u8; 16] = [0x85, 0x08, 0x0e, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xec, 0];
/// CHECK POWER MODE (ACS-4 7.3): no data, the registers come back as sense data.
pub(super) const CHECK_POWER_MODE: [u8; 16] = [0x85, 0x06, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xe5, 0];
/// SMART RETURN STATUS (ACS-4 7.44.4).
pub(super) const SMART_RETURN_STATUS: [u8; 16] =
    [0x85, 0x06, 0x20, 0, 0xda, 0, 0, 0, 0, 0, 0x4f, 0, 0xc2, 0, 0xb0, 0];

/// IDENTIFY DEVICE data (ACS-4 9.11).
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Identity {
    /// Words 10-19.
    pub serial: Option<String>,
    /// Words 27-46.
    pub model: Option<String>,
    /// Words 23-26.
    pub revision: Option<String>,
    /// Words 108-111, in hexadecimal.
    pub wwn: Option<String>,
    /// Word 217.
    pub rotation_rpm: Option<u16>,
    /// Word 168.
    pub form_factor: Option<String>,
    /// Whether it is serial ATA, words 76 and 222.
    pub serial_ata: bool,
    /// The rest.
    pub ata: Ata,
}

/// Reads IDENTIFY DEVICE data.
pub(super) fn identity(data: &[u8]) -> Option<Identity> {
    let data: &[u8; IDENTIFY_LENGTH] = data.first_chunk()?;
    let word = |at: usize| match array(data, 2 * at).map_or(0, u16::from_le_bytes) {
        // Words of a feature that the disk does not know are one or the other.
        0xffff => 0,
        word => word,
    };
    // Words 82-84 and 85-87 are valid where the last of each three is valid (ACS-4 9.11.5).
    let valid = |at| word(at) & 0xc000 == 0x4000;
    let smart = valid(83) && word(82) & 0x1 != 0;
    let wwn = [word(108), word(109), word(110), word(111)];
    let has_wwn = valid(87) && word(87) & 0x100 != 0 && wwn != [0; 4];
    let security = word(128);
    Some(Identity {
        serial: string(&data[20..40]),
        model: string(&data[54..94]),
        revision: string(&data[46..54]),
        wwn: has_wwn.then(|| wwn.map(|word| format!("{word:04x}")).concat()),
        rotation_rpm: Some(word(217)).filter(|rpm| *rpm >= 0x401),
        form_factor: form_factor(word(168) as u8 & 0x0f),
        serial_ata: word(76) != 0 || word(222) >> 12 == 1,
        ata: Ata {
            link_speed_mbps: speed(u32::from(word(77) >> 1 & 0x7)),
            link_speed_max_mbps: speed((word(76) & 0x0e).checked_ilog2().unwrap_or_default()),
            trim: word(169) & 0x1 != 0,
            security: (security & 0x1 != 0).then_some(AtaSecurity {
                enabled: security & 0x02 != 0,
                locked: security & 0x04 != 0,
                frozen: security & 0x08 != 0,
                attempts_exceeded: security & 0x10 != 0,
                enhanced_erase: security & 0x20 != 0,
            }),
            smart_enabled: smart.then(|| valid(87) && word(85) & 0x1 != 0),
            power_mode: None,
        },
    })
}

/// The registers that a command leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Registers {
    /// COUNT, bits 7:0.
    pub count: u8,
    /// LBA, bits 15:8 and 23:16.
    pub lba: [u8; 2],
}

/// Reads the registers from sense data: an ATA Status Return descriptor (SAT-4 12.2.2.7), or the fields of the fixed
/// format that stand for it (SAT-4 table 177). A command that the disk has not done leaves nothing of interest.
pub(super) fn registers(sense: &[u8]) -> Option<Registers> {
    let (status, registers) = match sense.first()? & 0x7f {
        0x72 | 0x73 => {
            let descriptor = status_return(sense.get(8..)?)?;
            (descriptor[13], Registers { count: descriptor[5], lba: [descriptor[9], descriptor[11]] })
        }
        0x70 | 0x71 => {
            let sense: [u8; 14] = array(sense, 0)?;
            // 00h/1Dh: ATA pass-through information available.
            let registers = Registers { count: sense[6], lba: [sense[10], sense[11]] };
            (sense[4], (sense[12..14] == [0x00, 0x1d]).then_some(registers)?)
        }
        _ => return None,
    };
    let error = status & 0x01 != 0;
    (!error).then_some(registers)
}

fn status_return(mut descriptors: &[u8]) -> Option<[u8; 14]> {
    while let [kind, length, ..] = *descriptors {
        if kind == 0x09 {
            return array(descriptors, 0);
        }
        descriptors = descriptors.get(2 + usize::from(length)..)?;
    }
    None
}

/// The power mode, from CHECK POWER MODE's COUNT (ACS-4 table 21), in hdparm's words.
pub(super) fn power_mode(count: u8) -> String {
    match count {
        0x00 | 0x01 => "standby".to_string(),
        0x40 => "NVcache_spindown".to_string(),
        0x41 => "NVcache_spinup".to_string(),
        0x80..=0x83 => "idle".to_string(),
        0xff => "active/idle".to_string(),
        other => format!("{other:#04x}"),
    }
}

/// Whether SMART RETURN STATUS reports an exceeded threshold (ACS-4 7.44.4.4); `None` for any other value.
pub(super) fn threshold_exceeded(registers: Registers) -> Option<bool> {
    match registers.lba {
        [0x4f, 0xc2] => Some(false),
        [0xf4, 0x2c] => Some(true),
        _ => None,
    }
}

fn speed(generation: u32) -> Option<u32> {
    matches!(generation, 1..=3).then(|| 1500 << (generation - 1))
}

/// A string: two characters a word, the first in its upper half (ACS-4 3.3.10).
fn string(bytes: &[u8]) -> Option<String> {
    let mut bytes = bytes.to_vec();
    for pair in bytes.chunks_exact_mut(2) {
        pair.swap(0, 1);
    }
    text(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    fn page(words: &[(usize, u16)], strings: &[(usize, &str)]) -> [u8; IDENTIFY_LENGTH] {
        let mut page = [0; IDENTIFY_LENGTH];
        for (at, word) in words {
            page[2 * at..2 * at + 2].copy_from_slice(&word.to_le_bytes());
        }
        for (at, string) in strings {
            for (pair, text) in page[2 * at..].chunks_exact_mut(2).zip(string.as_bytes().chunks_exact(2)) {
                pair.copy_from_slice(&[text[1], text[0]]);
            }
        }
        page
    }

    #[test]
    fn a_sata_disk_is_read_at_the_words_of_acs_4() {
        let words = [
            (76, 0x850e),
            (77, 0x0046),
            (82, 0x746b),
            (83, 0x7d09),
            (85, 0x7469),
            (87, 0x4163),
            (108, 0x5000),
            (109, 0xc500),
            (110, 0xa1b2),
            (111, 0xc3d4),
            (128, 0x0029),
            (168, 0x0002),
            (169, 0x0001),
            (217, 7200),
        ];
        let strings = [
            (10, "            Z1Z0ABCD"),
            (23, "SN04    "),
            (27, "ST4000NM0033-9ZM170                     "),
        ];
        let identity = identity(&page(&words, &strings)).unwrap();
        let expected = Identity {
            serial: Some("Z1Z0ABCD".to_string()),
            model: Some("ST4000NM0033-9ZM170".to_string()),
            revision: Some("SN04".to_string()),
            wwn: Some("5000c500a1b2c3d4".to_string()),
            rotation_rpm: Some(7200),
            form_factor: Some("3.5 inches".to_string()),
            serial_ata: true,
            ata: Ata {
                link_speed_mbps: Some(6000),
                link_speed_max_mbps: Some(6000),
                trim: true,
                security: Some(AtaSecurity { frozen: true, enhanced_erase: true, ..AtaSecurity::default() }),
                smart_enabled: Some(true),
                power_mode: None,
            },
        };
        assert_eq!(identity, expected);
    }

    #[test]
    fn words_without_a_meaning_give_nothing() {
        for filler in [0x00, 0xff] {
            let identity = identity(&[filler; IDENTIFY_LENGTH]).unwrap();
            assert_eq!(identity.ata, Ata::default());
            assert_eq!((identity.wwn, identity.rotation_rpm, identity.form_factor), (None, None, None));
            assert!(!identity.serial_ata);
        }
        // 0001h: a disk that does not rotate.
        assert_eq!(identity(&page(&[(217, 1)], &[])).unwrap().rotation_rpm, None);
    }

    #[test]
    fn registers_come_in_either_format_of_sense_data() {
        let mut descriptor = [0_u8; 22];
        descriptor[..8].copy_from_slice(&[0x72, 0x01, 0x00, 0x1d, 0, 0, 0, 14]);
        descriptor[8..].copy_from_slice(&[0x09, 0x0c, 0, 0, 0, 0xff, 0, 0x01, 0, 0xf4, 0, 0x2c, 0, 0x50]);
        let expected = Registers { count: 0xff, lba: [0xf4, 0x2c] };
        assert_eq!(registers(&descriptor), Some(expected));
        let mut fixed = [0_u8; 18];
        fixed[0] = 0x70;
        fixed[3..7].copy_from_slice(&[0, 0x50, 0, 0xff]);
        fixed[9..14].copy_from_slice(&[0x01, 0xf4, 0x2c, 0x00, 0x1d]);
        assert_eq!(registers(&fixed), Some(expected));
        fixed[4] |= 0x01;
        assert_eq!(registers(&fixed), None);
        fixed[4..14].copy_from_slice(&[0x50, 0, 0xff, 0, 0, 0, 0xf4, 0x2c, 0x00, 0x00]);
        assert_eq!(registers(&fixed), None);
    }

    #[test]
    fn smart_status_is_one_of_two_signatures() {
        let status = |lba| threshold_exceeded(Registers { count: 0, lba });
        assert_eq!(status([0x4f, 0xc2]), Some(false));
        assert_eq!(status([0xf4, 0x2c]), Some(true));
        assert_eq!(status([0, 0]), None);
    }

    proptest! {
        #[test]
        fn no_answer_brings_it_down(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            assert_eq!(identity(&bytes).is_some(), bytes.len() >= IDENTIFY_LENGTH);
            for format in [0x70, 0x72] {
                let _ = registers(&[&[format], &bytes[..]].concat());
            }
        }
    }
}
