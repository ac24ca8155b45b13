// SPDX-License-Identifier: MIT OR Apache-2.0
//! The LAN channels of a BMC.

use std::net::Ipv4Addr;

use serde::Deserialize;

use super::bmc::{AddressSource, Privilege};

/// A LAN channel without a cable, such as an unused port or the USB host interface.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSpec {
    /// Its number.
    pub number: u8,
    /// Its medium.
    #[serde(default)]
    pub medium: Medium,
    /// Its address, such as 169.254.3.254 for a USB host interface.
    #[serde(default = "unspecified")]
    pub address: Ipv4Addr,
    /// The address source that it reports.
    #[serde(default)]
    pub source: AddressSource,
    /// Its privilege limit.
    #[serde(default)]
    pub limit: Privilege,
}

/// The medium of a LAN channel (IPMI 2.0, table 6-3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Medium {
    /// 802.3 LAN.
    #[default]
    Lan,
    /// Other LAN.
    OtherLan,
}

impl Medium {
    /// Its number.
    pub(crate) fn number(self) -> u8 {
        match self {
            Medium::Lan => 4,
            Medium::OtherLan => 5,
        }
    }
}

fn unspecified() -> Ipv4Addr {
    Ipv4Addr::UNSPECIFIED
}
