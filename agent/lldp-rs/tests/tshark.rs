// SPDX-License-Identifier: MIT OR Apache-2.0
//! Wireshark's dissector as the second opinion: every LLDP field that tshark shows is as this crate reads it.
//! Skipped, with a note, where there is no tshark.

mod common;

use common::shown::Fields;
use common::{CISCO, MAC, cdp, cdp_frame, hex, lldpdus, read_pcap, write_pcap};
use lldp_rs::cdp::Cdp;
use lldp_rs::ethernet::{Frame, NEAREST_BRIDGE, Payload, lldp_frame};
use lldp_rs::{ChassisId, Lldpdu, Text};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn every_tlv_is_as_tshark_shows_it() {
    let mut frames: Vec<_> = lldpdus().iter().map(|lldpdu| lldp_frame(NEAREST_BRIDGE, MAC, lldpdu)).collect();
    let lldpdu = Lldpdu::solicit(ChassisId::Local(Text::from("boot 7f3a")), MAC, 20, "node1").unwrap();
    frames.push(lldp_frame(NEAREST_BRIDGE, MAC, &lldpdu));
    frames.push(lldp_frame(NEAREST_BRIDGE, MAC, &lldpdu.shutdown()));
    compare("every TLV", &frames);
}

#[test]
fn captures_are_as_tshark_shows_them() {
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/lldp");
    let Ok(entries) = captures.read_dir() else {
        eprintln!("skipped: there are no captures of real switches at {}", captures.display());
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "pcap") {
            compare(&path.display().to_string(), &read_pcap(&std::fs::read(&path).unwrap()));
        }
    }
}

#[test]
fn cdp_is_as_tshark_shows_it() {
    // The last byte of a message of uneven length enters Cisco's checksum in its own way, and differently with its high bit set.
    let uneven = |serial: &[u8]| {
        let message = cdp(2, &[&CISCO[..], &[(0x1004, serial)]].concat());
        assert_eq!(message.len() % 2, 1);
        cdp_frame(&message)
    };
    compare("CDP", &[cdp_frame(&cdp(2, &CISCO)), uneven(b"xy"), uneven(b"x\xe9"), uneven(b"x\x80")]);
}

/// How the names of fields begin in which the dissector goes deeper than the crate, or has an opinion.
const NOT_OURS: [&str; 8] = [
    "lldp.ieee.802_3.pmd_auto_neg_advertised_caps_inv.",
    "lldp.ieee.802_3.bt_autoclass_reserved",
    "lldp.media.civic.",
    "lldp.media.loc.lat",
    "lldp.media.loc.long",
    "lldp.media.loc.alt",
    "lldp.media.loc.datum",
    "lldp.tlv_deprecated",
];

fn compare(name: &str, frames: &[Vec<u8>]) {
    let Some(pdml) = tshark(&write_pcap(frames)) else {
        eprintln!("skipped {name}: there is no tshark");
        return;
    };
    let packets: Vec<&str> = pdml.split("<packet>").skip(1).collect();
    assert_eq!(packets.len(), frames.len(), "{name}");
    for (frame, packet) in frames.iter().zip(packets) {
        let mut ours = Fields::default();
        let read = Frame::decode(frame).unwrap();
        match read.payload {
            Payload::Lldp(payload) => {
                Lldpdu::decode(payload).unwrap().tlvs().iter().for_each(|tlv| ours.tlv(tlv));
            }
            Payload::Cdp(message) => ours.cdp(&Cdp::decode(message).unwrap()),
            Payload::Other { .. } => panic!("{name}: not LLDP: {read:?}"),
        }
        let known = |(field, _): &(String, String)| match read.payload {
            Payload::Cdp(_) => ours.0.iter().any(|(ours, _)| ours == field),
            _ => field.starts_with("lldp.") && !NOT_OURS.iter().any(|other| field.starts_with(other)),
        };
        let theirs: Vec<_> = fields(packet, &ours).into_iter().filter(known).collect();
        assert!(theirs.len() >= 6, "{name}: tshark shows {theirs:?}");
        for (index, (ours, theirs)) in ours.0.iter().zip(&theirs).enumerate() {
            assert_eq!(ours, theirs, "{name}: field {index}");
        }
        assert_eq!(ours.0.len(), theirs.len(), "{name}: as many fields");
        eprintln!("{name}: {} fields agree", theirs.len());
    }
}

/// Name and content of the fields in PDML, written as [`Fields`] has them: by what is shown, or by the bytes where
/// ours has bytes.
fn fields(packet: &str, ours: &Fields) -> Vec<(String, String)> {
    packet
        .split("<field name=\"")
        .skip(1)
        .map(|field| {
            let name = field.split('"').next().unwrap();
            let attribute = |attribute: &str| {
                let value = field.split(&format!(" {attribute}=\"")).nth(1).unwrap_or_default();
                value.split('"').next().unwrap_or_default().to_string()
            };
            let by_bytes = ours.0.iter().any(|(field, content)| field == name && content.starts_with('x'));
            let shown = attribute("show");
            let number = shown.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
            let content = match number {
                _ if by_bytes => format!("x{}", attribute("value")),
                Some(number) => number.to_string(),
                None => shown,
            };
            (name.to_string(), content)
        })
        .collect()
}

fn tshark(pcap: &[u8]) -> Option<String> {
    let child = Command::new("tshark")
        .args(["-n", "-r", "-", "-T", "pdml"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match child {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        child => child.unwrap(),
    };
    child.stdin.take().unwrap().write_all(pcap).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "tshark: {}", output.status);
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn bytes_are_distinguished_from_numbers() {
    assert_eq!(hex(&[0, 0x1b]), "x001b");
}
