// SPDX-License-Identifier: MIT OR Apache-2.0
//! Get Channel Authentication Capabilities (IPMI 2.0, section 22.13).

use super::Privilege;
use crate::{Command, Malformed, NetFn, Reader};

/// Reads how users log in on a channel.
#[derive(Clone, Copy, Debug)]
pub struct GetChannelAuthenticationCapabilities {
    /// Channel number, 0 to 15.
    pub channel: u8,
    /// The requested privilege level.
    pub privilege: Privilege,
}

/// How users log in on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthenticationCapabilities {
    /// Channel number, 0 to 15.
    pub channel: u8,
    /// Authentication types of IPMI 1.5: bit 0 none, 1 MD2, 2 MD5, 4 straight password, 5 OEM.
    pub types: u8,
    /// The second key, K_G, is set.
    pub has_key: bool,
    /// Each message of a session is authenticated.
    pub per_message_authentication: bool,
    /// Messages of privilege User are authenticated.
    pub user_level_authentication: bool,
    /// There are users with names.
    pub named_users: bool,
    /// There are users without a name who have a password.
    pub nameless_users: bool,
    /// There are users with neither name nor password.
    pub anonymous_users: bool,
    /// Sessions of IPMI 2.0 (RMCP+).
    pub version_2: bool,
    /// Sessions of IPMI 1.5.
    pub version_1_5: bool,
}

impl Command for GetChannelAuthenticationCapabilities {
    const NAME: &'static str = "Get Channel Authentication Capabilities";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x38;
    type Answer = AuthenticationCapabilities;

    fn data(&self) -> Vec<u8> {
        // 80h requests the data that IPMI 2.0 added.
        vec![0x80 | self.channel & 0x0f, u8::from(self.privilege) & 0x0f]
    }

    fn answer(&self, data: &[u8]) -> Result<AuthenticationCapabilities, Malformed> {
        let mut reader = Reader::new(data);
        let channel = reader.byte("channel number")? & 0x0f;
        let types = reader.byte("authentication types")?;
        let status = reader.byte("authentication status")?;
        let extended = reader.byte("extended capabilities")?;
        // Without this bit the next byte is reserved, and the BMC is of IPMI 1.5.
        let is_extended = types & 0x80 != 0;
        Ok(AuthenticationCapabilities {
            channel,
            types: types & 0x3f,
            has_key: status & 0x20 != 0,
            per_message_authentication: status & 0x10 == 0,
            user_level_authentication: status & 0x08 == 0,
            named_users: status & 0x04 != 0,
            nameless_users: status & 0x02 != 0,
            anonymous_users: status & 0x01 != 0,
            version_2: is_extended && extended & 0x02 != 0,
            version_1_5: !is_extended || extended & 0x01 != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read() {
        let command =
            GetChannelAuthenticationCapabilities { channel: 14, privilege: Privilege::Administrator };
        assert_eq!(command.data(), [0x8e, 0x04]);
        let capabilities = command.answer(&[0x01, 0x80, 0x04, 0x02, 0, 0, 0, 0]).unwrap();
        assert!(capabilities.version_2 && !capabilities.version_1_5 && capabilities.named_users);
        assert!(!capabilities.anonymous_users && !capabilities.has_key && capabilities.types == 0);
        let old = command.answer(&[0x01, 0x15, 0x19, 0, 0, 0, 0, 0]).unwrap();
        assert!(!old.version_2 && old.version_1_5 && old.anonymous_users && old.types == 0x15);
        assert!(!old.per_message_authentication && !old.user_level_authentication);
    }
}
