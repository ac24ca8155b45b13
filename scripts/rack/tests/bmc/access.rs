// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who can log in after a run of the agent, and whether its outcome is true.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Mutex;
use std::thread;

use anyhow::bail;
use stage1::bmc::session::RetryPolicy;
use stage1::bmc::{self, Escrow};
use stage1_contract::Secret;

use crate::agent::{Run, session_with_pauses};
use crate::{Stand, TIME, alone};

/// One administrator, and nobody else.
pub const ONLY_STAGE1: &str = "
unknown_users = 'disable'
ipmi_over_lan = true
[[users]]
name = 'stage1'
generate = true
";

/// What a case must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// As desired: the desired users can log in, and with `unknown_users = 'disable'` nobody else.
    Desired,
    /// Not as desired, and a user of before can log in.
    Kept,
    /// Not as desired, and somebody can log in.
    Incomplete,
    /// Either of them, and true.
    True,
}

use Expected::{Desired, Incomplete, Kept};

/// Users and their passwords that log in.
type Logins = BTreeSet<(String, String)>;

/// Runs the cases, some at once; fails with what is wrong in any.
pub fn check<T: Sync>(cases: &[T], judge: impl Fn(&T) -> Vec<String> + Sync) {
    let wrong: Vec<String> = parallel(cases, judge).into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{} are wrong\n{}", wrong.len(), wrong.join("\n"));
}

/// Runs the cases, some at once.
pub fn parallel<T: Sync, R: Send>(cases: &[T], run: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let _alone = alone();
    let next = Mutex::new(cases.iter());
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(case) = next.lock().unwrap().next() else { break };
                    let result = run(case);
                    results.lock().unwrap().push(result);
                }
            });
        }
    });
    results.into_inner().unwrap()
}

/// Applies the policy, and tries who can log in as administrator; what is not as expected.
pub fn judge(
    name: &str,
    stand: &Stand,
    policy: &str,
    before: &[(&str, &str)],
    expected: Expected,
) -> Vec<String> {
    let generated: RefCell<BTreeMap<String, String>> = RefCell::default();
    let escrow = |user: &str, secret: &Secret| {
        generated.borrow_mut().insert(user.to_string(), secret.reveal().to_string());
        Ok(())
    };
    let run = run_patiently(stand, policy, &escrow);
    let mut writes = stand.bmc.proxy().writes();
    let generated = generated.into_inner();
    let known = [generated.clone(), passwords(policy, |_| true)].into_iter().flatten().collect();
    let logins = logins(stand, before, &known);
    let is_administrator = |user: &toml::Table| user.get("privilege").is_none();
    let desired = [generated, passwords(policy, is_administrator)].into_iter().flatten().collect();
    let is_closed = policy.contains("unknown_users");
    let mut wrong = untruths(run.outcome.is_as_desired, is_closed, &logins, &desired, before);
    let was_before =
        |(user, password): &(&str, &str)| logins.contains(&(user.to_string(), password.to_string()));
    match (expected, run.outcome.is_as_desired) {
        (Desired, false) => wrong.push("not as desired"),
        (Kept | Incomplete, true) => wrong.push("as desired"),
        _ => {}
    }
    if expected == Kept && !before.iter().any(was_before) {
        wrong.push("no user of before can log in");
    }
    if expected == Desired && wrong.is_empty() {
        stand.bmc.proxy().reset_counts();
        // A generated password is known to the inventory only.
        let again = policy.replace("generate = true", "generate = true\nin_place = true");
        let again = run_patiently(stand, &again, &|_, _| bail!("a second password"));
        let more = stand.bmc.proxy().writes();
        wrong.extend((!again.outcome.is_as_desired).then_some("the second boot: not as desired"));
        wrong.extend((!more.is_empty()).then_some("the second boot: it writes"));
        writes.extend(more);
    }
    if wrong.is_empty() {
        return Vec::new();
    }
    let mut found =
        format!("{name}: {}\n    can log in: {logins:?}; desired: {desired:?}\n", wrong.join("; "));
    for line in run.problems.iter().cloned().chain(writes.iter().map(ToString::to_string)) {
        let _ = writeln!(found, "    {line}");
    }
    vec![found]
}

/// What must never be, whatever the BMC does.
fn untruths(
    is_as_desired: bool,
    is_closed: bool,
    logins: &Logins,
    desired: &BTreeMap<String, String>,
    before: &[(&str, &str)],
) -> Vec<&'static str> {
    let can = |(user, password): (&String, &String)| logins.contains(&(user.clone(), password.clone()));
    let others = logins.iter().any(|(user, password)| desired.get(user) != Some(password));
    let is_new = |(user, password): &&(String, String)| !before.contains(&(user.as_str(), password.as_str()));
    let without_password = logins.iter().filter(is_new).any(|(_, password)| password.is_empty());
    let rules = [
        (logins.is_empty(), "nobody can log in"),
        (
            is_as_desired && (desired.is_empty() || !desired.iter().all(can)),
            "as desired, and a desired administrator cannot log in",
        ),
        (is_as_desired && is_closed && others, "as desired, and somebody else can log in"),
        (without_password, "an empty password lets somebody in"),
    ];
    rules.into_iter().filter(|(is_broken, _)| *is_broken).map(|(_, rule)| rule).collect()
}

/// The passwords in a policy, of those users.
fn passwords(policy: &str, is_meant: impl Fn(&toml::Table) -> bool) -> BTreeMap<String, String> {
    let policy: toml::Table = policy.parse().unwrap();
    let users = policy.get("users").and_then(toml::Value::as_array).into_iter().flatten();
    let users = users.filter_map(toml::Value::as_table).filter(|user| is_meant(user));
    let text = |user: &toml::Table, key: &str| Some(user.get(key)?.as_str()?.to_string());
    users.filter_map(|user| text(user, "name").zip(text(user, "password"))).collect()
}

/// Surveys the BMC and applies `policy`, with the pauses that a boot has between attempts.
pub fn run_patiently(stand: &Stand, policy: &str, escrow: &Escrow) -> Run {
    let desired = bmc::policy(policy.as_bytes()).unwrap();
    let mut session = session_with_pauses(stand, RetryPolicy::default().pause, TIME);
    let (survey, mut problems) = bmc::survey(&mut session);
    let mut survey = survey.unwrap_or_else(|| panic!("{problems:?}"));
    problems.extend(bmc::configure(&mut session, &mut survey, &desired, escrow));
    let outcome = survey.report.outcome.clone().unwrap();
    Run { survey, outcome, problems }
}

/// Who can log in as administrator: those that the BMC has now, with any password that was or is set; who should or could, with
/// their own; and without a name, with no password or a desired one.
fn logins(stand: &Stand, before: &[(&str, &str)], all: &BTreeMap<String, String>) -> Logins {
    let own = before.iter().map(|(name, password)| ((*name).to_string(), (*password).to_string()));
    let own: BTreeSet<(String, String)> = own.chain(all.clone()).collect();
    let passwords: BTreeSet<String> =
        own.iter().map(|(_, password)| password.clone()).chain([String::new()]).collect();
    let names: BTreeSet<String> = (1..6).filter_map(|slot| stand.name_in(slot)).collect();
    let mut tried = own;
    tried.extend(all.values().map(|password| (String::new(), password.clone())));
    tried.insert((String::new(), String::new()));
    tried.extend(
        names.iter().flat_map(|name| passwords.iter().map(|password| (name.clone(), password.clone()))),
    );
    tried.into_iter().filter(|(name, password)| stand.logs_in(name, password)).collect()
}
