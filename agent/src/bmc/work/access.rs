// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading back who can log in, taking that away, and giving it back.

use std::collections::BTreeSet;
use std::mem;

use ipmi::Completion;
use ipmi::app::Privilege;

use super::Work;
use crate::bmc::change::{Change, ChangeId};
use crate::bmc::config::{BmcConfig, UserSlot};
use crate::bmc::login::described;
use crate::bmc::plan::PasswordCheck;
use crate::bmc::survey::{Survey, read_back};
use crate::bmc::users::read_access;

/// Not supported in the present state (IPMI 2.0, table 5-2).
const NOT_IN_THIS_STATE: Completion = Completion(0xd5);

impl Work<'_, '_> {
    /// Sets a user's access. Some BMCs set that of enabled users only: one whose password is proven is enabled for it.
    pub(super) fn access(
        &mut self,
        number: usize,
        slot: u8,
        name: &str,
        change: &Change,
    ) -> Result<(), String> {
        let Err(refusal) = self.send(change, None) else { return Ok(()) };
        let is_proven = self.users.get(number).is_some_and(|user| user.check == Some(PasswordCheck::Correct));
        if refusal.completion == Some(NOT_IN_THIS_STATE) && is_proven {
            let enable = Change::UserEnable { slot, name: name.to_string() };
            self.send(&enable, None).map_err(|failure| failure.text)?;
            return self.send(change, None).map_err(|failure| failure.text);
        }
        Err(refusal.text)
    }

    /// Reads back what was changed since the `first` result.
    pub(crate) fn read_back(&mut self, survey: &mut Survey, first: usize) {
        let changes = self.results.iter().skip(first).map(|result| result.change.clone());
        let mut changes: Vec<Change> = changes.collect();
        // After changes of some users, all desired ones are read: a BMC may have changed another's.
        if changes.iter().any(|change| change.id().user_slot().is_some()) {
            let slots = self.users.iter().filter_map(|user| Some((user.slot?, user.desired.name.clone())));
            changes.extend(slots.map(|(slot, name)| Change::UserEnable { slot, name }));
        }
        read_back(self.session, survey, &changes);
        if changes.iter().any(can_take_away) {
            self.restore(survey, &changes);
        }
        let new: BTreeSet<u8> = self.newly_enabled().collect();
        let counts = (self.before.enabled_users, survey.config.enabled_users);
        let (Some(before), Some(after)) = counts else { return };
        let enabled = usize::from(before) + new.len();
        if usize::from(after) >= enabled {
            self.counted.extend(new);
        }
        // All that may be enabled are; those that were disabled may still be.
        let may_be_enabled = survey.config.users.iter().filter(|slot| may_log_in(&survey.config, slot.id));
        if self.taken.is_empty() && usize::from(after) >= may_be_enabled.count() {
            let slots = self.users.iter().filter_map(|user| user.slot);
            self.counted.extend(slots.filter(|slot| may_log_in(&survey.config, *slot)));
        }
        let is_disabled =
            |id: &&u8| survey.config.access(**id).is_some_and(|access| access.enabled == Some(false));
        let disabled = self.taken.iter().filter(is_disabled).count();
        let reports =
            survey.config.users.iter().any(|slot| slot.access.is_some_and(|access| access.enabled.is_some()));
        if reports && usize::from(after) + disabled != enabled {
            // The BMC changed another one, or counts wrongly.
            for slot in &mut survey.config.users {
                read_access(self.session, self.channel, slot);
            }
        }
    }

    /// Reads the users that could log in before, and gives back what the BMC took from them with a change of another user.
    fn restore(&mut self, survey: &mut Survey, changes: &[Change]) {
        let channel = self.channel;
        let was_read = |id: u8| changes.iter().any(|change| change.id().user_slot() == Some(id));
        for was in self.before.users.iter().filter(|slot| may_log_in(&self.before, slot.id)) {
            let Some(slot) = survey.config.users.iter_mut().find(|slot| slot.id == was.id) else { continue };
            if !was_read(slot.id) {
                read_access(self.session, channel, slot);
            }
        }
        let is_lost = |was: &&UserSlot| {
            !self.taken.contains(&was.id)
                && is_administrator(&self.before, was.id)
                && !is_administrator(&survey.config, was.id)
        };
        let lost: Vec<UserSlot> = self.before.users.iter().filter(is_lost).cloned().collect();
        if lost.is_empty() || self.session.fatal_cause().is_some() {
            return;
        }
        for slot in lost {
            self.problems.push(format!(
                "user {} {}: the BMC changed it with another user, so its access is set again",
                slot.id,
                described(&slot)
            ));
            self.give_back(slot.id);
            if let Some(slot) = survey.config.users.iter_mut().find(|other| other.id == slot.id) {
                read_access(self.session, channel, slot);
            }
        }
    }

    /// Disables users again that were enabled, and whose password is not proven: an account with another password, or with
    /// none, must not stay open.
    pub(crate) fn close_unproven(&mut self, survey: &mut Survey) {
        if self.session.fatal_cause().is_some() {
            return;
        }
        let first = self.results.len();
        let enabled: BTreeSet<u8> = self.newly_enabled().collect();
        for number in 0..self.users.len() {
            let Some(user) = self.users.get(number) else { continue };
            let has_password = user.desired.password.is_some() || user.desired.generate;
            let is_unproven = has_password && user.check != Some(PasswordCheck::Correct);
            let (Some(slot), true) = (user.slot, is_unproven) else { continue };
            let is_open = enabled.contains(&slot) || may_log_in(&survey.config, slot);
            if !is_open || may_log_in(&self.before, slot) {
                continue;
            }
            let (name, was_kept) = (user.desired.name.clone(), !user.has_failed);
            if was_kept {
                self.problems.push(format!(
                    "user {name}: the BMC has no test that proves its password, so it is disabled again: set the password and \
                     enable the user by another way"
                ));
            }
            let change = Change::UserDisable { slot, name };
            let result = self.send(&change, None);
            self.record(change, result.map_err(|failure| failure.text));
            if let Some(user) = self.users.get_mut(number) {
                user.has_failed = true;
            }
        }
        if self.results.len() > first {
            self.read_back(survey, first);
        }
    }

    /// Takes away what others have.
    pub(crate) fn take_away(&mut self, changes: &[Change]) {
        self.taken.extend(changes.iter().filter_map(|change| change.id().user_slot()));
        self.apply(changes);
    }

    /// Gives back what was taken away, and enables the desired users.
    pub(crate) fn undo(&mut self) {
        mem::take(&mut self.taken).into_iter().for_each(|slot| self.give_back(slot));
        let desired = self.users.iter().filter(|user| !user.has_failed);
        let desired: Vec<(u8, String)> =
            desired.filter_map(|user| Some((user.slot?, user.desired.name.clone()))).collect();
        for (slot, name) in desired {
            let change = Change::UserEnable { slot, name };
            let result = self.send(&change, None);
            self.record(change, result.map_err(|failure| failure.text));
        }
    }

    /// Gives a user the access that it had before.
    fn give_back(&mut self, slot: u8) {
        let Some(was) = self.before.users.iter().find(|was| was.id == slot) else { return };
        let name = described(was);
        let access = was.access.map(|access| access.privilege);
        let access = access.map(|privilege| Change::UserAccess { slot, name: name.clone(), privilege });
        for change in access.into_iter().chain([Change::UserEnable { slot, name }]) {
            let result = self.send(&change, None);
            self.record(change, result.map_err(|failure| failure.text));
        }
    }

    /// Desired users that were enabled, and could not log in before.
    fn newly_enabled(&self) -> impl Iterator<Item = u8> {
        self.results.iter().filter_map(|result| match result.change.id() {
            ChangeId::UserEnable(slot) if result.failure.is_none() && !may_log_in(&self.before, slot) => {
                Some(slot)
            }
            _ => None,
        })
    }
}

fn may_log_in(config: &BmcConfig, id: u8) -> bool {
    config.access(id).is_some_and(|access| access.may_log_in())
}

fn is_administrator(config: &BmcConfig, id: u8) -> bool {
    config.access(id).is_some_and(|access| access.is_administrator())
}

/// Whether a BMC that does it to another user takes something away.
fn can_take_away(change: &Change) -> bool {
    match change {
        Change::UserDisable { .. } => true,
        Change::UserAccess { privilege, .. } => *privilege != Privilege::Administrator,
        _ => false,
    }
}
