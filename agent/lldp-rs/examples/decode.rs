// SPDX-License-Identifier: MIT OR Apache-2.0
//! Prints the neighbour in an Ethernet frame: one in a file of raw bytes, or a built-in one.

use std::error::Error;

use lldp_rs::cdp::Cdp;
use lldp_rs::ethernet::{Frame, NEAREST_BRIDGE, Payload, lldp_frame};
use lldp_rs::{ChassisId, Lldpdu, MacAddress, Neighbour, PortId, Text, Value};

fn main() -> Result<(), Box<dyn Error>> {
    let bytes = match std::env::args_os().nth(1) {
        Some(file) => std::fs::read(&file).map_err(|error| format!("reading {}: {error}", file.display()))?,
        None => sample()?,
    };
    let neighbour = match Frame::decode(&bytes)?.payload {
        Payload::Lldp(lldpdu) => Neighbour::from(&Lldpdu::decode(lldpdu)?),
        Payload::Cdp(message) => Neighbour::from(&Cdp::decode(message)?),
        Payload::Other { .. } => return Err("neither LLDP nor CDP".into()),
    };
    println!("chassis ID: {}", neighbour.chassis_id);
    println!("port ID: {}", neighbour.port_id);
    println!("TTL: {} s", neighbour.ttl);
    if let Some(name) = &neighbour.system_name {
        println!("system name: {name}");
    }
    for address in &neighbour.management_addresses {
        println!("management address: {address}");
    }
    for fault in &neighbour.faults {
        println!("fault: {fault}");
    }
    Ok(())
}

/// What a switch sends on its port `swp7`.
fn sample() -> Result<Vec<u8>, Box<dyn Error>> {
    let mac = MacAddress([0x00, 0x1b, 0x21, 0xaa, 0xbb, 0xcc]);
    let port = PortId::InterfaceName(Text::from("swp7"));
    let lldpdu =
        Lldpdu::new(ChassisId::MacAddress(mac), port, 120, [Value::SystemName(Text::from("sw1.example"))])?;
    Ok(lldp_frame(NEAREST_BRIDGE, mac, &lldpdu))
}
