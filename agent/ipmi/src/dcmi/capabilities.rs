// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get DCMI Capabilities Info (DCMI, section 6.1.1): parameter 1, supported capabilities.

use super::{GROUP, group};
use crate::{Command, Malformed, NetFn, Reader};

/// Reads which parts of DCMI the BMC supports.
#[derive(Clone, Copy, Debug)]
pub struct GetDcmiCapabilities;

/// The parts of DCMI that a BMC supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DcmiCapabilities {
    /// DCMI version, major and minor.
    pub version: (u8, u8),
    /// Power monitoring and control.
    pub power_management: bool,
    /// In-band interface: KCS or SSIF.
    pub in_band: bool,
    /// Serial interface (TMODE).
    pub serial: bool,
    /// It has a second LAN channel.
    pub secondary_lan: bool,
}

impl Command for GetDcmiCapabilities {
    const NAME: &'static str = "Get DCMI Capabilities Info";
    const NET_FN: NetFn = NetFn::Group;
    const CODE: u8 = 0x01;
    type Answer = DcmiCapabilities;

    fn data(&self) -> Vec<u8> {
        vec![GROUP, 1]
    }

    fn answer(&self, data: &[u8]) -> Result<DcmiCapabilities, Malformed> {
        let mut reader = Reader::new(data);
        group(&mut reader)?;
        let version = (reader.byte("DCMI major version")?, reader.byte("DCMI minor version")?);
        let [_revision, _mandatory, platform, access] = reader.array("supported DCMI capabilities")?;
        Ok(DcmiCapabilities {
            version,
            power_management: platform & 0x01 != 0,
            in_band: access & 0x01 != 0,
            serial: access & 0x02 != 0,
            secondary_lan: access & 0x04 != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read() {
        assert_eq!(GetDcmiCapabilities.data(), [0xdc, 0x01]);
        let capabilities = GetDcmiCapabilities.answer(&[0xdc, 1, 5, 2, 0, 0x01, 0x01]).unwrap();
        assert_eq!(capabilities.version, (1, 5));
        assert!(capabilities.power_management && capabilities.in_band);
        assert!(!capabilities.serial && !capabilities.secondary_lan);
        assert!(GetDcmiCapabilities.answer(&[0xdc, 1, 5, 2, 0, 0x01]).is_err());
        assert_eq!(
            GetDcmiCapabilities.answer(&[0x00, 1, 5, 2, 0, 1, 1]).unwrap_err().to_string(),
            "invalid group extension: 0x0: DCMI is group dch"
        );
    }
}
