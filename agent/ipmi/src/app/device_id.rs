// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get Device ID (IPMI 2.0, section 20.1).

use crate::{Command, Malformed, NetFn, Reader};

/// Reads what the BMC is: the first command for every BMC.
#[derive(Clone, Copy, Debug)]
pub struct GetDeviceId;

/// Identity of a BMC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceId {
    /// Device ID, a number of the manufacturer.
    pub device_id: u8,
    /// Device revision, 0 to 15.
    pub revision: u8,
    /// It is being updated or initialises itself, and accepts few commands.
    pub is_updating: bool,
    /// Major and minor firmware revision; the minor one should be BCD, but not every BMC follows that.
    pub firmware: (u8, u8),
    /// IPMI version, BCD with the digits swapped: 02h is 2.0, 51h is 1.5.
    pub ipmi_version: u8,
    /// Additional device support: bit 0 sensors, 1 SDR repository, 2 SEL, 3 FRU inventory, 5 event generator, 7
    /// chassis.
    pub support: u8,
    /// IANA enterprise number of the manufacturer; 20 bits.
    pub manufacturer: u32,
    /// Product ID, a number of the manufacturer.
    pub product: u16,
    /// Auxiliary firmware revision, whose format is the manufacturer's own.
    pub auxiliary: Option<[u8; 4]>,
}

impl Command for GetDeviceId {
    const NAME: &'static str = "Get Device ID";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x01;
    type Answer = DeviceId;

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, data: &[u8]) -> Result<DeviceId, Malformed> {
        let mut reader = Reader::new(data);
        let device_id = reader.byte("device ID")?;
        let revision = reader.byte("device revision")? & 0x0f;
        let major = reader.byte("firmware revision 1")?;
        let minor = reader.byte("firmware revision 2")?;
        let ipmi_version = reader.byte("IPMI version")?;
        let support = reader.byte("additional device support")?;
        let [low, middle, high] = reader.array("manufacturer ID")?;
        let product = reader.word("product ID")?;
        Ok(DeviceId {
            device_id,
            revision,
            is_updating: major & 0x80 != 0,
            firmware: (major & 0x7f, minor),
            ipmi_version,
            support,
            manufacturer: u32::from_le_bytes([low, middle, high & 0x0f, 0]),
            product,
            auxiliary: reader.array("auxiliary firmware revision").ok(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_read() {
        // As Get Device ID of a Dell iDRAC answers.
        let id = GetDeviceId
            .answer(&[
                0x20, 0x01, 0x04, 0x40, 0x02, 0xdf, 0xa2, 0x02, 0x00, 0x00, 0x01, 0x00, 0x1e, 0x28, 0x28,
            ])
            .unwrap();
        assert_eq!((id.device_id, id.revision, id.firmware), (0x20, 1, (4, 0x40)));
        assert_eq!((id.manufacturer, id.product), (674, 0x0100));
        assert_eq!(id.auxiliary, Some([0x00, 0x1e, 0x28, 0x28]));
        assert!(!id.is_updating);
    }
}
