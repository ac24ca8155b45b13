// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get Chassis Capabilities (IPMI 2.0, section 28.1).

use crate::{Command, Malformed, NetFn, Reader};

/// Reads which features the chassis has.
#[derive(Clone, Copy, Debug)]
pub struct GetChassisCapabilities;

/// The features of the chassis, and the IPMB addresses of the controllers that hold its data: 20h is the BMC, 00h none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// An interlock switch that prevents power on while the chassis is open.
    pub has_interlock: bool,
    /// A diagnostic interrupt, the NMI button.
    pub has_diagnostic_interrupt: bool,
    /// A front panel that can be locked.
    pub has_panel_lockout: bool,
    /// A chassis intrusion sensor.
    pub has_intrusion_sensor: bool,
    /// Address of the FRU inventory.
    pub fru: u8,
    /// Address of the SDR repository.
    pub sdr: u8,
    /// Address of the SEL.
    pub sel: u8,
    /// Address for system management messages.
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
