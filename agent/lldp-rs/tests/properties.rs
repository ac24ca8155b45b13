// SPDX-License-Identifier: MIT OR Apache-2.0
//! What holds for all bytes and for all values.

mod common;

use common::{CISCO, cdp, lldpdus};
use lldp_rs::cdp::Cdp;
use lldp_rs::ethernet::Frame;
use lldp_rs::{
    ApplicationPriority, Capabilities, Cee, CeeApplication, CeeFeature, ChassisId, DecodeError, DeviceType,
    Dot1, Dot3, Ets, ExtendedPower, FlowControl, FourPairPower, InterfaceNumbering, Kind, LinkAggregation,
    Lldpdu, MacAddress, MacPhy, ManagementAddress, MdiPower, Med, MedCapabilities, Neighbour, NetworkAddress,
    NetworkPolicy, ObjectId, PerPriority, PortId, PowerAllocation, Problem, SystemCapabilities, Text, Tlv,
    Value,
};
use proptest::array::{uniform3, uniform6};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::select;

fn text(most: usize) -> impl Strategy<Value = Text> {
    vec(any::<u8>(), 0..=most).prop_map(Text::from)
}

/// Short texts of what escapes are made of, so that they would meet.
fn escapes() -> impl Strategy<Value = Text> {
    vec(select(&b"\\xfn0\0\n\xff"[..]), 0..=5).prop_map(Text::from)
}

fn id_text() -> impl Strategy<Value = Text> {
    vec(any::<u8>(), 1..=255).prop_map(Text::from)
}

fn vlan() -> impl Strategy<Value = u16> {
    0..=4094u16
}

fn mac() -> impl Strategy<Value = MacAddress> {
    uniform6(any::<u8>()).prop_map(MacAddress)
}

fn network(most: usize) -> impl Strategy<Value = NetworkAddress> {
    prop_oneof![
        any::<std::net::IpAddr>().prop_map(NetworkAddress::from),
        (3u8.., vec(any::<u8>(), 1..=most)).prop_map(|(family, bytes)| NetworkAddress { family, bytes }),
    ]
}

fn chassis_id() -> impl Strategy<Value = ChassisId> {
    prop_oneof![
        id_text().prop_map(ChassisId::ChassisComponent),
        id_text().prop_map(ChassisId::InterfaceAlias),
        id_text().prop_map(ChassisId::PortComponent),
        mac().prop_map(ChassisId::MacAddress),
        network(254).prop_map(ChassisId::NetworkAddress),
        id_text().prop_map(ChassisId::InterfaceName),
        id_text().prop_map(ChassisId::Local),
        (8u8.., id_text()).prop_map(|(subtype, id)| ChassisId::Reserved { subtype, id }),
    ]
}

fn port_id() -> impl Strategy<Value = PortId> {
    prop_oneof![
        id_text().prop_map(PortId::InterfaceAlias),
        id_text().prop_map(PortId::PortComponent),
        mac().prop_map(PortId::MacAddress),
        network(254).prop_map(PortId::NetworkAddress),
        id_text().prop_map(PortId::InterfaceName),
        id_text().prop_map(PortId::AgentCircuitId),
        id_text().prop_map(PortId::Local),
        (8u8.., id_text()).prop_map(|(subtype, id)| PortId::Reserved { subtype, id }),
    ]
}

fn management() -> impl Strategy<Value = ManagementAddress> {
    (network(31), any::<u8>(), any::<u32>(), vec(any::<u8>(), 0..=128)).prop_map(
        |(address, numbering, interface, oid)| ManagementAddress {
            address,
            numbering: InterfaceNumbering::from(numbering),
            interface,
            oid: ObjectId(oid),
        },
    )
}

fn aggregation() -> impl Strategy<Value = LinkAggregation> {
    (any::<[bool; 2]>(), 0u8..4, any::<u32>()).prop_map(|([capable, enabled], port_type, port_id)| {
        LinkAggregation { capable, enabled, port_type, port_id }
    })
}

fn dot1() -> impl Strategy<Value = Dot1> {
    prop_oneof![
        vlan().prop_map(Dot1::PortVlanId),
        (any::<[bool; 2]>(), vlan())
            .prop_map(|([supported, enabled], id)| { Dot1::PortProtocolVlanId { supported, enabled, id } }),
        (vlan(), text(255)).prop_map(|(id, name)| Dot1::VlanName { id, name }),
        vec(any::<u8>(), 0..=255).prop_map(Dot1::ProtocolIdentity),
        any::<u32>().prop_map(Dot1::VidUsageDigest),
        vlan().prop_map(Dot1::ManagementVid),
        aggregation().prop_map(Dot1::LinkAggregation),
        any::<[u8; 2]>().prop_map(|[priorities, ready]| Dot1::CongestionNotification { priorities, ready }),
        ets().prop_map(Dot1::EtsConfiguration),
        ets().prop_map(|ets| Dot1::EtsRecommendation(Ets {
            willing: false,
            credit_based_shaper: false,
            traffic_classes: 0,
            ..ets
        })),
        (any::<[bool; 2]>(), 0u8..16, any::<u8>()).prop_map(
            |([willing, macsec_bypass], capability, enabled)| {
                Dot1::FlowControl(FlowControl { willing, macsec_bypass, capability, enabled })
            }
        ),
        vec((0u8..8, 0u8..8, any::<u16>()), 0..20).prop_map(|applications| {
            let application =
                |(priority, selector, protocol)| ApplicationPriority { priority, selector, protocol };
            Dot1::ApplicationPriority(applications.into_iter().map(application).collect())
        }),
    ]
}

fn nibbles() -> impl Strategy<Value = PerPriority> {
    any::<PerPriority>().prop_map(|all| all.map(|byte| byte & 15))
}

fn ets() -> impl Strategy<Value = Ets> {
    (any::<[bool; 2]>(), 0u8..8, nibbles(), any::<[PerPriority; 2]>()).prop_map(
        |([willing, credit_based_shaper], traffic_classes, classes, [bandwidth, algorithms])| Ets {
            willing,
            credit_based_shaper,
            traffic_classes,
            classes,
            bandwidth,
            algorithms,
        },
    )
}

fn cee() -> impl Strategy<Value = Cee> {
    let feature = || {
        (any::<[u8; 3]>(), any::<[bool; 3]>()).prop_map(
            |([operating_version, max_version, subtype], [enabled, willing, error])| CeeFeature {
                operating_version,
                max_version,
                enabled,
                willing,
                error,
                subtype,
            },
        )
    };
    let application = (any::<u16>(), 0u8..4, any::<[u8; 3]>(), any::<u8>()).prop_map(
        |(protocol, selector, [a, b, c], priorities)| CeeApplication {
            protocol,
            selector,
            oui: [a & 0xfc, b, c],
            priorities,
        },
    );
    prop_oneof![
        (any::<[u8; 2]>(), any::<[u32; 2]>()).prop_map(
            |([operating_version, max_version], [sequence, acknowledgement])| Cee::Control {
                operating_version,
                max_version,
                sequence,
                acknowledgement,
            }
        ),
        (feature(), nibbles(), any::<PerPriority>(), any::<u8>()).prop_map(
            |(feature, groups, bandwidth, traffic_classes)| Cee::PriorityGroups {
                feature,
                groups,
                bandwidth,
                traffic_classes,
            }
        ),
        (feature(), any::<[u8; 2]>()).prop_map(|(feature, [enabled, traffic_classes])| {
            Cee::FlowControl { feature, enabled, traffic_classes }
        }),
        (feature(), vec(application, 0..5))
            .prop_map(|(feature, applications)| Cee::Applications { feature, applications }),
        (5u8..128, vec(any::<u8>(), 0..20)).prop_map(|(part_type, info)| Cee::Other { part_type, info }),
    ]
}

fn four_pair() -> impl Strategy<Value = FourPairPower> {
    let powers = any::<[u16; 5]>();
    let status = (0u8..4, 0u8..4, 0u8..4, 0u8..8, 0u8..8, 0u8..16, 0u8..8);
    (powers, status, any::<[bool; 4]>(), 0u8..64, 0u32..1 << 18).prop_map(
        |(powers, status, flags, power_down_request, power_down_time)| {
            let [requested_a, requested_b, allocated_a, allocated_b, maximum_available] = powers;
            let (source_status, device_status, pairs, class_a, class_b, class, power_type) = status;
            let [loads_isolated, autoclass_supported, autoclass_completed, autoclass_requested] = flags;
            FourPairPower {
                requested_a,
                requested_b,
                allocated_a,
                allocated_b,
                source_status,
                device_status,
                pairs,
                class_a,
                class_b,
                class,
                power_type,
                loads_isolated,
                maximum_available,
                autoclass_supported,
                autoclass_completed,
                autoclass_requested,
                power_down_request,
                power_down_time,
            }
        },
    )
}

fn power() -> impl Strategy<Value = MdiPower> {
    let allocation = (0u8..4, 0u8..4, any::<bool>(), 0u8..4, any::<[u16; 2]>(), option::of(four_pair()))
        .prop_map(
            |(power_type, source, four_pair_identified, priority, [requested, allocated], four_pair)| {
                PowerAllocation {
                    power_type,
                    source,
                    four_pair_identified,
                    priority,
                    requested,
                    allocated,
                    four_pair,
                }
            },
        );
    (any::<[bool; 4]>(), any::<[u8; 2]>(), option::of(allocation)).prop_map(
        |([is_source, supported, enabled, pairs_selectable], [pairs, class], allocation)| MdiPower {
            is_source,
            supported,
            enabled,
            pairs_selectable,
            pairs,
            class,
            allocation,
        },
    )
}

fn dot3() -> impl Strategy<Value = Dot3> {
    prop_oneof![
        (any::<[bool; 2]>(), any::<[u16; 2]>()).prop_map(
            |([autonegotiation_supported, autonegotiation_enabled], [advertised, mau_type])| {
                Dot3::MacPhy(MacPhy {
                    autonegotiation_supported,
                    autonegotiation_enabled,
                    advertised,
                    mau_type,
                })
            }
        ),
        power().prop_map(Dot3::Power),
        aggregation().prop_map(Dot3::LinkAggregation),
        any::<u16>().prop_map(Dot3::MaximumFrameSize),
    ]
}

fn med() -> impl Strategy<Value = Med> {
    prop_oneof![
        (any::<u16>(), any::<u8>()).prop_map(|(capabilities, device)| Med::Capabilities {
            capabilities: MedCapabilities(capabilities),
            device: DeviceType(device)
        }),
        (any::<u8>(), any::<[bool; 2]>(), vlan(), 0u8..8, 0u8..64).prop_map(
            |(application, [unknown, tagged], vlan, priority, dscp)| {
                Med::NetworkPolicy(NetworkPolicy { application, unknown, tagged, vlan, priority, dscp })
            }
        ),
        (any::<u8>(), vec(any::<u8>(), 0..=506)).prop_map(|(format, data)| Med::Location { format, data }),
        (0u8..4, 0u8..4, 0u8..16, any::<u16>()).prop_map(|(power_type, source, priority, value)| {
            Med::ExtendedPower(ExtendedPower { power_type, source, priority, value })
        }),
        text(507).prop_map(Med::HardwareRevision),
        text(507).prop_map(Med::FirmwareRevision),
        text(507).prop_map(Med::SoftwareRevision),
        text(507).prop_map(Med::SerialNumber),
        text(507).prop_map(Med::Manufacturer),
        text(507).prop_map(Med::Model),
        text(507).prop_map(Med::AssetId),
    ]
}

fn optional() -> impl Strategy<Value = Value> {
    prop_oneof![
        text(511).prop_map(Value::PortDescription),
        text(511).prop_map(Value::SystemName),
        text(511).prop_map(Value::SystemDescription),
        any::<[u16; 2]>().prop_map(|[capable, enabled]| Value::SystemCapabilities(SystemCapabilities {
            capable: Capabilities(capable),
            enabled: Capabilities(enabled),
        })),
        management().prop_map(Value::ManagementAddress),
        dot1().prop_map(Value::Dot1),
        dot3().prop_map(Value::Dot3),
        med().prop_map(Value::Med),
        vec(cee(), 0..4).prop_map(Value::Cee),
        text(507).prop_map(Value::MudUrl),
        (uniform3(1u8..), any::<u8>(), vec(any::<u8>(), 0..=507))
            .prop_map(|(oui, subtype, info)| Value::Organization { oui, subtype, info }),
        (9u8..127, vec(any::<u8>(), 0..=511)).prop_map(|(tlv_type, info)| Value::Reserved { tlv_type, info }),
    ]
}

fn to_nul(text: &Text) -> &[u8] {
    text.as_bytes().split(|&byte| byte == 0).next().unwrap()
}

/// TLVs with the types and the organizations that matter, but with any content.
fn tlv_like() -> impl Strategy<Value = Vec<u8>> {
    let oui = prop_oneof![Just(Dot1::OUI), Just(Dot3::OUI), Just(Med::OUI)];
    let organization = (oui, 0u8..14, vec(any::<u8>(), 0..40))
        .prop_map(|(oui, subtype, info)| (127, [&oui[..], &[subtype], &info].concat()));
    let basic = (0u8..12, vec(any::<u8>(), 0..40));
    prop_oneof![organization, basic].prop_map(|(kind, info): (u8, Vec<u8>)| {
        [&[kind << 1, u8::try_from(info.len()).unwrap()], &info[..]].concat()
    })
}

proptest! {
    #[test]
    fn a_value_is_read_as_it_was_written(value in optional()) {
        let tlv = Tlv::new(value.clone()).unwrap();
        prop_assert_eq!(tlv.value(), Ok(&value));
        prop_assert_eq!(tlv.kind(), value.kind());
    }

    #[test]
    fn an_lldpdu_is_read_as_it_was_written(
        chassis in chassis_id(),
        port in port_id(),
        ttl in any::<u16>(),
        values in vec(optional(), 0..6),
        padding in vec(any::<u8>(), 0..60),
    ) {
        let lldpdu = Lldpdu::new(chassis, port, ttl, values).unwrap();
        let bytes = [lldpdu.encode(), padding].concat();
        let shutdown = lldpdu.shutdown();
        prop_assert_eq!(Lldpdu::decode(&bytes), Ok(lldpdu));
        prop_assert_eq!(Lldpdu::decode(&shutdown.encode()), Ok(shutdown));
    }

    #[test]
    fn accepted_bytes_are_written_as_they_were_read(tlvs in vec(tlv_like(), 0..12), cut in 0usize..8) {
        let mut bytes = b"\x02\x07\x04\x00\x1b\x21\xaa\xbb\xcc\x04\x05\x05swp1\x06\x02\x00\x78".to_vec();
        bytes.extend(tlvs.concat());
        bytes.truncate(bytes.len() - cut);
        match Lldpdu::decode(&bytes) {
            Ok(lldpdu) => {
                let written = lldpdu.encode();
                prop_assert!(bytes.starts_with(&written));
                let ends = lldpdu.tlvs().last().map(Tlv::kind) == Some(Kind::END);
                prop_assert!(ends || written.len() == bytes.len());
                prop_assert_eq!(Lldpdu::decode(&written), Ok(lldpdu));
            }
            Err(DecodeError::Repeated { kind, offset }) => {
                prop_assert_eq!(bytes[offset] >> 1, match kind {
                    Kind::Basic(number) => number,
                    other => panic!("{other} is not mandatory"),
                });
            }
            Err(error) => prop_assert!(cut > 0, "{}", error),
        }
    }

    #[test]
    fn any_bytes_may_come(bytes in vec(any::<u8>(), 0..300)) {
        if let Ok(lldpdu) = Lldpdu::decode(&bytes) {
            let _ = format!("{lldpdu:?} {:?}", Neighbour::from(&lldpdu));
        }
        let _ = Frame::decode(&bytes);
        let _ = Cdp::decode(&bytes);
    }

    #[test]
    fn any_cdp_tlvs_may_come(tlvs in vec((0u16..24, vec(any::<u8>(), 0..40)), 0..8)) {
        let tlvs: Vec<(u16, &[u8])> = tlvs.iter().map(|(kind, info)| (*kind, info.as_slice())).collect();
        if let Ok(cdp) = Cdp::decode(&cdp(2, &tlvs)) {
            let _ = format!("{:?}", Neighbour::from(&cdp));
        }
    }

    #[test]
    fn a_text_is_one_printable_line_and_different_texts_differ(a in escapes(), b in escapes()) {
        let (shown_a, shown_b) = (a.to_string(), b.to_string());
        prop_assert!(!shown_a.chars().any(char::is_control), "{:?}", shown_a);
        prop_assert_eq!(shown_a == shown_b, to_nul(&a) == to_nul(&b));
    }
}

#[test]
fn a_frame_truncated_at_any_byte_loses_only_what_follows() {
    for whole in lldpdus() {
        let bytes = whole.encode();
        let mandatory: usize = whole.tlvs()[..3].iter().map(|tlv| tlv.as_bytes().len()).sum();
        for cut in 0..bytes.len() {
            let Ok(lldpdu) = Lldpdu::decode(&bytes[..cut]) else {
                assert!(cut < mandatory, "cut at {cut}");
                continue;
            };
            assert!(cut >= mandatory, "cut at {cut}");
            assert_eq!(lldpdu.encode(), bytes[..cut]);
            let good = lldpdu.values().count();
            assert!(lldpdu.values().eq(whole.values().take(good)), "cut at {cut}");
            let faults: Vec<_> = lldpdu.faults().collect();
            assert_eq!(lldpdu.tlvs().len(), good + faults.len());
            assert!(
                faults
                    .iter()
                    .all(|fault| matches!(fault.problem, Problem::BeyondEnd { .. } | Problem::CutHeader))
            );
        }
    }
}

#[test]
fn a_cdp_message_cut_at_any_byte_has_a_fault() {
    let bytes = cdp(2, &CISCO);
    for cut in 0..bytes.len() {
        let is_good = Cdp::decode(&bytes[..cut]).is_ok_and(|cdp| cdp.faults.is_empty());
        assert!(!is_good, "cut at {cut}");
    }
}
