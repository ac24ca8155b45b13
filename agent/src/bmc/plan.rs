// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has to be changed to make the actual configuration the desired one.

use ipmi::app::Privilege;
use stage1_contract::{
    DesiredBmcConfig, DesiredUser, DesiredWatchdog, PowerRestore, PrivilegeLevel, UnknownUsers,
};

use super::change::{Change, action_code, stops};
use super::config::{BmcConfig, UserSlot, WatchdogState};
use super::login::described;
use super::slots::{self, NameMatch, slot_of};
use super::watchdog::STOP;
use super::{options, privilege};

mod lan;

pub(crate) use lan::other_access;

/// Seconds by which the clocks may differ. The host's clock was set from an RTC, which drifts and counts whole seconds.
const CLOCK_TOLERANCE_S: i64 = 10;

/// The changes, in the order in which they are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub(crate) changes: Vec<Change>,
    /// What is desired and cannot be done, and why.
    pub(crate) refusals: Vec<String>,
    /// The slot of each desired user; `None` if there is none.
    pub(crate) slots: Vec<Option<u8>>,
    /// Further slots that are free, if the BMC refuses a name in one of them.
    pub(crate) spare: Vec<u8>,
    /// Enabled users that are not desired.
    pub(crate) unknown_users: Vec<String>,
}

/// What is known of the password of a desired user that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PasswordCheck {
    /// It is the desired one: the BMC accepts it and rejects a wrong one.
    Correct,
    /// It is another one.
    Wrong,
    /// The BMC accepts any password, or has no test.
    Inconclusive,
}

impl Plan {
    /// The changes, for people.
    pub fn descriptions(&self) -> Vec<String> {
        self.changes.iter().map(ToString::to_string).collect()
    }
}

/// Compares the configurations. `checks` has the password checks of the desired users, in their order; `None` for users
/// that do not exist.
pub(crate) fn plan(desired: &DesiredBmcConfig, actual: &BmcConfig, checks: &[Option<PasswordCheck>]) -> Plan {
    let mut plan = Plan::default();
    let mut taken: Vec<u8> = Vec::new();
    for (number, user) in desired.users.iter().enumerate() {
        let check = checks.get(number).copied().flatten();
        let slot = plan_user(&mut plan, desired, user, actual, check, &taken);
        taken.extend(slot);
        plan.slots.push(slot);
    }
    lan::plan(&mut plan, desired, actual);
    options::plan(&mut plan, desired, actual);
    plan_chassis(&mut plan, desired, actual);
    plan_unknown_users(&mut plan, desired, actual, &taken);
    plan.spare = slots::free(&actual.users).filter(|slot| !taken.contains(slot)).collect();
    plan
}

fn plan_user(
    plan: &mut Plan,
    desired: &DesiredBmcConfig,
    user: &DesiredUser,
    actual: &BmcConfig,
    check: Option<PasswordCheck>,
    taken: &[u8],
) -> Option<u8> {
    let name = &user.name;
    let Some(privilege) = privilege::settable(&user.privilege) else {
        plan.refusals.push(unknown_privilege(user));
        return None;
    };
    let found = slot_of(&actual.users, &desired.users, name);
    let existing = found.map(|(slot, _)| slot);
    let Some(slot) = existing.or_else(|| free_slot(actual, taken)) else {
        plan.refusals.push(format!("user {name}: {}", no_free_slot(actual)));
        return None;
    };
    if existing.is_none() && user.password.is_none() && !user.generate {
        plan.refusals
            .push(format!("user {name}: does not exist, and no password is configured to create it"));
        return None;
    }
    if found.is_none_or(|(_, name)| name == NameMatch::Altered) {
        plan.changes.push(Change::UserName { slot: slot.id, name: name.clone() });
    }
    plan_access(plan, user, slot, existing, privilege, check);
    if desired.serial_over_lan == Some(true) && slot.sol_payload == Some(false) {
        plan.changes.push(Change::UserPayload { slot: slot.id, name: name.clone() });
    }
    Some(slot.id)
}

/// Password, privilege level, and that the user is enabled.
fn plan_access(
    plan: &mut Plan,
    user: &DesiredUser,
    slot: &UserSlot,
    existing: Option<&UserSlot>,
    privilege: Privilege,
    check: Option<PasswordCheck>,
) {
    let (slot, name) = (slot.id, || user.name.clone());
    let sets_password = sets_password(user, existing, check);
    if sets_password {
        let password = user.password.clone();
        plan.changes.push(Change::UserPassword { slot, name: name(), password });
    }
    let access = existing.and_then(|slot| slot.access);
    let has_access = access.is_some_and(|access| access.privilege == privilege && access.ipmi_messaging);
    if !has_access {
        plan.changes.push(Change::UserAccess { slot, name: name(), privilege });
    }
    // If the BMC does not report whether a user is enabled, it is enabled whenever something else of it is set.
    let is_enabled = access.and_then(|access| access.enabled).unwrap_or(has_access && !sets_password);
    match user.password.is_some() || user.generate {
        _ if is_enabled => {}
        true => plan.changes.push(Change::UserEnable { slot, name: name() }),
        false if access.is_some_and(|access| access.enabled == Some(false)) => plan.refusals.push(format!(
            "user {}: is disabled, and no password is configured to enable it: nobody knows which it has",
            user.name
        )),
        false => {}
    }
}

fn sets_password(user: &DesiredUser, existing: Option<&UserSlot>, check: Option<PasswordCheck>) -> bool {
    match (&user.password, check) {
        _ if existing.is_none() => true,
        (_, Some(PasswordCheck::Correct)) => false,
        (Some(_), Some(PasswordCheck::Wrong)) => true,
        (Some(_), Some(PasswordCheck::Inconclusive) | None) => !user.in_place,
        (None, _) => user.generate && !user.in_place,
    }
}

fn free_slot<'a>(actual: &'a BmcConfig, taken: &[u8]) -> Option<&'a UserSlot> {
    let id = slots::free(&actual.users).find(|id| !taken.contains(id))?;
    actual.users.iter().find(|slot| slot.id == id)
}

fn no_free_slot(actual: &BmcConfig) -> String {
    if actual.users.is_empty() {
        return "the BMC does not report its users".to_string();
    }
    let unread: Vec<&UserSlot> = actual.users.iter().filter(|slot| slot.name.is_err()).collect();
    let error = unread.iter().find_map(|slot| slot.name.as_ref().err());
    match (unread.first(), unread.last(), error) {
        (Some(first), Some(last), Some(error)) => format!(
            "no slot is known to be free: {} of {} cannot be read (slots {} to {}: {error}); free one in the BMC",
            unread.len(),
            actual.users.len(),
            first.id,
            last.id
        ),
        _ => format!("all {} slots are taken; free one in the BMC", actual.users.len()),
    }
}

fn unknown_privilege(user: &DesiredUser) -> String {
    let known = PrivilegeLevel::FOR_LOGIN.each_ref().map(PrivilegeLevel::word).join(", ");
    format!("user {}: unknown privilege level {:?}; use one of {known}", user.name, user.privilege.word())
}

fn plan_chassis(plan: &mut Plan, desired: &DesiredBmcConfig, actual: &BmcConfig) {
    if desired.set_clock && actual.clock_ahead_s.is_some_and(|ahead| ahead.abs() > CLOCK_TOLERANCE_S) {
        plan.changes.push(Change::Clock);
    }
    if desired.identify_off && actual.is_identifying == Some(true) {
        plan.changes.push(Change::IdentifyOff);
    }
    match (&desired.watchdog, &actual.watchdog) {
        (Some(desired), Some(actual)) if !is_as_desired(desired, *actual) => {
            plan.changes.push(Change::Watchdog(desired.clone()));
        }
        (None, Some(actual)) if actual.is_left_by_firmware() => plan.changes.push(Change::Watchdog(STOP)),
        (Some(_), None) => plan.refusals.push("watchdog: the BMC does not report its state".to_string()),
        _ => {}
    }
    match (&desired.power_restore, &actual.power_restore) {
        (Some(PowerRestore::Unknown(policy)), _) => {
            plan.refusals.push(format!(
                "power restore policy: unknown policy {policy:?}; use always-off, previous or always-on"
            ));
        }
        (Some(desired), actual) if actual.as_ref() != Some(desired) => {
            plan.changes.push(Change::PowerRestore(desired.clone()));
        }
        _ => {}
    }
}

fn is_as_desired(desired: &DesiredWatchdog, actual: WatchdogState) -> bool {
    if stops(desired) {
        return !actual.is_running;
    }
    actual.is_running
        && actual.seconds == desired.seconds
        && Some(actual.action) == action_code(&desired.action)
}

fn plan_unknown_users(plan: &mut Plan, desired: &DesiredBmcConfig, actual: &BmcConfig, taken: &[u8]) {
    let is_unknown =
        |slot: &&UserSlot| !taken.contains(&slot.id) && slot.access.is_some_and(|access| access.may_log_in());
    for slot in actual.users.iter().filter(is_unknown) {
        let name = described(slot);
        plan.unknown_users.push(format!("{} {name}", slot.id));
        if desired.unknown_users == UnknownUsers::Disable {
            plan.changes.push(Change::UserDisable { slot: slot.id, name });
        }
    }
}

#[cfg(test)]
mod tests;
