// SPDX-License-Identifier: MIT OR Apache-2.0
//! LAN parameters 3 to 6 and 12 to 14: Ethernet and IPv4 (IPMI 2.0, table 23-4).

use std::net::Ipv4Addr;

use super::LanParameter;
use crate::codes::codes;
use crate::{Malformed, Parameter, Reader, Writable};

/// Parameter 3: the BMC's IPv4 address; 0.0.0.0 if it has none yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpAddress(pub Ipv4Addr);

/// Parameter 6: the mask of its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubnetMask(pub Ipv4Addr);

/// Parameter 12: the default gateway; 0.0.0.0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gateway(pub Ipv4Addr);

/// Parameter 14: the gateway that is used when the default one does not respond; 0.0.0.0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupGateway(pub Ipv4Addr);

/// Parameter 5: the BMC's own MAC address; read-only on many BMCs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacAddress(pub [u8; 6]);

/// Parameter 13: the MAC address of the default gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayMac(pub [u8; 6]);

codes! {
    /// Parameter 4: where the address comes from.
    pub enum AddressSource {
        /// Not specified.
        Unspecified = 0,
        /// Configured by hand.
        Static = 1,
        /// DHCP.
        Dhcp = 2,
        /// The host's firmware or other software loads it into the BMC.
        Host = 3,
        /// Another protocol of the BMC's.
        OtherProtocol = 4,
    }
}

macro_rules! addresses {
    ($($name:ident = $number:literal, $text:literal, $encode:expr;)+) => {$(
        impl LanParameter for $name {}

        impl Parameter for $name {
            const NAME: &'static str = concat!("LAN parameter ", $number, ", ", $text);
            const NUMBER: u8 = $number;

            fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
                Ok(Self(reader.array($text)?.into()))
            }
        }

        impl Writable for $name {
            fn encode(&self) -> Vec<u8> {
                $encode(self.0).to_vec()
            }
        }
    )+};
}

addresses! {
    IpAddress = 3, "IP address", |address: Ipv4Addr| address.octets();
    MacAddress = 5, "MAC address", |address: [u8; 6]| address;
    SubnetMask = 6, "subnet mask", |address: Ipv4Addr| address.octets();
    Gateway = 12, "default gateway", |address: Ipv4Addr| address.octets();
    GatewayMac = 13, "MAC address of the default gateway", |address: [u8; 6]| address;
    BackupGateway = 14, "backup gateway", |address: Ipv4Addr| address.octets();
}

impl LanParameter for AddressSource {}

impl Parameter for AddressSource {
    const NAME: &'static str = "LAN parameter 4, IP address source";
    const NUMBER: u8 = 4;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self::from(reader.byte("IP address source")? & 0x0f))
    }
}

impl Writable for AddressSource {
    fn encode(&self) -> Vec<u8> {
        vec![(*self).into()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;
    use crate::transport::{GetLanParameter, SetLanParameter};

    #[test]
    fn addresses_go_there_and_back() {
        let address = IpAddress(Ipv4Addr::new(192, 0, 2, 10));
        let get = GetLanParameter::<IpAddress>::new(1);
        assert_eq!(get.data(), [1, 3, 0, 0]);
        assert_eq!(get.answer(&[0x11, 192, 0, 2, 10]).unwrap(), address);
        assert_eq!(SetLanParameter { channel: 1, value: address }.data(), [1, 3, 192, 0, 2, 10]);
        assert_eq!(IpAddress::NAME, "LAN parameter 3, IP address");
        assert_eq!((SubnetMask::NUMBER, Gateway::NUMBER, BackupGateway::NUMBER), (6, 12, 14));
        let mac = GetLanParameter::<MacAddress>::new(1).answer(&[0x11, 1, 2, 3, 4, 5, 6]).unwrap();
        assert_eq!((mac, MacAddress::NUMBER, GatewayMac::NUMBER), (MacAddress([1, 2, 3, 4, 5, 6]), 5, 13));
        assert_eq!(mac.encode(), [1, 2, 3, 4, 5, 6]);
        assert!(get.answer(&[0x11, 192, 0, 2]).is_err());
    }

    #[test]
    fn the_source_is_four_bits() {
        let get = GetLanParameter::<AddressSource>::new(1);
        assert_eq!(get.answer(&[0x11, 0xf2]).unwrap(), AddressSource::Dhcp);
        assert_eq!(SetLanParameter { channel: 1, value: AddressSource::Static }.data(), [1, 4, 1]);
    }
}
