// SPDX-License-Identifier: MIT OR Apache-2.0
//! Privilege levels of the contract and of IPMI.

use ipmi::app::Privilege;
use stage1_contract::PrivilegeLevel;

/// The level in reports; one without a name is its number.
pub(crate) fn reported(privilege: Privilege) -> PrivilegeLevel {
    match privilege {
        Privilege::Callback => PrivilegeLevel::Callback,
        Privilege::User => PrivilegeLevel::User,
        Privilege::Operator => PrivilegeLevel::Operator,
        Privilege::Administrator => PrivilegeLevel::Administrator,
        Privilege::Oem => PrivilegeLevel::Oem,
        Privilege::NoAccess => PrivilegeLevel::NoAccess,
        Privilege::Other(number) => PrivilegeLevel::Unlisted(format!("{number:#04x}")),
    }
}

/// The level to set; `None` for one that is unknown.
pub(crate) fn settable(level: &PrivilegeLevel) -> Option<Privilege> {
    Some(match level {
        PrivilegeLevel::Callback => Privilege::Callback,
        PrivilegeLevel::User => Privilege::User,
        PrivilegeLevel::Operator => Privilege::Operator,
        PrivilegeLevel::Administrator => Privilege::Administrator,
        PrivilegeLevel::Oem => Privilege::Oem,
        PrivilegeLevel::NoAccess => Privilege::NoAccess,
        PrivilegeLevel::Unlisted(_) => return None,
    })
}

/// The levels by what they allow: a channel or cipher suite without a valid limit allows nothing.
pub(crate) fn rank(level: Privilege) -> u8 {
    match u8::from(level) {
        level @ 1..=5 => level,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_is_reported_as_it_is_set() {
        for number in 0..16 {
            let privilege = Privilege::from(number);
            match reported(privilege) {
                PrivilegeLevel::Unlisted(word) => assert_eq!(word, format!("{number:#04x}")),
                level => assert_eq!(settable(&level), Some(privilege)),
            }
        }
        assert_eq!(settable(&PrivilegeLevel::from("0x06".to_string())), None);
    }
}
