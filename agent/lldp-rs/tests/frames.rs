// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames built by hand: their values, and the faults of the bad ones.

mod common;

use common::{CISCO, MAC, cdp, cdp_frame, ip, lldpdus, optional_values};
use lldp_rs::cdp::{Cdp, CdpError};
use lldp_rs::ethernet::{Frame, NEAREST_BRIDGE, Payload, VlanTag, lldp_frame};
use lldp_rs::{
    Capabilities, ChassisId, DecodeError, Dot1, EncodeError, Fault, Kind, Lldpdu, Med, Neighbour,
    NetworkAddress, NetworkPolicy, PortId, Problem, Protocol, SystemCapabilities, Text, Tlv, Value,
};

const CHASSIS: &[u8] = b"\x02\x07\x04\x00\x1b\x21\xaa\xbb\xcc";
const PORT: &[u8] = b"\x04\x05\x05swp1";
const TTL: &[u8] = b"\x06\x02\x00\x78";
const NAME: &[u8] = b"\x0a\x03sw1";
const END: &[u8] = b"\x00\x00";

fn decode(tlvs: &[&[u8]]) -> Result<Lldpdu, DecodeError> {
    let bytes = tlvs.concat();
    let lldpdu = Lldpdu::decode(&bytes)?;
    assert!(bytes.starts_with(&lldpdu.encode()));
    Ok(lldpdu)
}

#[test]
fn the_smallest_lldpdu() {
    let lldpdu = decode(&[CHASSIS, PORT, TTL, END]).unwrap();
    assert_eq!(lldpdu.chassis_id(), &ChassisId::MacAddress(MAC));
    assert_eq!(lldpdu.port_id(), &PortId::InterfaceName(Text::from("swp1")));
    assert_eq!((lldpdu.ttl(), lldpdu.is_shutdown()), (120, false));
    assert_eq!(lldpdu.tlvs().len(), 4);
    assert_eq!(Lldpdu::new(ChassisId::MacAddress(MAC), lldpdu.port_id().clone(), 120, []), Ok(lldpdu));
}

#[test]
fn padding_is_no_part_of_it() {
    let lldpdu = decode(&[CHASSIS, PORT, TTL, END, NAME, b"\xff"]).unwrap();
    assert_eq!(lldpdu.encode(), [CHASSIS, PORT, TTL, END].concat());
    assert_eq!(lldpdu.faults().count(), 0);
}

#[test]
fn the_end_may_be_missing() {
    let lldpdu = decode(&[CHASSIS, PORT, TTL, NAME]).unwrap();
    assert_eq!(lldpdu.encode(), [CHASSIS, PORT, TTL, NAME].concat());
    assert_eq!(lldpdu.faults().count(), 0);
}

#[test]
fn faults_in_mandatory_tlvs_discard_the_lldpdu() {
    let missing = |expected, found, offset| DecodeError::Missing { expected, found, offset };
    let bad = |kind, offset, problem| DecodeError::Malformed(Fault { kind, offset, problem });
    let length = |field, least, most, actual| Problem::BadLength { field, least, most, actual };
    let long = [&[0x02 + 1, 0x01, 7][..], &[b'x'; 256]].concat();
    let cases: [(&[&[u8]], DecodeError); 15] = [
        (&[], missing(Kind::CHASSIS_ID, None, 0)),
        (&[END], missing(Kind::CHASSIS_ID, Some(Kind::END), 0)),
        (&[PORT, CHASSIS, TTL, END], missing(Kind::CHASSIS_ID, Some(Kind::PORT_ID), 0)),
        (&[CHASSIS, TTL, PORT, END], missing(Kind::PORT_ID, Some(Kind::TIME_TO_LIVE), 9)),
        (&[CHASSIS, CHASSIS], missing(Kind::PORT_ID, Some(Kind::CHASSIS_ID), 9)),
        (&[CHASSIS, PORT, NAME, TTL], missing(Kind::TIME_TO_LIVE, Some(Kind::SYSTEM_NAME), 16)),
        (&[CHASSIS, PORT], missing(Kind::TIME_TO_LIVE, None, 16)),
        (&[b"\x02\x00", PORT, TTL], bad(Kind::CHASSIS_ID, 0, Problem::TooShort { needed: 1, actual: 0 })),
        (&[b"\x02\x01\x07", PORT, TTL], bad(Kind::CHASSIS_ID, 0, length("ID", 1, 255, 0))),
        (&[&long, PORT, TTL], bad(Kind::CHASSIS_ID, 0, length("ID", 1, 255, 256))),
        (&[b"\x02\x03\x04\x00\x1b", PORT, TTL], bad(Kind::CHASSIS_ID, 0, length("MAC address", 6, 6, 2))),
        (&[CHASSIS, b"\x04\x05\x04\x01\x01\x02\x03"], bad(Kind::PORT_ID, 9, length("IPv4 address", 4, 4, 3))),
        (
            &[CHASSIS, PORT, b"\x06\x01\x78"],
            bad(Kind::TIME_TO_LIVE, 16, Problem::TooShort { needed: 2, actual: 1 }),
        ),
        (
            &[CHASSIS, PORT, b"\x06\x02\x78"],
            bad(Kind::TIME_TO_LIVE, 16, Problem::BeyondEnd { declared: 2, available: 1 }),
        ),
        (&[CHASSIS, PORT, TTL, NAME, PORT], DecodeError::Repeated { kind: Kind::PORT_ID, offset: 25 }),
    ];
    for (tlvs, error) in cases {
        assert_eq!(decode(tlvs), Err(error), "{tlvs:?}");
    }
}

#[test]
fn faults_in_optional_tlvs_cost_only_the_tlv() {
    let org = |oui, subtype| Kind::Organization { oui, subtype };
    let short = |needed, actual| Problem::TooShort { needed, actual };
    let address = |actual| Problem::BadLength { field: "management address", least: 2, most: 32, actual };
    let cases: [(&[u8], Kind, Problem); 9] = [
        (b"\x0e\x03\x00\x14\x00", Kind::SYSTEM_CAPABILITIES, short(4, 3)),
        (b"\x10\x00", Kind::MANAGEMENT_ADDRESS, short(1, 0)),
        (b"\x10\x03\x01\x01\x02", Kind::MANAGEMENT_ADDRESS, address(1)),
        (b"\x10\x03\x21\x01\x02", Kind::MANAGEMENT_ADDRESS, address(33)),
        (b"\x10\x06\x05\x01\xc0\x00\x02\x01", Kind::MANAGEMENT_ADDRESS, short(7, 6)),
        (b"\xfe\x03\x00\x80\xc2", Kind::Basic(127), short(4, 3)),
        (b"\xfe\x05\x00\x80\xc2\x01\x01", org([0, 0x80, 0xc2], 1), short(2, 1)),
        (b"\xfe\x09\x00\x80\xc2\x03\x00\x1e\x04ab", org([0, 0x80, 0xc2], 3), short(7, 5)),
        (b"\xfe\x06\x00\x12\x0f\x02\x0f\x01", org([0, 0x12, 0x0f], 2), short(3, 2)),
    ];
    for (tlv, kind, problem) in cases {
        let lldpdu = decode(&[CHASSIS, PORT, TTL, tlv, NAME, END]).unwrap();
        let fault = Fault { kind, offset: 20, problem };
        assert_eq!(lldpdu.faults().collect::<Vec<_>>(), [&fault]);
        assert_eq!(lldpdu.tlvs()[3].as_bytes(), tlv);
        let neighbour = Neighbour::from(&lldpdu);
        assert_eq!(neighbour.system_name, Some(Text::from("sw1")));
        assert_eq!(neighbour.faults, [fault]);
    }
}

#[test]
fn a_faulty_tlv_at_the_end_is_kept_and_reported() {
    let end_with_bytes = decode(&[CHASSIS, PORT, TTL, b"\x00\x01x", NAME]).unwrap();
    let fault = end_with_bytes.faults().next().unwrap();
    assert_eq!(fault.to_string(), "end of LLDPDU TLV at byte 20: information of 1 bytes where 0 are needed");

    let beyond = decode(&[CHASSIS, PORT, TTL, b"\x0a\x09sw1"]).unwrap();
    let fault = beyond.faults().next().unwrap();
    assert_eq!(fault.to_string(), "system name TLV at byte 20: it declares 9 bytes but the frame has 3 more");

    let half = decode(&[CHASSIS, PORT, TTL, b"\x0a"]).unwrap();
    assert_eq!(half.faults().next().unwrap().problem, Problem::CutHeader);
    assert_eq!(half.encode().len(), 21);
}

#[test]
fn a_shutdown_counts_whatever_follows_the_time_to_live() {
    let lldpdu = decode(&[CHASSIS, PORT, b"\x06\x02\x00\x00", PORT, b"\x0a\x09sw1"]).unwrap();
    assert!(lldpdu.is_shutdown());
    assert_eq!(lldpdu.port_id().to_string(), "swp1");
}

#[test]
fn the_shutdown_names_the_same_neighbour_and_nothing_else() {
    for lldpdu in lldpdus() {
        let shutdown = lldpdu.shutdown();
        assert_eq!(Lldpdu::decode(&shutdown.encode()).as_ref(), Ok(&shutdown));
        assert_eq!((shutdown.chassis_id(), shutdown.port_id()), (lldpdu.chassis_id(), lldpdu.port_id()));
        assert_eq!(shutdown.tlvs().len(), 4);
        assert_eq!(shutdown.ttl(), 0);
    }
}

#[test]
fn more_than_the_standard_defines_is_read_and_kept() {
    // A time to live of three bytes, a port VLAN ID with two more, and power with half an extension.
    let vlan = b"\xfe\x08\x00\x80\xc2\x01\x00\x1e\xff\xff";
    let power = b"\xfe\x09\x00\x12\x0f\x02\x0f\x01\x05\x13\x02";
    let lldpdu = decode(&[CHASSIS, PORT, b"\x06\x03\x00\x78\x01", vlan, power, END]).unwrap();
    let neighbour = Neighbour::from(&lldpdu);
    assert_eq!((neighbour.ttl, neighbour.vlan), (120, Some(30)));
    assert_eq!(neighbour.power.map(|power| (power.class, power.allocation)), Some((5, None)));
    assert_eq!(neighbour.faults, []);
}

#[test]
fn a_value_that_does_not_fit_is_refused() {
    let policy =
        NetworkPolicy { application: 1, unknown: false, tagged: true, vlan: 1, priority: 0, dscp: 0 };
    let read_differently = [
        Value::ChassisId(ChassisId::Reserved { subtype: 4, id: Text::from("sw1abc") }),
        Value::PortId(PortId::Reserved { subtype: 7, id: Text::from("x") }),
        Value::Med(Med::NetworkPolicy(NetworkPolicy { vlan: 4096, ..policy })),
        Value::Med(Med::NetworkPolicy(NetworkPolicy { dscp: 64, ..policy })),
        Value::Organization { oui: Med::OUI, subtype: 10, info: vec![b'x'] },
        Value::Reserved { tlv_type: 5, info: vec![] },
        Value::Reserved { tlv_type: 127, info: vec![1, 2, 3, 4] },
        Value::Reserved { tlv_type: 228, info: vec![] },
    ];
    for value in read_differently {
        let kind = value.kind();
        assert_eq!(Tlv::new(value), Err(EncodeError::ReadDifferently { kind }));
    }
    let long = Value::SystemName(Text::from(vec![b'x'; 512]));
    assert_eq!(Tlv::new(long), Err(EncodeError::TooLong { kind: Kind::SYSTEM_NAME, length: 512 }));
    let name = Dot1::VlanName { id: 1, name: Text::from(vec![b'x'; 256]) };
    assert!(matches!(Tlv::new(Value::Dot1(name)), Err(EncodeError::ReadDifferently { .. })));
    let address = NetworkAddress { family: 1, bytes: vec![1, 2, 3] };
    let error = Tlv::new(Value::ChassisId(ChassisId::NetworkAddress(address))).unwrap_err();
    assert_eq!(error.to_string(), "chassis ID TLV: IPv4 address of 3 bytes where 4 are needed");
    let port = PortId::MacAddress(MAC);
    assert_eq!(
        Lldpdu::new(ChassisId::MacAddress(MAC), port, 1, [Value::End]),
        Err(EncodeError::Misplaced { kind: Kind::END })
    );
}

#[test]
fn the_summary_has_what_the_tlvs_announce() {
    let lldpdu = &lldpdus()[0];
    let neighbour = Neighbour::from(lldpdu);
    assert_eq!(neighbour.protocol, Protocol::Lldp);
    assert_eq!(neighbour.port_description.unwrap().to_string(), "GigabitEthernet1/0/2");
    assert_eq!(neighbour.system_description.unwrap().to_string(), r"Switch OS 16.12\nCopyright");
    let capabilities = neighbour.capabilities.unwrap();
    assert_eq!(capabilities.capable.to_string(), "bridge, router, station");
    assert_eq!(capabilities.enabled.to_string(), "bridge");
    let addresses: Vec<_> = neighbour.management_addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["192.0.2.1", "2001:db8::1", "00:1b:21:aa:bb:cc"]);
    assert_eq!(neighbour.vlan, Some(30));
    assert_eq!(neighbour.vlan_names, [(30, Text::from("servers")), (40, Text::from(""))]);
    assert_eq!(neighbour.link_aggregation.unwrap().port_id, 100_007);
    assert_eq!(neighbour.mac_phy.unwrap().mau_type, 30);
    assert_eq!(neighbour.maximum_frame_size, Some(9216));
    assert_eq!(neighbour.model.unwrap().to_string(), "SG 200-08P");
    assert_eq!(neighbour.serial_number.unwrap().to_string(), "XXX11111ZZZ");
    assert_eq!(lldpdu.tlvs().len(), 4 + optional_values().len());
}

#[test]
fn a_vlan_id_over_4094_is_refused() {
    for (id, expected) in [(4094_u16, Some(4094)), (4095, None), (0x1234, None)] {
        let [high, low] = id.to_be_bytes();
        let vlan = [0xfe, 6, 0, 0x80, 0xc2, 1, high, low];
        let neighbour = Neighbour::from(&decode(&[CHASSIS, PORT, TTL, &vlan, END]).unwrap());
        assert_eq!((neighbour.vlan, neighbour.faults.is_empty()), (expected, expected.is_some()));
        let message = cdp(2, &[(1, b"sw1"), (3, b"swp1"), (10, &[high, low])]);
        assert_eq!(Neighbour::from(&Cdp::decode(&message).unwrap()).vlan, expected);
    }
    let problem = Problem::OutOfRange { field: "VLAN ID", most: 4094, actual: 4660 };
    assert_eq!(problem.to_string(), "VLAN ID 4660 where 4094 is the most");
}

#[test]
fn data_centre_bridging_as_switches_send_it() {
    let pfc = b"\xfe\x06\x00\x80\xc2\x0b\x88\x08";
    let neighbour = Neighbour::from(&decode(&[CHASSIS, PORT, TTL, pfc, END]).unwrap());
    assert_eq!((neighbour.flow_control, neighbour.faults), (Some(8), vec![]));
    // CEE: control and flow control for priority 3, with room for 8 classes.
    let cee: &[u8] =
        &[0xfe, 24, 0, 0x1b, 0x21, 2, 2, 10, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 6, 6, 0, 0, 0x80, 0, 8, 8];
    let lldpdu = decode(&[CHASSIS, PORT, TTL, cee, END]).unwrap();
    assert_eq!(Neighbour::from(&lldpdu).flow_control, Some(8));
    assert_eq!(lldpdu.faults().count(), 0);
    let cut: &[u8] = &[0xfe, 8, 0, 0x1b, 0x21, 2, 6, 6, 0, 0];
    let neighbour = Neighbour::from(&decode(&[CHASSIS, PORT, TTL, cut, END]).unwrap());
    assert!(
        neighbour.faults[0].to_string().starts_with("CEE DCBX TLV at byte 20:"),
        "{:?}",
        neighbour.faults
    );
    let mud = b"\xfe\x0d\x00\x00\x5e\x01https://m";
    let neighbour = Neighbour::from(&decode(&[CHASSIS, PORT, TTL, mud, END]).unwrap());
    assert_eq!(neighbour.mud_url, Some(Text::from("https://m")));
}

#[test]
fn vlan_zero_is_no_vlan() {
    let lldpdu = decode(&[CHASSIS, PORT, TTL, b"\xfe\x06\x00\x80\xc2\x01\x00\x00", END]).unwrap();
    assert_eq!(lldpdu.values().nth(3), Some(&Value::Dot1(Dot1::PortVlanId(0))));
    assert_eq!(Neighbour::from(&lldpdu).vlan, None);
    let message = cdp(2, &[(1, b"sw1"), (3, b"swp1"), (10, &[0, 0])]);
    assert_eq!(Neighbour::from(&Cdp::decode(&message).unwrap()).vlan, None);
}

#[test]
fn frames_with_and_without_tags() {
    let lldpdu = decode(&[CHASSIS, PORT, TTL, END]).unwrap();
    let plain = lldp_frame(NEAREST_BRIDGE, MAC, &lldpdu);
    assert_eq!(plain.len(), 60);
    let tagged = |tags: &[u8]| [&plain[..12], tags, &plain[12..]].concat();
    for (bytes, tags) in [
        (plain.clone(), vec![]),
        (tagged(&[0x81, 0, 0xe0, 7]), vec![(0x8100, 0xe007)]),
        (tagged(&[0x88, 0xa8, 0, 9, 0x81, 0, 0x20, 0]), vec![(0x88a8, 9), (0x8100, 0x2000)]),
    ] {
        let frame = Frame::decode(&bytes).unwrap();
        assert_eq!((frame.destination, frame.source), (NEAREST_BRIDGE, MAC));
        let expected: Vec<_> = tags.into_iter().map(|(tpid, control)| VlanTag { tpid, control }).collect();
        assert_eq!(frame.tags, expected);
        let Payload::Lldp(payload) = frame.payload else { panic!("{frame:?}") };
        assert_eq!(Lldpdu::decode(payload).as_ref(), Ok(&lldpdu));
    }
    let priority_tagged = tagged(&[0x81, 0, 0xe0, 7]);
    assert_eq!(Frame::decode(&priority_tagged).unwrap().tags[0].vlan(), 7);
}

#[test]
fn frames_in_snap_and_others() {
    let mut snap = [&NEAREST_BRIDGE.0[..], &MAC.0, &[0, 30, 0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0xcc]].concat();
    snap.extend([CHASSIS, PORT, TTL, END].concat());
    snap.resize(60, 0xee);
    let Payload::Lldp(payload) = Frame::decode(&snap).unwrap().payload else { panic!("not LLDP") };
    assert_eq!(payload, [CHASSIS, PORT, TTL, END].concat());

    snap[13] = 200;
    assert_eq!(Frame::decode(&snap), Err(Problem::BeyondEnd { declared: 200, available: 46 }));
    snap[12..14].copy_from_slice(&[0x08, 0x06]);
    let payload = Frame::decode(&snap).unwrap().payload;
    assert_eq!(payload, Payload::Other { ether_type: 0x0806, payload: &snap[14..] });
    assert_eq!(Frame::decode(&snap[..13]), Err(Problem::TooShort { needed: 14, actual: 13 }));
}

#[test]
fn a_cisco_switch() {
    let frame = cdp_frame(&cdp(2, &CISCO));
    let Payload::Cdp(message) = Frame::decode(&frame).unwrap().payload else { panic!("not CDP") };
    let cdp = Cdp::decode(message).unwrap();
    assert_eq!((cdp.version, cdp.ttl), (2, 180));
    assert_eq!(cdp.addresses, [ip("192.0.2.1"), ip("2001:db8::1")]);
    let neighbour = Neighbour::from(&cdp);
    assert_eq!(neighbour.protocol, Protocol::Cdp);
    assert_eq!(neighbour.chassis_id.to_string(), "sw1.example.net");
    assert_eq!(neighbour.port_id.to_string(), "GigabitEthernet1/0/2");
    assert_eq!(neighbour.system_name, Some(Text::from("sw1")));
    assert_eq!(neighbour.model, Some(Text::from("cisco C9300-48P")));
    assert_eq!(neighbour.management_addresses, [ip("198.51.100.9")]);
    assert_eq!((neighbour.vlan, neighbour.ttl), (Some(30), 180));
    let set = Capabilities::ROUTER | Capabilities::BRIDGE;
    assert_eq!(neighbour.capabilities, Some(SystemCapabilities { capable: set, enabled: set }));
}

#[test]
fn cdp_from_others_and_with_faults() {
    let plain: [(u16, &[u8]); 2] = [(1, b"ap7"), (3, b"eth0")];
    let neighbour = Neighbour::from(&Cdp::decode(&cdp(1, &plain)).unwrap());
    assert_eq!(neighbour.system_name, Some(Text::from("ap7")));
    assert_eq!((neighbour.capabilities, neighbour.vlan), (None, None));

    // A message of uneven length, summed as RFC 1071 requires: its last byte is a high one.
    let mut message = b"\x01\xb4\x00\x00\x00\x01\x00\x07ap7\x00\x03\x00\x08eth0".to_vec();
    assert_eq!(message.len() % 2, 1);
    let checksum = rfc1071(&message);
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    assert_eq!(Cdp::decode(&message).unwrap().port_id, Text::from("eth0"));
    message[2] ^= 1;
    let read = Cdp::decode(&message).unwrap();
    assert_eq!(read.port_id, Text::from("eth0"));
    assert_eq!(read.faults[0].to_string(), "CDP header at byte 2: wrong checksum");

    let faulty = cdp(2, &[(2, &[0, 0, 0, 9]), plain[0], (10, &[1]), plain[1], (4, &[0, 0, 0, 1])]);
    let read = Cdp::decode(&faulty).unwrap();
    assert_eq!(
        read.faults.iter().map(|fault| (fault.kind, fault.offset)).collect::<Vec<_>>(),
        [(Kind::Cdp(2), 4), (Kind::Cdp(10), 19)]
    );
    assert_eq!(read.native_vlan, None);

    assert_eq!(Cdp::decode(&cdp(2, &plain[..1])), Err(CdpError::Missing(Kind::Cdp(3))));
    assert_eq!(Cdp::decode(&cdp(2, &[(1, b""), plain[1]])), Err(CdpError::Missing(Kind::Cdp(1))));
    assert_eq!(Cdp::decode(&cdp(3, &plain)), Err(CdpError::Version(3)));
    assert_eq!(Cdp::decode(b"\x02\xb4\x00"), Err(CdpError::TooShort { actual: 3 }));
}

fn rfc1071(message: &[u8]) -> u16 {
    let sum: u32 = message
        .chunks(2)
        .map(|word| u32::from(word[0]) * 256 + word.get(1).map_or(0, |&low| u32::from(low)))
        .sum();
    !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap()
}
