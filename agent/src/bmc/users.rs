// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading the users of a BMC, and testing their passwords.

use stage1_contract::{BmcUser, DesiredBmcConfig, Secret};

use super::config::{BmcConfig, SlotAccess, UserSlot};
use super::password::{SHORT, wrong};
use super::plan::{PasswordCheck, slot_of};
use super::privilege;
use super::session::{BmcSession, Error, LenientSession};
use ipmi::app::{
    GetUserAccess, GetUserName, GetUserPayloadAccess, Password, PasswordSize, Payloads, TestUserPassword,
    UserAccess,
};

/// Reads all slots. Access is read for slots with a name and for the null user; for all slots if a user without a name is
/// enabled.
pub(crate) fn read(session: &mut LenientSession, channel: u8) -> Vec<UserSlot> {
    let Some(first) = session.ask(&GetUserAccess { channel, user: 1 }) else { return Vec::new() };
    let mut slots = vec![with_access(blank(1), first)];
    slots.extend((2..=first.slots).map(blank));
    for slot in &mut slots {
        let is_null = slot.id == 1;
        slot.name = match session.try_ask(&GetUserName { user: slot.id }) {
            Some(Ok(name)) => Ok(name.to_string()),
            // The first slot belongs to the null user, whether it has a name to read or not.
            Some(Err(_)) if is_null => Ok(String::new()),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("not read".to_string()),
        };
        slot.is_fixed = slot.id <= first.fixed_names;
        if !is_null && slot.name.as_ref().is_ok_and(|name| !name.is_empty()) {
            read_access(session, channel, slot);
        }
    }
    // If the BMC does not report who is enabled, reading more slots would not help.
    let enabled = slots.iter().filter_map(|slot| slot.access?.enabled);
    let (reported, found) =
        enabled.fold((0, 0), |(reported, found), is_enabled| (reported + 1, found + usize::from(is_enabled)));
    if reported > 0 && found < usize::from(first.enabled_users) {
        for slot in slots.iter_mut().filter(|slot| slot.access.is_none() && slot.access_error.is_none()) {
            read_access(session, channel, slot);
        }
    }
    slots
}

/// Reads a slot again.
pub(crate) fn read_slot(session: &mut LenientSession, channel: u8, slot: &mut UserSlot, with_payload: bool) {
    match session.try_ask(&GetUserName { user: slot.id }) {
        Some(Ok(name)) => slot.name = Ok(name.to_string()),
        Some(Err(error)) => slot.name = Err(error.to_string()),
        None => return,
    }
    read_access(session, channel, slot);
    if with_payload {
        read_payload(session, channel, slot);
    }
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
    let check = |user| {
        let slot = slot_of(actual, user)?;
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

/// The result of the BMC's own test (IPMI 2.0, section 22.30); `None` if it has none. A password is stored with 16 or with
/// 20 bytes, and the BMC's completion code distinguishes them.
fn accepts(bmc: &mut BmcSession, slot: u8, password: &Secret) -> Result<Option<bool>, Error> {
    let sizes: &[PasswordSize] = match password.reveal().len() <= SHORT {
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
    Ok(Some(false))
}

/// A user's access to another channel; `None` if it cannot be read.
pub(crate) fn access(session: &mut LenientSession, channel: u8, user: u8) -> Option<SlotAccess> {
    let UserAccess { access, is_enabled, .. } = session.try_ask(&GetUserAccess { channel, user })?.ok()?;
    Some(SlotAccess { privilege: access.limit, ipmi_messaging: access.messaging, enabled: is_enabled })
}

fn read_access(session: &mut LenientSession, channel: u8, slot: &mut UserSlot) {
    match session.try_ask(&GetUserAccess { channel, user: slot.id }) {
        Some(Ok(answer)) => *slot = with_access(slot.clone(), answer),
        Some(Err(error)) => slot.access_error = Some(error.to_string()),
        None => {}
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
