// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get Device GUID and Get System GUID (IPMI 2.0, sections 20.8 and 22.14).

use uuid::Uuid;

use crate::{Command, Malformed, NetFn, Reader};

/// Reads the BMC's own GUID.
#[derive(Clone, Copy, Debug)]
pub struct GetDeviceGuid;

/// Reads the GUID of the machine, which should be the system UUID of SMBIOS.
#[derive(Clone, Copy, Debug)]
pub struct GetSystemGuid;

/// A GUID as it was received. Most BMCs do not follow the byte order of the specification: only a comparison with the
/// system UUID of SMBIOS shows which order a BMC uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guid(pub [u8; 16]);

impl Guid {
    /// As the specification has it: all bytes from the last to the first (IPMI 2.0, table 20-10).
    pub fn ipmi(self) -> Uuid {
        Uuid::from_u128(u128::from_le_bytes(self.0))
    }

    /// As SMBIOS has it: the first three fields little-endian.
    pub fn smbios(self) -> Uuid {
        Uuid::from_bytes_le(self.0)
    }

    /// As RFC 4122 has it: from the first byte to the last.
    pub fn rfc4122(self) -> Uuid {
        Uuid::from_bytes(self.0)
    }
}

impl Command for GetDeviceGuid {
    const NAME: &'static str = "Get Device GUID";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x08;
    type Answer = Guid;

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, data: &[u8]) -> Result<Guid, Malformed> {
        Reader::new(data).array("GUID").map(Guid)
    }
}

impl Command for GetSystemGuid {
    const NAME: &'static str = "Get System GUID";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x37;
    type Answer = Guid;

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, data: &[u8]) -> Result<Guid, Malformed> {
        Reader::new(data).array("GUID").map(Guid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_orders_are_offered() {
        let bytes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        let guid = GetSystemGuid.answer(&bytes).unwrap();
        assert_eq!(guid, GetDeviceGuid.answer(&bytes).unwrap());
        assert_eq!(guid.rfc4122().to_string(), "00010203-0405-0607-0809-0a0b0c0d0e0f");
        assert_eq!(guid.smbios().to_string(), "03020100-0504-0706-0809-0a0b0c0d0e0f");
        assert_eq!(guid.ipmi().to_string(), "0f0e0d0c-0b0a-0908-0706-050403020100");
        assert!(GetSystemGuid.answer(&[0; 15]).is_err());
    }
}
