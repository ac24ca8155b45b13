// SPDX-License-Identifier: MIT OR Apache-2.0
//! Applying the desired configuration, and verifying the result.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anyhow::{Result, bail};
use stage1_contract::{
    BmcChange, BmcOutcome, BmcUserOutcome, DesiredBmcConfig, DesiredUser, PasswordState, Secret,
};

use super::BmcSession;
use super::address;
use super::apply::{ChangeError, apply};
use super::change::{Change, ChangeId};
use super::options::OptionId;
use super::password::generate;
use super::plan::{PasswordCheck, Plan, other_access, plan};
use super::session::LenientSession;
use super::survey::{Survey, read_back, read_for, read_other_access};
use super::users::{check_password, check_passwords, read_payload};
use crate::host::random;

/// Stores a generated password before it is set in the BMC: the user's name and the password.
pub type Escrow<'a> = dyn Fn(&str, &Secret) -> Result<()> + 'a;

/// The changes that [`configure`] would make, and the problems of finding that out.
pub fn planned(bmc: &mut BmcSession, survey: &mut Survey, desired: &DesiredBmcConfig) -> (Plan, Vec<String>) {
    let mut session = LenientSession::new(bmc);
    let (plan, _) = prepare(&mut session, survey, desired);
    (plan, session.into_problems())
}

/// Changes what differs from the desired configuration, reads it back, and records the new configuration and the outcome
/// in the survey. Returns the problems. A BMC that has the desired configuration is not written to.
pub fn configure(
    bmc: &mut BmcSession,
    survey: &mut Survey,
    desired: &DesiredBmcConfig,
    escrow: &Escrow,
) -> Vec<String> {
    let started = Instant::now();
    let mut session = LenientSession::new(bmc);
    let (plan, checks) = prepare(&mut session, survey, desired);
    let mut problems = plan.refusals.clone();
    let asked = Instant::now();
    let passwords = passwords(&plan, desired, escrow, &mut problems);
    // The deadline is the BMC's, not the inventory's.
    session.extend(asked.elapsed());
    let channel = survey.config.lan.as_ref().map_or(1, |lan| lan.channel);
    let mut work = Work::new(&mut session, channel, passwords);
    let is_last = |change: &Change| matches!(change, Change::UserDisable { .. });
    let (lan, others): (Vec<Change>, Vec<Change>) = plan.changes.iter().cloned().partition(Change::is_lan);
    let others = others.into_iter().filter(|change| change.id().other_access().is_none());
    let (last, first): (Vec<Change>, Vec<Change>) = others.partition(is_last);
    work.apply(&first);
    let users = work.verify_passwords(desired, &plan, &checks);
    // Otherwise nobody could log in.
    let all_can_log_in = users.iter().all(|user| user.password != PasswordState::Failed);
    if work.failed_users.is_empty() && all_can_log_in {
        work.apply(&last);
    } else if !last.is_empty() {
        problems.push("unknown users stay enabled until all desired users can log in".to_string());
    }
    let slots: Vec<Option<u8>> = users.iter().map(|user| user.slot).collect();
    work.apply(&other_access(desired, &survey.config, &slots));
    // Last of all: a BMC may be out of reach for a while.
    work.apply(&lan);
    let Work { results, rejected, .. } = work;
    let was_set = |result: &ChangeResult| result.failure.is_none() && result.waits_for_address;
    if results.iter().any(was_set) {
        problems.extend(address::wait(&mut session, survey));
    }
    read_back(&mut session, survey, &plan.changes);
    problems.extend(results.iter().filter_map(ChangeResult::problem));
    if session.fatal_cause().is_none() {
        problems.extend(not_applied(survey, desired, &results));
    }
    problems.extend(rejected);
    problems.extend(session.into_problems());
    let counters = bmc.counters();
    survey.report.outcome = Some(BmcOutcome {
        is_as_desired: problems.is_empty(),
        changes: results.into_iter().map(ChangeResult::reported).collect(),
        users,
        unknown_users: plan.unknown_users,
        requests: counters.requests,
        retries: counters.retries,
        took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    });
    problems
}

/// Reads what the plan needs in addition to the survey, and plans.
fn prepare(
    session: &mut LenientSession,
    survey: &mut Survey,
    desired: &DesiredBmcConfig,
) -> (Plan, Vec<Option<PasswordCheck>>) {
    read_for(session, survey, desired);
    let checks = check_passwords(session, desired, &survey.config);
    if desired.serial_over_lan == Some(true)
        && let Some(lan) = &survey.config.lan
    {
        // Also for users that do not exist yet.
        let slots = plan(desired, &survey.config, &checks).slots;
        for slot in survey.config.users.iter_mut().filter(|slot| slots.contains(&Some(slot.id))) {
            read_payload(session, lan.channel, slot);
        }
    }
    if survey.config.other_networks().next().is_some() {
        let slots = plan(desired, &survey.config, &checks).slots;
        read_other_access(session, survey, &slots.into_iter().flatten().collect::<Vec<u8>>());
    }
    (plan(desired, &survey.config, &checks), checks)
}

/// The passwords to set, by slot. A generated one is sent to the inventory first: otherwise nobody would know it.
fn passwords(
    plan: &Plan,
    desired: &DesiredBmcConfig,
    escrow: &Escrow,
    problems: &mut Vec<String>,
) -> BTreeMap<u8, Secret> {
    let mut passwords = BTreeMap::new();
    for change in &plan.changes {
        let Change::UserPassword { slot, name, password } = change else { continue };
        let password = match password {
            Some(password) => Ok(password.clone()),
            None => generated(desired, name, escrow),
        };
        match password {
            Ok(password) => drop(passwords.insert(*slot, password)),
            Err(error) => problems.push(format!("user {name}: generating a password: {error:#}")),
        }
    }
    passwords
}

fn generated(desired: &DesiredBmcConfig, name: &str, escrow: &Escrow) -> Result<Secret> {
    if !desired.users.iter().any(|user| user.name == name && user.generate) {
        bail!("not configured");
    }
    let password = generate(name, random::secret)?;
    escrow(name, &password)?;
    Ok(password)
}

/// A change that was made, or failed.
struct ChangeResult {
    id: ChangeId,
    /// The change, for people.
    what: String,
    failure: Option<String>,
    /// The BMC gets an address from a server now.
    waits_for_address: bool,
}

impl ChangeResult {
    fn problem(&self) -> Option<String> {
        Some(format!("{}: {}", self.what, self.failure.as_ref()?))
    }

    fn reported(self) -> BmcChange {
        BmcChange { what: self.what, failure: self.failure }
    }
}

/// Changes in progress.
struct Work<'a, 'b> {
    session: &'a mut LenientSession<'b>,
    channel: u8,
    /// The passwords to set, by slot.
    passwords: BTreeMap<u8, Secret>,
    results: Vec<ChangeResult>,
    /// Slots of users for which a change failed.
    failed_users: BTreeSet<u8>,
    /// Passwords that the BMC accepted and then rejected in its own test.
    rejected: Vec<String>,
}

impl<'a, 'b> Work<'a, 'b> {
    fn new(session: &'a mut LenientSession<'b>, channel: u8, passwords: BTreeMap<u8, Secret>) -> Self {
        let (results, failed_users, rejected) = (Vec::new(), BTreeSet::new(), Vec::new());
        Self { session, channel, passwords, results, failed_users, rejected }
    }

    /// Makes the changes in their order. After a failure, further changes of the same user are skipped.
    fn apply(&mut self, changes: &[Change]) {
        let without_password = changes.iter().filter_map(|change| match change.id() {
            ChangeId::UserPassword(slot) if !self.passwords.contains_key(&slot) => Some(slot),
            _ => None,
        });
        self.failed_users.extend(without_password);
        for change in changes {
            let id = change.id();
            let slot = id.user_slot();
            if slot.is_some_and(|slot| self.failed_users.contains(&slot)) {
                continue;
            }
            let password = slot.and_then(|slot| self.passwords.get(&slot));
            let channel = self.channel;
            let earlier = self.session.fatal_cause();
            let result = self.session.with(|bmc| match apply(bmc, channel, change, password) {
                Err(ChangeError::Bmc(error)) if error.is_fatal() => Err(error),
                result => Ok(result),
            });
            let failure = match (result, earlier) {
                (Some(Ok(Ok(()))), _) => None,
                (Some(Ok(Err(error))), _) => Some(error.to_string()),
                (Some(Err(error)), _) => Some(error.to_string()),
                (None, Some(cause)) => Some(format!("skipped: {cause}")),
                (None, None) => {
                    let cause = self.session.fatal_cause().unwrap_or_default();
                    let what = if self.session.is_outcome_unknown() { "outcome unknown" } else { "skipped" };
                    Some(format!("{what}: {cause}"))
                }
            };
            if failure.is_some() {
                self.failed_users.extend(slot);
            }
            let waits_for_address = matches!(change, Change::Lan(change) if change.is_dynamic());
            self.results.push(ChangeResult { id, what: change.to_string(), failure, waits_for_address });
        }
    }

    /// Has the BMC test the passwords that were set, and returns what is known of each desired user.
    fn verify_passwords(
        &mut self,
        desired: &DesiredBmcConfig,
        plan: &Plan,
        checks: &[Option<PasswordCheck>],
    ) -> Vec<BmcUserOutcome> {
        let users = desired.users.iter().zip(&plan.slots).zip(checks);
        users
            .map(|((user, slot), check)| BmcUserOutcome {
                name: user.name.clone(),
                slot: *slot,
                password: self.password_state(user, *slot, *check),
            })
            .collect()
    }

    fn password_state(
        &mut self,
        user: &DesiredUser,
        slot: Option<u8>,
        check: Option<PasswordCheck>,
    ) -> PasswordState {
        let Some(slot) = slot.filter(|slot| !self.failed_users.contains(slot)) else {
            return PasswordState::Failed;
        };
        let Some(password) = self.passwords.get(&slot) else {
            return match check {
                _ if user.password.is_none() && !user.generate => PasswordState::NotDesired,
                Some(PasswordCheck::Correct) => PasswordState::Proven,
                _ => PasswordState::Believed,
            };
        };
        match self.session.with(|bmc| check_password(bmc, slot, password)) {
            Some(Ok(PasswordCheck::Correct)) => PasswordState::Proven,
            Some(Ok(PasswordCheck::Wrong)) => {
                let name = &user.name;
                self.rejected
                    .push(format!("user {name}: the BMC accepted the password, but its own test rejects it"));
                PasswordState::Failed
            }
            _ => PasswordState::Set,
        }
    }
}

/// Changes that the BMC accepted and did not make. A password cannot be read back; nor can, on some BMCs, who is enabled.
fn not_applied(survey: &Survey, desired: &DesiredBmcConfig, results: &[ChangeResult]) -> Vec<String> {
    let reports_enabled = |id: u8| {
        let slot = survey.config.users.iter().find(|slot| slot.id == id);
        slot.and_then(|slot| slot.access).is_some_and(|access| access.enabled.is_some())
    };
    let shows_key =
        |channel: u8| survey.config.options.keys.iter().any(|(of, key)| *of == channel && key.is_some());
    let is_readable = |change: &&Change| match change.id() {
        ChangeId::UserPassword(_) => false,
        ChangeId::Option(OptionId::Key(channel)) => shows_key(channel),
        ChangeId::UserEnable(slot) => reports_enabled(slot),
        _ => true,
    };
    let was_accepted =
        |change: &&Change| results.iter().any(|result| result.id == change.id() && result.failure.is_none());
    let checks = vec![Some(PasswordCheck::Correct); desired.users.len()];
    let remaining = plan(desired, &survey.config, &checks).changes;
    let not_applied = remaining.iter().filter(is_readable).filter(was_accepted);
    not_applied.map(|change| format!("{change}: accepted by the BMC, but not applied")).collect()
}

#[cfg(test)]
mod tests;
