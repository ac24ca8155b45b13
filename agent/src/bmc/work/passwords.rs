// SPDX-License-Identifier: MIT OR Apache-2.0
//! Setting and proving passwords.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::time::Instant;

use stage1_contract::{BmcUserOutcome, PasswordState, Secret};

use super::{User, Work};
use crate::bmc::change::{Change, ChangeId};
use crate::bmc::config::{BmcConfig, UserSlot};
use crate::bmc::login::described;
use crate::bmc::password::SHAPES;
use crate::bmc::plan::PasswordCheck;
use crate::bmc::slots::{self, NameMatch, compare};
use crate::bmc::users::{accepts, check_password, has_factory_password};

impl Work<'_, '_> {
    /// Has the BMC test all passwords anew. Some BMCs change one user's password with another's: one that was lost is set once
    /// more, and all are tested once more.
    pub(crate) fn prove(&mut self) {
        if !self.results.iter().any(|result| result.change.id().user_slot().is_some()) {
            return;
        }
        if self.test_all() {
            return;
        }
        for number in 0..self.users.len() {
            let Some(user) = self.users.get(number) else { continue };
            let is_lost = user.check == Some(PasswordCheck::Wrong) && !user.has_failed;
            let (Some(slot), true) = (user.slot, is_lost) else { continue };
            let (name, password) = (user.desired.name.clone(), user.password.clone());
            let change = Change::UserPassword { slot, name, password: None };
            let result = self.send(&change, password.as_ref());
            self.record(change, result.map_err(|failure| failure.text));
            let check = self.check(slot, password.as_ref());
            if let Some(user) = self.users.get_mut(number) {
                (user.check, user.was_set) = (check, true);
            }
        }
        if !self.test_all() {
            let lost =
                self.users.iter().filter(|user| user.check == Some(PasswordCheck::Wrong) && !user.has_failed);
            let lost = lost.map(|user| {
                format!(
                    "user {}: the password was changed with another user's, and cannot be set",
                    user.desired.name
                )
            });
            self.problems.extend(lost);
        }
    }

    /// Users that can log in with a password that their maker gives to all of them.
    pub(crate) fn with_factory_password(&mut self, actual: &BmcConfig) -> Vec<String> {
        let is_known = |id: u8| {
            let mut users = self.users.iter();
            users.any(|user| user.slot == Some(id) && user.check == Some(PasswordCheck::Correct))
        };
        let may_log_in = |slot: &&UserSlot| slot.access.is_some_and(|access| access.may_log_in());
        let suspects = actual.users.iter().filter(|slot| may_log_in(slot) && !is_known(slot.id));
        let mut found = Vec::new();
        for slot in suspects {
            if let Some(Ok(true)) = self.session.with(|bmc| has_factory_password(bmc, slot)) {
                let name = described(slot);
                found.push(format!(
                    "baseline: user {} {name} can log in with the password of its maker: set another one, or disable the user",
                    slot.id
                ));
            }
        }
        found
    }

    /// The slot of each desired user, and what is known of its password.
    pub(crate) fn outcomes(&self, actual: &BmcConfig) -> Vec<BmcUserOutcome> {
        let outcome = |user: &User| BmcUserOutcome {
            name: user.desired.name.clone(),
            slot: user.slot,
            password: self.password_state(user, actual),
        };
        self.users.iter().map(outcome).collect()
    }

    /// Sets a password and has the BMC test it. A made-up one that is refused, or not kept, is followed by one of another shape.
    pub(super) fn password(&mut self, number: usize, change: &Change) -> Result<(), String> {
        let ChangeId::UserPassword(slot) = change.id() else { return Ok(()) };
        let is_made_up = matches!(change, Change::UserPassword { password: None, .. });
        for shape in 1.. {
            let password = self.users.get(number).and_then(|user| user.password.clone());
            let result = self.send(change, password.as_ref());
            let check = result.is_ok().then(|| self.check(slot, password.as_ref())).flatten();
            let Some(user) = self.users.get_mut(number) else { break };
            (user.check, user.was_set) = (check, result.is_ok());
            let is_refused = match &result {
                Ok(()) => check == Some(PasswordCheck::Wrong),
                Err(failure) => failure.completion.is_some_and(slots::is_about_the_slot),
            };
            let name = user.desired.name.clone();
            if is_refused && is_made_up && shape < SHAPES.len() {
                let asked = Instant::now();
                let next = (self.next_password)(&name, shape)
                    .map_err(|error| format!("generating another password: {error:#}"))?;
                // The deadline is the BMC's, not the inventory's.
                self.session.extend(asked.elapsed());
                if let Some(user) = self.users.get_mut(number) {
                    user.password = Some(next);
                }
                continue;
            }
            if result.is_ok() && is_refused {
                user.has_failed = true;
                self.problems
                    .push(format!("user {name}: the BMC accepted the password, but its own test rejects it"));
            }
            return result.map_err(|failure| failure.text);
        }
        Ok(())
    }

    /// Enables a user. A BMC that tests no password of a disabled user may test it now.
    pub(super) fn enable(&mut self, number: usize, slot: u8, change: &Change) -> Result<(), String> {
        self.send(change, None).map_err(|failure| failure.text)?;
        let Some(user) =
            self.users.get(number).filter(|user| user.check == Some(PasswordCheck::Inconclusive))
        else {
            return Ok(());
        };
        if let Some(password) = user.password.clone() {
            let check = self.check(slot, Some(&password));
            if let Some(user) = self.users.get_mut(number) {
                user.check = check;
            }
        }
        Ok(())
    }

    /// Tests all passwords that were correct so far. Returns whether none was lost.
    fn test_all(&mut self) -> bool {
        for user in self.users.iter_mut().filter(|user| user.check == Some(PasswordCheck::Correct)) {
            let (Some(slot), Some(password)) = (user.slot, &user.password) else { continue };
            let accepted = self.session.with(|bmc| accepts(bmc, slot, password));
            user.check = match accepted {
                Some(Ok(Some(true))) => Some(PasswordCheck::Correct),
                Some(Ok(Some(false))) => Some(PasswordCheck::Wrong),
                _ => Some(PasswordCheck::Inconclusive),
            };
        }
        !self.users.iter().any(|user| user.check == Some(PasswordCheck::Wrong) && !user.has_failed)
    }

    fn check(&mut self, slot: u8, password: Option<&Secret>) -> Option<PasswordCheck> {
        let password = password?;
        let check = self.session.with(|bmc| check_password(bmc, slot, password));
        Some(check.and_then(Result::ok).unwrap_or(PasswordCheck::Inconclusive))
    }

    fn password_state(&self, user: &User, actual: &BmcConfig) -> PasswordState {
        let slot = user.slot.filter(|_| !user.has_failed);
        let slot = slot.and_then(|id| actual.users.iter().find(|slot| slot.id == id));
        let is_reachable = self.session.fatal_cause().is_none();
        let has_name = |slot: &UserSlot| {
            slot.name.as_ref().is_ok_and(|name| compare(name, &user.desired.name) == Some(NameMatch::Same))
        };
        match slot {
            None => PasswordState::Failed,
            Some(slot) if is_reachable && !has_name(slot) => PasswordState::Failed,
            Some(_) => match user.check {
                _ if user.desired.password.is_none() && !user.desired.generate => PasswordState::NotDesired,
                Some(PasswordCheck::Correct) => PasswordState::Proven,
                Some(PasswordCheck::Wrong) => PasswordState::Failed,
                _ if user.was_set => PasswordState::Set,
                _ => PasswordState::Believed,
            },
        }
    }
}
