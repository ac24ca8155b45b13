// SPDX-License-Identifier: MIT OR Apache-2.0
//! What Wireshark's dissector shows of a TLV, derived from what this crate has decoded.

use lldp_rs::cdp::Cdp;
use lldp_rs::{
    Capabilities, Cee, CeeApplication, CeeFeature, ChassisId, Dot1, Dot3, Ets, ExtendedPower, FlowControl,
    FourPairPower, Kind, LinkAggregation, MacPhy, ManagementAddress, MdiPower, Med, NetworkAddress,
    NetworkPolicy, PerPriority, PortId, PowerAllocation, Tlv, Value,
};

/// Name and content of fields, in the dissector's order: numbers in decimal, flags as 0 and 1, bytes after `x`.
#[derive(Default)]
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    fn number(&mut self, name: &str, number: impl Into<u64>) {
        self.0.push((name.into(), number.into().to_string()));
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) {
        // The dissector has no field for an empty text.
        if !bytes.is_empty() {
            self.0.push((name.into(), super::hex(bytes)));
        }
    }

    fn text(&mut self, name: &str, text: impl ToString) {
        self.0.push((name.into(), text.to_string()));
    }

    /// A word, and the flags in it, from bit 0.
    fn flags(&mut self, name: &str, word: u16, flags: &[&str]) {
        self.number(name, word);
        for (bit, flag) in flags.iter().enumerate() {
            self.number(&format!("{name}.{flag}"), word >> bit & 1);
        }
    }

    pub fn tlv(&mut self, tlv: &Tlv) {
        let value = tlv.value().unwrap();
        let (tlv_type, oui) = match tlv.kind() {
            Kind::Basic(number) => (number, None),
            Kind::Organization { oui, .. } => (127, Some(oui)),
            Kind::Cdp(_) | Kind::CdpHeader => unreachable!("not LLDP"),
        };
        self.number("lldp.tlv.type", tlv_type);
        self.number("lldp.tlv.len", tlv.as_bytes().len() as u64 - 2);
        if let Some([a, b, c]) = oui {
            self.number("lldp.orgtlv.oui", u32::from_be_bytes([0, a, b, c]));
        }
        self.value(value);
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::ChassisId(id) => self.chassis_id(id),
            Value::PortId(id) => self.port_id(id),
            Value::TimeToLive(seconds) => self.number("lldp.time_to_live", *seconds),
            Value::PortDescription(text) => self.bytes("lldp.port.desc", text.as_bytes()),
            Value::SystemName(text) => self.bytes("lldp.tlv.system.name", text.as_bytes()),
            Value::SystemDescription(text) => self.bytes("lldp.tlv.system.desc", text.as_bytes()),
            Value::SystemCapabilities(set) => {
                self.capabilities("lldp.tlv.system_cap", set.capable);
                self.capabilities("lldp.tlv.enable_system_cap", set.enabled);
            }
            Value::ManagementAddress(management) => self.management(management),
            Value::Dot1(dot1) => {
                self.number("lldp.ieee.802_1.subtype", dot1.subtype());
                self.dot1(dot1);
            }
            Value::Cee(parts) => parts.iter().for_each(|part| self.cee(part)),
            Value::MudUrl(url) => self.text("lldp.iana.mudurl", url),
            Value::Dot3(dot3) => {
                self.number("lldp.ieee.802_3.subtype", dot3.subtype());
                self.dot3(dot3);
            }
            Value::Med(med) => {
                self.number("lldp.media.subtype", med.subtype());
                self.med(med);
            }
            Value::Organization { oui: Dot1::OUI, subtype, .. } => {
                self.number("lldp.ieee.802_1.subtype", *subtype);
            }
            // Cisco's power TLV, which the dissector knows.
            Value::Organization { oui: [0x00, 0x01, 0x42], subtype, info } => {
                self.number("lldp.cisco.subtype", *subtype);
                let flags = ["supported", "altb_detection_required", "pd_altb_desired", "pse_altb_oper"];
                self.flags("lldp.cisco.upoe", info[0].into(), &flags);
            }
            Value::Organization { subtype, info, .. } => {
                self.number("lldp.unknown_subtype", *subtype);
                self.bytes("lldp.unknown_subtype.content", info);
            }
            Value::End | Value::Reserved { .. } => {}
        }
    }

    fn chassis_id(&mut self, id: &ChassisId) {
        self.number("lldp.chassis.subtype", id.subtype());
        match id {
            ChassisId::MacAddress(address) => self.text("lldp.chassis.id.mac", address),
            ChassisId::NetworkAddress(address) => self.network("lldp.chassis.id", address),
            ChassisId::ChassisComponent(id)
            | ChassisId::InterfaceAlias(id)
            | ChassisId::PortComponent(id)
            | ChassisId::InterfaceName(id)
            | ChassisId::Local(id)
            | ChassisId::Reserved { id, .. } => self.bytes("lldp.chassis.id", id.as_bytes()),
        }
    }

    fn port_id(&mut self, id: &PortId) {
        self.number("lldp.port.subtype", id.subtype());
        match id {
            PortId::MacAddress(address) => self.text("lldp.port.id.mac", address),
            PortId::NetworkAddress(address) => self.network("lldp.port.id", address),
            PortId::InterfaceAlias(id)
            | PortId::PortComponent(id)
            | PortId::InterfaceName(id)
            | PortId::AgentCircuitId(id)
            | PortId::Local(id)
            | PortId::Reserved { id, .. } => self.bytes("lldp.port.id", id.as_bytes()),
        }
    }

    fn network(&mut self, name: &str, address: &NetworkAddress) {
        self.number("lldp.network_address.subtype", address.family);
        let version = if address.ip().unwrap().is_ipv4() { "ip4" } else { "ip6" };
        self.text(&format!("{name}.{version}"), address);
    }

    fn capabilities(&mut self, name: &str, set: Capabilities) {
        let flags =
            ["other", "repeater", "bridge", "wlan_access_pt", "router", "telephone", "docsis_cable_device"];
        self.flags(name, set.0, &[&flags[..], &["station_only"]].concat());
    }

    fn management(&mut self, management: &ManagementAddress) {
        let ManagementAddress { address, numbering, interface, oid } = management;
        self.number("lldp.mgn.address.len", address.bytes.len() as u64 + 1);
        self.number("lldp.mgn.address.subtype", address.family);
        match address.ip() {
            Some(ip) if ip.is_ipv4() => self.text("lldp.mgn.addr.ip4", ip),
            Some(ip) => self.text("lldp.mgn.addr.ip6", ip),
            None => self.bytes("lldp.mgn.addr.hex", &address.bytes),
        }
        self.number("lldp.mgn.interface.subtype", u8::from(*numbering));
        self.number("lldp.mgn.interface.number", *interface);
        self.number("lldp.mgn.obj.len", oid.0.len() as u64);
        if !oid.0.is_empty() {
            self.text("lldp.mgn.obj.id", oid);
        }
    }

    fn dot1(&mut self, dot1: &Dot1) {
        match dot1 {
            Dot1::PortVlanId(id) => self.number("lldp.ieee.802_1.port_vlan.id", *id),
            Dot1::PortProtocolVlanId { supported, enabled, id } => {
                let name = "lldp.ieee.802_1.port_and_vlan_id_flag";
                self.number(name, u8::from(*supported) << 1 | u8::from(*enabled) << 2);
                self.number(&format!("{name}.supported"), *supported);
                self.number(&format!("{name}.enabled"), *enabled);
                self.number("lldp.ieee.802_1.port_proto_vlan.id", *id);
            }
            Dot1::VlanName { id, name } => {
                self.number("lldp.ieee.802_1.vlan.id", *id);
                self.number("lldp.ieee.802_1.vlan.name_len", name.as_bytes().len() as u64);
                self.bytes("lldp.ieee.802_1.vlan.name", name.as_bytes());
            }
            Dot1::ProtocolIdentity(bytes) => {
                self.number("lldp.ieee.802_1.proto.id_length", bytes.len() as u64);
                self.bytes("lldp.ieee.802_1.proto.id", bytes);
            }
            Dot1::LinkAggregation(LinkAggregation { capable, enabled, port_type, port_id }) => {
                let name = "lldp.ieee.802_1.aggregation_status";
                self.number(name, u8::from(*capable) | u8::from(*enabled) << 1 | port_type << 2);
                self.number(&format!("{name}.cap"), *capable);
                self.number(&format!("{name}.enabled"), *enabled);
                self.number(&format!("{name}.porttype"), *port_type);
                self.number("lldp.ieee.802_1.aggregated_port_id", *port_id);
            }
            Dot1::CongestionNotification { priorities, ready } => {
                self.bits("lldp.ieee.802_1qau.cnpv.prio", *priorities);
                self.bits("lldp.ieee.802_1qau.ready.prio", *ready);
            }
            Dot1::EtsConfiguration(ets) => {
                self.number("lldp.dcbx.ieee.willing", ets.willing);
                self.number("lldp.dcbx.ieee.ets.cbs", ets.credit_based_shaper);
                self.number("lldp.dcbx.ieee.ets.maxtcs", ets.traffic_classes);
                self.ets_tables(ets);
            }
            Dot1::EtsRecommendation(ets) => self.ets_tables(ets),
            Dot1::FlowControl(FlowControl { willing, macsec_bypass, capability, enabled }) => {
                self.number("lldp.dcbx.ieee.willing", *willing);
                self.number("lldp.dcbx.ieee.pfc.mbc", *macsec_bypass);
                self.number("lldp.dcbx.ieee.pfc.numtcs", *capability);
                self.bits("lldp.dcbx.feature.pfc.prio", *enabled);
            }
            Dot1::ApplicationPriority(applications) => {
                for application in applications {
                    self.number("lldp.dcbx.ieee.app.prio", application.priority);
                    // The dissector's spelling.
                    self.number("lldp.dcbx.iee.app.sf", application.selector);
                    self.number("lldp.dcbx.feature.app.proto", application.protocol);
                }
            }
            // The dissector of tshark 4.0 shows only the bytes.
            Dot1::VidUsageDigest(_) | Dot1::ManagementVid(_) => {}
        }
    }

    fn ets_tables(&mut self, ets: &Ets) {
        self.per_priority("lldp.dcbx.feature.pg.pgid_prio", ets.classes);
        self.per_priority("lldp.dcbx.feature.pg.per", ets.bandwidth);
        self.per_priority("lldp.dcbx.ieee.ets.tsa", ets.algorithms);
    }

    /// A flag for each priority.
    fn bits(&mut self, name: &str, bits: u8) {
        (0..8).for_each(|bit| self.number(&format!("{name}{bit}"), bits >> bit & 1));
    }

    fn per_priority(&mut self, name: &str, numbers: PerPriority) {
        numbers.iter().enumerate().for_each(|(at, number)| self.number(&format!("{name}{at}"), *number));
    }

    fn cee(&mut self, part: &Cee) {
        match part {
            Cee::Control { operating_version, max_version, sequence, acknowledgement } => {
                self.number("lldp.dcbx.version", *operating_version);
                self.number("lldp.dcbx.max_version", *max_version);
                self.number("lldp.dcbx.control.seq", *sequence);
                self.number("lldp.dcbx.control.ack", *acknowledgement);
            }
            Cee::PriorityGroups { feature, groups, bandwidth, traffic_classes } => {
                self.cee_feature(feature);
                self.per_priority("lldp.dcbx.feature.pg.pgid_prio", *groups);
                self.per_priority("lldp.dcbx.feature.pg.per", *bandwidth);
                self.number("lldp.dcbx.feature.pg.numtcs", *traffic_classes);
            }
            Cee::FlowControl { feature, enabled, traffic_classes } => {
                self.cee_feature(feature);
                self.bits("lldp.dcbx.feature.pfc.prio", *enabled);
                self.number("lldp.dcbx.feature.pfc.numtcs", *traffic_classes);
            }
            Cee::Applications { feature, applications } => {
                self.cee_feature(feature);
                for CeeApplication { protocol, selector, oui: [a, b, c], .. } in applications {
                    self.number("lldp.dcbx.feature.app.proto", *protocol);
                    self.number("lldp.dcbx.feature.app.oui", u32::from_be_bytes([0, *a, *b, *c]));
                    self.number("lldp.dcbx.feature.app.sf", *selector);
                }
            }
            Cee::Other { .. } => {}
        }
    }

    fn cee_feature(&mut self, feature: &CeeFeature) {
        self.number("lldp.dcbx.version", feature.operating_version);
        self.number("lldp.dcbx.max_version", feature.max_version);
        self.number("lldp.dcbx.feature.enabled", feature.enabled);
        self.number("lldp.dcbx.feature.willing", feature.willing);
        self.number("lldp.dcbx.feature.error", feature.error);
        self.number("lldp.dcbx.feature.subtype", feature.subtype);
    }

    fn dot3(&mut self, dot3: &Dot3) {
        match dot3 {
            Dot3::MacPhy(phy) => self.mac_phy(phy),
            Dot3::Power(power) => self.power(power),
            Dot3::LinkAggregation(LinkAggregation { capable, enabled, port_id, .. }) => {
                let name = "lldp.ieee.802_3.aggregation_status";
                self.flags(name, u16::from(*capable) | u16::from(*enabled) << 1, &["cap", "enabled"]);
                self.number("lldp.ieee.802_3.aggregated_port_id", *port_id);
            }
            Dot3::MaximumFrameSize(size) => self.number("lldp.ieee.802_3.max_frame_size", *size),
            Dot3::EnergyEfficient(times) => {
                self.number("lldp.ieee.802_3.eee.transmit", times.transmit);
                self.number("lldp.ieee.802_3.eee.receive", times.receive);
                self.number("lldp.ieee.802_3.eee.fallback_receive", times.fallback_receive);
                self.number("lldp.ieee.802_3.eee.echo_transmit", times.echo_transmit);
                self.number("lldp.ieee.802_3.eee.echo_receive", times.echo_receive);
            }
        }
    }

    fn mac_phy(&mut self, phy: &MacPhy) {
        let status = u16::from(phy.autonegotiation_supported) | u16::from(phy.autonegotiation_enabled) << 1;
        self.flags("lldp.ieee.802_3.mac_phy_auto_neg_status", status, &["supported", "enabled"]);
        let modes = [
            "1000base_tfd",
            "1000base_t",
            "1000base_xfd",
            "1000base_x",
            "fdx_bpause",
            "fdx_spause",
            "fdx_apause",
            "fdx_pause",
            "100base_t2fd",
            "100base_t2",
            "100base_txfd",
            "100base_tx",
            "100base_t4",
            "10base_tfd",
            "10base_t",
            "other",
        ];
        self.flags("lldp.ieee.802_3.pmd_auto_neg_advertised_caps", phy.advertised, &modes);
        self.number("lldp.ieee.802_3.pmd_mau_type", phy.mau_type);
    }

    fn power(&mut self, power: &MdiPower) {
        let MdiPower { is_source, supported, enabled, pairs_selectable, pairs, class, allocation } = *power;
        let flags = [is_source, supported, enabled, pairs_selectable];
        let support = flags.iter().rev().fold(0, |word, flag| word << 1 | u16::from(*flag));
        let names = ["port_class", "supported", "enabled", "pse_pairs"];
        self.flags("lldp.ieee.802_3.mdi_power_support", support, &names);
        self.number("lldp.ieee.802_3.mdi_pse_pair", pairs);
        self.number("lldp.ieee.802_3.mdi_power_class", class);
        let Some(PowerAllocation { power_type, source, priority, requested, allocated, four_pair, .. }) =
            allocation
        else {
            return;
        };
        self.number("lldp.ieee.802_3.mdi_power_type", power_type);
        self.number("lldp.ieee.802_3.mdi_power_source", source);
        self.number("lldp.ieee.802_3.mdi_power_priority", priority);
        self.number("lldp.ieee.802_3.mdi_pde_requested", requested);
        self.number("lldp.ieee.802_3.mdi_pse_allocated", allocated);
        if let Some(four_pair) = four_pair {
            self.four_pair(&four_pair);
        }
    }

    fn four_pair(&mut self, power: &FourPairPower) {
        let mut field = |name: &str, number: u32| self.number(&format!("lldp.ieee.802_3.bt_{name}"), number);
        field("ds_pd_requested_power_value_mode_a", power.requested_a.into());
        field("ds_pd_requested_power_value_mode_b", power.requested_b.into());
        field("ds_pse_allocated_power_value_alt_a", power.allocated_a.into());
        field("ds_pse_allocated_power_value_alt_b", power.allocated_b.into());
        let dual = u32::from(power.class_a) << 7 | u32::from(power.class_b) << 4 | u32::from(power.class);
        let [source, device, pairs] = [power.source_status, power.device_status, power.pairs].map(u32::from);
        field("power_status", source << 14 | device << 12 | pairs << 10 | dual);
        field("pse_powering_status", power.source_status.into());
        field("pd_powered_status", power.device_status.into());
        field("pse_power_pairs_ext", power.pairs.into());
        field("ds_pwr_class_ext_a", power.class_a.into());
        field("ds_pwr_class_ext_b", power.class_b.into());
        field("pwr_class_ext_", power.class.into());
        field("system_setup", u32::from(power.power_type) << 1 | u32::from(power.loads_isolated));
        field("power_type_ext", power.power_type.into());
        field("pse_maximum_available_power_value", power.maximum_available.into());
        let autoclass = [power.autoclass_supported, power.autoclass_completed, power.autoclass_requested];
        field("autoclass", autoclass.iter().fold(0, |word, flag| word << 1 | u32::from(*flag)));
        field("pse_autoclass_support", power.autoclass_supported.into());
        field("autoclass_completed", power.autoclass_completed.into());
        field("autoclass_request", power.autoclass_requested.into());
        field("power_down", u32::from(power.power_down_request) << 18 | power.power_down_time);
        field("power_down_request", power.power_down_request.into());
        field("power_down_time", power.power_down_time);
    }

    fn med(&mut self, med: &Med) {
        match med {
            Med::Capabilities { capabilities, device } => {
                let flags = ["llpd", "network_policy", "location_id", "mdi_pse", "mid_pd", "inventory"];
                self.flags("lldp.media.subtype.caps", capabilities.0, &flags);
                self.number("lldp.media.subtype.class", device.0);
            }
            Med::NetworkPolicy(NetworkPolicy { application, unknown, tagged, vlan, priority, dscp }) => {
                self.number("lldp.media.app_type", *application);
                self.number("lldp.media.policy_flag", *unknown);
                self.number("lldp.media.tag_flag", *tagged);
                self.number("lldp.media.vlan_id", *vlan);
                self.number("lldp.media.l2_prio", *priority);
                self.number("lldp.media.dscp", *dscp);
            }
            Med::Location { format, data } => {
                self.number("lldp.media.loc.data_format", *format);
                if *format == 3 {
                    self.bytes("lldp.media.ecs", data);
                }
            }
            Med::ExtendedPower(ExtendedPower { power_type, source, priority, value }) => {
                self.number("lldp.media.power.type", *power_type);
                self.number("lldp.media.power.source", *source);
                self.number("lldp.media.power.prio", *priority);
                self.number("lldp.media.power.value", *value);
            }
            Med::HardwareRevision(text) => self.bytes("lldp.media.hardware", text.as_bytes()),
            Med::FirmwareRevision(text) => self.bytes("lldp.media.firmware", text.as_bytes()),
            Med::SoftwareRevision(text) => self.bytes("lldp.media.software", text.as_bytes()),
            Med::SerialNumber(text) => self.bytes("lldp.media.sn", text.as_bytes()),
            Med::Manufacturer(text) => self.bytes("lldp.media.manufacturer", text.as_bytes()),
            Med::Model(text) => self.bytes("lldp.media.model", text.as_bytes()),
            Med::AssetId(text) => self.bytes("lldp.media.asset", text.as_bytes()),
        }
    }

    /// Of CDP the dissector shows more than the crate reads; these are the fields that both have.
    pub fn cdp(&mut self, cdp: &Cdp) {
        self.number("cdp.version", cdp.version);
        self.number("cdp.ttl", cdp.ttl);
        let is_good = cdp.faults.iter().all(|fault| fault.kind != Kind::CdpHeader);
        self.number("cdp.checksum.status", is_good);
        self.bytes("cdp.deviceid", cdp.device_id.as_bytes());
        self.addresses(&cdp.addresses);
        self.bytes("cdp.portid", cdp.port_id.as_bytes());
        if let Some(capabilities) = cdp.capabilities {
            self.number("cdp.capabilities", capabilities.0);
        }
        let version = cdp
            .software_version
            .iter()
            .flat_map(|text| text.as_bytes().split_inclusive(|&byte| byte == b'\n'));
        version.for_each(|line| self.bytes("cdp.software_version", line));
        if let Some(platform) = &cdp.platform {
            self.bytes("cdp.platform", platform.as_bytes());
        }
        if let Some(vlan) = cdp.native_vlan {
            self.number("cdp.native_vlan", vlan);
        }
        if let Some(name) = &cdp.system_name {
            self.bytes("cdp.system_name", name.as_bytes());
        }
        self.addresses(&cdp.management_addresses);
    }

    fn addresses(&mut self, addresses: &[NetworkAddress]) {
        for address in addresses {
            let version = if address.ip().unwrap().is_ipv4() { "ip" } else { "ipv6" };
            self.text(&format!("cdp.nrgyz.{version}_address"), address);
        }
    }
}
