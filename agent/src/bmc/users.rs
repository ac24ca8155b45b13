// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading the users of a BMC, and testing their passwords.

use ipmi::Completion;
use stage1_contract::{BmcUser, DesiredBmcConfig, DesiredUser, Secret};

use super::config::{BmcConfig, SlotAccess, UserSlot};
use super::password::{SHORT, of_factory, wrong};
use super::plan::PasswordCheck;
use super::privilege;
use super::session::{BmcSession, Error, LenientSession};
use super::slots::{NULL_USER, is_empty_by, plain_name, slot_of};
use ipmi::app::{
    GetUserAccess, GetUserName, GetUserPayloadAccess, Password, PasswordSize, Payloads, TestUserPassword,
    UserAccess,
};

/// Reads all slots, and how many users are enabled. Access is read for slots with a name, for slots whose name is refused as that
/// of an empty slot, and for slot 1; for all slots if a user without a name is enabled, or the BMC counts wrongly.
pub(crate) fn read(session: &mut LenientSession, channel: u8) -> (Vec<UserSlot>, Option<u8>) {
    let Some((mut slots, first)) = read_first(session, channel) else { return (Vec::new(), None) };
    slots.extend((2..=first.slots).map(blank));
    for slot in &mut slots {
        slot.is_fixed = slot.id <= first.fixed_names;
        let refusal = read_name(session, slot);
        let is_first = slot.id == NULL_USER;
        if !is_first && (refusal == Some(Completion::INVALID_FIELD) || has_name(slot)) {
            read_access(session, channel, slot);
        }
        if is_first && slot.name.is_err() || is_empty_by(refusal, slot.access) {
            slot.name = Ok(String::new());
        }
    }
    // Where the BMC does not report who is enabled, some of those that may be are not.
    let read = || slots.iter().filter_map(|slot| slot.access);
    let (enabled, counted) =
        (read().filter(SlotAccess::may_log_in).count(), usize::from(first.enabled_users));
    if enabled < counted || enabled > counted && read().any(|access| access.enabled.is_some()) {
        for slot in slots.iter_mut().filter(|slot| slot.access.is_none() && slot.access_error.is_none()) {
            read_access(session, channel, slot);
        }
    }
    (slots, Some(first.enabled_users))
}

/// The first slot, and what the BMC reports of all of them; `None` if it reports nothing.
fn read_first(session: &mut LenientSession, channel: u8) -> Option<(Vec<UserSlot>, UserAccess)> {
    let refusal = match session.try_ask(&GetUserAccess { channel, user: NULL_USER })? {
        Ok(first) => return Some((vec![with_access(blank(NULL_USER), first)], first)),
        Err(error) => error,
    };
    match session.try_ask(&GetUserAccess { channel, user: 2 })? {
        Ok(second) => {
            let access_error = Some(refusal.to_string());
            Some((vec![UserSlot { access_error, ..blank(NULL_USER) }], second))
        }
        Err(_) if refusal.is_absent() => None,
        Err(_) => {
            session.problem(refusal.to_string());
            None
        }
    }
}

/// Reads a slot again. Returns how many users are enabled, if the BMC counted them.
pub(crate) fn read_slot(
    session: &mut LenientSession,
    channel: u8,
    slot: &mut UserSlot,
    with_payload: bool,
) -> Option<u8> {
    let refusal = read_name(session, slot);
    let enabled_users = read_access(session, channel, slot);
    if is_empty_by(refusal, slot.access) {
        slot.name = Ok(String::new());
    }
    if with_payload {
        read_payload(session, channel, slot);
    }
    enabled_users
}

/// Reads the name of a slot. Returns the completion code with which it is refused.
pub(crate) fn read_name(session: &mut LenientSession, slot: &mut UserSlot) -> Option<Completion> {
    match session.try_ask(&GetUserName { user: slot.id }) {
        Some(Ok(name)) => slot.name = Ok(plain_name(&name.to_string())),
        Some(Err(error)) => {
            slot.name = Err(error.to_string());
            return error.completion();
        }
        None => slot.name = Err("not read".to_string()),
    }
    None
}

/// Reads whether a user can use serial over LAN.
pub(crate) fn read_payload(session: &mut LenientSession, channel: u8, slot: &mut UserSlot) {
    let payloads = session.ask(&GetUserPayloadAccess { channel, user: slot.id });
    slot.sol_payload = payloads.map(|payloads| payloads.contain(Payloads::SOL));
}

/// The users for the report: those with a name, and those that are enabled.
pub(crate) fn reported(slots: &[UserSlot]) -> Vec<BmcUser> {
    let is_reported = |slot: &&UserSlot| {
        let enabled = slot.access.is_some_and(|access| access.enabled == Some(true));
        slot.name.as_ref().is_ok_and(|name| !name.is_empty()) || enabled
    };
    let reported = |slot: &UserSlot| BmcUser {
        slot: slot.id,
        name: slot.name.clone().unwrap_or_default(),
        privilege: slot.access.map(|access| privilege::reported(access.privilege)),
        enabled: slot.access.and_then(|access| access.enabled),
        ipmi_messaging: slot.access.map(|access| access.ipmi_messaging),
        is_fixed: slot.is_fixed,
    };
    slots.iter().filter(is_reported).map(reported).collect()
}

/// Has the BMC test the passwords of the desired users, in their order; `None` for users that do not exist.
pub(crate) fn check_passwords(
    session: &mut LenientSession,
    desired: &DesiredBmcConfig,
    actual: &BmcConfig,
) -> Vec<Option<PasswordCheck>> {
    let check = |user: &DesiredUser| {
        let (slot, _) = slot_of(&actual.users, &desired.users, &user.name)?;
        let Some(password) = &user.password else { return Some(PasswordCheck::Inconclusive) };
        session.with(|bmc| check_password(bmc, slot.id, password)).and_then(Result::ok)
    };
    desired.users.iter().map(check).collect()
}

/// Whether `password` is that of the user in `slot`. If the BMC accepts it, a wrong one is tested too: some accept any
/// password.
///
/// # Errors
/// Fatal ones.
pub(crate) fn check_password(
    bmc: &mut BmcSession,
    slot: u8,
    password: &Secret,
) -> Result<PasswordCheck, Error> {
    let accepted = accepts(bmc, slot, password)?;
    if accepted != Some(true) {
        return Ok(accepted.map_or(PasswordCheck::Inconclusive, |_| PasswordCheck::Wrong));
    }
    let wrong_accepted = accepts(bmc, slot, &wrong(password))?;
    Ok(if wrong_accepted == Some(false) { PasswordCheck::Correct } else { PasswordCheck::Inconclusive })
}

/// The result of the BMC's own test (IPMI 2.0, section 22.30); `None` if it has none, or did not test this password. A password is
/// stored with 16 or with 20 bytes, and the BMC's completion code distinguishes them.
pub(crate) fn accepts(bmc: &mut BmcSession, slot: u8, password: &Secret) -> Result<Option<bool>, Error> {
    let is_short = password.reveal().len() <= SHORT;
    let sizes: &[PasswordSize] = match is_short {
        true => &[PasswordSize::Sixteen, PasswordSize::Twenty],
        false => &[PasswordSize::Twenty],
    };
    for size in sizes {
        let Some(password) = Password::new(password.reveal(), *size) else { continue };
        match bmc.ask(&TestUserPassword { user: slot, password }) {
            Ok(()) => return Ok(Some(true)),
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) if error.completion() == Some(TestUserPassword::WRONG) => return Ok(Some(false)),
            Err(error) if error.completion() == Some(TestUserPassword::OTHER_SIZE) => {}
            Err(_) => return Ok(None),
        }
    }
    // A password of more than 16 bytes is not the one that is stored with 16.
    Ok((!is_short).then_some(false))
}

/// A user's access to another channel; `None` if it cannot be read.
pub(crate) fn access(session: &mut LenientSession, channel: u8, user: u8) -> Option<SlotAccess> {
    let UserAccess { access, is_enabled, .. } = session.try_ask(&GetUserAccess { channel, user })?.ok()?;
    Some(SlotAccess { privilege: access.limit, ipmi_messaging: access.messaging, enabled: is_enabled })
}

/// Whether the user in `slot` has a password that its maker gives to all of them.
///
/// # Errors
/// Fatal ones.
pub(crate) fn has_factory_password(bmc: &mut BmcSession, slot: &UserSlot) -> Result<bool, Error> {
    for password in of_factory(slot.name.as_deref().unwrap_or_default()) {
        match check_password(bmc, slot.id, &password)? {
            PasswordCheck::Correct => return Ok(true),
            PasswordCheck::Inconclusive => return Ok(false),
            PasswordCheck::Wrong => {}
        }
    }
    Ok(false)
}

fn has_name(slot: &UserSlot) -> bool {
    slot.name.as_ref().is_ok_and(|name| !name.is_empty())
}

/// Reads the access of a slot. Returns how many users are enabled, if the BMC counted them.
pub(crate) fn read_access(session: &mut LenientSession, channel: u8, slot: &mut UserSlot) -> Option<u8> {
    match session.try_ask(&GetUserAccess { channel, user: slot.id })? {
        Ok(answer) => {
            *slot = with_access(slot.clone(), answer);
            Some(answer.enabled_users)
        }
        Err(error) => {
            slot.access = None;
            slot.access_error = Some(error.to_string());
            None
        }
    }
}

fn with_access(slot: UserSlot, answer: UserAccess) -> UserSlot {
    let UserAccess { access, is_enabled, .. } = answer;
    let access =
        SlotAccess { privilege: access.limit, ipmi_messaging: access.messaging, enabled: is_enabled };
    UserSlot { access: Some(access), access_error: None, ..slot }
}

fn blank(id: u8) -> UserSlot {
    UserSlot {
        id,
        name: Ok(String::new()),
        access: None,
        access_error: None,
        is_fixed: false,
        sol_payload: None,
    }
}
