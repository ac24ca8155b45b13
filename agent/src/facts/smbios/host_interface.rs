// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's interface to its management controller, type 42; of a network interface its device and the way to
//! the Redfish service (DSP0134 7.43, DSP0270 1.3 section 8). Pure.

use std::net::{Ipv4Addr, Ipv6Addr};

use stage1_contract::facts::{HostInterface, HostInterfaceDevice, HostInterfaceProtocol, RedfishOverIp};

use super::names::management as names;
use super::structure::{Structure, Version, bus_address};
use super::system::uuid_text;
use crate::display::hex_with;
use crate::facts::bytes::array;

/// A network interface, which alone DSP0270 defines.
const NETWORK: u8 = 0x40;

/// The version that gave the structure its layout of today.
const LENGTHS: Version = Version { major: 3, minor: 2 };

/// The host interface.
pub(super) fn host_interface(at: Structure) -> HostInterface {
    let kind = at.byte(0x04);
    let interface = HostInterface {
        handle: at.handle(),
        interface_type: kind.map(|kind| match kind {
            0x00..=0x3f if !(2..=8).contains(&kind) => "MCTP".to_string(),
            _ => names::HOST_INTERFACE.of(kind),
        }),
        ..HostInterface::default()
    };
    if at.table.version < LENGTHS {
        if kind != Some(NETWORK) || !fits(at) {
            return interface;
        }
        if at.table.has_version {
            at.warn("has the layout of SMBIOS 3.2, in a table of an earlier version", ": read as such");
        }
    }
    let length = usize::from(at.byte(0x05).unwrap_or(0));
    let Some(device) = at.parts.get_field_data(0x06, 0x06 + length) else {
        at.warn("too short for its device", ": device and protocols skipped");
        return interface;
    };
    let network = kind == Some(NETWORK);
    HostInterface {
        device: (network && !device.is_empty()).then(|| self::device(device)),
        protocols: if network { protocols(at, 0x06 + length) } else { Vec::new() },
        ..interface
    }
}

/// Whether device and protocol records fill the structure: then it has the layout of 3.2, whatever the table's version.
fn fits(at: Structure) -> bool {
    let device = usize::from(at.byte(0x05).unwrap_or(0));
    let records = |count: u8| {
        let first = Some(0x07 + device);
        (0..count).fold(first, |start, _| Some(start? + 2 + usize::from(at.byte(start? + 1)?)))
    };
    device > 0 && at.byte(0x06 + device).and_then(records) == Some(at.length())
}

/// What is known of the device depends on its type (DSP0270 8.3.1 to 8.3.6).
fn device(bytes: &[u8]) -> HostInterfaceDevice {
    let kind = bytes.first().copied().unwrap_or(0);
    let id = |offset: usize| word(bytes, offset).map(|id| format!("0x{id:04x}"));
    let bootstrapping = |offset: usize| word(bytes, offset).map(|bits| bits & 1 == 1);
    let device = HostInterfaceDevice {
        device_type: Some(if kind < 0x80 {
            names::HOST_INTERFACE_DEVICE.of(kind)
        } else {
            "OEM".to_string()
        }),
        ..HostInterfaceDevice::default()
    };
    match kind {
        0x02 => HostInterfaceDevice { vendor_id: id(1), product_id: id(3), ..device },
        0x03 => HostInterfaceDevice {
            vendor_id: id(1),
            product_id: id(3),
            subsystem_vendor_id: id(5),
            subsystem_id: id(7),
            ..device
        },
        0x04 => HostInterfaceDevice {
            vendor_id: id(2),
            product_id: id(4),
            mac: mac(bytes, 0x07),
            credential_bootstrapping: bootstrapping(0x0d),
            ..device
        },
        0x05 => HostInterfaceDevice {
            vendor_id: id(2),
            product_id: id(4),
            subsystem_vendor_id: id(6),
            subsystem_id: id(8),
            mac: mac(bytes, 0x0a),
            bus_address: bytes.get(0x12).zip(bytes.get(0x13)).and_then(|(bus, function)| {
                let segment = word(bytes, 0x10)?;
                let none = (segment, *bus, *function) == (0xffff, 0xff, 0xff);
                (!none).then(|| bus_address(segment, *bus, *function))
            }),
            credential_bootstrapping: bootstrapping(0x14),
            ..device
        },
        // The vendor by its IANA enterprise number (DSP0270 8.3.6).
        0x80.. => HostInterfaceDevice {
            vendor_id: bytes.get(1..5).map(|id| format!("0x{}", hex_with(id, ":0x"))),
            ..device
        },
        _ => device,
    }
}

/// The protocol records: a count, then type, length and data of each (DSP0270 8.4).
fn protocols(at: Structure, offset: usize) -> Vec<HostInterfaceProtocol> {
    let mut protocols = Vec::new();
    let mut start = offset + 1;
    for _ in 0..at.byte(offset).unwrap_or(0) {
        let record = at.byte(start).zip(at.byte(start + 1)).and_then(|(kind, length)| {
            let end = start + 2 + usize::from(length);
            Some((kind, at.parts.get_field_data(start + 2, end)?, end))
        });
        let Some((kind, data, end)) = record else {
            at.warn("too short for its protocol records", ": remaining records skipped");
            break;
        };
        let redfish = if kind == 4 { redfish(data) } else { None };
        protocols
            .push(HostInterfaceProtocol { protocol: Some(names::HOST_INTERFACE_PROTOCOL.of(kind)), redfish });
        start = end;
    }
    protocols
}

/// DSP0270 8.4.1.
fn redfish(data: &[u8]) -> Option<RedfishOverIp> {
    let byte = |offset: usize| data.get(offset).copied();
    // Addresses count where they are static or automatic; the host name ends the record.
    let (host, service) = (byte(16)?, byte(50)?);
    let given = |assignment: u8| matches!(assignment, 1 | 3);
    let (host_format, service_format) = (byte(17)?, byte(51)?);
    let at =
        |counts: bool, offset: usize, format: u8| counts.then(|| address(data, offset, format)).flatten();
    let vlan = u32::from_le_bytes(array(data, 86)?);
    let name = data.get(91..91 + usize::from(byte(90)?)).map(String::from_utf8_lossy);
    Some(RedfishOverIp {
        service_uuid: uuid_text(data.get(..16)?, LENGTHS),
        host_ip_assignment: Some(names::ADDRESS_ASSIGNMENT.of(host)),
        host_ip_format: Some(names::ADDRESS_FORMAT.of(host_format)),
        host_address: at(given(host), 18, host_format),
        host_mask: at(given(host), 34, host_format),
        service_ip_discovery: Some(names::ADDRESS_ASSIGNMENT.of(service)),
        service_ip_format: Some(names::ADDRESS_FORMAT.of(service_format)),
        service_address: at(given(service), 52, service_format),
        service_mask: at(given(service), 68, service_format),
        service_port: word(data, 84).filter(|_| given(service)),
        service_vlan: given(service).then_some(vlan),
        service_hostname: name
            .map(|name| {
                name.trim_matches(|c: char| c == '\0' || c.is_whitespace())
                    .replace(char::is_control, "\u{fffd}")
            })
            .filter(|name| !name.is_empty()),
    })
}

fn address(data: &[u8], offset: usize, format: u8) -> Option<String> {
    match format {
        1 => array(data, offset).map(|bytes: [u8; 4]| Ipv4Addr::from(bytes).to_string()),
        2 => array(data, offset).map(|bytes: [u8; 16]| Ipv6Addr::from(bytes).to_string()),
        _ => None,
    }
}

fn mac(bytes: &[u8], offset: usize) -> Option<String> {
    bytes.get(offset..offset + 6).map(|mac| hex_with(mac, ":"))
}

fn word(bytes: &[u8], offset: usize) -> Option<u16> {
    array(bytes, offset).map(u16::from_le_bytes)
}
