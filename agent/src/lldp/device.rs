// SPDX-License-Identifier: MIT OR Apache-2.0
//! What kind of device a neighbour is, and whether two protocols speak of the same one. Pure.

use lldp_rs::{Capabilities, ChassisId, DeviceType, Neighbour, PortId};
use stage1_contract::Neighbour as Reported;

/// What a neighbour is, the likeliest switch last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Another port of this host.
    Own,
    /// An end station: a host, a telephone.
    Station,
    /// It does not announce what it is, and nothing indicates that it is no switch.
    Unknown,
    /// A bridge or router.
    Bridge,
}

impl Role {
    /// Whether it is a switch, for all that is known.
    pub(crate) fn may_be_switch(self) -> bool {
        self >= Self::Unknown
    }
}

/// The role of a neighbour, by its capabilities (802.1AB-2016 8.5.8). Telephones have a bridge too, for the computer behind
/// them. Without capabilities: end stations name their port by its MAC address, telephones their chassis by an IP address
/// (ANSI/TIA-1057 9.2.2).
pub(crate) fn role(neighbour: &Neighbour) -> Role {
    let is_endpoint = neighbour.device_type.is_some_and(|device| {
        (DeviceType::ENDPOINT_CLASS_I.0..=DeviceType::ENDPOINT_CLASS_III.0).contains(&device.0)
    });
    let capabilities = neighbour.capabilities.map_or(Capabilities::default(), |capabilities| {
        if capabilities.enabled.0 == 0 { capabilities.capable } else { capabilities.enabled }
    });
    let has = |capability| capabilities.contains(capability);
    let is_named_as_station = matches!(neighbour.port_id, PortId::MacAddress(_))
        || matches!(neighbour.chassis_id, ChassisId::NetworkAddress(_));
    if is_endpoint || has(Capabilities::TELEPHONE) {
        Role::Station
    } else if [Capabilities::BRIDGE, Capabilities::ROUTER, Capabilities::C_VLAN, Capabilities::S_VLAN]
        .into_iter()
        .any(has)
    {
        Role::Bridge
    } else if capabilities.0 == 0 && !is_named_as_station {
        Role::Unknown
    } else {
        Role::Station
    }
}

/// Whether what came by LLDP and by CDP is of one device: it has one name in both, or no name by LLDP and one address.
pub(crate) fn is_same(lldp: &Reported, cdp: &Reported, same_source: bool) -> bool {
    // CDP's device ID may be followed by the domain or, in parentheses, the serial number.
    let short = |name: &str| name.split(['.', '(']).next().unwrap_or_default().trim().to_ascii_lowercase();
    match &lldp.system_name {
        Some(name) => {
            let of_cdp = [cdp.system_name.as_deref(), Some(&cdp.chassis_id)];
            of_cdp.into_iter().flatten().any(|other| short(other) == short(name))
        }
        None => same_source,
    }
}

/// Adds to what came by LLDP what only CDP has.
pub(crate) fn merge(lldp: &mut Reported, cdp: &Reported) {
    fn fill<T: Clone>(place: &mut Option<T>, value: &Option<T>) {
        if place.is_none() {
            place.clone_from(value);
        }
    }
    fill(&mut lldp.port_description, &cdp.port_description);
    fill(&mut lldp.system_name, &cdp.system_name);
    fill(&mut lldp.system_description, &cdp.system_description);
    fill(&mut lldp.model, &cdp.model);
    fill(&mut lldp.serial, &cdp.serial);
    fill(&mut lldp.vlan, &cdp.vlan);
    if lldp.capabilities.is_empty() {
        lldp.capabilities.clone_from(&cdp.capabilities);
    }
    let known = &mut lldp.management_addresses;
    let new: Vec<String> =
        cdp.management_addresses.iter().filter(|one| !known.contains(one)).cloned().collect();
    known.extend(new);
    lldp.faults.extend(cdp.faults.iter().cloned());
    lldp.heard_after_ms = lldp.heard_after_ms.min(cdp.heard_after_ms);
}

#[cfg(test)]
mod tests {
    use super::*;
    use lldp_rs::{
        Lldpdu, MacAddress, Med, MedCapabilities, NetworkAddress, SystemCapabilities, Text, Value,
    };

    fn role_of(chassis_id: ChassisId, port_id: PortId, optional: Vec<Value>) -> Role {
        role(&Neighbour::from(&Lldpdu::new(chassis_id, port_id, 120, optional).unwrap()))
    }

    #[test]
    fn switches_are_distinguished_from_stations() {
        let mac = MacAddress([2, 0, 0, 0, 0, 9]);
        let (chassis, port) = (ChassisId::MacAddress(mac), PortId::InterfaceName(Text::from("swp1")));
        let capable = |enabled| {
            let capable = Capabilities::BRIDGE | Capabilities::ROUTER | Capabilities::STATION;
            vec![Value::SystemCapabilities(SystemCapabilities { capable, enabled })]
        };
        let with = |optional| role_of(chassis.clone(), port.clone(), optional);
        assert_eq!(with(capable(Capabilities::BRIDGE)), Role::Bridge);
        assert_eq!(with(capable(Capabilities::ROUTER)), Role::Bridge);
        assert_eq!(with(capable(Capabilities::default())), Role::Bridge);
        assert_eq!(with(capable(Capabilities::STATION)), Role::Station);
        assert_eq!(with(capable(Capabilities::BRIDGE | Capabilities::TELEPHONE)), Role::Station);
        assert_eq!(with(vec![]), Role::Unknown);
        let med = Med::Capabilities {
            capabilities: MedCapabilities::CAPABILITIES,
            device: DeviceType::ENDPOINT_CLASS_III,
        };
        assert_eq!(with(vec![Value::Med(med)]), Role::Station);
        assert_eq!(role_of(chassis.clone(), PortId::MacAddress(mac), vec![]), Role::Station);
        let address = NetworkAddress { family: 1, bytes: vec![10, 0, 0, 99] };
        assert_eq!(role_of(ChassisId::NetworkAddress(address), port, vec![]), Role::Station);
    }

    #[test]
    fn what_one_device_announces_by_both_protocols() {
        let named = |name: Option<&str>, id: &str| Reported {
            system_name: name.map(str::to_string),
            chassis_id: id.to_string(),
            ..Reported::default()
        };
        let lldp = named(Some("leaf1"), "00:01");
        assert!(is_same(&lldp, &named(None, "Leaf1.example.net"), false));
        assert!(is_same(&lldp, &named(Some("leaf1"), "FOX1234"), false));
        assert!(is_same(&lldp, &named(None, "leaf1(SSI1234)"), false));
        assert!(!is_same(&lldp, &named(None, "leaf2"), true));
        assert!(is_same(&named(None, "00:01"), &named(None, "leaf2"), true));
        assert!(!is_same(&named(None, "00:01"), &named(None, "leaf2"), false));
        let cdp = Reported { model: Some("WS-9".to_string()), vlan: Some(30), ..named(None, "leaf1") };
        let mut merged = Reported { vlan: Some(7), ..lldp };
        merge(&mut merged, &cdp);
        assert_eq!((merged.model.as_deref(), merged.vlan), (Some("WS-9"), Some(7)));
    }
}
