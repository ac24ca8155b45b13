// SPDX-License-Identifier: MIT OR Apache-2.0
//! Types 38, 42 and 43.

use stage1_contract::facts::{HostInterface, IpmiDevice, RedfishOverIp, TpmDevice};

use super::{Rendered, named};

pub fn ipmi(device: &IpmiDevice) -> Rendered {
    let address = device.base_address.as_deref().map(|address| {
        let number = u64::from_str_radix(&address[2..], 16).unwrap();
        match device.address_space.as_deref().unwrap() {
            "SMBus" => format!("0x{number:02X} (SMBus)"),
            space => format!("0x{number:016X} ({space})"),
        }
    });
    Rendered::new(38, device.handle)
        .name("Interface Type", &device.interface_type)
        .text("Specification Version", &device.specification_version)
        .text("I2C Slave Address", &device.i2c_address)
        .number("NV Storage Device Address", device.nv_storage_address, &[])
        .field("NV Storage Device", None, &["Not Present"])
        .field("Base Address", address, &[])
        .name("Register Spacing", &device.register_spacing)
        .text("Interrupt Polarity", &device.interrupt_polarity)
        .text("Interrupt Trigger Mode", &device.interrupt_trigger)
        .number("Interrupt Number", device.interrupt, &[])
}

/// The key depends on the tables' version, since the layout does.
pub fn host_interface(interface: &HostInterface, version: Option<&str>) -> Rendered {
    let old = version.is_some_and(|version| ["2.", "3.0", "3.1"].iter().any(|old| version.starts_with(old)));
    let key = if old { "Interface Type" } else { "Host Interface Type" };
    let mut rendered = Rendered::new(42, interface.handle).name(key, &interface.interface_type);
    if let Some(device) = &interface.device {
        let usb = device.device_type.as_deref().is_some_and(|kind| kind.starts_with("USB"));
        let oem = device.device_type.as_deref() == Some("OEM");
        let vendor = if usb {
            "idVendor"
        } else if oem {
            "Vendor ID"
        } else {
            "VendorID"
        };
        rendered = rendered
            .name("Device Type", &device.device_type)
            .text(vendor, &device.vendor_id)
            .text(if usb { "idProduct" } else { "DeviceID" }, &device.product_id)
            .text("SubVendorID", &device.subsystem_vendor_id)
            .text("SubDeviceID", &device.subsystem_id);
    }
    for protocol in &interface.protocols {
        let number = match protocol.protocol.as_deref().unwrap() {
            "IPMI" => "02",
            "MCTP" => "03",
            "Redfish over IP" => "04",
            "OEM" => "f0",
            other => &other[2..],
        };
        let mut text = format!("{number} ({})", named(protocol.protocol.as_deref().unwrap()));
        if let Some(redfish) = &protocol.redfish {
            text.push_str(&self::redfish(redfish));
        }
        rendered = rendered.field("Protocol ID", text, &[]);
    }
    rendered
}

fn redfish(redfish: &RedfishOverIp) -> String {
    let name = |name: &Option<String>| named(name.as_deref().unwrap());
    let (host, service) = (name(&redfish.host_ip_format), name(&redfish.service_ip_format));
    let mut lines = vec![
        String::new(),
        format!("Service UUID: {}", redfish.service_uuid.as_deref().unwrap()),
        format!("Host IP Assignment Type: {}", name(&redfish.host_ip_assignment)),
        format!("Host IP Address Format: {host}"),
    ];
    let mut given =
        |key: String, value: Option<String>| lines.extend(value.map(|value| format!("{key}: {value}")));
    given(format!("{host} Address"), redfish.host_address.clone());
    given(format!("{host} Mask"), redfish.host_mask.clone());
    given("Redfish Service IP Discovery Type".to_string(), Some(name(&redfish.service_ip_discovery)));
    given("Redfish Service IP Address Format".to_string(), Some(service.clone()));
    given(format!("{service} Redfish Service Address"), redfish.service_address.clone());
    given(format!("{service} Redfish Service Mask"), redfish.service_mask.clone());
    given("Redfish Service Port".to_string(), redfish.service_port.map(|port| port.to_string()));
    given("Redfish Service Vlan".to_string(), redfish.service_vlan.map(|vlan| vlan.to_string()));
    given("Redfish Service Hostname".to_string(), redfish.service_hostname.clone());
    lines.join("\n")
}

pub fn tpm(tpm: &TpmDevice) -> Rendered {
    Rendered::new(43, tpm.handle)
        .text("Vendor ID", &tpm.vendor_id)
        .text("Specification Version", &tpm.specification_version)
        .text("Firmware Revision", &tpm.firmware_version)
        .text("Description", &tpm.description)
        .lines("Characteristics", &tpm.characteristics)
}
