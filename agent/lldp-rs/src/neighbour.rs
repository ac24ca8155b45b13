// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::address::NetworkAddress;
use crate::basic::{Capabilities, SystemCapabilities};
use crate::cdp::Cdp;
use crate::dcb::Cee;
use crate::dot1::{Dot1, LinkAggregation};
use crate::dot3::{Dot3, MacPhy};
use crate::fault::Fault;
use crate::id::{ChassisId, PortId};
use crate::lldpdu::Lldpdu;
use crate::med::{DeviceType, Med};
use crate::power::MdiPower;
use crate::text::Text;
use crate::tlv::Value;
use alloc::vec::Vec;

/// The protocol of a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Link Layer Discovery Protocol.
    Lldp,
    /// Cisco Discovery Protocol.
    Cdp,
}

/// What a neighbour announces, by LLDP or by CDP. Of TLVs that may come only once, the first counts.
///
/// Chassis ID and port ID together name the neighbour (802.1AB-2016 3.2, MSAP identifier).
///
/// ```
/// use lldp_rs::{ChassisId, Dot1, Lldpdu, Neighbour, PortId, Text, Value};
///
/// let lldpdu = Lldpdu::new(
///     ChassisId::Local(Text::from("sw1")),
///     PortId::InterfaceName(Text::from("swp7")),
///     120,
///     [Value::SystemName(Text::from("sw1.example")), Value::Dot1(Dot1::PortVlanId(30))],
/// )?;
/// let neighbour = Neighbour::from(&lldpdu);
/// assert_eq!(neighbour.port_id.to_string(), "swp7");
/// assert_eq!(neighbour.vlan, Some(30));
/// # Ok::<(), lldp_rs::EncodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The protocol of the message.
    pub protocol: Protocol,
    /// Which device it is. From CDP: the device ID, as locally assigned.
    pub chassis_id: ChassisId,
    /// Which of its ports. From CDP: the port ID, as an interface name.
    pub port_id: PortId,
    /// How long this is valid, in seconds; 0: the neighbour shuts down.
    pub ttl: u16,
    /// Port description, often set by an administrator.
    pub port_description: Option<Text>,
    /// The device's name. From CDP: the system name, else the device ID.
    pub system_name: Option<Text>,
    /// Hardware and software. From CDP: the software version.
    pub system_description: Option<Text>,
    /// The device's model. From LLDP: that of the LLDP-MED inventory; from CDP: the platform.
    pub model: Option<Text>,
    /// The device's serial number, of the LLDP-MED inventory.
    pub serial_number: Option<Text>,
    /// The class of an LLDP-MED device.
    pub device_type: Option<DeviceType>,
    /// What the device can do and does. CDP has only the enabled functions.
    pub capabilities: Option<SystemCapabilities>,
    /// Where the device is managed. From CDP: the management addresses, else the port's addresses.
    pub management_addresses: Vec<NetworkAddress>,
    /// The VLAN of untagged frames; `None` when it is not announced or the port has none.
    pub vlan: Option<u16>,
    /// VLANs with names.
    pub vlan_names: Vec<(u16, Text)>,
    /// Whether the port is part of an aggregation.
    pub link_aggregation: Option<LinkAggregation>,
    /// Speed and duplex.
    pub mac_phy: Option<MacPhy>,
    /// The longest frame in bytes.
    pub maximum_frame_size: Option<u16>,
    /// The priorities with flow control, by 802.1Q or by CEE DCBX: bit 0 is priority 0.
    pub flow_control: Option<u8>,
    /// Where the manufacturer describes how the device uses the network.
    pub mud_url: Option<Text>,
    /// Power over Ethernet.
    pub power: Option<MdiPower>,
    /// The TLVs that could not be read, and why.
    pub faults: Vec<Fault>,
}

impl Neighbour {
    fn new(protocol: Protocol, chassis_id: ChassisId, port_id: PortId, ttl: u16) -> Self {
        Self {
            protocol,
            chassis_id,
            port_id,
            ttl,
            port_description: None,
            system_name: None,
            system_description: None,
            model: None,
            serial_number: None,
            device_type: None,
            capabilities: None,
            management_addresses: Vec::new(),
            vlan: None,
            vlan_names: Vec::new(),
            link_aggregation: None,
            mac_phy: None,
            maximum_frame_size: None,
            flow_control: None,
            mud_url: None,
            power: None,
            faults: Vec::new(),
        }
    }

    fn hear(&mut self, value: &Value) {
        match value {
            Value::PortDescription(text) => first(&mut self.port_description, text),
            Value::SystemName(text) => first(&mut self.system_name, text),
            Value::SystemDescription(text) => first(&mut self.system_description, text),
            Value::SystemCapabilities(capabilities) => first(&mut self.capabilities, capabilities),
            Value::ManagementAddress(management) => {
                self.management_addresses.push(management.address.clone());
            }
            Value::Dot1(Dot1::PortVlanId(id)) if *id != 0 => first(&mut self.vlan, id),
            Value::Dot1(Dot1::VlanName { id, name }) => self.vlan_names.push((*id, name.clone())),
            Value::Dot1(Dot1::LinkAggregation(aggregation))
            | Value::Dot3(Dot3::LinkAggregation(aggregation)) => {
                first(&mut self.link_aggregation, aggregation);
            }
            Value::Dot1(Dot1::FlowControl(control)) => first(&mut self.flow_control, &control.enabled),
            Value::Cee(parts) => {
                for part in parts {
                    if let Cee::FlowControl { enabled, .. } = part {
                        first(&mut self.flow_control, enabled);
                    }
                }
            }
            Value::MudUrl(url) => first(&mut self.mud_url, url),
            Value::Dot3(Dot3::MacPhy(phy)) => first(&mut self.mac_phy, phy),
            Value::Dot3(Dot3::MaximumFrameSize(size)) => first(&mut self.maximum_frame_size, size),
            Value::Dot3(Dot3::Power(power)) => first(&mut self.power, power),
            Value::Med(Med::Capabilities { device, .. }) => first(&mut self.device_type, device),
            Value::Med(Med::Model(text)) => first(&mut self.model, text),
            Value::Med(Med::SerialNumber(text)) => first(&mut self.serial_number, text),
            _ => {}
        }
    }
}

fn first<T: Clone>(place: &mut Option<T>, value: &T) {
    place.get_or_insert_with(|| value.clone());
}

impl From<&Lldpdu> for Neighbour {
    fn from(lldpdu: &Lldpdu) -> Self {
        let (chassis_id, port_id) = (lldpdu.chassis_id().clone(), lldpdu.port_id().clone());
        let mut neighbour = Self::new(Protocol::Lldp, chassis_id, port_id, lldpdu.ttl());
        for value in lldpdu.values() {
            neighbour.hear(value);
        }
        neighbour.faults = lldpdu.faults().cloned().collect();
        neighbour
    }
}

impl From<&Cdp> for Neighbour {
    fn from(cdp: &Cdp) -> Self {
        let chassis_id = ChassisId::Local(cdp.device_id.clone());
        let port_id = PortId::InterfaceName(cdp.port_id.clone());
        let addresses =
            if cdp.management_addresses.is_empty() { &cdp.addresses } else { &cdp.management_addresses };
        Self {
            system_name: cdp.system_name.clone().or_else(|| Some(cdp.device_id.clone())),
            system_description: cdp.software_version.clone(),
            model: cdp.platform.clone(),
            capabilities: cdp
                .capabilities
                .map(Capabilities::from)
                .map(|set| SystemCapabilities { capable: set, enabled: set }),
            management_addresses: addresses.clone(),
            vlan: cdp.native_vlan.filter(|&id| id != 0),
            faults: cdp.faults.clone(),
            ..Self::new(Protocol::Cdp, chassis_id, port_id, cdp.ttl.into())
        }
    }
}
