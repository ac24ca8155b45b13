// SPDX-License-Identifier: MIT OR Apache-2.0
//! Set Channel Access and Get Channel Access (IPMI 2.0, sections 22.22 and 22.23).

use super::Privilege;
use crate::codes::codes;
use crate::{Command, Malformed, NetFn, Reader};

/// Reads who may use a channel.
#[derive(Clone, Copy, Debug)]
pub struct GetChannelAccess {
    /// Channel number, 0 to 15.
    pub channel: u8,
    /// Which of its two settings.
    pub store: Store,
}

/// Sets who may use a channel.
#[derive(Clone, Copy, Debug)]
pub struct SetChannelAccess {
    /// Channel number, 0 to 15.
    pub channel: u8,
    /// Which of its two settings. For a change that is effective now and after a restart, set both.
    pub store: Store,
    /// The new setting.
    pub access: ChannelAccess,
}

/// The two settings of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Effective after the BMC's next start.
    NonVolatile = 0x40,
    /// Effective now.
    Volatile = 0x80,
}

/// Who may use a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelAccess {
    /// Alerts (PEF) are sent over it.
    pub alerting: bool,
    /// Each message of a session is authenticated, and not only the session's start.
    pub per_message_authentication: bool,
    /// Messages of privilege User are authenticated.
    pub user_level_authentication: bool,
    /// When it is open.
    pub mode: AccessMode,
    /// The highest privilege that anybody has on it.
    pub limit: Privilege,
}

codes! {
    /// When a channel is open (IPMI 2.0, table 6-4).
    pub enum AccessMode {
        /// Never.
        Disabled = 0,
        /// While the host is off or before its operating system runs.
        PreBootOnly = 1,
        /// Always.
        Always = 2,
        /// Always, and the host uses the same connector.
        Shared = 3,
    }
}

impl Command for GetChannelAccess {
    const NAME: &'static str = "Get Channel Access";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x41;
    const ABSENT: Option<u8> = Some(0x82);
    type Answer = ChannelAccess;

    fn data(&self) -> Vec<u8> {
        vec![self.channel & 0x0f, self.store as u8]
    }

    fn answer(&self, data: &[u8]) -> Result<ChannelAccess, Malformed> {
        let mut reader = Reader::new(data);
        let access = reader.byte("channel access")?;
        Ok(ChannelAccess {
            alerting: access & 0x20 == 0,
            per_message_authentication: access & 0x10 == 0,
            user_level_authentication: access & 0x08 == 0,
            mode: AccessMode::from(access & 0x07),
            limit: Privilege::of(reader.byte("channel privilege limit")?),
        })
    }

    fn own_completion(code: u8) -> Option<&'static str> {
        (code == 0x82).then_some("the channel has no sessions")
    }
}

impl Command for SetChannelAccess {
    const NAME: &'static str = "Set Channel Access";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x40;
    const CHANGES: bool = true;
    const ABSENT: Option<u8> = Some(0x82);
    type Answer = ();

    fn data(&self) -> Vec<u8> {
        let ChannelAccess { alerting, per_message_authentication, user_level_authentication, mode, limit } =
            self.access;
        let disabled = u8::from(!alerting) << 5
            | u8::from(!per_message_authentication) << 4
            | u8::from(!user_level_authentication) << 3;
        let store = self.store as u8;
        vec![self.channel & 0x0f, store | disabled | u8::from(mode) & 0x07, store | u8::from(limit) & 0x0f]
    }

    fn answer(&self, _: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }

    fn own_completion(code: u8) -> Option<&'static str> {
        match code {
            0x82 => Some("the channel has no sessions"),
            0x83 => Some("the channel has no such access mode"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_is_written() {
        let get = GetChannelAccess { channel: 1, store: Store::NonVolatile };
        assert_eq!(get.data(), [0x01, 0x40]);
        // `ipmitool channel info`: alerting disabled, always available, administrator.
        let access = get.answer(&[0x22, 0x04]).unwrap();
        assert_eq!(
            access,
            ChannelAccess {
                alerting: false,
                per_message_authentication: true,
                user_level_authentication: true,
                mode: AccessMode::Always,
                limit: Privilege::Administrator,
            }
        );
        let set = SetChannelAccess { channel: 1, store: Store::Volatile, access };
        assert_eq!(set.data(), [0x01, 0xa2, 0x84]);
        for byte in 0..0x40 {
            let access = get.answer(&[byte, 0x0f]).unwrap();
            let set = SetChannelAccess { channel: 1, store: Store::NonVolatile, access };
            assert_eq!(set.data(), [0x01, 0x40 | byte, 0x4f]);
        }
    }
}
