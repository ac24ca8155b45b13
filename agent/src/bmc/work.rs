// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changes in progress: they are made in their order, and what the BMC keeps of a user's name and password is found out at once.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::Result;
use ipmi::Completion;
use ipmi::app::{GetUserName, Privilege, SetUserName, UserName};
use stage1_contract::{BmcChange, DesiredBmcConfig, DesiredUser, PasswordState, Secret};

use super::BmcSession;
use super::address;
use super::apply::{ChangeError, apply};
use super::change::{Change, ChangeId};
use super::config::{BmcConfig, UserSlot};
use super::login::described;
use super::password::SHAPES;
use super::plan::{PasswordCheck, Plan};
use super::session::LenientSession;
use super::slots::{self, NameMatch, TRIES, compare, plain_name};
use super::survey::{Survey, read_back};
use super::users::{accepts, check_password, has_factory_password, read_access};

/// Makes the next password for a user, by the number of its shape, and stores it.
pub(crate) type NextPassword<'a> = dyn Fn(&str, usize) -> Result<Secret> + 'a;

/// A change that was made, or failed.
pub(crate) struct ChangeResult {
    pub(crate) change: Change,
    pub(crate) failure: Option<String>,
}

/// Why a change failed, and the completion code with which it was refused.
struct Failure {
    text: String,
    completion: Option<Completion>,
}

/// A desired user.
pub(crate) struct User<'a> {
    desired: &'a DesiredUser,
    /// Its slot in the plan.
    planned: Option<u8>,
    /// Its slot.
    slot: Option<u8>,
    /// Its password, if it is known.
    password: Option<Secret>,
    /// What the BMC's own test last found.
    check: Option<PasswordCheck>,
    /// The password was set.
    was_set: bool,
    /// A change failed, or the password is not kept.
    has_failed: bool,
}

/// Changes in progress.
pub(crate) struct Work<'a, 'b> {
    session: &'a mut LenientSession<'b>,
    channel: u8,
    users: Vec<User<'a>>,
    /// Slots that were free, and are not used yet.
    spare: Vec<u8>,
    /// The users before the first change.
    before: BmcConfig,
    next_password: &'a NextPassword<'a>,
    results: Vec<ChangeResult>,
    /// Users that were enabled where the BMC counted one more after it.
    counted: BTreeSet<u8>,
    /// Slots of users from whom something was taken away.
    taken: BTreeSet<u8>,
    problems: Vec<String>,
}

impl<'a, 'b> Work<'a, 'b> {
    /// `checks` are those of the desired users before the first change, `passwords` those that are known or were made for them.
    pub(crate) fn new(
        session: &'a mut LenientSession<'b>,
        before: &BmcConfig,
        plan: &Plan,
        desired: &'a DesiredBmcConfig,
        checks: &[Option<PasswordCheck>],
        passwords: Vec<Option<Secret>>,
        next_password: &'a NextPassword<'a>,
    ) -> Self {
        let needs_password = |slot: Option<u8>| {
            let sets = |change: &Change| slot.map(ChangeId::UserPassword) == Some(change.id());
            plan.changes.iter().any(sets)
        };
        let known = plan.slots.iter().zip(checks).zip(passwords);
        let users = desired.users.iter().zip(known).map(|(desired, ((slot, check), password))| User {
            desired,
            planned: *slot,
            slot: *slot,
            has_failed: slot.is_none() || password.is_none() && needs_password(*slot),
            password,
            check: *check,
            was_set: false,
        });
        Self {
            session,
            channel: before.lan.as_ref().map_or(1, |lan| lan.channel),
            users: users.collect(),
            spare: plan.spare.clone(),
            before: before.clone(),
            next_password,
            results: Vec::new(),
            counted: BTreeSet::new(),
            taken: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    /// Makes the changes in their order. After a failure, further changes of the same user are skipped.
    pub(crate) fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            let number = self
                .users
                .iter()
                .position(|user| user.planned.is_some() && user.planned == change.id().user_slot());
            let Some(number) = number else {
                let result = self.send(change, None);
                self.record(change.clone(), result.map_err(|failure| failure.text));
                continue;
            };
            let Some(slot) =
                self.users.get(number).filter(|user| !user.has_failed).and_then(|user| user.slot)
            else {
                continue;
            };
            let change = change.clone().in_slot(slot);
            let result = match &change {
                Change::UserName { name, .. } => self.name(number, slot, name),
                Change::UserPassword { .. } => self.password(number, &change),
                Change::UserEnable { .. } => self.enable(number, slot, &change),
                _ => self.send(&change, None).map_err(|failure| failure.text),
            };
            let Some(user) = self.users.get_mut(number) else { continue };
            user.has_failed |= result.is_err();
            let slot = user.slot.unwrap_or(slot);
            self.record(change.in_slot(slot), result);
        }
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
        std::mem::take(&mut self.taken).into_iter().for_each(|slot| self.give_back(slot));
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

    /// The slot of each desired user.
    pub(crate) fn slots(&self) -> Vec<Option<u8>> {
        self.users.iter().map(|user| user.slot).collect()
    }

    /// The slot of each desired user of whom no change failed.
    pub(crate) fn usable_slots(&self) -> Vec<Option<u8>> {
        self.users.iter().map(|user| user.slot.filter(|_| !user.has_failed)).collect()
    }

    /// Whether the BMC gets an address from a server, after the changes since the `first` result.
    pub(crate) fn waits_for_address(&self, first: usize) -> bool {
        self.results.iter().skip(first).any(|result| {
            result.failure.is_none() && matches!(&result.change, Change::Lan(change) if change.is_dynamic())
        })
    }

    /// Waits for it. Returns the problem.
    pub(crate) fn wait_for_address(&mut self, survey: &mut Survey) -> Option<String> {
        address::wait(self.session, survey)
    }

    /// What is known of the password of each desired user.
    pub(crate) fn passwords(&self, actual: &BmcConfig) -> Vec<PasswordState> {
        self.users.iter().map(|user| self.password_state(user, actual)).collect()
    }

    /// Slots with which the BMC counted one more enabled user.
    pub(crate) fn counted(&self) -> &BTreeSet<u8> {
        &self.counted
    }

    /// Whether all changes of the desired users were made.
    pub(crate) fn all_are_made(&self) -> bool {
        self.users.iter().all(|user| !user.has_failed)
    }

    /// Why nothing more is sent, once there was a fatal error.
    pub(crate) fn fatal_cause(&self) -> Option<&'static str> {
        self.session.fatal_cause()
    }

    /// The results, and the problems that are not theirs.
    pub(crate) fn into_results(self) -> (Vec<ChangeResult>, Vec<String>) {
        (self.results, self.problems)
    }

    /// How many results there are.
    pub(crate) fn result_count(&self) -> usize {
        self.results.len()
    }

    /// Gives a user its name, in another slot if the BMC refuses it in a free one.
    fn name(&mut self, number: usize, slot: u8, name: &str) -> Result<(), String> {
        let was_free = slots::free(&self.before.users).any(|free| free == slot);
        let others = if was_free { self.spare.clone() } else { Vec::new() };
        let mut refused: Vec<u8> = Vec::new();
        let mut failure = String::new();
        for slot in std::iter::once(slot).chain(others).take(TRIES) {
            let change = Change::UserName { slot, name: name.to_string() };
            match self.send(&change, None) {
                Ok(()) => {}
                Err(refusal) if was_free && refusal.completion.is_some_and(slots::is_about_the_slot) => {
                    (failure, _) = (refusal.text, refused.push(slot));
                    continue;
                }
                Err(refusal) => return Err(refusal.text),
            }
            let kept = self.kept_name(slot)?;
            if compare(&kept, name) == Some(NameMatch::Same) {
                self.spare.retain(|spare| *spare != slot);
                if let Some(user) = self.users.get_mut(number) {
                    user.slot = Some(slot);
                }
                return Ok(());
            }
            if !kept.is_empty() {
                if was_free {
                    let _ =
                        self.session.with(|bmc| bmc.ask(&SetUserName { user: slot, name: UserName::EMPTY }));
                }
                return Err(format!("the BMC keeps it as {kept:?}: use a name that it keeps"));
            }
            (failure, _) = ("accepted by the BMC, but not applied".to_string(), refused.push(slot));
        }
        Err(match refused.as_slice() {
            [first, .., last] => format!("{failure} (tried {} slots, {first} to {last})", refused.len()),
            _ => failure,
        })
    }

    fn kept_name(&mut self, slot: u8) -> Result<String, String> {
        let read = self.session.try_ask(&GetUserName { user: slot });
        match read {
            Some(Ok(name)) => Ok(plain_name(&name.to_string())),
            Some(Err(error)) if error.completion() == Some(Completion::INVALID_FIELD) => Ok(String::new()),
            Some(Err(error)) => Err(format!("reading it back: {error}")),
            None => Err(self.session.fatal_cause().unwrap_or_default().to_string()),
        }
    }

    /// Sets a password and has the BMC test it. A made-up one that is refused, or not kept, is followed by one of another shape.
    fn password(&mut self, number: usize, change: &Change) -> Result<(), String> {
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
    fn enable(&mut self, number: usize, slot: u8, change: &Change) -> Result<(), String> {
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

    /// Desired users that were enabled, and could not log in before.
    fn newly_enabled(&self) -> impl Iterator<Item = u8> {
        self.results.iter().filter_map(|result| match result.change.id() {
            ChangeId::UserEnable(slot) if result.failure.is_none() && !may_log_in(&self.before, slot) => {
                Some(slot)
            }
            _ => None,
        })
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

    /// Sends the commands of a change.
    fn send(&mut self, change: &Change, password: Option<&Secret>) -> Result<(), Failure> {
        let channel = self.channel;
        let earlier = self.session.fatal_cause();
        let result = self.session.with(|bmc: &mut BmcSession| match apply(bmc, channel, change, password) {
            Err(ChangeError::Bmc(error)) if error.is_fatal() => Err(error),
            result => Ok(result),
        });
        let failure = match (result, earlier) {
            (Some(Ok(Ok(()))), _) => return Ok(()),
            (Some(Ok(Err(ChangeError::Bmc(error))) | Err(error)), _) => {
                return Err(Failure { text: error.to_string(), completion: error.completion() });
            }
            (Some(Ok(Err(error))), _) => error.to_string(),
            (None, Some(cause)) => format!("skipped: {cause}"),
            (None, None) => {
                let cause = self.session.fatal_cause().unwrap_or_default();
                let what = if self.session.is_outcome_unknown() { "outcome unknown" } else { "skipped" };
                format!("{what}: {cause}")
            }
        };
        Err(Failure { text: failure, completion: None })
    }

    fn record(&mut self, change: Change, result: Result<(), String>) {
        self.results.push(ChangeResult { change, failure: result.err() });
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

impl ChangeResult {
    pub(crate) fn problem(&self) -> Option<String> {
        Some(format!("{}: {}", self.change, self.failure.as_ref()?))
    }

    pub(crate) fn reported(self) -> BmcChange {
        BmcChange { what: self.change.to_string(), failure: self.failure }
    }
}
