// SPDX-License-Identifier: MIT OR Apache-2.0
//! Slots and on-board devices: types 9, 10 and 41. Pure.

use smbioslib::{SMBiosOnboardDevicesExtendedInformation, SMBiosStruct, SMBiosSystemSlot};
use stage1_contract::facts::{OnboardDevice, Slot, SlotPeer};

use super::names::management::ONBOARD;
use super::names::slots::{CHARACTERISTICS_1, CHARACTERISTICS_2, HEIGHT, LENGTH, SLOT, USAGE, WIDTH};
use super::structure::{Structure, bus_address};

/// A slot, type 9 (DSP0134 7.10).
pub(super) fn slot(at: Structure) -> Slot {
    let slot = SMBiosSystemSlot::new(at.parts);
    let kind = at.byte(0x05);
    let peers = at.announced(0x12, PEER);
    let after_peers = 0x13 + peers * PEER;
    Slot {
        handle: at.handle(),
        designation: at.text(slot.slot_designation()),
        slot_type: kind.map(|kind| SLOT.of(kind)),
        bus_width: slot.slot_data_bus_width().map(|width| WIDTH.of(width.raw)),
        usage: slot.current_usage().map(|usage| USAGE.of(usage.raw)),
        length: slot.slot_length().map(|length| LENGTH.of(length.raw)),
        id: kind.and_then(|kind| id(at, kind)),
        characteristics: characteristics(&slot),
        bus_address: at.bus_address(0x0d),
        base_lanes: slot.data_bus_width(),
        peers: (0..peers).map_while(|peer| self::peer(at, 0x13 + peer * PEER)).collect(),
        pcie_generation: kind
            .filter(|kind| is_pcie(*kind))
            .and_then(|_| at.byte(after_peers))
            .filter(|generation| *generation != 0),
        physical_width: at.byte(after_peers + 1).filter(|width| *width != 0).map(|width| WIDTH.of(width)),
        pitch_micrometers: at
            .word(after_peers + 2)
            .filter(|pitch| *pitch != 0)
            .map(|pitch| u32::from(pitch) * 10),
        height: at.byte(after_peers + 4).map(|height| HEIGHT.of(height)),
    }
}

/// The bytes of one peer: segment, bus, device and function, width (DSP0134 7.10.9).
const PEER: usize = 5;

fn peer(at: Structure, offset: usize) -> Option<SlotPeer> {
    let (segment, bus) = (at.word(offset)?, at.byte(offset + 2)?);
    let (function, lanes) = (at.byte(offset + 3)?, at.byte(offset + 4)?);
    Some(SlotPeer { bus_address: bus_address(segment, bus, function), lanes })
}

/// What the ID means depends on the slot's type, and most have none (DSP0134 7.10.5).
fn id(at: Structure, kind: u8) -> Option<String> {
    let (number, socket) = (at.byte(0x09)?, at.byte(0x0a)?);
    match kind {
        0x04..=0x06 | 0x0e..=0x13 => Some(number.to_string()),
        0x07 => Some(format!("Adapter {number}, Socket {socket}")),
        kind if is_pcie(kind) => Some(number.to_string()),
        _ => None,
    }
}

fn is_pcie(kind: u8) -> bool {
    matches!(kind, 0x1f..=0x23 | 0xa5..=0xb6 | 0xb8..=0xc4)
}

/// Bit 0 means that the other bits are not valid (DSP0134 7.10.6).
fn characteristics(slot: &SMBiosSystemSlot) -> Vec<String> {
    let first = slot.slot_characteristics_1().map_or(0, |bits| bits.raw);
    if first & 1 == 1 {
        return Vec::new();
    }
    let mut all = CHARACTERISTICS_1.of(first);
    all.extend(CHARACTERISTICS_2.of(slot.slot_characteristics_2().map_or(0, |bits| bits.raw)));
    all
}

/// Devices on the board, type 10: as many as fit in (DSP0134 7.11).
pub(super) fn onboard(at: Structure) -> Vec<OnboardDevice> {
    let offsets = (4..at.length().saturating_sub(1)).step_by(2);
    offsets
        .map(|offset| OnboardDevice {
            handle: at.handle(),
            designation: at.text(at.parts.get_field_string(offset + 1)),
            ..typed(at.byte(offset))
        })
        .collect()
}

/// A device on the board, type 41 (DSP0134 7.42).
pub(super) fn onboard_extended(at: Structure) -> OnboardDevice {
    let device = SMBiosOnboardDevicesExtendedInformation::new(at.parts);
    OnboardDevice {
        handle: at.handle(),
        designation: at.text(device.reference_designation()),
        instance: device.device_type_instance(),
        bus_address: at.bus_address(0x07),
        ..typed(at.byte(0x05))
    }
}

/// The type with, in bit 7, whether it is enabled (DSP0134 7.11.1).
fn typed(code: Option<u8>) -> OnboardDevice {
    OnboardDevice {
        device_type: code.map(|code| ONBOARD.of(code & 0x7f)),
        enabled: code.map(|code| code & 0x80 != 0),
        ..OnboardDevice::default()
    }
}
