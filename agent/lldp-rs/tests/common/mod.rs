// SPDX-License-Identifier: MIT OR Apache-2.0
//! What several tests need: one LLDPDU with every TLV, CDP messages, and captures.
#![allow(dead_code, reason = "each test crate uses a part")]

pub mod shown;

use lldp_rs::{
    ApplicationPriority, Capabilities, Cee, CeeApplication, CeeFeature, ChassisId, DeviceType, Dot1, Dot3,
    EnergyEfficient, Ets, ExtendedPower, FlowControl, FourPairPower, InterfaceNumbering, LinkAggregation,
    Lldpdu, MacAddress, MacPhy, ManagementAddress, MdiPower, Med, MedCapabilities, NetworkAddress,
    NetworkPolicy, ObjectId, PortId, PowerAllocation, SystemCapabilities, Text, Value,
};
use std::net::IpAddr;

pub const MAC: MacAddress = MacAddress([0x00, 0x1b, 0x21, 0xaa, 0xbb, 0xcc]);

pub fn ip(address: &str) -> NetworkAddress {
    address.parse::<IpAddr>().unwrap().into()
}

pub fn chassis_ids() -> Vec<ChassisId> {
    vec![
        ChassisId::ChassisComponent(Text::from("chassis-1")),
        ChassisId::InterfaceAlias(Text::from("uplink to spine")),
        ChassisId::PortComponent(Text::from("backplane-7")),
        ChassisId::MacAddress(MAC),
        ChassisId::NetworkAddress(ip("192.0.2.7")),
        ChassisId::NetworkAddress(ip("2001:db8::7")),
        ChassisId::InterfaceName(Text::from("eth0")),
        ChassisId::Local(Text::from("rack 7")),
        ChassisId::Reserved { subtype: 9, id: Text::from(&[1, 2, 3][..]) },
    ]
}

pub fn port_ids() -> Vec<PortId> {
    vec![
        PortId::InterfaceAlias(Text::from("to node1")),
        PortId::PortComponent(Text::from("port-1/3")),
        PortId::MacAddress(MAC),
        PortId::NetworkAddress(ip("192.0.2.8")),
        PortId::NetworkAddress(ip("2001:db8::8")),
        PortId::InterfaceName(Text::from("Gi1/0/2")),
        PortId::AgentCircuitId(Text::from("circuit 12")),
        PortId::Local(Text::from("7")),
        PortId::Reserved { subtype: 200, id: Text::from("x") },
    ]
}

pub fn four_pair() -> FourPairPower {
    FourPairPower {
        requested_a: 355,
        requested_b: 200,
        allocated_a: 255,
        allocated_b: 100,
        source_status: 3,
        device_status: 2,
        pairs: 1,
        class_a: 5,
        class_b: 2,
        class: 15,
        power_type: 5,
        loads_isolated: true,
        maximum_available: 510,
        autoclass_supported: true,
        autoclass_completed: false,
        autoclass_requested: true,
        power_down_request: 0x1d,
        power_down_time: 0x2_0001,
    }
}

/// One of every optional TLV at least.
pub fn optional_values() -> Vec<Value> {
    let mut values = vec![
        Value::PortDescription(Text::from("GigabitEthernet1/0/2")),
        Value::SystemName(Text::from("sw1.example.net")),
        Value::SystemDescription(Text::from("Switch OS 16.12\nCopyright")),
        Value::SystemCapabilities(SystemCapabilities {
            capable: Capabilities::BRIDGE | Capabilities::ROUTER | Capabilities::STATION,
            enabled: Capabilities::BRIDGE,
        }),
        management(ip("192.0.2.1"), InterfaceNumbering::IfIndex, 1001, &[]),
        management(ip("2001:db8::1"), InterfaceNumbering::SystemPort, 53, &[0x2b, 6, 1, 4, 1, 0x87, 0x67]),
        management(NetworkAddress { family: 6, bytes: MAC.0.into() }, InterfaceNumbering::Unknown, 0, &[]),
    ];
    values.extend(dot1_values().into_iter().map(Value::Dot1));
    values.extend(dot3_values().into_iter().map(Value::Dot3));
    values.extend(med_values().into_iter().map(Value::Med));
    values.push(Value::Cee(cee_parts()));
    values.push(Value::MudUrl(Text::from("https://maker.example/switch")));
    values.push(Value::Organization { oui: [0x00, 0x26, 0xe1], subtype: 7, info: vec![1, 2, 3] });
    values.push(Value::Organization { oui: Dot1::OUI, subtype: 200, info: vec![4, 5] });
    values.push(Value::Reserved { tlv_type: 100, info: vec![1, 2, 3] });
    values
}

fn management(address: NetworkAddress, numbering: InterfaceNumbering, interface: u32, oid: &[u8]) -> Value {
    Value::ManagementAddress(ManagementAddress { address, numbering, interface, oid: ObjectId(oid.into()) })
}

fn dot1_values() -> Vec<Dot1> {
    vec![
        Dot1::PortVlanId(30),
        Dot1::PortProtocolVlanId { supported: true, enabled: false, id: 31 },
        Dot1::PortProtocolVlanId { supported: true, enabled: true, id: 32 },
        Dot1::VlanName { id: 30, name: Text::from("servers") },
        Dot1::VlanName { id: 40, name: Text::from("") },
        Dot1::ProtocolIdentity(vec![0x88, 0x8e, 1]),
        Dot1::VidUsageDigest(0x1234_5678),
        Dot1::ManagementVid(99),
        Dot1::LinkAggregation(LinkAggregation {
            capable: true,
            enabled: true,
            port_type: 2,
            port_id: 100_007,
        }),
        Dot1::CongestionNotification { priorities: 0x88, ready: 0x08 },
        Dot1::EtsConfiguration(Ets { willing: true, credit_based_shaper: true, traffic_classes: 3, ..ETS }),
        Dot1::EtsRecommendation(ETS),
        Dot1::FlowControl(FlowControl { willing: true, macsec_bypass: true, capability: 8, enabled: 0x08 }),
        Dot1::ApplicationPriority(vec![
            ApplicationPriority { priority: 3, selector: 1, protocol: 0x8906 },
            ApplicationPriority { priority: 5, selector: 5, protocol: 26 },
        ]),
    ]
}

const ETS: Ets = Ets {
    willing: false,
    credit_based_shaper: false,
    traffic_classes: 0,
    classes: [0, 1, 2, 3, 4, 5, 6, 7],
    bandwidth: [10, 20, 30, 40, 0, 0, 0, 0],
    algorithms: [0, 2, 2, 1, 0, 0, 0, 255],
};

fn cee_parts() -> Vec<Cee> {
    let feature = CeeFeature {
        operating_version: 0,
        max_version: 0,
        enabled: true,
        willing: true,
        error: false,
        subtype: 0,
    };
    let application =
        |protocol, selector| CeeApplication { protocol, selector, oui: [0, 0x1b, 0x21], priorities: 8 };
    vec![
        Cee::Control { operating_version: 0, max_version: 0, sequence: 1, acknowledgement: 2 },
        Cee::PriorityGroups {
            feature,
            groups: [0, 1, 2, 3, 4, 5, 6, 15],
            bandwidth: [10, 20, 30, 40, 0, 0, 0, 0],
            traffic_classes: 8,
        },
        Cee::FlowControl {
            feature: CeeFeature { willing: false, ..feature },
            enabled: 0x28,
            traffic_classes: 8,
        },
        Cee::Applications { feature, applications: vec![application(0x8906, 0), application(3260, 1)] },
    ]
}

fn dot3_values() -> Vec<Dot3> {
    let plain = MdiPower {
        is_source: true,
        supported: true,
        enabled: false,
        pairs_selectable: true,
        pairs: 1,
        class: 5,
        allocation: None,
    };
    let at = PowerAllocation {
        power_type: 2,
        source: 1,
        four_pair_identified: false,
        priority: 3,
        requested: 255,
        allocated: 130,
        four_pair: None,
    };
    let bt = PowerAllocation { power_type: 0, four_pair: Some(four_pair()), ..at };
    vec![
        Dot3::MacPhy(MacPhy {
            autonegotiation_supported: true,
            autonegotiation_enabled: false,
            advertised: 0x6c01,
            mau_type: 30,
        }),
        Dot3::Power(plain),
        Dot3::Power(MdiPower { is_source: false, enabled: true, allocation: Some(at), ..plain }),
        Dot3::Power(MdiPower { pairs_selectable: false, allocation: Some(bt), ..plain }),
        Dot3::LinkAggregation(LinkAggregation { capable: true, enabled: false, port_type: 0, port_id: 0 }),
        Dot3::MaximumFrameSize(9216),
        Dot3::EnergyEfficient(EnergyEfficient {
            transmit: 17,
            receive: 18,
            fallback_receive: 19,
            echo_transmit: 20,
            echo_receive: 21,
        }),
    ]
}

fn med_values() -> Vec<Med> {
    vec![
        Med::Capabilities {
            capabilities: MedCapabilities::CAPABILITIES | MedCapabilities::INVENTORY,
            device: DeviceType::NETWORK_CONNECTIVITY,
        },
        Med::NetworkPolicy(NetworkPolicy {
            application: 1,
            unknown: false,
            tagged: true,
            vlan: 4094,
            priority: 5,
            dscp: 46,
        }),
        Med::NetworkPolicy(NetworkPolicy {
            application: 8,
            unknown: true,
            tagged: false,
            vlan: 0,
            priority: 0,
            dscp: 0,
        }),
        Med::Location { format: 3, data: b"+4930123456".to_vec() },
        Med::ExtendedPower(ExtendedPower { power_type: 0, source: 1, priority: 2, value: 154 }),
        Med::HardwareRevision(Text::from("V02")),
        Med::FirmwareRevision(Text::from("1.0.8.3")),
        Med::SoftwareRevision(Text::from("1.0.8.4")),
        Med::SerialNumber(Text::from("XXX11111ZZZ")),
        Med::Manufacturer(Text::from(&b"maker\0\0\0"[..])),
        Med::Model(Text::from("SG 200-08P")),
        Med::AssetId(Text::from("asset 1")),
    ]
}

/// LLDPDUs which together have every subtype of chassis ID and port ID; the first has every other TLV too.
pub fn lldpdus() -> Vec<Lldpdu> {
    let mut optional = optional_values();
    chassis_ids()
        .into_iter()
        .zip(port_ids())
        .map(|(chassis, port)| Lldpdu::new(chassis, port, 120, optional.split_off(0)).unwrap())
        .collect()
}

/// A CDP message with a checksum which Cisco's devices would send.
pub fn cdp(version: u8, tlvs: &[(u16, &[u8])]) -> Vec<u8> {
    let mut message = vec![version, 180, 0, 0];
    for (kind, info) in tlvs {
        message.extend(kind.to_be_bytes());
        message.extend(u16::try_from(info.len() + 4).unwrap().to_be_bytes());
        message.extend_from_slice(info);
    }
    let mut sum: u32 =
        message.chunks_exact(2).map(|word| u32::from(word[0]) * 256 + u32::from(word[1])).sum();
    if let [last] = message.chunks_exact(2).remainder() {
        sum += if *last & 0x80 == 0 { u32::from(*last) } else { 0xff00 + u32::from(*last) - 1 };
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let checksum = !u16::try_from(sum).unwrap();
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    message
}

/// The TLVs of a Cisco switch.
pub const CISCO: [(u16, &[u8]); 9] = [
    (1, b"sw1.example.net"),
    (
        2,
        &[
            0, 0, 0, 2, 1, 1, 0xcc, 0, 4, 192, 0, 2, 1, 2, 8, 0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd, 0, 16,
            0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
        ],
    ),
    (3, b"GigabitEthernet1/0/2"),
    (4, &[0, 0, 0, 0x29]),
    (5, b"Cisco IOS Software\nVersion 16.12.1"),
    (6, b"cisco C9300-48P"),
    (10, &[0, 30]),
    (20, b"sw1"),
    (22, &[0, 0, 0, 1, 1, 1, 0xcc, 0, 4, 198, 51, 100, 9]),
];

pub fn cdp_frame(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![1, 0, 0xc, 0xcc, 0xcc, 0xcc];
    frame.extend(MAC.0);
    frame.extend(u16::try_from(message.len() + 8).unwrap().to_be_bytes());
    frame.extend([0xaa, 0xaa, 3, 0, 0, 0xc, 0x20, 0]);
    frame.extend_from_slice(message);
    frame.resize(frame.len().max(60), 0);
    frame
}

/// The frames of a capture (pcap, little endian, microseconds).
pub fn read_pcap(bytes: &[u8]) -> Vec<Vec<u8>> {
    assert_eq!(bytes[..4], [0xd4, 0xc3, 0xb2, 0xa1], "not a little-endian pcap file");
    let mut rest = &bytes[24..];
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        frames.push(rest[16..16 + length].to_vec());
        rest = &rest[16 + length..];
    }
    frames
}

/// The same, of Ethernet frames, to be read by others.
pub fn write_pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
    for word in [0u32, 0, 0xffff, 1] {
        bytes.extend(word.to_le_bytes());
    }
    for (second, frame) in (0u32..).zip(frames) {
        let length = u32::try_from(frame.len()).unwrap();
        for word in [second, 0, length, length] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend_from_slice(frame);
    }
    bytes
}

/// As `x001b`.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("x".into(), |text: String, byte| format!("{text}{byte:02x}"))
}
