// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an NVMe controller answers: Identify and log pages (NVM Express 1.4, 5.15.2 and 5.14.1). Pure.

use stage1_contract::facts::{LbaFormat, Nvme, NvmeFirmware, NvmeHealth, NvmeNamespace};

use crate::facts::bytes::{array, hexadecimal, text};

/// Length of an Identify data structure (5.15.1).
pub(super) const IDENTIFY_LENGTH: usize = 4096;
/// Length of the SMART and of the firmware slot log (5.14.1.2, 5.14.1.3).
pub(super) const LOG_LENGTH: usize = 512;

/// An Identify Controller data structure (figure 247).
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Controller {
    /// Bytes 4-23.
    pub serial: Option<String>,
    /// Bytes 24-63.
    pub model: Option<String>,
    /// Bytes 64-71.
    pub revision: Option<String>,
    /// The rest.
    pub nvme: Nvme,
}

/// Reads an Identify Controller data structure.
pub(super) fn controller(page: &[u8]) -> Option<Controller> {
    let page: &[u8; IDENTIFY_LENGTH] = page.first_chunk()?;
    let id =
        |at| array(page, at).map(u16::from_le_bytes).filter(|id| *id != 0).map(|id| format!("{id:#06x}"));
    let version = array(page, 80).map(u32::from_le_bytes).filter(|version| *version != 0);
    let slots = page[260] >> 1 & 0x7;
    let total = saturated(page, 280);
    Some(Controller {
        serial: text(&page[4..24]),
        model: text(&page[24..64]),
        revision: text(&page[64..72]),
        nvme: Nvme {
            vendor_id: id(0),
            subsystem_vendor_id: id(2),
            oui: hexadecimal(&[page[75], page[74], page[73]]),
            controller_id: array(page, 78).map(u16::from_le_bytes),
            version: version.map(|v| format!("{}.{}.{}", v >> 16, v >> 8 & 0xff, v & 0xff)),
            // Both are 0 without namespace management.
            total_capacity_bytes: Some(total).filter(|total| *total != 0),
            unallocated_capacity_bytes: Some(saturated(page, 296)).filter(|_| total != 0),
            namespaces_max: array(page, 516).map(u32::from_le_bytes),
            subsystem_nqn: page[768..1024].split(|byte| *byte == 0).next().and_then(text),
            firmware: (slots != 0).then(|| NvmeFirmware {
                slots,
                first_slot_read_only: page[260] & 0x01 != 0,
                activates_without_reset: page[260] & 0x10 != 0,
                ..NvmeFirmware::default()
            }),
            ..Nvme::default()
        },
    })
}

/// Reads an Identify Namespace data structure (figure 245); it has no namespace number.
pub(super) fn namespace(page: &[u8]) -> Option<NvmeNamespace> {
    let page: &[u8; IDENTIFY_LENGTH] = page.first_chunk()?;
    // Bits 6:5 came with the 64 formats of NVMe 2.0; before that they were reserved, and 0.
    let in_use = page[26] & 0x0f | page[26] >> 1 & 0x30;
    let formats: Vec<LbaFormat> = (0..=page[25].min(63)).filter_map(|at| format(page, at, in_use)).collect();
    let block = formats.iter().find(|format| format.in_use).map_or(0, |format| format.data_bytes);
    let blocks = |at| array(page, at).map_or(0, u64::from_le_bytes).saturating_mul(block);
    Some(NvmeNamespace {
        id: 0,
        size_bytes: blocks(0),
        capacity_bytes: blocks(8),
        used_bytes: blocks(16),
        nguid: hexadecimal(&page[104..120]),
        eui64: hexadecimal(&page[120..128]),
        formats,
    })
}

/// Figure 246. A format without a size is not available.
fn format(page: &[u8], number: u8, in_use: u8) -> Option<LbaFormat> {
    let [metadata_low, metadata_high, shift, performance] = array(page, 128 + 4 * usize::from(number))?;
    let performance = ["Best", "Better", "Good", "Degraded"].get(usize::from(performance & 0x3))?;
    Some(LbaFormat {
        data_bytes: 1_u64.checked_shl(u32::from(shift)).filter(|_| shift != 0)?,
        metadata_bytes: u16::from_le_bytes([metadata_low, metadata_high]),
        performance: (*performance).to_string(),
        in_use: number == in_use,
    })
}

/// Reads the SMART / Health Information log (figure 194).
pub(super) fn health(log: &[u8]) -> Option<NvmeHealth> {
    let log: &[u8; LOG_LENGTH] = log.first_chunk()?;
    let warning = |bit: u8| match bit {
        _ if log[0] & 1 << bit == 0 => None,
        0 => Some("available_spare".to_string()),
        1 => Some("temp_threshold".to_string()),
        2 => Some("reliability_degraded".to_string()),
        3 => Some("ro".to_string()),
        4 => Some("vmbu_failed".to_string()),
        5 => Some("pmr_ro".to_string()),
        _ => Some(format!("{:#04x}", 1_u8 << bit)),
    };
    let kelvin = i32::from(u16::from_le_bytes([log[1], log[2]]));
    // Data units are 1000 blocks of 512 bytes, whatever the namespace's format.
    let data = |at| saturated(log, at).saturating_mul(512_000);
    Some(NvmeHealth {
        critical_warnings: (0..8).filter_map(warning).collect(),
        temperature_celsius: (kelvin != 0).then_some(kelvin - 273),
        available_spare_percent: log[3],
        available_spare_threshold_percent: log[4],
        used_percent: log[5],
        read_bytes: data(32),
        written_bytes: data(48),
        power_cycles: saturated(log, 112),
        power_on_hours: saturated(log, 128),
        unsafe_shutdowns: saturated(log, 144),
        media_errors: saturated(log, 160),
        error_log_entries: saturated(log, 176),
    })
}

/// Reads the Firmware Slot Information log (figure 195); it does not have the number of slots.
pub(super) fn firmware(log: &[u8]) -> Option<NvmeFirmware> {
    let log: &[u8; LOG_LENGTH] = log.first_chunk()?;
    let slot = |number: u8| (number != 0).then_some(number);
    let revisions = (1..=7).filter_map(|slot: usize| Some((slot.to_string(), text(&log[8 * slot..][..8])?)));
    Some(NvmeFirmware {
        active_slot: slot(log[0] & 0x7),
        next_slot: slot(log[0] >> 4 & 0x7),
        revisions: revisions.collect(),
        ..NvmeFirmware::default()
    })
}

/// A number of 128 bits, as far as 64 hold it.
fn saturated(bytes: &[u8], at: usize) -> u64 {
    array(bytes, at).map(u128::from_le_bytes).map_or(0, |number| number.try_into().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    fn page<const N: usize>(parts: &[(usize, &[u8])]) -> [u8; N] {
        let mut page = [0; N];
        for (at, bytes) in parts {
            page[*at..*at + bytes.len()].copy_from_slice(bytes);
        }
        page
    }

    #[test]
    fn a_controller_is_read_at_the_offsets_of_figure_247() {
        let page: [u8; IDENTIFY_LENGTH] = page(&[
            (0, &[0x4d, 0x14, 0x4d, 0x14]),
            (4, b"S64GNE0R123456      "),
            (24, b"SAMSUNG MZQL21T9HCJR-00A07              "),
            (64, b"GDC5602Q"),
            (73, &[0x38, 0x25, 0x00]),
            (78, &[6, 0]),
            (80, &[0, 4, 1, 0]),
            (260, &[0x17]),
            (280, &1_920_383_410_176_u128.to_le_bytes()),
            (296, &512_u128.to_le_bytes()),
            (516, &[32, 0, 0, 0]),
            (768, b"nqn.1994-11.com.samsung:nvme:PM9A3:2.5-inch:S64GNE0R123456\0rest"),
        ]);
        let controller = controller(&page).unwrap();
        assert_eq!(controller.serial.as_deref(), Some("S64GNE0R123456"));
        assert_eq!(controller.model.as_deref(), Some("SAMSUNG MZQL21T9HCJR-00A07"));
        assert_eq!(controller.revision.as_deref(), Some("GDC5602Q"));
        let nvme = Nvme {
            vendor_id: Some("0x144d".to_string()),
            subsystem_vendor_id: Some("0x144d".to_string()),
            oui: Some("002538".to_string()),
            controller_id: Some(6),
            version: Some("1.4.0".to_string()),
            total_capacity_bytes: Some(1_920_383_410_176),
            unallocated_capacity_bytes: Some(512),
            namespaces_max: Some(32),
            subsystem_nqn: Some("nqn.1994-11.com.samsung:nvme:PM9A3:2.5-inch:S64GNE0R123456".to_string()),
            firmware: Some(NvmeFirmware {
                slots: 3,
                first_slot_read_only: true,
                activates_without_reset: true,
                ..NvmeFirmware::default()
            }),
            ..Nvme::default()
        };
        assert_eq!(controller.nvme, nvme);
    }

    #[test]
    fn a_namespace_is_measured_in_the_blocks_that_it_has() {
        let page: [u8; IDENTIFY_LENGTH] = page(&[
            (0, &1000_u64.to_le_bytes()),
            (8, &900_u64.to_le_bytes()),
            (16, &10_u64.to_le_bytes()),
            (25, &[2]),
            (26, &[1]),
            (104, &[0x36, 0x34, 0x47, 0x30, 0x52, 0x12, 0x34, 0x56, 0x00, 0x25, 0x38, 0x45, 0, 0, 0, 1]),
            (128, &[0, 0, 9, 1]),
            (132, &[8, 0, 12, 0]),
            (136, &[0, 0, 0, 3]),
        ]);
        let namespace = namespace(&page).unwrap();
        assert_eq!(namespace.size_bytes, 4_096_000);
        assert_eq!(namespace.capacity_bytes, 3_686_400);
        assert_eq!(namespace.used_bytes, 40_960);
        assert_eq!(namespace.nguid.as_deref(), Some("36344730521234560025384500000001"));
        assert_eq!(namespace.eui64, None);
        let format = |data_bytes, metadata_bytes, performance: &str, in_use| LbaFormat {
            data_bytes,
            metadata_bytes,
            performance: performance.to_string(),
            in_use,
        };
        assert_eq!(namespace.formats, [format(512, 0, "Better", false), format(4096, 8, "Best", true)]);
    }

    #[test]
    fn the_seventeenth_format_is_in_the_upper_bits() {
        let page: [u8; IDENTIFY_LENGTH] = page(&[(25, &[16]), (26, &[0x20]), (128 + 4 * 16, &[0, 0, 12, 0])]);
        assert_eq!(namespace(&page).unwrap().formats.len(), 1);
        assert!(namespace(&page).unwrap().formats[0].in_use);
    }

    #[test]
    fn health_is_read_at_the_offsets_of_figure_194() {
        let log: [u8; LOG_LENGTH] = page(&[
            (0, &[0x45]),
            (1, &[0x38, 0x01]),
            (3, &[99, 10, 130]),
            (32, &2_u128.to_le_bytes()),
            (48, &u128::MAX.to_le_bytes()),
            (112, &3_u128.to_le_bytes()),
            (128, &4_u128.to_le_bytes()),
            (144, &5_u128.to_le_bytes()),
            (160, &6_u128.to_le_bytes()),
            (176, &7_u128.to_le_bytes()),
        ]);
        let expected = NvmeHealth {
            critical_warnings: ["available_spare", "reliability_degraded", "0x40"].map(String::from).to_vec(),
            temperature_celsius: Some(39),
            available_spare_percent: 99,
            available_spare_threshold_percent: 10,
            used_percent: 130,
            read_bytes: 1_024_000,
            written_bytes: u64::MAX,
            power_cycles: 3,
            power_on_hours: 4,
            unsafe_shutdowns: 5,
            media_errors: 6,
            error_log_entries: 7,
        };
        assert_eq!(health(&log), Some(expected));
    }

    #[test]
    fn firmware_slots_are_counted_from_one() {
        let log: [u8; LOG_LENGTH] = page(&[(0, &[0x21]), (8, b"GDC5602Q"), (16, b"GDC5702Q")]);
        let firmware = firmware(&log).unwrap();
        assert_eq!((firmware.active_slot, firmware.next_slot), (Some(1), Some(2)));
        let revisions = [("1", "GDC5602Q"), ("2", "GDC5702Q")];
        assert_eq!(firmware.revisions, revisions.map(|(slot, words)| (slot.into(), words.into())).into());
    }

    proptest! {
        #[test]
        fn no_page_brings_it_down(bytes in prop::collection::vec(any::<u8>(), 0..4200)) {
            assert_eq!(controller(&bytes).is_some(), bytes.len() >= IDENTIFY_LENGTH);
            assert_eq!(namespace(&bytes).is_some(), bytes.len() >= IDENTIFY_LENGTH);
            assert_eq!(health(&bytes).is_some(), bytes.len() >= LOG_LENGTH);
            assert_eq!(firmware(&bytes).is_some(), bytes.len() >= LOG_LENGTH);
        }
    }
}
