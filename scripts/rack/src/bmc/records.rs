// SPDX-License-Identifier: MIT OR Apache-2.0
//! The records that a BMC stores: SDRs of its sensors (IPMI 2.0, section 43.1), SEL events (section 32.1), and FRU
//! inventory (*Platform Management FRU Information Storage Definition*, v1.0).

use std::collections::BTreeMap;

use crate::spec::{BOARD_KEYS, CHASSIS_KEYS, EventSpec, FruSpec, PRODUCT_KEYS, SensorSpec};

/// The full sensor record of a threshold-based sensor.
pub fn sensor(sensor: &SensorSpec) -> Vec<u8> {
    let mask = threshold_mask(sensor);
    let readable = u8::from(mask != 0);
    let mut record = vec![
        // Record ID, which the BMC sets; version; full sensor record; length, which is set below.
        0,
        0,
        0x51,
        0x01,
        0,
        // Owner, LUN and number.
        0x20,
        0,
        sensor.number,
        // Entity, and its instance.
        sensor.entity,
        1,
        // Scanning and events enabled; capabilities: thresholds are readable.
        0x7f,
        0x40 | readable << 2,
        // Sensor type; threshold-based.
        sensor.kind,
        0x01,
        // Event masks, empty; readable thresholds; settable thresholds, none.
        0,
        0,
        0,
        0,
        mask,
        0,
        // Unsigned, base unit, linear.
        0,
        sensor.unit,
        0,
        0,
    ];
    let [m_low, m_high] = sensor.m.to_le_bytes();
    let [b_low, b_high] = sensor.b.to_le_bytes();
    let exponents =
        (sensor.r_exponent.to_le_bytes()[0] & 0x0f) << 4 | sensor.b_exponent.to_le_bytes()[0] & 0x0f;
    record.extend([m_low, m_high << 6, b_low, b_high << 6, 0, exponents]);
    // No nominal and normal readings; then sensor maximum and minimum.
    record.extend([0, 0, 0, 0, 0xff, 0]);
    record.extend(sensor.thresholds().into_iter().rev().map(Option::unwrap_or_default));
    // Hysteresis, reserved bytes and the OEM byte.
    record.extend([0; 5]);
    record.extend(text(&sensor.name));
    let length = u8::try_from(record.len() - 5).unwrap_or_default();
    if let Some(byte) = record.get_mut(4) {
        *byte = length;
    }
    record
}

/// The mask of the thresholds that exist (IPMI 2.0, section 35.9).
pub(crate) fn threshold_mask(sensor: &SensorSpec) -> u8 {
    let bits = sensor.thresholds().into_iter().zip(0..);
    bits.fold(0, |mask, (threshold, bit)| mask | u8::from(threshold.is_some()) << bit)
}

/// A system event record from its time stamp on, which ipmi_sim sets.
pub fn event(event: &EventSpec) -> [u8; 13] {
    let [one, two, three] = event.data;
    let direction = if event.deasserted { 0x80 } else { 0 };
    // From the BMC itself, in the format of IPMI 2.0.
    [0, 0, 0, 0, 0x20, 0, 0x04, event.kind, event.sensor, direction | event.reading, one, two, three]
}

/// FRU inventory with the declared areas.
pub fn fru(spec: &FruSpec) -> Vec<u8> {
    // A rack mount chassis; English; an unknown date of manufacture.
    let areas = [
        area(&[0x17], &spec.chassis, &CHASSIS_KEYS),
        area(&[0x19, 0, 0, 0], &spec.board, &BOARD_KEYS),
        area(&[0x19], &spec.product, &PRODUCT_KEYS),
    ];
    let mut offsets = Vec::new();
    let mut content = Vec::new();
    for area in areas {
        let offset = u8::try_from(1 + content.len() / 8).unwrap_or_default();
        offsets.push(if area.is_empty() { 0 } else { offset });
        content.extend(area);
    }
    let mut fru = vec![1, 0];
    fru.extend(offsets);
    fru.extend([0, 0]);
    fru.push(checksum(&fru));
    fru.extend(content);
    fru
}

/// An area of `start` and the strings in the order of `keys`; empty without any field.
fn area(start: &[u8], fields: &BTreeMap<String, String>, keys: &[&str]) -> Vec<u8> {
    if fields.is_empty() {
        return Vec::new();
    }
    let mut area = [&[1, 0], start].concat();
    area.extend(keys.iter().flat_map(|key| text(fields.get(*key).map_or("", String::as_str))));
    area.push(0xc1);
    // With the checksum, in multiples of eight bytes.
    area.resize((area.len() + 1).next_multiple_of(8) - 1, 0);
    let length = u8::try_from((area.len() + 1) / 8).unwrap_or_default();
    if let Some(byte) = area.get_mut(1) {
        *byte = length;
    }
    area.push(checksum(&area));
    area
}

/// A string in 8-bit ASCII after its type/length byte (IPMI 2.0, section 43.15; FRU, section 13).
fn text(text: &str) -> Vec<u8> {
    let text: Vec<u8> = text.bytes().take(31).collect();
    let length = u8::try_from(text.len()).unwrap_or_default();
    [vec![0xc0 | length], text].concat()
}

/// The checksum: the sum of all bytes with it is zero.
fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_sensor_record_has_its_fields_in_their_places() {
        let spec: SensorSpec = toml::from_str(
            "number = 3\nname = 'Inlet'\nkind = 1\nunit = 1\nreading = 40\nm = -2\nr_exponent = -1\n\
             upper_critical = 90\nlower_noncritical = 5",
        )
        .unwrap();
        let record = sensor(&spec);
        assert_eq!(record[..5], [0, 0, 0x51, 1, 48]);
        // M is -2 in ten bits, the exponent of the result -1 in four.
        assert_eq!((record[7], record[18], record[21]), (3, 0b01_0001, 1));
        assert_eq!((record[24], record[25], record[29]), (0xfe, 0xc0, 0xf0));
        assert_eq!(record[36..42], [0, 90, 0, 0, 0, 5]);
        assert_eq!(record[47..], *b"\xc5Inlet");
    }

    #[test]
    fn fru_inventory_adds_up() {
        let spec: FruSpec = toml::from_str("[board]\nproduct = 'X11'\n[product]\nserial = 'S1'").unwrap();
        let fru = fru(&spec);
        assert_eq!(fru[..6], [1, 0, 0, 1, 3, 0]);
        let (header, areas) = fru.split_at(8);
        let (board, product) = areas.split_at(16);
        for (area, length) in [(header, 8), (board, 16), (product, 16)] {
            assert_eq!((checksum(area), area.len()), (0, length));
        }
    }
}
