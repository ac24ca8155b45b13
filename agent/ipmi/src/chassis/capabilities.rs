// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get Chassis Capabilities (IPMI 2.0, section 28.1).

use crate::{Command, Malformed, NetFn, Reader};

/// Asks what the chassis has.
#[derive(Clone, Copy, Debug)]
pub struct GetChassisCapabilities;

/// What the chassis has, and the addresses on the IPMB of what keeps its data: 20h is the BMC itself, 00h is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// A switch that keeps it from being powered on while it is open.
    pub has_interlock: bool,
    /// A diagnostic interrupt, the NMI button.
    pub has_diagnostic_interrupt: bool,
    /// A front panel that can be locked.
    pub has_panel_lockout: bool,
    /// A sensor that tells when it is opened.
    pub has_intrusion_sensor: bool,
    /// Where its FRU data is.
    pub fru: u8,
    /// Where its SDRs are.
    pub sdr: u8,
    /// Where its SEL is.
    pub sel: u8,
    /// Where system management messages go.
    pub management: u8,
}

impl Command for GetChassisCapabilities {
    const NAME: &'static str = "Get Chassis Capabilities";
    const NET_FN: NetFn = NetFn::Chassis;
    const CODE: u8 = 0x00;
    type Answer = Capabilities;

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn answer(&self, data: &[u8]) -> Result<Capabilities, Malformed> {
        let [flags, fru, sdr, sel, management] = Reader::new(data).array("chassis capabilities")?;
        Ok(Capabilities {
            has_interlock: flags & 0x08 != 0,
            has_diagnostic_interrupt: flags & 0x04 != 0,
            has_panel_lockout: flags & 0x02 != 0,
            has_intrusion_sensor: flags & 0x01 != 0,
            fru,
            sdr,
            sel,
            management,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read() {
        let capabilities = GetChassisCapabilities.answer(&[0x05, 0x20, 0x20, 0x20, 0x20, 0x00]).unwrap();
        assert!(capabilities.has_intrusion_sensor && capabilities.has_diagnostic_interrupt);
        assert!(!capabilities.has_panel_lockout && !capabilities.has_interlock);
        assert_eq!((capabilities.fru, capabilities.sel), (0x20, 0x20));
        assert!(GetChassisCapabilities.answer(&[0x05, 0x20, 0x20, 0x20]).is_err());
    }
}
