// SPDX-License-Identifier: MIT OR Apache-2.0
//! Network function Transport: LAN and serial over LAN (IPMI 2.0, sections 23 and 26).

mod lan;
mod lan_authentication;
mod lan_ciphers;
mod lan_ipv4;
mod lan_ipv6;
mod lan_vlan;
mod sol;

pub use lan::{GetLanParameter, LanParameter, SetLanParameter};
pub use lan_authentication::{AuthenticationEnables, AuthenticationSupport, AuthenticationTypes};
pub use lan_ciphers::{CipherEntries, CipherEntryCount, CipherPrivileges};
pub use lan_ipv4::{AddressSource, BackupGateway, Gateway, GatewayMac, IpAddress, MacAddress, SubnetMask};
pub use lan_ipv6::{
    Ipv6DynamicAddress, Ipv6DynamicRouter, Ipv6DynamicRouterCount, Ipv6Enables, Ipv6Entry, Ipv6EntryStatus,
    Ipv6FlowLabel, Ipv6HopLimit, Ipv6Router, Ipv6RouterControl, Ipv6RouterPrefix, Ipv6RouterPrefixLength,
    Ipv6Source, Ipv6StaticAddress, Ipv6Status, Ipv6Support, Ipv6TrafficClass,
};
pub use lan_vlan::{Vlan, VlanPriority};
pub use sol::{
    BitRate, GetSolParameter, SetSolParameter, SolAuthentication, SolBitRate, SolEnable, SolParameter,
    SolVolatileBitRate,
};
