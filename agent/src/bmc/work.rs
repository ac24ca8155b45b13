// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changes in progress: they are made in their order, and what the BMC keeps of a user's name and password is found out at once.

mod access;
mod names;
mod passwords;

use std::collections::BTreeSet;

use anyhow::Result;
use ipmi::Completion;
use stage1_contract::{BmcChange, DesiredBmcConfig, DesiredUser, Secret};

use super::BmcSession;
use super::address;
use super::apply::{ChangeError, apply};
use super::change::{Change, ChangeId};
use super::config::BmcConfig;
use super::plan::{PasswordCheck, Plan};
use super::session::LenientSession;
use super::survey::Survey;

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
    /// Slots of desired users that are enabled by the BMC's count of enabled users.
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
                Change::UserAccess { name, .. } => self.access(number, slot, name, &change),
                Change::UserEnable { .. } => self.enable(number, slot, &change),
                _ => self.send(&change, None).map_err(|failure| failure.text),
            };
            let Some(user) = self.users.get_mut(number) else { continue };
            user.has_failed |= result.is_err();
            let slot = user.slot.unwrap_or(slot);
            self.record(change.in_slot(slot), result);
        }
    }

    /// Slots of desired users that are enabled by the BMC's count of enabled users.
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

    /// The results, and the problems that are not theirs.
    pub(crate) fn into_results(self) -> (Vec<ChangeResult>, Vec<String>) {
        (self.results, self.problems)
    }

    /// How many results there are.
    pub(crate) fn result_count(&self) -> usize {
        self.results.len()
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

impl ChangeResult {
    pub(crate) fn problem(&self) -> Option<String> {
        Some(format!("{}: {}", self.change, self.failure.as_ref()?))
    }

    pub(crate) fn reported(self) -> BmcChange {
        BmcChange { what: self.change.to_string(), failure: self.failure }
    }
}
