// SPDX-License-Identifier: MIT OR Apache-2.0
//! Set User Access and Get User Access (IPMI 2.0, sections 22.26 and 22.27), and privilege levels (section 6.8).

use std::fmt;

use crate::codes::codes;
use crate::{Command, Malformed, NetFn, Reader};

/// Reads what a user may do on a channel.
#[derive(Clone, Copy, Debug)]
pub struct GetUserAccess {
    /// Channel number, 0 to 15.
    pub channel: u8,
    /// The user's number, 1 to 63.
    pub user: u8,
}

/// Sets what a user may do on a channel.
#[derive(Clone, Copy, Debug)]
pub struct SetUserAccess {
    /// Channel number, 0 to 15.
    pub channel: u8,
    /// The user's number, 1 to 63.
    pub user: u8,
    /// The new setting.
    pub access: Access,
    /// How many sessions the user may have at once, 1 to 15; 0: as many as the BMC has. Optional, but some BMCs refuse a request
    /// without it. No command reads it.
    pub sessions: Option<u8>,
}

/// What a user may do on a channel, and what users there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserAccess {
    /// The highest user number.
    pub slots: u8,
    /// How many users are enabled now.
    pub enabled_users: u8,
    /// How many users, from number 1 on, have a name that cannot be set.
    pub fixed_names: u8,
    /// Whether this user is enabled; `None` if the BMC does not report it.
    pub is_enabled: Option<bool>,
    /// What this user may.
    pub access: Access,
}

/// What a user may do on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Only while the BMC calls back.
    pub callback_only: bool,
    /// The name and password are also valid for the login of the link, such as PPP.
    pub link_authentication: bool,
    /// IPMI messages: without it nothing works over the LAN.
    pub messaging: bool,
    /// The highest privilege on this channel.
    pub limit: Privilege,
}

codes! {
    /// A privilege level (IPMI 2.0, section 6.8; table 22-28).
    pub enum Privilege {
        /// May only request a callback.
        Callback = 1,
        /// May read, and change nothing.
        User = 2,
        /// May control the host, and not configure the BMC.
        Operator = 3,
        /// May do everything.
        Administrator = 4,
        /// OEM level.
        Oem = 5,
        /// No access on this channel.
        NoAccess = 15,
    }
}

/// The levels and their names.
const PRIVILEGES: [(Privilege, &str); 6] = [
    (Privilege::Callback, "callback"),
    (Privilege::User, "user"),
    (Privilege::Operator, "operator"),
    (Privilege::Administrator, "administrator"),
    (Privilege::Oem, "oem"),
    (Privilege::NoAccess, "no-access"),
];

impl Privilege {
    /// Name of the level: `callback`, `user`, `operator`, `administrator`, `oem` or `no-access`; `None` for other
    /// numbers.
    pub fn name(self) -> Option<&'static str> {
        PRIVILEGES.iter().find(|(level, _)| *level == self).map(|(_, name)| *name)
    }

    /// From the low four bits of a field.
    pub(crate) fn of(field: u8) -> Self {
        Self::from(field & 0x0f)
    }
}

/// The [name](Privilege::name), or the number in hexadecimal.
impl fmt::Display for Privilege {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => formatter.pad(name),
            None => write!(formatter, "{:#04x}", u8::from(*self)),
        }
    }
}

impl Command for GetUserAccess {
    const NAME: &'static str = "Get User Access";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x44;
    type Answer = UserAccess;

    fn data(&self) -> Vec<u8> {
        vec![self.channel & 0x0f, self.user & 0x3f]
    }

    fn answer(&self, data: &[u8]) -> Result<UserAccess, Malformed> {
        let mut reader = Reader::new(data);
        let slots = reader.byte("number of users")? & 0x3f;
        let enabled = reader.byte("number of enabled users")?;
        let fixed_names = reader.byte("number of fixed names")? & 0x3f;
        let access = reader.byte("user access")?;
        Ok(UserAccess {
            slots,
            enabled_users: enabled & 0x3f,
            fixed_names,
            is_enabled: match enabled >> 6 {
                1 => Some(true),
                2 => Some(false),
                _ => None,
            },
            access: Access {
                callback_only: access & 0x40 != 0,
                link_authentication: access & 0x20 != 0,
                messaging: access & 0x10 != 0,
                limit: Privilege::of(access),
            },
        })
    }
}

impl Command for SetUserAccess {
    const NAME: &'static str = "Set User Access";
    const NET_FN: NetFn = NetFn::App;
    const CODE: u8 = 0x43;
    const CHANGES: bool = true;
    const NOT_YET: &'static [u8] = &[0xd5];
    type Answer = ();

    fn data(&self) -> Vec<u8> {
        let Access { callback_only, link_authentication, messaging, limit } = self.access;
        let bits =
            u8::from(callback_only) << 6 | u8::from(link_authentication) << 5 | u8::from(messaging) << 4;
        let mut data = vec![0x80 | bits | self.channel & 0x0f, self.user & 0x3f, u8::from(limit) & 0x0f];
        data.extend(self.sessions.map(|sessions| sessions & 0x0f));
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
    fn every_privilege_level_has_a_name_of_its_own() {
        let mut names = std::collections::BTreeSet::new();
        for level in (0..=15).map(Privilege::from) {
            let name = level.name();
            assert_eq!(name.is_none(), matches!(level, Privilege::Other(_)), "{level:?}");
            assert!(name.is_none_or(|name| names.insert(name)), "{level:?}");
        }
        assert_eq!(Privilege::Administrator.to_string(), "administrator");
        assert_eq!(Privilege::Other(0).to_string(), "0x00");
    }

    #[test]
    fn a_user_is_read() {
        assert_eq!(GetUserAccess { channel: 1, user: 2 }.data(), [0x01, 0x02]);
        let user = GetUserAccess { channel: 1, user: 2 }.answer(&[0x10, 0x42, 0x01, 0x34]).unwrap();
        assert_eq!((user.slots, user.enabled_users, user.fixed_names), (16, 2, 1));
        assert_eq!(user.is_enabled, Some(true));
        assert!(user.access.messaging && user.access.link_authentication && !user.access.callback_only);
        assert_eq!(user.access.limit, Privilege::Administrator);
        let user = GetUserAccess { channel: 1, user: 3 }.answer(&[0x0a, 0x01, 0x01, 0x0f]).unwrap();
        assert_eq!((user.is_enabled, user.access.limit), (None, Privilege::NoAccess));
        let user = GetUserAccess { channel: 1, user: 3 }.answer(&[0x0a, 0x81, 0x01, 0x4f]).unwrap();
        assert_eq!((user.is_enabled, user.access.callback_only), (Some(false), true));
    }

    #[test]
    fn a_user_is_written() {
        let access = Access {
            callback_only: false,
            link_authentication: false,
            messaging: true,
            limit: Privilege::Operator,
        };
        // `ipmitool channel setaccess 1 4 callin=on ipmi=on link=off privilege=3`
        let set = SetUserAccess { channel: 1, user: 4, access, sessions: None };
        assert_eq!(set.data(), [0x91, 0x04, 0x03]);
        assert_eq!(SetUserAccess { sessions: Some(2), ..set }.data(), [0x91, 0x04, 0x03, 0x02]);
    }
}
