// SPDX-License-Identifier: MIT OR Apache-2.0
//! Applying the desired configuration, and verifying the result.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::time::Instant;

use anyhow::Result;
use stage1_contract::{BmcOutcome, DesiredBmcConfig, DesiredUser, Secret};

use super::BmcSession;
use super::change::{Change, ChangeId};
use super::config::LanConfig;
use super::login::{Evidence, takes_away};
use super::options::OptionId;
use super::password::{SHAPES, generate};
use super::plan::{PasswordCheck, Plan, other_access, plan};
use super::session::LenientSession;
use super::survey::{Survey, read_for, read_other_access};
use super::users::{check_passwords, read_payload};
use super::work::{ChangeResult, NextPassword, Work};
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
///
/// Users are created and enabled first. What the BMC keeps of that is read back by slot, and the BMC proves the passwords. Only then
/// is anything taken away from others, and everything is proven anew. If nobody could log in, it is given back.
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
    let next_password = |name: &str, shape: usize| generated(name, shape, escrow);
    let asked = Instant::now();
    let passwords = passwords(&plan, desired, &next_password, &mut problems);
    // The deadline is the BMC's, not the inventory's.
    session.extend(asked.elapsed());
    let is_last = |change: &Change| takes_away(change, &survey.config);
    let (lan, others): (Vec<Change>, Vec<Change>) = plan.changes.iter().cloned().partition(Change::is_lan);
    let others = others.into_iter().filter(|change| change.id().other_access().is_none());
    let (last, first): (Vec<Change>, Vec<Change>) = others.partition(is_last);

    let mut work =
        Work::new(&mut session, &survey.config, &plan, desired, &checks, passwords, &next_password);
    work.apply(&first);
    work.read_back(survey, 0);
    work.prove();
    work.close_unproven(survey);
    let first = work.result_count();
    work.apply(&other_access(desired, &survey.config, &work.usable_slots()));
    work.read_back(survey, first);
    // A BMC may be out of reach for a while then: last of all, unless nobody can log in before it.
    let is_reachable = survey.config.lan.as_ref().is_some_and(LanConfig::has_address);
    if !is_reachable {
        problems.extend(set_lan(&mut work, survey, &lan));
    }
    if !last.is_empty() {
        problems.extend(take_away(&mut work, survey, desired, &last));
    }
    if is_reachable {
        problems.extend(set_lan(&mut work, survey, &lan));
    }
    let factory = work.with_factory_password(&survey.config);
    let users = work.outcomes(&survey.config);
    let counted = work.counted().clone();
    let (results, further) = work.into_results();

    problems.extend(results.iter().filter_map(ChangeResult::problem));
    if session.fatal_cause().is_none() {
        problems.extend(not_applied(survey, desired, &results));
    }
    problems.extend(further);
    problems.extend(factory);
    problems.extend(session.into_problems());
    if problems.is_empty() {
        problems
            .extend(Evidence { desired, actual: &survey.config, users: &users, counted: &counted }.verdict());
    }
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

/// Sets the LAN configuration parameters, waits for an address that comes from a server, and reads them back. Returns the
/// problem.
fn set_lan(work: &mut Work<'_, '_>, survey: &mut Survey, changes: &[Change]) -> Option<String> {
    let first = work.result_count();
    work.apply(changes);
    let problem = work.waits_for_address(first).then(|| work.wait_for_address(survey)).flatten();
    work.read_back(survey, first);
    problem
}

/// Takes away what others have, if a proven administrator can log in; and gives it back if none can after it. Returns the
/// problems.
fn take_away(
    work: &mut Work<'_, '_>,
    survey: &mut Survey,
    desired: &DesiredBmcConfig,
    changes: &[Change],
) -> Option<String> {
    let disables = changes.iter().any(|change| matches!(change, Change::UserDisable { .. }));
    let kept = if disables { "unknown users stay enabled" } else { "no user loses privileges" };
    if !work.all_are_made() {
        return Some(format!("{kept} until all desired users can log in"));
    }
    if let Some(cause) = work.fatal_cause() {
        return Some(format!("{kept}: {cause}"));
    }
    if let Err(obstacle) = proven_administrator(work, survey, desired) {
        return Some(format!("{kept}: {obstacle}"));
    }
    let first = work.result_count();
    work.take_away(changes);
    work.read_back(survey, first);
    work.prove();
    let obstacle = proven_administrator(work, survey, desired).err()?;
    let first = work.result_count();
    work.undo();
    work.read_back(survey, first);
    work.prove();
    Some(format!(
        "no administrator could log in after users were disabled, so they are enabled again: {obstacle}"
    ))
}

fn proven_administrator(
    work: &Work<'_, '_>,
    survey: &Survey,
    desired: &DesiredBmcConfig,
) -> Result<(), String> {
    let users = work.outcomes(&survey.config);
    Evidence { desired, actual: &survey.config, users: &users, counted: work.counted() }
        .proven_administrator()
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
            // Without the command, the BMC has it for no user.
            if slot.sol_payload.is_none() {
                break;
            }
        }
    }
    if survey.config.other_networks().next().is_some() {
        let slots = plan(desired, &survey.config, &checks).slots;
        read_other_access(session, survey, &slots.into_iter().flatten().collect::<Vec<u8>>());
    }
    (plan(desired, &survey.config, &checks), checks)
}

/// The passwords of the desired users, as far as they are known. One that is to be generated is sent to the inventory first:
/// otherwise nobody would know it.
fn passwords(
    plan: &Plan,
    desired: &DesiredBmcConfig,
    next_password: &NextPassword,
    problems: &mut Vec<String>,
) -> Vec<Option<Secret>> {
    let is_generated = |slot: Option<u8>| {
        let of_slot = |change: &&Change| slot.is_some() && change.id().user_slot() == slot;
        let mut changes = plan.changes.iter().filter(of_slot);
        changes.any(|change| matches!(change, Change::UserPassword { password: None, .. }))
    };
    let mut password = |(user, slot): (&DesiredUser, &Option<u8>)| {
        if user.password.is_some() || !user.generate || !is_generated(*slot) {
            return user.password.clone();
        }
        let made = next_password(&user.name, 0);
        made.map_err(|error| problems.push(format!("user {}: generating a password: {error:#}", user.name)))
            .ok()
    };
    desired.users.iter().zip(&plan.slots).map(&mut password).collect()
}

fn generated(name: &str, shape: usize, escrow: &Escrow) -> Result<Secret> {
    let shape = SHAPES.get(shape).copied().unwrap_or(SHAPES[0]);
    let password = generate(name, shape, random::secret)?;
    escrow(name, &password)?;
    Ok(password)
}

/// Changes that the BMC accepted and did not make. A password cannot be read back; nor can, on some BMCs, who is enabled.
fn not_applied(survey: &Survey, desired: &DesiredBmcConfig, results: &[ChangeResult]) -> Vec<String> {
    let reports_enabled = |id: u8| {
        let slot = survey.config.users.iter().find(|slot| slot.id == id);
        slot.and_then(|slot| slot.access).is_some_and(|access| access.enabled.is_some())
    };
    let shows_key =
        |channel: u8| survey.config.options.keys.iter().any(|(of, key)| *of == channel && key.is_some());
    let was_made = |id: ChangeId| results.iter().any(|result| result.change.id() == id);
    let is_readable = |change: &&Change| match change.id() {
        ChangeId::UserPassword(_) | ChangeId::UserSessions(_) => false,
        ChangeId::Option(OptionId::Key(channel)) => shows_key(channel),
        // What was given back, or taken away again, is a problem of its own.
        ChangeId::UserEnable(slot) => reports_enabled(slot) && !was_made(ChangeId::UserDisable(slot)),
        ChangeId::UserAccess(slot) => !was_made(ChangeId::UserDisable(slot)),
        ChangeId::UserDisable(slot) => !was_made(ChangeId::UserEnable(slot)),
        _ => true,
    };
    let was_accepted = |change: &&Change| {
        results.iter().any(|result| result.change.id() == change.id() && result.failure.is_none())
    };
    let checks = vec![Some(PasswordCheck::Correct); desired.users.len()];
    let remaining = plan(desired, &survey.config, &checks).changes;
    let not_applied = remaining.iter().filter(is_readable).filter(was_accepted);
    not_applied.map(|change| format!("{change}: accepted by the BMC, but not applied")).collect()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
