// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a frame, as an LLDPDU and as a CDP message: `cargo +nightly fuzz run decode`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lldp_rs::cdp::Cdp;
use lldp_rs::ethernet::{Frame, Payload};
use lldp_rs::{Lldpdu, Neighbour, Tlv};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(frame) = Frame::decode(bytes) {
        match frame.payload {
            Payload::Lldp(lldpdu) => check(lldpdu),
            Payload::Cdp(message) => check_cdp(message.to_vec()),
            Payload::Other { .. } => {}
        }
    }
    check(bytes);
    check_cdp(bytes.to_vec());
});

fn check(bytes: &[u8]) {
    let Ok(lldpdu) = Lldpdu::decode(bytes) else { return };
    let written = lldpdu.encode();
    assert!(bytes.starts_with(&written), "what was read is written as it was");
    assert_eq!(Lldpdu::decode(&written).as_ref(), Ok(&lldpdu));
    for value in lldpdu.values() {
        let tlv = Tlv::new(value.clone()).expect("what was read can be written");
        assert_eq!(tlv.value(), Ok(value));
    }
    show(&Neighbour::from(&lldpdu));
    let shutdown = lldpdu.shutdown();
    assert_eq!(Lldpdu::decode(&shutdown.encode()), Ok(shutdown));
}

/// With the checksum that the bytes need, since no fuzzer would guess it.
fn check_cdp(mut message: Vec<u8>) {
    if let Some(checksum) = message.get_mut(2..4) {
        checksum.fill(0);
        let sum: u64 = message
            .chunks(2)
            .map(|word| u64::from(word[0]) * 256 + word.get(1).map_or(0, |&low| u64::from(low)))
            .sum();
        let checksum = !u16::try_from(if sum == 0 { 0 } else { (sum - 1) % 0xffff + 1 }).expect("folded");
        message[2..4].copy_from_slice(&checksum.to_be_bytes());
    }
    if let Ok(cdp) = Cdp::decode(&message) {
        show(&Neighbour::from(&cdp));
    }
}

/// Nothing that is displayed has control characters.
fn show(neighbour: &Neighbour) {
    let mut shown = vec![neighbour.chassis_id.to_string(), neighbour.port_id.to_string()];
    let texts = [
        &neighbour.port_description,
        &neighbour.system_name,
        &neighbour.system_description,
        &neighbour.model,
    ];
    shown.extend(texts.into_iter().flatten().map(ToString::to_string));
    shown.extend(neighbour.management_addresses.iter().map(ToString::to_string));
    shown.extend(neighbour.faults.iter().map(ToString::to_string));
    assert!(!shown.iter().flat_map(|text| text.chars()).any(char::is_control), "{shown:?}");
}
