// SPDX-License-Identifier: MIT OR Apache-2.0
//! The vital product data of a SCSI disk, as the kernel has read it and keeps it in `/sys` (SPC-5 7.7; SBC-4 6.6). Pure.

use crate::facts::bytes::{array, text};

/// The serial number, from VPD page 80h (SPC-5 7.7.19).
pub(super) fn serial(page: &[u8]) -> Option<String> {
    text(body(page, 0x80)?)
}

/// Rotation in revolutions a minute, and the form factor, from VPD page B1h (SBC-4 6.6.3).
pub(super) fn characteristics(page: &[u8]) -> (Option<u16>, Option<String>) {
    let Some(body) = body(page, 0xb1) else { return (None, None) };
    // 0001h is a medium that does not rotate; what lies between is reserved.
    let rpm = array(body, 0).map(u16::from_be_bytes).filter(|rpm| (0x401..=0xfffe).contains(rpm));
    (rpm, body.get(3).and_then(|byte| form_factor(byte & 0x0f)))
}

/// An ATA disk's IDENTIFY DEVICE data, from VPD page 89h (SAT-4 12.4.2).
pub(super) fn ata_identity(page: &[u8]) -> Option<&[u8]> {
    let body = body(page, 0x89)?;
    // The command that the data is of; ECh is IDENTIFY DEVICE.
    if *body.get(52)? == 0xec { body.get(56..568) } else { None }
}

/// A nominal form factor (SBC-4 table 273; the values from 6 are ATA's, ACS-4 9.11.8.3), in smartctl's words.
pub(super) fn form_factor(code: u8) -> Option<String> {
    let name = match code {
        0 => return None,
        1 => "5.25 inches",
        2 => "3.5 inches",
        3 => "2.5 inches",
        4 => "1.8 inches",
        5 => "< 1.8 inches",
        6 => "mSATA",
        7 => "M.2",
        8 => "MicroSSD",
        9 => "CFast",
        other => return Some(format!("{other:#04x}")),
    };
    Some(name.to_string())
}

/// What follows the header of the page with the code.
fn body(page: &[u8], code: u8) -> Option<&[u8]> {
    let [_device, found, high, low, body @ ..] = page else { return None };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    (*found == code).then(|| &body[..length.min(body.len())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    #[test]
    fn pages_are_read_up_to_their_length_field() {
        assert_eq!(serial(b"\x00\x80\x00\x08  ZC11ABjunk").as_deref(), Some("ZC11AB"));
        assert_eq!(serial(b"\x00\x80\x00\x08    "), None);
        assert_eq!(serial(b"\x00\x83\x00\x04ABCD"), None);
        let page = [0x00, 0xb1, 0x00, 0x3c, 0x1c, 0x20, 0x00, 0x02];
        assert_eq!(characteristics(&page), (Some(7200), Some("3.5 inches".to_string())));
        assert_eq!(characteristics(&[0x00, 0xb1, 0x00, 0x3c, 0x00, 0x01]), (None, None));
    }

    #[test]
    fn the_identity_of_an_ata_disk_is_at_its_place() {
        let mut page = [0; 572];
        page[..4].copy_from_slice(&[0x00, 0x89, 0x02, 0x38]);
        page[56] = 0xec;
        page[60] = 0x40;
        page[571] = 0xa5;
        let data = ata_identity(&page).unwrap();
        assert_eq!((data.len(), data[0], data[511]), (512, 0x40, 0xa5));
        assert_eq!(ata_identity(&page[..571]), None);
        // IDENTIFY PACKET DEVICE: no disk.
        page[56] = 0xa1;
        assert_eq!(ata_identity(&page), None);
    }

    proptest! {
        #[test]
        fn no_page_brings_it_down(bytes in prop::collection::vec(any::<u8>(), 0..600), code in any::<u8>()) {
            let page = [&[0, code], &bytes[..]].concat();
            let _ = (serial(&page), characteristics(&page), ata_identity(&page));
        }
    }
}
