// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making a BMC as it is wanted, and proving it.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Result, bail};
use stage1_contract::{BmcChange, BmcOutcome, BmcUserOutcome, PasswordState, Secret, WantedBmc};

use super::BmcSession;
use super::password::generate;
use super::plan::{Finding, Plan, Write, plan};
use super::questions::Questions;
use super::survey::{Survey, read_again};
use super::users::{self, findings, read_payload};
use super::write::{WriteError, write};
use crate::host::random;

/// Where a password that was made up goes before it is set: a user's name and the password.
pub type Escrow<'a> = dyn Fn(&str, &Secret) -> Result<()> + 'a;

/// What would be written, and what went wrong in finding that out.
pub fn planned(bmc: &mut BmcSession, survey: &mut Survey, wanted: &WantedBmc) -> (Plan, Vec<String>) {
    let mut questions = Questions::new(bmc);
    let (plan, _) = prepare(&mut questions, survey, wanted);
    (plan, questions.end())
}

/// Writes what differs, reads it back, and keeps in the survey how it is and what came of it. What went wrong is handed
/// back. A BMC that is as it is wanted is written nothing.
pub fn configure(
    bmc: &mut BmcSession,
    survey: &mut Survey,
    wanted: &WantedBmc,
    escrow: &Escrow,
) -> Vec<String> {
    let started = Instant::now();
    let mut questions = Questions::new(bmc);
    let (plan, findings) = prepare(&mut questions, survey, wanted);
    let mut problems = plan.refusals.clone();
    let secrets = secrets(&plan, wanted, escrow, &mut problems);
    let channel = survey.current.lan.as_ref().map_or(1, |lan| lan.channel);
    let mut work =
        Work { questions: &mut questions, channel, secrets, changes: Vec::new(), failed: Vec::new() };
    let (last, first): (Vec<Write>, Vec<Write>) =
        plan.writes.iter().cloned().partition(|write| matches!(write, Write::Disable(..)));
    work.carry_out(&first);
    let users = work.prove(wanted, &plan, &findings);
    // Nobody is locked out before those who are wanted are in.
    let is_out = |user: &BmcUserOutcome| user.password == PasswordState::Failed;
    match work.failed.is_empty() && !users.iter().any(is_out) {
        true => work.carry_out(&last),
        false if last.is_empty() => {}
        false => problems
            .push("users that nobody wants stay enabled until the wanted ones are in place".to_string()),
    }
    let changes = work.changes;
    read_again(&mut questions, survey, &plan.writes);
    let unknown_users = plan.unknown_users;
    let mut outcome = BmcOutcome { changes, users, unknown_users, ..BmcOutcome::default() };
    problems
        .extend(outcome.changes.iter().filter_map(|c| Some(format!("{}: {}", c.what, c.failure.as_ref()?))));
    if !questions.is_hung() {
        problems.extend(forgotten(survey, wanted, &outcome));
    }
    problems.extend(untrue(&outcome));
    problems.extend(questions.end());
    outcome.is_as_wanted = problems.is_empty();
    let counters = bmc.counters();
    (outcome.requests, outcome.retries) = (counters.requests, counters.retries);
    outcome.took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    survey.report.outcome = Some(outcome);
    problems
}

/// Asks for what planning needs beyond the survey, and plans.
fn prepare(
    questions: &mut Questions,
    survey: &mut Survey,
    wanted: &WantedBmc,
) -> (Plan, Vec<Option<Finding>>) {
    let findings = findings(questions, wanted, &survey.current);
    if wanted.serial_over_lan == Some(true)
        && let Some(lan) = &survey.current.lan
    {
        // Of the users that are yet to be made too.
        let slots = plan(wanted, &survey.current, &findings).slots;
        for slot in survey.current.users.iter_mut().filter(|slot| slots.contains(&Some(slot.id))) {
            read_payload(questions, lan.channel, slot);
        }
    }
    (plan(wanted, &survey.current, &findings), findings)
}

/// The passwords that are to be set, by slot. One that is made up is told to the inventory first: a BMC with a password
/// that nobody knows helps nobody.
fn secrets(
    plan: &Plan,
    wanted: &WantedBmc,
    escrow: &Escrow,
    problems: &mut Vec<String>,
) -> BTreeMap<u8, Secret> {
    let mut secrets = BTreeMap::new();
    for write in &plan.writes {
        let Write::Password(slot, name, secret) = write else { continue };
        let secret = match secret {
            Some(secret) => Ok(secret.clone()),
            None => made_up(wanted, name, escrow),
        };
        match secret {
            Ok(secret) => drop(secrets.insert(*slot, secret)),
            Err(error) => problems.push(format!("user {name}: no password could be made up: {error:#}")),
        }
    }
    secrets
}

fn made_up(wanted: &WantedBmc, name: &str, escrow: &Escrow) -> Result<Secret> {
    if !wanted.users.iter().any(|user| user.name == name && user.generate) {
        bail!("none is wanted");
    }
    let secret = generate(name, random::secret)?;
    escrow(name, &secret)?;
    Ok(secret)
}

/// What is written, and what came of it.
struct Work<'a, 'b> {
    questions: &'a mut Questions<'b>,
    channel: u8,
    secrets: BTreeMap<u8, Secret>,
    changes: Vec<BmcChange>,
    /// Slots of users for which a write failed.
    failed: Vec<u8>,
}

impl Work<'_, '_> {
    /// Does the writes in their order. What follows a failure for the same user is left out, and after a silence all.
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
            let hung_before = self.questions.is_hung();
            let result = self.questions.with(|bmc| match write(bmc, channel, item, secret) {
                Err(WriteError::Bmc(error)) if error.is_hung() => Err(error),
                result => Ok(result),
            });
            let failure = match result {
                Some(Ok(Ok(()))) => None,
                Some(Ok(Err(error))) => Some(error.to_string()),
                _ if hung_before => Some("not done, since the BMC hangs".to_string()),
                _ => Some("perhaps done, perhaps not: the BMC hangs since".to_string()),
            };
            if failure.is_some() {
                self.failed.extend(slot);
            }
            self.changes.push(BmcChange { what: item.to_string(), failure });
        }
    }

    /// Asks the BMC about the passwords that were set, and says what is known of all wanted ones.
    fn prove(
        &mut self,
        wanted: &WantedBmc,
        plan: &Plan,
        findings: &[Option<Finding>],
    ) -> Vec<BmcUserOutcome> {
        let users = wanted.users.iter().zip(&plan.slots).zip(findings);
        users
            .map(|((user, slot), finding)| {
                let wants_password = user.password.is_some() || user.generate;
                let password = match slot {
                    Some(slot) if !self.failed.contains(slot) => match self.secrets.get(slot) {
                        Some(secret) => match self.questions.with(|bmc| users::test(bmc, *slot, secret)) {
                            Some(Ok(Finding::Right)) => PasswordState::Proven,
                            Some(Ok(Finding::Wrong)) => PasswordState::Failed,
                            _ => PasswordState::Set,
                        },
                        None if !wants_password => PasswordState::NotWanted,
                        None if *finding == Some(Finding::Right) => PasswordState::Proven,
                        None => PasswordState::Believed,
                    },
                    _ => PasswordState::Failed,
                };
                BmcUserOutcome { name: user.name.clone(), slot: *slot, password }
            })
            .collect()
    }
}

/// What the BMC said yes to, and has not done. Passwords, and who is enabled where it does not tell, cannot be read back.
fn forgotten(survey: &Survey, wanted: &WantedBmc, outcome: &BmcOutcome) -> Vec<String> {
    let users = &survey.current.users;
    let tells = |id: u8| {
        let slot = users.iter().find(|slot| slot.id == id);
        slot.and_then(|slot| slot.access).is_some_and(|access| access.enabled.is_some())
    };
    let said_yes = |write: &&Write| {
        let what = write.to_string();
        outcome.changes.iter().any(|change| change.failure.is_none() && change.what == what)
    };
    let is_readable = |write: &&Write| match write {
        Write::Password(..) => false,
        Write::Enable(slot, _) => tells(*slot),
        _ => true,
    };
    let findings = vec![Some(Finding::Right); wanted.users.len()];
    let left = plan(wanted, &survey.current, &findings).writes;
    let forgotten = left.iter().filter(is_readable).filter(said_yes);
    forgotten.map(|write| format!("{write}: the BMC said yes, and reads back otherwise")).collect()
}

/// The passwords that the BMC said yes to, and then no.
fn untrue(outcome: &BmcOutcome) -> Vec<String> {
    let is_set = |user: &BmcUserOutcome| {
        let of_user = |change: &&BmcChange| change.what.ends_with(&format!(" {}: password", user.name));
        outcome.changes.iter().find(of_user).is_some_and(|change| change.failure.is_none())
    };
    let untrue = outcome.users.iter().filter(|user| user.password == PasswordState::Failed && is_set(user));
    untrue
        .map(|user| {
            format!("user {}: the BMC took the password, and its own test says that it is wrong", user.name)
        })
        .collect()
}
