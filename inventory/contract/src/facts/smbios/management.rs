// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interfaces to management controllers, and TPMs: types 38, 42 and 43.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// The host's interface to its BMC, type 38 (DSP0134 7.39).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct IpmiDevice {
    /// The structure's handle, by which others refer to it.
    pub handle: u16,
    /// `KCS (Keyboard Control Style)`, offset 04h (7.39.1).
    pub interface_type: Option<String>,
    /// The IPMI version, `2.0`, offset 05h.
    pub specification_version: Option<String>,
    /// The BMC's address on the I2C bus, 7 bits, `0x10`, offset 06h.
    pub i2c_address: Option<String>,
    /// The bus address of its non-volatile storage, offset 07h.
    pub nv_storage_address: Option<u8>,
    /// Where the interface is: `I/O`, `Memory-mapped` or `SMBus`, offset 08h.
    pub address_space: Option<String>,
    /// Its address there, `0xca2`, offsets 08h and 10h.
    pub base_address: Option<String>,
    /// `Successive Byte Boundaries`, offset 10h.
    pub register_spacing: Option<String>,
    /// `Active High`, offset 10h.
    pub interrupt_polarity: Option<String>,
    /// `Level`, offset 10h.
    pub interrupt_trigger: Option<String>,
    /// The interrupt's number, where it has one, offset 11h.
    pub interrupt: Option<u8>,
}

/// An interface of the host to its management controller, type 42 (DSP0134 7.43, DSP0270 8).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct HostInterface {
    /// The structure's handle, by which others refer to it.
    pub handle: u16,
    /// `Network`, `KCS: Keyboard Controller Style`, offset 04h.
    pub interface_type: Option<String>,
    /// The device of a network interface, offset 06h (DSP0270 8.3).
    pub device: Option<HostInterfaceDevice>,
    /// The protocols on the interface, after the device (DSP0270 8.4).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub protocols: Vec<HostInterfaceProtocol>,
}

/// The device of a host interface (DSP0270 8.3).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct HostInterfaceDevice {
    /// `USB`, `PCI/PCIe v2`.
    pub device_type: Option<String>,
    /// The USB or PCI vendor, `0x0b1f`; of an OEM device the vendor's IANA enterprise number.
    pub vendor_id: Option<String>,
    /// The USB product or PCI device number.
    pub product_id: Option<String>,
    /// The PCI subsystem vendor.
    pub subsystem_vendor_id: Option<String>,
    /// The PCI subsystem.
    pub subsystem_id: Option<String>,
    /// `0a:00:27:00:00:01`, of the second version of either.
    pub mac: Option<String>,
    /// `0000:3b:00.0`, of the second version of PCI devices.
    pub bus_address: Option<String>,
    /// Whether the host can create a Redfish account through IPMI (DSP0270 9); there since its version 1.3.
    pub credential_bootstrapping: Option<bool>,
}

/// A protocol on a host interface (DSP0134 7.43.2).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct HostInterfaceProtocol {
    /// `Redfish over IP`, `IPMI`, `MCTP`.
    pub protocol: Option<String>,
    /// The addresses of Redfish over IP; absent for other protocols.
    pub redfish: Option<RedfishOverIp>,
}

/// The address of the Redfish service, and the address that the host should use to reach it (DSP0270 8.4.1).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct RedfishOverIp {
    /// The UUID of the Redfish service, by which it is recognised in discovery.
    pub service_uuid: Option<String>,
    /// How the host gets its address, `Static`, `DHCP`, `AutoConf` (8.4.2).
    pub host_ip_assignment: Option<String>,
    /// `IPv4` or `IPv6` (8.4.3).
    pub host_ip_format: Option<String>,
    /// The host's address; absent unless the assignment is `Static` or `AutoConf`.
    pub host_address: Option<String>,
    /// Its network mask or, for IPv6, prefix mask.
    pub host_mask: Option<String>,
    /// How the service's address is found, `Static`, `DHCP`, `AutoConf`.
    pub service_ip_discovery: Option<String>,
    /// `IPv4` or `IPv6`.
    pub service_ip_format: Option<String>,
    /// The service's address; absent unless the discovery is `Static` or `AutoConf`.
    pub service_address: Option<String>,
    /// Its network mask or, for IPv6, prefix mask.
    pub service_mask: Option<String>,
    /// The service's TCP port, under the same condition.
    pub service_port: Option<u16>,
    /// The VLAN of the service, under the same condition.
    pub service_vlan: Option<u32>,
    /// The service's host name, for TLS certificates.
    pub service_hostname: Option<String>,
}

/// A TPM, type 43 (DSP0134 7.44).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct TpmDevice {
    /// The structure's handle, by which others refer to it.
    pub handle: u16,
    /// `IFX`, `AMD`, offset 04h.
    pub vendor_id: Option<String>,
    /// `2.0`, offsets 08h and 09h.
    pub specification_version: Option<String>,
    /// Offset 0Ah.
    pub firmware_version: Option<String>,
    /// Offset 12h.
    pub description: Option<String>,
    /// `Family configurable via firmware update`, offset 13h.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub characteristics: Vec<String>,
}
