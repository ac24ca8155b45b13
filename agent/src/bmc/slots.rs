// SPDX-License-Identifier: MIT OR Apache-2.0
//! User slots: which is empty, which is the null user's, whose a name is, and which slot is next.
//!
//! | what a BMC does | what it means | source |
//! | --- | --- | --- |
//! | the name has no bytes before its first NUL | the slot is empty | IPMI 2.0, section 22.29 |
//! | the name is 16 bytes FFh | empty: memory that was never written | field experience |
//! | the name is `(Empty User)` | empty | HPE iLO 5 (siderolabs/sidero issue 1078) |
//! | Get User Name is refused with CCh, and nobody can log in with the slot | empty | FreeIPMI, BMC configuration issue 10; bougou/go-ipmi issue 88 |
//! | Get User Name is refused in any other way | unknown, so not free | IPMI 2.0, section 5.2 |
//! | slot 1 without a name | the null user; never given a name | IPMI 2.0, section 6.9.1 |
//! | slot 1 with a name | a user like others | OpenBMC's `root` (phosphor-host-ipmid issue 123), Lenovo's `USERID`, Inspur's `admin` |
//! | Get User Access is refused for slot 1 | the number of slots is that of slot 2 | xcat2/xcat-core issue 4159 |
//! | the name has spaces at its end | padding | BMCs that store 16 characters |
//! | the name differs in upper and lower case only, or lacks the 16th character | the same user, to be renamed | BMCs that alter names |
//! | the same, and the name is fixed, or one that makers give | another user | Supermicro's `ADMIN` (xcat2/xcat-core issue 6666) |
//! | Set User Name of an empty slot is refused, or keeps no name | the slot is reserved: the next one | NEC, Intel, Supermicro (xcat2/xcat-core pull request 6380) |
//! | Set User Name is refused with D4h, C1h or while busy | the same for each slot: no other one is tried | IPMI 2.0, table 5-2 |

use ipmi::Completion;

use stage1_contract::DesiredUser;

use super::config::{SlotAccess, UserSlot};
use super::password::is_of_factory;

/// The slot of the null user, if it has no name.
pub(crate) const NULL_USER: u8 = 1;

/// Names of slots that are empty.
const EMPTY: [&str; 1] = ["(Empty User)"];

/// So many slots are tried at most for a new user.
pub(crate) const TRIES: usize = 16;

/// How the name of a slot compares with a user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NameMatch {
    /// It is the user's.
    Same,
    /// It is the user's, altered by the BMC or by whoever set it.
    Altered,
}

/// A name as the BMC returns it, without padding; empty for an empty slot.
pub(crate) fn plain_name(read: &str) -> String {
    let name = read.trim_end_matches(' ');
    if EMPTY.contains(&name) { String::new() } else { name.to_string() }
}

/// Whether a slot is empty whose name is refused with `completion`, and whose user has this access.
pub(crate) fn is_empty_by(completion: Option<Completion>, access: Option<SlotAccess>) -> bool {
    completion == Some(Completion::INVALID_FIELD) && access.is_some_and(|access| !access.may_log_in())
}

/// How a name that was read compares with the `desired` one; `None` for that of another user.
pub(crate) fn compare(read: &str, desired: &str) -> Option<NameMatch> {
    let is_shortened =
        desired.len() == 16 && desired.get(..15).is_some_and(|short| read.eq_ignore_ascii_case(short));
    match read == desired {
        true => Some(NameMatch::Same),
        false => (read.eq_ignore_ascii_case(desired) || is_shortened).then_some(NameMatch::Altered),
    }
}

/// The slot of the user `name`, if it exists: one with just this name, or else one with the name altered that can be renamed, and
/// that is not another of the `desired` users.
pub(crate) fn slot_of<'a>(
    slots: &'a [UserSlot],
    desired: &[DesiredUser],
    name: &str,
) -> Option<(&'a UserSlot, NameMatch)> {
    let is_another = |read: &str| is_of_factory(read) || desired.iter().any(|user| user.name == read);
    let of_slot = |slot: &'a UserSlot| {
        let read = slot.name.as_deref().ok()?;
        let found = compare(read, name)?;
        (found == NameMatch::Same || !slot.is_fixed && !is_another(read)).then_some((slot, found))
    };
    slots.iter().filter_map(of_slot).min_by_key(|(_, found)| *found)
}

/// The slots that are certainly free, in their order: the name was read and is empty, it can be set, and nobody logs in with
/// the slot.
pub(crate) fn free(slots: &[UserSlot]) -> impl Iterator<Item = u8> {
    let is_free = |slot: &&UserSlot| {
        slot.id != NULL_USER
            && !slot.is_fixed
            && slot.name.as_deref() == Ok("")
            && slot.access_error.is_none()
            && slot.access.is_none_or(|access| !access.may_log_in())
    };
    slots.iter().filter(is_free).map(|slot| slot.id)
}

/// Whether another slot may take the name that one refused.
pub(crate) fn is_about_the_slot(refusal: Completion) -> bool {
    !refusal.may_pass() && !matches!(refusal.0, 0xc1 | 0xc2 | 0xd4 | 0xd5 | 0xd6)
}

#[cfg(test)]
mod tests {
    use ipmi::app::Privilege;

    use super::*;

    fn slot(id: u8, name: &str) -> UserSlot {
        let name = Ok(plain_name(name));
        UserSlot { id, name, access: None, access_error: None, is_fixed: false, sol_payload: None }
    }

    #[test]
    fn empty_slots_are_recognised() {
        assert_eq!(plain_name("(Empty User)"), "");
        assert_eq!(plain_name("                "), "");
        assert_eq!(plain_name("ops             "), "ops");
        assert_eq!(plain_name(" two words "), " two words");
        let access = |enabled, ipmi_messaging| {
            Some(SlotAccess { privilege: Privilege::Administrator, ipmi_messaging, enabled })
        };
        let refused = |code| Some(Completion(code));
        assert!(is_empty_by(refused(0xcc), access(Some(false), true)));
        assert!(is_empty_by(refused(0xcc), access(None, false)));
        assert!(!is_empty_by(refused(0xcc), access(Some(true), true)));
        assert!(!is_empty_by(refused(0xcc), access(None, true)));
        assert!(!is_empty_by(refused(0xcc), None));
        assert!(!is_empty_by(refused(0xd4), access(Some(false), false)));
        assert!(!is_empty_by(None, access(Some(false), false)));
    }

    #[test]
    fn an_altered_name_is_its_users_unless_another_slot_has_the_name_itself() {
        let find =
            |slots: &[UserSlot], name: &str| slot_of(slots, &[], name).map(|(slot, found)| (slot.id, found));
        let slots =
            [slot(1, "ROOT"), slot(2, "OPS"), slot(3, "ops             "), slot(4, "sixteen-letters")];
        assert_eq!(find(&slots, "ops"), Some((3, NameMatch::Same)));
        assert_eq!(find(&slots, "OPS"), Some((2, NameMatch::Same)));
        assert_eq!(find(&slots, "root"), Some((1, NameMatch::Altered)));
        assert_eq!(find(&slots, "sixteen-letters-"), Some((4, NameMatch::Altered)));
        assert_eq!(find(&slots, "sixteen"), None);
        let fixed = [UserSlot { is_fixed: true, ..slot(2, "ADMIN") }];
        assert_eq!((find(&fixed, "admin"), find(&fixed, "ADMIN")), (None, Some((2, NameMatch::Same))));
        assert_eq!(find(&[slot(2, "ADMIN")], "admin"), None, "a maker's");
        let desired = ["ops", "OPS"].map(|name| DesiredUser {
            name: name.to_string(),
            privilege: stage1_contract::PrivilegeLevel::User,
            password: None,
            generate: false,
            in_place: false,
        });
        assert!(slot_of(&[slot(2, "OPS")], &desired, "ops").is_none(), "another desired user's");
    }

    #[test]
    fn only_slots_that_are_certainly_free_are_given_to_new_users() {
        let access = |enabled| Some(SlotAccess { privilege: Privilege::User, ipmi_messaging: true, enabled });
        let slots = [
            slot(1, ""),
            UserSlot { name: Err("0xd4".to_string()), ..slot(2, "") },
            UserSlot { is_fixed: true, ..slot(3, "") },
            UserSlot { access: access(Some(true)), ..slot(4, "") },
            slot(5, "(Empty User)"),
            UserSlot { access: access(Some(false)), ..slot(6, "") },
            UserSlot { access_error: Some("0xcc".to_string()), ..slot(7, "") },
            slot(8, "guest"),
            slot(9, ""),
        ];
        assert_eq!(free(&slots).collect::<Vec<u8>>(), [5, 6, 9]);
    }

    #[test]
    fn a_refusal_of_a_slot_is_not_one_of_the_command() {
        assert!([0xcc, 0xcb, 0xc9, 0xc7, 0x80].map(Completion).into_iter().all(is_about_the_slot));
        assert!(![0xd4, 0xc1, 0xc0, 0xd1, 0xd5, 0xff].map(Completion).into_iter().any(is_about_the_slot));
    }
}
