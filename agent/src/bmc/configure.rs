// SPDX-License-Identifier: MIT OR Apache-2.0
//! Applies a desired configuration and verifies it.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Result, bail};
use stage1_contract::{BmcChange, BmcOutcome, BmcUserOutcome, DesiredBmcConfig, PasswordState, Secret};

use super::BmcSession;
use super::password::generate;
use super::plan::{PasswordCheck, Plan, Write, plan};
use super::survey::{Survey, read_again};
use super::tolerant::TolerantSession;
use super::users::{self, password_checks, read_payload};
use super::write::{WriteError, write};
use crate::host::random;

/// Gives a generated password to the inventory before it is set: a user's name and the password.
pub type Escrow<'a> = dyn Fn(&str, &Secret) -> Result<()> + 'a;

/// The changes that would be made, and the problems in determining them.
pub fn planned(bmc: &mut BmcSession, survey: &mut Survey, desired: &DesiredBmcConfig) -> (Plan, Vec<String>) {
    let mut session = TolerantSession::new(bmc);
    let (plan, _) = prepare(&mut session, survey, desired);
    (plan, session.end())
}

/// Writes what differs from the desired configuration, reads it back, and updates the survey with that and with the
/// outcome. Returns the problems. Nothing is written to a BMC that is configured as desired.
pub fn configure(
    bmc: &mut BmcSession,
    survey: &mut Survey,
    desired: &DesiredBmcConfig,
    escrow: &Escrow,
) -> Vec<String> {
    let started = Instant::now();
    let mut session = TolerantSession::new(bmc);
    let (plan, password_checks) = prepare(&mut session, survey, desired);
    let mut problems = plan.refusals.clone();
    let secrets = secrets(&plan, desired, escrow, &mut problems);
    let channel = survey.current.lan.as_ref().map_or(1, |lan| lan.channel);
    let mut work = Work { session: &mut session, channel, secrets, changes: Vec::new(), failed: Vec::new() };
    let (last, first): (Vec<Write>, Vec<Write>) =
        plan.writes.iter().cloned().partition(|write| matches!(write, Write::Disable(..)));
    work.carry_out(&first);
    let users = work.verify(desired, &plan, &password_checks);
    // Nobody is disabled before all desired users can log in.
    let cannot_log_in = |user: &BmcUserOutcome| user.password == PasswordState::Failed;
    match work.failed.is_empty() && !users.iter().any(cannot_log_in) {
        true => work.carry_out(&last),
        false if last.is_empty() => {}
        false => problems.push("unknown users stay enabled until all desired users can log in".to_string()),
    }
    let changes = work.changes;
    read_again(&mut session, survey, &plan.writes);
    let unknown_users = plan.unknown_users;
    problems.extend(
        changes.iter().filter_map(|change| Some(format!("{}: {}", change.write, change.failure.as_ref()?))),
    );
    if !session.is_hung() {
        problems.extend(not_applied(survey, desired, &changes));
    }
    problems.extend(wrong_passwords(&users, &changes));
    let changes = changes.iter().map(Change::report).collect();
    let mut outcome = BmcOutcome { changes, users, unknown_users, ..BmcOutcome::default() };
    problems.extend(session.end());
    outcome.is_as_desired = problems.is_empty();
    let counters = bmc.counters();
    (outcome.requests, outcome.retries) = (counters.requests, counters.retries);
    outcome.took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    survey.report.outcome = Some(outcome);
    problems
}

/// Reads what planning needs beyond the survey, and plans.
fn prepare(
    session: &mut TolerantSession,
    survey: &mut Survey,
    desired: &DesiredBmcConfig,
) -> (Plan, Vec<Option<PasswordCheck>>) {
    let password_checks = password_checks(session, desired, &survey.current);
    if desired.serial_over_lan == Some(true)
        && let Some(lan) = &survey.current.lan
    {
        // Including users that are yet to be created.
        let slots = plan(desired, &survey.current, &password_checks).slots;
        for slot in survey.current.users.iter_mut().filter(|slot| slots.contains(&Some(slot.id))) {
            read_payload(session, lan.channel, slot);
        }
    }
    (plan(desired, &survey.current, &password_checks), password_checks)
}

/// The passwords to set, by slot. A generated one is sent to the inventory first: a password that nobody knows must
/// never be set.
fn secrets(
    plan: &Plan,
    desired: &DesiredBmcConfig,
    escrow: &Escrow,
    problems: &mut Vec<String>,
) -> BTreeMap<u8, Secret> {
    let mut secrets = BTreeMap::new();
    for write in &plan.writes {
        let Write::Password(slot, name, secret) = write else { continue };
        let secret = match secret {
            Some(secret) => Ok(secret.clone()),
            None => generated(desired, name, escrow),
        };
        match secret {
            Ok(secret) => drop(secrets.insert(*slot, secret)),
            Err(error) => problems.push(format!("user {name}: generating a password: {error:#}")),
        }
    }
    secrets
}

fn generated(desired: &DesiredBmcConfig, name: &str, escrow: &Escrow) -> Result<Secret> {
    if !desired.users.iter().any(|user| user.name == name && user.generate) {
        bail!("the configuration does not ask for one");
    }
    let secret = generate(name, random::secret)?;
    escrow(name, &secret)?;
    Ok(secret)
}

/// A write that was tried.
struct Change {
    write: Write,
    /// Why it failed.
    failure: Option<String>,
}

impl Change {
    fn report(&self) -> BmcChange {
        BmcChange { what: self.write.to_string(), failure: self.failure.clone() }
    }
}

/// The writes in progress.
struct Work<'a, 'b> {
    session: &'a mut TolerantSession<'b>,
    channel: u8,
    secrets: BTreeMap<u8, Secret>,
    changes: Vec<Change>,
    /// Slots of users for which a write failed.
    failed: Vec<u8>,
}

impl Work<'_, '_> {
    /// Carries out the writes in order. After a failure the rest for the same user is skipped; after a timeout
    /// everything.
    fn carry_out(&mut self, writes: &[Write]) {
        let lacking = writes.iter().filter_map(|write| match write {
            Write::Password(slot, ..) if !self.secrets.contains_key(slot) => Some(*slot),
            _ => None,
        });
        self.failed.extend(lacking);
        for item in writes {
            let slot = item.user();
            if slot.is_some_and(|slot| self.failed.contains(&slot)) {
                continue;
            }
            let secret = slot.and_then(|slot| self.secrets.get(&slot));
            let channel = self.channel;
            let hung_before = self.session.is_hung();
            let result = self.session.with(|bmc| match write(bmc, channel, item, secret) {
                Err(WriteError::Bmc(error)) if error.is_hung() => Err(error),
                result => Ok(result),
            });
            let failure = match result {
                Some(Ok(Ok(()))) => None,
                Some(Ok(Err(error))) => Some(error.to_string()),
                _ if hung_before => Some("skipped: the BMC stopped responding".to_string()),
                _ => Some("outcome unknown: the BMC stopped responding".to_string()),
            };
            if failure.is_some() {
                self.failed.extend(slot);
            }
            self.changes.push(Change { write: item.clone(), failure });
        }
    }

    /// Tests the passwords that were set, and returns the state of all desired users.
    fn verify(
        &mut self,
        desired: &DesiredBmcConfig,
        plan: &Plan,
        password_checks: &[Option<PasswordCheck>],
    ) -> Vec<BmcUserOutcome> {
        let users = desired.users.iter().zip(&plan.slots).zip(password_checks);
        users
            .map(|((user, slot), check)| {
                let has_password = user.password.is_some() || user.generate;
                let password = match slot {
                    Some(slot) if !self.failed.contains(slot) => match self.secrets.get(slot) {
                        Some(secret) => match self.session.with(|bmc| users::test(bmc, *slot, secret)) {
                            Some(Ok(PasswordCheck::Right)) => PasswordState::Proven,
                            Some(Ok(PasswordCheck::Wrong)) => PasswordState::Failed,
                            _ => PasswordState::Set,
                        },
                        None if !has_password => PasswordState::NotDesired,
                        None if *check == Some(PasswordCheck::Right) => PasswordState::Proven,
                        None => PasswordState::Believed,
                    },
                    _ => PasswordState::Failed,
                };
                BmcUserOutcome { name: user.name.clone(), slot: *slot, password }
            })
            .collect()
    }
}

/// The writes that the BMC accepted and did not apply. Passwords, and enabled users where the BMC does not report them,
/// cannot be read back.
fn not_applied(survey: &Survey, desired: &DesiredBmcConfig, changes: &[Change]) -> Vec<String> {
    let users = &survey.current.users;
    let reports_enabled = |id: u8| {
        let slot = users.iter().find(|slot| slot.id == id);
        slot.and_then(|slot| slot.access).is_some_and(|access| access.enabled.is_some())
    };
    let was_accepted =
        |write: &&Write| changes.iter().any(|change| change.failure.is_none() && change.write == **write);
    let is_readable = |write: &&Write| match write {
        Write::Password(..) => false,
        Write::Enable(slot, _) => reports_enabled(*slot),
        _ => true,
    };
    let password_checks = vec![Some(PasswordCheck::Right); desired.users.len()];
    let left = plan(desired, &survey.current, &password_checks).writes;
    let not_applied = left.iter().filter(is_readable).filter(was_accepted);
    not_applied.map(|write| format!("{write}: accepted by the BMC, but not applied")).collect()
}

/// The passwords that the BMC accepted and its own test rejects.
fn wrong_passwords(users: &[BmcUserOutcome], changes: &[Change]) -> Vec<String> {
    let was_accepted = |user: &BmcUserOutcome| {
        let is_password = |change: &&Change| matches!(&change.write, Write::Password(slot, name, _) if Some(*slot) == user.slot && *name == user.name);
        changes.iter().find(is_password).is_some_and(|change| change.failure.is_none())
    };
    let wrong = users.iter().filter(|user| user.password == PasswordState::Failed && was_accepted(user));
    wrong
        .map(|user| format!("user {}: the BMC accepted the password, but its own test rejects it", user.name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "watch man" ends with "man": the two must not be mixed up.
    #[test]
    fn a_user_whose_name_ends_another_name() {
        let password = |slot, name: &str, failure: Option<&str>| Change {
            write: Write::Password(slot, name.to_string(), None),
            failure: failure.map(str::to_string),
        };
        let failed = |slot, name: &str| BmcUserOutcome {
            name: name.to_string(),
            slot: Some(slot),
            password: PasswordState::Failed,
        };
        let changes = [password(3, "watch man", None), password(4, "man", Some("refused"))];
        assert_eq!(wrong_passwords(&[failed(4, "man")], &changes), Vec::<String>::new());
        let wrong = wrong_passwords(&[failed(3, "watch man"), failed(4, "man")], &changes);
        assert_eq!(wrong, ["user watch man: the BMC accepted the password, but its own test rejects it"]);
    }
}
