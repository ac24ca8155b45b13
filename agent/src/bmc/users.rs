// SPDX-License-Identifier: MIT OR Apache-2.0
//! The users of a BMC.

use stage1_contract::{BmcUser, DesiredBmcConfig, Secret};

use super::config::{Access, BmcConfig, Slot};
use super::password::{SHORT, wrong};
use super::plan::{PasswordCheck, slot_of};
use super::session::{BmcSession, Error};
use super::tolerant::TolerantSession;
use ipmi::app::{
    GetUserAccess, GetUserName, GetUserPayloadAccess, Password, PasswordSize, Payloads, TestUserPassword,
    UserAccess, UserName,
};

/// Reads all slots. Access is read only where needed: for slots with a name, for the null user, and for all slots if a
/// user without a name is enabled.
pub fn read(session: &mut TolerantSession, channel: u8) -> Vec<Slot> {
    let Some(first) = session.ask(&GetUserAccess { channel, user: 1 }) else { return Vec::new() };
    let mut slots = vec![with_access(blank(1), first)];
    slots.extend((2..=first.slots).map(blank));
    for slot in &mut slots {
        let is_null = slot.id == 1;
        slot.name = match session.try_ask(&GetUserName { user: slot.id }) {
            Some(Ok(name)) => Ok(name.to_string()),
            // Slot 1 is always the null user's; some BMCs refuse to read its name.
            Some(Err(_)) if is_null => Ok(String::new()),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("not read".to_string()),
        };
        slot.is_fixed = slot.id <= first.fixed_names;
        if !is_null && slot.name.as_ref().is_ok_and(|name| !name.is_empty()) {
            read_access(session, channel, slot);
        }
    }
    // If the BMC does not report enabled users, reading more slots does not help.
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

/// Reads one slot again.
pub fn read_slot(session: &mut TolerantSession, channel: u8, slot: &mut Slot, with_payload: bool) {
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

/// Reads whether the slot's user may use serial over LAN.
pub fn read_payload(session: &mut TolerantSession, channel: u8, slot: &mut Slot) {
    let payloads = session.ask(&GetUserPayloadAccess { channel, user: slot.id });
    slot.sol_payload = payloads.map(|payloads| payloads.contain(Payloads::SOL));
}

/// The users in the report: those with a name, or enabled.
pub fn reported(slots: &[Slot]) -> Vec<BmcUser> {
    let is_reported = |slot: &&Slot| {
        let enabled = slot.access.is_some_and(|access| access.enabled == Some(true));
        slot.name.as_ref().is_ok_and(|name| !name.is_empty()) || enabled
    };
    let report = |slot: &Slot| BmcUser {
        slot: slot.id,
        name: slot.name.clone().unwrap_or_default(),
        privilege: slot.access.map(|access| access.privilege.to_string()),
        enabled: slot.access.and_then(|access| access.enabled),
        ipmi_messaging: slot.access.map(|access| access.ipmi_messaging),
        is_fixed: slot.is_fixed,
    };
    slots.iter().filter(is_reported).map(report).collect()
}

/// Tests the passwords of the desired users, in their order; `None` if the user does not exist, or the test failed.
pub fn password_checks(
    session: &mut TolerantSession,
    desired: &DesiredBmcConfig,
    current: &BmcConfig,
) -> Vec<Option<PasswordCheck>> {
    let check = |user| {
        let slot = slot_of(current, user)?;
        let Some(password) = &user.password else { return Some(PasswordCheck::Unknown) };
        session.with(|bmc| test(bmc, slot.id, password)).and_then(Result::ok)
    };
    desired.users.iter().map(check).collect()
}

/// Whether `password` is that of the user in `slot`. If the BMC accepts it, a wrong one is tested too: some BMCs accept
/// any password.
///
/// # Errors
/// If the BMC stops responding.
pub fn test(bmc: &mut BmcSession, slot: u8, password: &Secret) -> Result<PasswordCheck, Error> {
    let accepted = accepts(bmc, slot, password)?;
    if accepted != Some(true) {
        return Ok(accepted.map_or(PasswordCheck::Unknown, |_| PasswordCheck::Wrong));
    }
    let control = accepts(bmc, slot, &wrong(password))?;
    Ok(if control == Some(false) { PasswordCheck::Right } else { PasswordCheck::Unknown })
}

/// The result of the BMC's own password test (IPMI 2.0, section 22.30); `None` if it has none. A password is stored as
/// 16 or 20 bytes; the BMC's answer shows which.
fn accepts(bmc: &mut BmcSession, slot: u8, password: &Secret) -> Result<Option<bool>, Error> {
    let sizes: &[PasswordSize] = match password.reveal().len() <= SHORT {
        true => &[PasswordSize::Sixteen, PasswordSize::Twenty],
        false => &[PasswordSize::Twenty],
    };
    for size in sizes {
        let Some(password) = Password::new(password.reveal(), *size) else { continue };
        match bmc.ask(&TestUserPassword { user: slot, password }) {
            Ok(()) => return Ok(Some(true)),
            Err(error) if error.is_hung() => return Err(error),
            Err(error) if error.completion() == Some(TestUserPassword::WRONG) => return Ok(Some(false)),
            Err(error) if error.completion() == Some(TestUserPassword::OTHER_SIZE) => {}
            Err(_) => return Ok(None),
        }
    }
    Ok(Some(false))
}

fn read_access(session: &mut TolerantSession, channel: u8, slot: &mut Slot) {
    match session.try_ask(&GetUserAccess { channel, user: slot.id }) {
        Some(Ok(answer)) => *slot = with_access(slot.clone(), answer),
        Some(Err(error)) => slot.access_error = Some(error.to_string()),
        None => {}
    }
}

fn with_access(slot: Slot, answer: UserAccess) -> Slot {
    let UserAccess { access, is_enabled, .. } = answer;
    let access = Access { privilege: access.limit, ipmi_messaging: access.messaging, enabled: is_enabled };
    Slot { access: Some(access), access_error: None, ..slot }
}

fn blank(id: u8) -> Slot {
    Slot { id, name: Ok(String::new()), access: None, access_error: None, is_fixed: false, sol_payload: None }
}

/// A user name in the form that the BMC stores.
///
/// # Errors
/// If the name does not fit.
pub fn name(name: &str) -> Result<UserName, String> {
    UserName::new(name)
        .ok_or_else(|| format!("user {name}: a name has 1 to 16 characters of ASCII without spaces"))
}
