// SPDX-License-Identifier: MIT OR Apache-2.0
//! Privilege levels.

use crate::codes::codes;

codes! {
    /// A privilege level (IPMI 2.0, section 6.8; table 22-28).
    pub enum Privilege {
        /// May only ask to be called back.
        Callback = 1,
        /// May read.
        User = 2,
        /// May control the host, and not configure the BMC.
        Operator = 3,
        /// May all.
        Administrator = 4,
        /// What the maker says.
        Oem = 5,
        /// May nothing on this channel.
        NoAccess = 15,
    }
}

impl Privilege {
    /// From the low four bits of a field.
    pub(crate) fn of(field: u8) -> Self {
        Self::from(field & 0x0f)
    }
}
