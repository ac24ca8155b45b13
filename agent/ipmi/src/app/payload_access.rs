// SPDX-License-Identifier: MIT OR Apache-2.0
//! Set User Payload Access and Get User Payload Access (IPMI 2.0, sections 24.6 and 24.7).

use crate::{Command, Malformed, NetFn, Reader};

/// Reads which payloads, in addition to IPMI messages, a user may use on a channel.
#[derive(Clone, Copy, Debug)]
pub struct GetUserPayloadAccess {
    /// Channel number, 0 to 15.
    pub channel: u8,
    /// The user's number, 1 to 63.
    pub user: u8,
}

/// Allows a user payloads on a channel, or forbids them. Those that are not named stay as they are.
#[derive(Clone, Copy, Debug)]
pub struct SetUserPayloadAccess {
    /// Channel number, 0 to 15.
    pub channel: u8,
    /// The user's number, 1 to 63.
    pub user: u8,
    /// Whether the payloads are allowed.
    pub is_enabled: bool,
    /// The payloads that are allowed or forbidden.
    pub payloads: Payloads,
}

/// Payloads: for each number a bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payloads {
    /// The standard ones, 0 to 15: bit 1 is serial over LAN.
    pub standard: u16,
    /// OEM payloads, 20h to 2Fh, from bit 0 on.
    pub oem: u16,
}

impl Payloads {
    /// Serial over LAN.
    pub const SOL: Self = Self { standard: 1 << 1, oem: 0 };

    /// Whether all of `others` are among these.
    pub fn contain(self, others: Self) -> bool {
        self.standard & others.standard == others.standard && self.oem & others.oem == others.oem
    }
}

impl Command for GetUserPayloadAccess {
    const NAME: &'static str = "Get User Payload Access";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x4d;
    type Answer = Payloads;

    fn data(&self) -> Vec<u8> {
        vec![self.channel & 0x0f, self.user & 0x3f]
    }

    fn answer(&self, data: &[u8]) -> Result<Payloads, Malformed> {
        let mut reader = Reader::new(data);
        Ok(Payloads {
            standard: reader.word("standard payload enables")?,
            oem: reader.word("OEM payload enables")?,
        })
    }
}

impl Command for SetUserPayloadAccess {
    const NAME: &'static str = "Set User Payload Access";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x4c;
    const CHANGES: bool = true;
    const NOT_YET: &'static [u8] = &[0xd5];
    type Answer = ();

    fn data(&self) -> Vec<u8> {
        let operation = u8::from(!self.is_enabled) << 6;
        let mut data = vec![self.channel & 0x0f, operation | self.user & 0x3f];
        data.extend(self.payloads.standard.to_le_bytes());
        data.extend(self.payloads.oem.to_le_bytes());
        data
    }

    fn answer(&self, _: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_over_lan_is_read_and_written() {
        let payloads = GetUserPayloadAccess { channel: 1, user: 2 }.answer(&[0x02, 0, 0x01, 0]).unwrap();
        assert!(payloads.contain(Payloads::SOL));
        assert_eq!(payloads.oem, 1);
        assert!(!Payloads::default().contain(Payloads::SOL));
        // `ipmitool sol payload enable 1 2`, and `disable`.
        let set = |is_enabled| {
            SetUserPayloadAccess { channel: 1, user: 2, is_enabled, payloads: Payloads::SOL }.data()
        };
        assert_eq!(set(true), [0x01, 0x02, 0x02, 0, 0, 0]);
        assert_eq!(set(false), [0x01, 0x42, 0x02, 0, 0, 0]);
    }
}
