// SPDX-License-Identifier: MIT OR Apache-2.0
//! A neighbour as the report carries it: from the decoder's types to the contract's. Pure.

use std::time::Duration;

use lldp_rs::{ChassisId, LinkAggregation, Neighbour, PortId, Protocol, Text};
use stage1_contract::{Neighbour as Reported, VlanName};

/// Converts a neighbour; `heard_after` is the time from carrier to its first frame.
pub(crate) fn reported(neighbour: &Neighbour, heard_after: Duration) -> Reported {
    let enabled = neighbour.capabilities.iter().flat_map(|capabilities| capabilities.enabled.names());
    Reported {
        protocol: match neighbour.protocol {
            Protocol::Lldp => "lldp".to_string(),
            Protocol::Cdp => "cdp".to_string(),
        },
        chassis_id: neighbour.chassis_id.to_string(),
        chassis_id_subtype: chassis_id_subtype(&neighbour.chassis_id),
        port_id: neighbour.port_id.to_string(),
        port_id_subtype: port_id_subtype(&neighbour.port_id),
        ttl_seconds: neighbour.ttl,
        heard_after_ms: milliseconds(heard_after),
        port_description: text(neighbour.port_description.as_ref()),
        system_name: text(neighbour.system_name.as_ref()),
        system_description: text(neighbour.system_description.as_ref()),
        model: text(neighbour.model.as_ref()),
        serial: text(neighbour.serial_number.as_ref()),
        capabilities: enabled.map(str::to_string).collect(),
        management_addresses: neighbour.management_addresses.iter().map(ToString::to_string).collect(),
        vlan: neighbour.vlan,
        vlan_names: neighbour.vlan_names.iter().map(vlan_name).collect(),
        aggregation_id: neighbour.link_aggregation.and_then(aggregation_id),
        maximum_frame_bytes: neighbour.maximum_frame_size,
        flow_control_priorities: neighbour.flow_control.map(priorities),
        mud_url: text(neighbour.mud_url.as_ref()),
        faults: neighbour.faults.iter().map(ToString::to_string).collect(),
    }
}

/// Whole milliseconds.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Some switches send the TLV with no text in it; that is the same as not sending it.
fn text(text: Option<&Text>) -> Option<String> {
    text.map(ToString::to_string).filter(|text| !text.is_empty())
}

fn aggregation_id(aggregation: LinkAggregation) -> Option<u32> {
    match aggregation {
        LinkAggregation { enabled: true, port_id, .. } => Some(port_id),
        LinkAggregation { capable: true, .. } => Some(0),
        _ => None,
    }
}

/// Bit 0 is priority 0.
fn priorities(bits: u8) -> Vec<u8> {
    (0..8).filter(|priority| bits >> priority & 1 == 1).collect()
}

fn vlan_name((vlan, name): &(u16, Text)) -> VlanName {
    VlanName { vlan: *vlan, name: name.to_string() }
}

fn chassis_id_subtype(id: &ChassisId) -> String {
    let name = match id {
        ChassisId::ChassisComponent(_) => "chassis-component",
        ChassisId::InterfaceAlias(_) => "ifalias",
        ChassisId::PortComponent(_) => "port-component",
        ChassisId::MacAddress(_) => "mac",
        ChassisId::NetworkAddress(_) => "ip",
        ChassisId::InterfaceName(_) => "ifname",
        ChassisId::Local(_) => "local",
        ChassisId::Reserved { subtype, .. } => return format!("reserved-{subtype}"),
    };
    name.to_string()
}

fn port_id_subtype(id: &PortId) -> String {
    let name = match id {
        PortId::InterfaceAlias(_) => "ifalias",
        PortId::PortComponent(_) => "port-component",
        PortId::MacAddress(_) => "mac",
        PortId::NetworkAddress(_) => "ip",
        PortId::InterfaceName(_) => "ifname",
        PortId::AgentCircuitId(_) => "agent-circuit-id",
        PortId::Local(_) => "local",
        PortId::Reserved { subtype, .. } => return format!("reserved-{subtype}"),
    };
    name.to_string()
}
