// SPDX-License-Identifier: MIT OR Apache-2.0
//! Wireshark's dissector as the second opinion: every LLDP field that tshark shows is as this crate reads it.
//! Skipped, with a note, where there is no tshark.

mod common;

use common::shown::Fields;
use common::{CISCO, MAC, cdp, cdp_frame, hex, lldpdus, read_pcap, write_pcap};
use lldp_rs::cdp::Cdp;
use lldp_rs::ethernet::{Frame, NEAREST_BRIDGE, Payload, lldp_frame};
use lldp_rs::{ChassisId, Dot1, Kind, Lldpdu, Text, Value};
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
            capture(&path.display().to_string(), &read_pcap(&std::fs::read(&path).unwrap()));
        }
    }
}

/// What captures have: TLVs of vendors, frames that are cut or belong to another protocol, CDP without half of its fields.
#[test]
fn a_capture_may_have_anything() {
    let plain = lldpdus();
    let with_vendor = |subtype, info: &[u8]| {
        let vendor = Value::Organization { oui: [0x00, 0x0e, 0xcf], subtype, info: info.to_vec() };
        let capabilities = Value::Dot1(Dot1::PortVlanId(30));
        let chassis = plain[0].chassis_id().clone();
        lldp_frame(
            NEAREST_BRIDGE,
            MAC,
            &Lldpdu::new(chassis, plain[0].port_id().clone(), 9, [vendor, capabilities]).unwrap(),
        )
    };
    let mut cut = lldp_frame(NEAREST_BRIDGE, MAC, &plain[0]);
    cut.truncate(70);
    let mut wrong_sum = cdp(2, &CISCO);
    wrong_sum[2] ^= 1;
    let bare: [(u16, &[u8]); 3] = [(3, b"Gi1/0/7"), (1, b"sw1"), (0x1a, &[0, 0, 0, 1, 0, 0, 0, 0])];
    let frames = [
        with_vendor(2, &[0, 1, 0, 0]),
        cdp_frame(&cdp(1, &bare)),
        cdp_frame(&wrong_sum),
        cut,
        vec![0x08; 60],
    ];
    assert_eq!(capture("anything", &frames), Some(3));
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
const NOT_OURS: [&str; 15] = [
    "lldp.ieee.802_3.pmd_auto_neg_advertised_caps_inv.",
    "lldp.ieee.802_3.bt_autoclass_reserved",
    "lldp.media.civic.",
    "lldp.media.loc.lat",
    "lldp.media.loc.long",
    "lldp.media.loc.alt",
    "lldp.media.loc.datum",
    "lldp.tlv_deprecated",
    "lldp.dcbx.proto",
    "lldp.dcbx.type",
    "lldp.dcbx.len",
    "lldp.dcbx.feature.app.prio",
    "lldp.dcbx.feature.pg.reserved",
    "lldp.dcbx.ieee.app.reserved",
    "lldp.iana.subtype",
];

/// All fields of all frames, which the crate and tshark must have in the same number and order.
fn compare(name: &str, frames: &[Vec<u8>]) {
    let Some(packets) = packets(name, frames) else { return };
    for (frame, packet) in frames.iter().zip(packets) {
        let ours = shown(frame).unwrap_or_else(|| panic!("{name}: not good LLDP or CDP: {frame:x?}"));
        let is_cdp = ours.0[0].0.starts_with("cdp");
        let known = |(field, _): &(String, String)| match is_cdp {
            true => ours.0.iter().any(|(ours, _)| ours == field),
            false => field.starts_with("lldp.") && !NOT_OURS.iter().any(|other| field.starts_with(other)),
        };
        let theirs: Vec<_> = fields(&packet, &ours).into_iter().filter(known).collect();
        assert!(theirs.len() >= 6, "{name}: tshark shows {theirs:?}");
        for (index, (ours, theirs)) in ours.0.iter().zip(&theirs).enumerate() {
            assert_eq!(ours, theirs, "{name}: field {index}");
        }
        assert_eq!(ours.0.len(), theirs.len(), "{name}: as many fields");
        eprintln!("{name}: {} fields agree", theirs.len());
    }
}

/// The fields that the crate has, of the frames of a capture that are good LLDP or CDP for both; returns how many frames
/// that are. In any order: CDP's is the sender's.
fn capture(name: &str, frames: &[Vec<u8>]) -> Option<usize> {
    let packets = packets(name, frames)?;
    let mut ours_all = Fields::default();
    lldpdus().iter().flat_map(Lldpdu::tlvs).for_each(|tlv| ours_all.tlv(tlv));
    ours_all.cdp(&Cdp::decode(&cdp(2, &CISCO)).unwrap());
    let mut compared = 0;
    for (number, (frame, packet)) in (1..).zip(frames.iter().zip(packets)) {
        let is_malformed = packet.contains("\"_ws.malformed\"") || packet.contains("\"_ws.short\"");
        let Some(ours) = shown(frame).filter(|_| !is_malformed) else {
            eprintln!("{name}: frame {number} is not compared");
            continue;
        };
        let known = |(field, _): &(String, String)| {
            let is_known = |fields: &Fields| fields.0.iter().any(|(ours, _)| ours == field);
            (is_known(&ours) || is_known(&ours_all)) && !NOT_OURS.iter().any(|other| field.starts_with(other))
        };
        let mut theirs: Vec<_> = fields(&packet, &ours).into_iter().filter(known).collect();
        let mut ours = ours.0;
        // Of vendors' TLVs the dissector knows more.
        ours.retain(|(field, _)| !field.starts_with("lldp.unknown_subtype"));
        theirs.retain(|(field, _)| !field.starts_with("lldp.unknown_subtype"));
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs, "{name}: frame {number}");
        compared += 1;
    }
    Some(compared)
}

/// What the crate has of a frame; nothing if it is another protocol, or has faults other than a wrong checksum.
fn shown(frame: &[u8]) -> Option<Fields> {
    let mut ours = Fields::default();
    match Frame::decode(frame).ok()?.payload {
        Payload::Lldp(payload) => {
            let lldpdu = Lldpdu::decode(payload).ok().filter(|lldpdu| lldpdu.faults().count() == 0)?;
            lldpdu.tlvs().iter().for_each(|tlv| ours.tlv(tlv));
        }
        Payload::Cdp(message) => {
            let cdp = Cdp::decode(message).ok()?;
            let is_good = cdp.faults.iter().all(|fault| fault.kind == Kind::CdpHeader);
            ours.cdp(&Some(cdp).filter(|_| is_good)?);
        }
        Payload::Other { .. } => return None,
    }
    Some(ours)
}

/// tshark's PDML of each frame.
fn packets(name: &str, frames: &[Vec<u8>]) -> Option<Vec<String>> {
    let Some(pdml) = tshark(&write_pcap(frames)) else {
        eprintln!("skipped {name}: there is no tshark");
        return None;
    };
    let packets: Vec<String> = pdml.split("<packet>").skip(1).map(str::to_string).collect();
    assert_eq!(packets.len(), frames.len(), "{name}");
    Some(packets)
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
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn bytes_are_distinguished_from_numbers() {
    assert_eq!(hex(&[0, 0x1b]), "x001b");
}
