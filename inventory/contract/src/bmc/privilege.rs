// SPDX-License-Identifier: MIT OR Apache-2.0
//! Privilege levels.

use crate::words::words;

words! {
    /// A privilege level of a user or a channel (IPMI 2.0, section 6.8 and table 22-18).
    pub enum PrivilegeLevel {
        /// 1h.
        Callback = "callback",
        /// 2h.
        User = "user",
        /// 3h.
        Operator = "operator",
        /// 4h.
        Administrator = "administrator",
        /// 5h, the vendor's own.
        Oem = "oem",
        /// Fh: no login.
        NoAccess = "no-access",
    }
}

impl PrivilegeLevel {
    /// The levels with which a user can log in.
    pub const FOR_LOGIN: [Self; 5] =
        [Self::Callback, Self::User, Self::Operator, Self::Administrator, Self::Oem];
}
