// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's options for SMBIOS tables.

use super::escape;
use crate::spec::{OnboardDevice, PortConnector, SmbiosSpec};

/// The values of the options `-smbios`.
pub fn tables(spec: &SmbiosSpec) -> Vec<String> {
    let SmbiosSpec { bios, system, baseboard, chassis, processor, memory_device, .. } = spec;
    let bios = table(0)
        .with("vendor", &bios.vendor)
        .with("version", &bios.version)
        .with("date", &bios.date)
        .with("release", &bios.release);
    let system = table(1)
        .with("manufacturer", &system.manufacturer)
        .with("product", &system.product)
        .with("version", &system.version)
        .with("serial", &system.serial)
        .with("uuid", &system.uuid)
        .with("sku", &system.sku)
        .with("family", &system.family);
    let baseboard = table(2)
        .with("manufacturer", &baseboard.manufacturer)
        .with("product", &baseboard.product)
        .with("version", &baseboard.version)
        .with("serial", &baseboard.serial)
        .with("asset", &baseboard.asset)
        .with("location", &baseboard.location);
    let chassis = table(3)
        .with("manufacturer", &chassis.manufacturer)
        .with("version", &chassis.version)
        .with("serial", &chassis.serial)
        .with("asset", &chassis.asset)
        .with("sku", &chassis.sku);
    let processor = table(4)
        .with("sock_pfx", &processor.socket_prefix)
        .with("manufacturer", &processor.manufacturer)
        .with("version", &processor.version)
        .with("max-speed", &processor.max_speed_mhz)
        .with("current-speed", &processor.current_speed_mhz)
        .with("serial", &processor.serial)
        .with("asset", &processor.asset)
        .with("part", &processor.part);
    let oem_strings =
        spec.oem_strings.iter().fold(table(11), |table, value| table.with("value", &Some(value)));
    let memory_device = table(17)
        .with("loc_pfx", &memory_device.locator_prefix)
        .with("bank", &memory_device.bank)
        .with("speed", &memory_device.speed_mts)
        .with("manufacturer", &memory_device.manufacturer)
        .with("serial", &memory_device.serial)
        .with("asset", &memory_device.asset)
        .with("part", &memory_device.part);
    [bios, system, baseboard, chassis, processor, oem_strings, memory_device]
        .into_iter()
        .chain(spec.ports.iter().map(port))
        .chain(spec.onboard_devices.iter().map(onboard_device))
        .filter_map(Table::option)
        .collect()
}

fn port(port: &PortConnector) -> Table {
    table(8)
        .with("internal_reference", &port.internal)
        .with("external_reference", &port.external)
        .with("connector_type", &port.connector_type)
        .with("port_type", &port.port_type)
}

fn onboard_device(device: &OnboardDevice) -> Table {
    table(41)
        .with("designation", &Some(&device.designation))
        .with("kind", &Some(&device.kind))
        .with("instance", &Some(device.instance))
        .with("pcidev", &Some(format!("nic{}", device.nic)))
}

/// One structure, and whether it has any value.
struct Table {
    option: String,
    has_value: bool,
}

fn table(kind: u8) -> Table {
    Table { option: format!("type={kind}"), has_value: false }
}

impl Table {
    fn with(mut self, name: &str, value: &Option<impl ToString>) -> Table {
        if let Some(value) = value {
            self.option.push_str(&format!(",{name}={}", escape(&value.to_string())));
            self.has_value = true;
        }
        self
    }

    fn option(self) -> Option<String> {
        self.has_value.then_some(self.option)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_given_values_and_doubles_commas() {
        let spec: SmbiosSpec = toml::from_str(
            "oem_strings = ['a,b', 'c']\nbios = { release = '5.14' }\nprocessor = { max_speed_mhz = 3000 }\n\
             memory_device = { serial = '' }\n\
             port = [{ external = 'USB', port_type = 16 }]\n\
             onboard = [{ designation = 'LAN', kind = 'ethernet', instance = 1, nic = 0 }]\n",
        )
        .unwrap();
        let expected = [
            "type=0,release=5.14",
            "type=4,max-speed=3000",
            "type=11,value=a,,b,value=c",
            "type=17,serial=",
            "type=8,external_reference=USB,port_type=16",
            "type=41,designation=LAN,kind=ethernet,instance=1,pcidev=nic0",
        ];
        assert_eq!(tables(&spec), expected);
    }
}
