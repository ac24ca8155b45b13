// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parts of the desired configuration of a BMC that most fleets leave alone: IPv6, serial over LAN, boot device, DCMI.

use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::PrivilegeLevel;
use crate::words::words;

words! {
    /// How strictly the LAN channels are closed.
    pub enum Baseline {
        /// No cipher suite without integrity and AES, no authentication type of IPMI 1.5 but MD5, and every message of a
        /// session is authenticated.
        Strict = "strict",
    }
}

words! {
    /// Where a BMC's IPv6 address comes from.
    pub enum Ipv6Mode {
        /// It is configured.
        Static = "static",
        /// A router advertises its prefix.
        Slaac = "slaac",
        /// DHCPv6.
        Dhcp = "dhcp",
        /// IPv6 is disabled.
        Off = "off",
    }
}

/// The BMC's IPv6 (IPMI 2.0 errata 4 and later, LAN parameters 50 to 68).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DesiredIpv6 {
    /// Where the address comes from: `static`, `slaac`, `dhcp` or `off`.
    pub source: Ipv6Mode,
    /// The address, with [`Ipv6Mode::Static`].
    #[serde(default)]
    pub address: Option<Ipv6Addr>,
    /// Prefix length in bits, 1 to 128, with [`Ipv6Mode::Static`].
    #[serde(default)]
    pub prefix: Option<u8>,
    /// The static router, with [`Ipv6Mode::Static`]. Absent: that of router advertisements.
    #[serde(default)]
    pub gateway: Option<Ipv6Addr>,
}

/// Serial over LAN (IPMI 2.0, table 26-5).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct DesiredSol {
    /// Bit rate in bits per second, now and after the BMC's next start: 9600, 19200, 38400, 57600 or 115200.
    pub bits_per_second: Option<u32>,
    /// Whether sessions must be encrypted and authenticated.
    pub encryption: Option<bool>,
    /// The lowest privilege level that may use it: `user`, `operator`, `administrator` or `oem`.
    pub privilege: Option<PrivilegeLevel>,
}

words! {
    /// What a host boots from (IPMI 2.0, table 28-14, parameter 5).
    pub enum BootDevice {
        /// The firmware's own order.
        Unchanged = "none",
        /// The network.
        Pxe = "pxe",
        /// The first disk.
        Disk = "disk",
        /// A CD or DVD.
        Cd = "cd",
        /// The diagnostic partition.
        Diagnostics = "diagnostics",
        /// The firmware's setup.
        Setup = "setup",
        /// A floppy, or other removable medium.
        Floppy = "floppy",
        /// The BMC's virtual CD.
        RemoteCd = "remote-cd",
        /// The BMC's virtual disk.
        RemoteDisk = "remote-disk",
    }
}

/// What the host boots from next, or always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DesiredBoot {
    /// `pxe`, `disk`, `cd`, `diagnostics`, `setup`, `floppy`, `remote-cd`, `remote-disk`, or `none`: the firmware's own order.
    pub device: BootDevice,
    /// For all boots, and not only for the next one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub persistent: bool,
    /// Legacy BIOS boot in place of UEFI.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub legacy: bool,
}

/// Names that the BMC keeps (DCMI 1.5, sections 6.4.2 and 6.4.6).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct DesiredDcmi {
    /// Asset tag, up to 63 printable ASCII characters.
    pub asset_tag: Option<String>,
    /// Management controller ID, up to 63 printable ASCII characters: the BMC's host name in DHCP requests.
    pub controller_id: Option<String>,
}
