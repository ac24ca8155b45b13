// SPDX-License-Identifier: MIT OR Apache-2.0
//! A BMC that alters, ignores, refuses or misdirects any write, and what holds nevertheless: nobody is locked out, and "as
//! desired" is true.

use std::cell::RefCell;
use std::collections::BTreeSet;

use ipmi::NetFn;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_oneof, proptest};
use proptest::test_runner::Config;
use stage1_contract::{PasswordState, PrivilegeLevel, UnknownUsers};

use super::*;
use crate::bmc::session::TransportError;
use crate::bmc::session::shared::{Respond, Shared};
use crate::bmc::slots::compare;
use crate::bmc::survey::survey;

/// Slots of the model; slot 1 is the null user's.
const SLOTS: u8 = 6;

/// What the BMC does with a write.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Write {
    Keep,
    /// Accepts it and does nothing.
    Ignore,
    Refuse(u8),
    /// Does it in this slot.
    Elsewhere(u8),
    /// Does it in this slot too.
    Too(u8),
}

/// How it alters names.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Name {
    Keep,
    Shorten,
    Upper,
    Pad,
}

/// Its test of passwords.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Test {
    Honest,
    AcceptsAny,
    Absent,
    /// Only of enabled users.
    OfEnabled,
    /// Reports that the password is stored with another size.
    OtherSize,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Account {
    name: Vec<u8>,
    password: Vec<u8>,
    is_enabled: bool,
    /// Privilege level and IPMI messaging, as in Get User Access.
    access: u8,
}

/// A BMC and its quirks.
#[derive(Clone, Debug)]
struct Model {
    accounts: Vec<Account>,
    /// What it does with Set User Name, the passwords, enabling, disabling, Set User Access, each in the slots from the second
    /// value on.
    writes: [(Write, u8); 5],
    name: Name,
    /// It keeps so many bytes of a password.
    password_bytes: usize,
    test: Test,
    reports_enabled: bool,
    /// It always counts so many enabled users.
    count: Option<u8>,
    /// Set User Access has four bytes, and is for enabled users only.
    is_strict_about_access: bool,
    /// Setting a password enables the user.
    password_enables: bool,
    fixed_names: u8,
}

const NAME: usize = 0;
const PASSWORD: usize = 1;
const ENABLE: usize = 2;
const DISABLE: usize = 3;
const ACCESS: usize = 4;

impl Model {
    fn account(&mut self, slot: u8) -> &mut Account {
        &mut self.accounts[usize::from(slot) - 1]
    }

    /// The slots in which a write is done, or the completion code.
    fn write(&self, which: usize, slot: u8) -> Result<Vec<u8>, u8> {
        match self.writes[which] {
            (_, from) if slot < from => Ok(vec![slot]),
            (Write::Keep, _) => Ok(vec![slot]),
            (Write::Ignore, _) => Ok(Vec::new()),
            (Write::Refuse(code), _) => Err(code),
            (Write::Elsewhere(other), _) => Ok(vec![other]),
            (Write::Too(other), _) => Ok(vec![slot, other]),
        }
    }

    fn set(&mut self, which: usize, slot: u8, set: impl Fn(&mut Account)) -> Vec<u8> {
        match self.write(which, slot) {
            Ok(slots) => {
                slots.into_iter().for_each(|slot| set(self.account(slot)));
                vec![0]
            }
            Err(code) => vec![code],
        }
    }

    fn answer(&mut self, net_fn: u8, code: u8, data: &[u8]) -> Vec<u8> {
        match (net_fn, code, data) {
            (6, 0x01, _) => vec![0, 0x20, 1, 4, 0x40, 2, 0xdf, 0xa2, 2, 0, 0, 1],
            (6, 0x42, [1]) => vec![0, 1, 4, 1, 0x80, 0xf2, 0x1b, 0, 0, 0],
            (0x0c, 0x02, [1, 3, ..]) => vec![0, 0x11, 10, 9, 0, 7],
            (6, 0x44, [1, slot]) => {
                let honest = self.accounts.iter().filter(|account| account.is_enabled).count() as u8;
                let (count, account) = (self.count.unwrap_or(honest), self.account(*slot).clone());
                let status = if account.is_enabled { 0x40 } else { 0x80 };
                let status = if self.reports_enabled { status } else { 0 };
                vec![0, SLOTS, status | count, self.fixed_names, account.access]
            }
            (6, 0x46, [slot]) => [&[0], self.account(*slot).name.as_slice()].concat(),
            (6, 0x45, [slot, name @ ..]) => {
                let name = self.altered(name);
                self.set(NAME, *slot, |account| account.name.clone_from(&name))
            }
            (6, 0x43, [_, _, _]) if self.is_strict_about_access => vec![0xc7],
            (6, 0x43, [_, slot, ..]) if self.is_strict_about_access && !self.account(*slot).is_enabled => {
                vec![0xd5]
            }
            (6, 0x43, [flags, slot, limit, ..]) => {
                let access = flags & 0x70 | limit & 0x0f;
                self.set(ACCESS, *slot, |account| account.access = access)
            }
            (6, 0x47, [slot, operation, password @ ..]) => self.password(slot & 0x3f, *operation, password),
            _ => vec![0xc1],
        }
    }

    fn altered(&self, name: &[u8]) -> Vec<u8> {
        match self.name {
            Name::Keep => name.to_vec(),
            Name::Shorten => [&name[..15], &[0]].concat(),
            Name::Upper => name.to_ascii_uppercase(),
            Name::Pad => name.iter().map(|byte| if *byte == 0 { b' ' } else { *byte }).collect(),
        }
    }

    fn password(&mut self, slot: u8, operation: u8, password: &[u8]) -> Vec<u8> {
        let text: Vec<u8> = password.iter().copied().take_while(|byte| *byte != 0).collect();
        match operation {
            0 => self.set(DISABLE, slot, |account| account.is_enabled = false),
            1 => self.set(ENABLE, slot, |account| account.is_enabled = true),
            2 => {
                let (kept, enables) =
                    (text[..text.len().min(self.password_bytes)].to_vec(), self.password_enables);
                self.set(PASSWORD, slot, |account| {
                    account.password.clone_from(&kept);
                    account.is_enabled |= enables;
                })
            }
            _ => {
                let test = self.test;
                let account = self.account(slot);
                let is_right = !text.is_empty() && account.password == text;
                vec![match test {
                    Test::AcceptsAny => 0,
                    Test::Absent => 0xc1,
                    Test::OtherSize => 0x81,
                    Test::OfEnabled if !account.is_enabled => 0xcc,
                    Test::Honest | Test::OfEnabled if is_right => 0,
                    Test::Honest | Test::OfEnabled => 0x80,
                }]
            }
        }
    }

    /// Whether somebody can log in with this account, whose password is one of those.
    fn logs_in(account: &Account, passwords: &BTreeSet<Vec<u8>>) -> bool {
        let level = account.access & 0x0f;
        account.is_enabled
            && account.access & 0x10 != 0
            && (1..=5).contains(&level)
            && !account.password.is_empty()
            && passwords.contains(&account.password)
    }

    /// How many administrators can log in.
    fn administrators(&self, passwords: &BTreeSet<Vec<u8>>) -> usize {
        let is_one = |account: &&Account| account.access & 0x0f == 4 && Self::logs_in(account, passwords);
        self.accounts.iter().filter(is_one).count()
    }

    /// Whether this user can log in with this name and password, and these privileges.
    fn has_user(&self, name: &str, password: Option<&[u8]>, level: u8) -> bool {
        let has_name = |account: &Account| {
            let read = String::from_utf8_lossy(&account.name);
            read.trim_end_matches(['\0', ' ']) == name
        };
        self.accounts.iter().any(|account| {
            has_name(account)
                && account.is_enabled
                && account.access & 0x1f == level | 0x10
                && password.is_none_or(|password| account.password == password)
        })
    }

    fn named(&self) -> usize {
        self.accounts
            .iter()
            .filter(|account| account.name.iter().any(|byte| !matches!(byte, 0 | b' ')))
            .count()
    }
}

impl Respond for Model {
    fn respond(&mut self, net_fn: NetFn, code: u8, data: &[u8]) -> Result<Vec<u8>, TransportError> {
        Ok(self.answer(net_fn as u8, code, data))
    }
}

fn account() -> impl Strategy<Value = Account> {
    let name = prop_oneof![
        4 => Just(""),
        1 => Just("ADMIN"),
        1 => Just("ops"),
        1 => Just("OPS"),
        1 => Just("guest           "),
        1 => Just("sixteen-letters"),
    ];
    let password = prop_oneof![Just(""), Just("factory"), Just("ADMIN"), Just("4-Night-Watch")];
    let access =
        prop_oneof![3 => Just(0x14), 1 => Just(0x34), 1 => Just(0x13), 1 => Just(0x0f), 1 => Just(0x04)];
    (name, password, access, any::<bool>()).prop_map(|(name, password, access, is_enabled)| {
        let mut name = name.as_bytes().to_vec();
        name.resize(16, 0);
        Account { name, password: password.as_bytes().to_vec(), is_enabled, access }
    })
}

fn write() -> impl Strategy<Value = (Write, u8)> {
    let slot = 1..=SLOTS;
    let write = prop_oneof![
        8 => Just(Write::Keep),
        1 => Just(Write::Ignore),
        1 => prop_oneof![Just(0xcc), Just(0xd4), Just(0x80)].prop_map(Write::Refuse),
        1 => slot.clone().prop_map(Write::Elsewhere),
        1 => slot.clone().prop_map(Write::Too),
    ];
    (write, prop_oneof![Just(1), slot])
}

fn model() -> impl Strategy<Value = Model> {
    let accounts = proptest::collection::vec(account(), usize::from(SLOTS)..=usize::from(SLOTS));
    let writes = [write(), write(), write(), write(), write()];
    let name = prop_oneof![4 => Just(Name::Keep), 1 => Just(Name::Shorten), 1 => Just(Name::Upper), 1 => Just(Name::Pad)];
    let password_bytes = prop_oneof![6 => Just(20_usize), 1 => Just(0), 1 => Just(8)];
    let test = prop_oneof![
        6 => Just(Test::Honest),
        1 => Just(Test::AcceptsAny),
        1 => Just(Test::Absent),
        1 => Just(Test::OfEnabled),
        1 => Just(Test::OtherSize),
    ];
    let count = prop_oneof![6 => Just(None), 1 => (0..=SLOTS).prop_map(Some)];
    let rarely = || proptest::bool::weighted(0.1);
    let flags = (any::<bool>(), rarely(), rarely(), 0..3_u8);
    let quirks = (writes, name, password_bytes, test, count, flags);
    (accounts, quirks).prop_map(|(mut accounts, (writes, name, password_bytes, test, count, flags))| {
        let (reports_enabled, password_enables, is_strict_about_access, fixed_names) = flags;
        // Where it does not report who is enabled, its count has to do: of users that have access.
        let count = count.filter(|_| reports_enabled);
        // Whether a slot without a name is enabled is found out only where the BMC reports it, and counts.
        let nameless = accounts.iter_mut().skip(1).filter(|account| account.name == [0; 16]);
        nameless.for_each(|account| account.is_enabled &= reports_enabled && count.is_none());
        let without_access =
            accounts.iter_mut().filter(|account| account.access != 0x13 && account.access & 0x1f != 0x14);
        without_access.for_each(|account| account.is_enabled &= reports_enabled);
        Model {
            accounts,
            writes,
            name,
            password_bytes,
            test,
            reports_enabled,
            count,
            is_strict_about_access,
            password_enables: password_enables && reports_enabled,
            fixed_names,
        }
    })
}

fn desired_config() -> impl Strategy<Value = DesiredBmcConfig> {
    let name = prop_oneof![Just("ADMIN"), Just("ops"), Just("guest"), Just("sixteen-letters-"), Just("OPS")];
    let level = prop_oneof![3 => Just(PrivilegeLevel::Administrator), 1 => Just(PrivilegeLevel::Operator)];
    let password = prop_oneof![3 => Just(Some("4-Night-Watch")), 1 => Just(Some("a password of 20 by")), 1 => Just(None)];
    let user = (name, level, password, any::<bool>()).prop_map(|(name, privilege, password, generate)| {
        DesiredUser {
            name: name.to_string(),
            privilege,
            password: password.map(Secret::new),
            generate: generate && password.is_none(),
            in_place: false,
        }
    });
    (proptest::collection::vec(user, 1..4), any::<bool>()).prop_map(|(mut users, disable)| {
        let mut names = BTreeSet::new();
        users.retain(|user| names.insert(user.name.clone()));
        let unknown_users = if disable { UnknownUsers::Disable } else { UnknownUsers::Report };
        DesiredBmcConfig { users, unknown_users, ..DesiredBmcConfig::default() }
    })
}

/// The outcome, and the passwords that were generated.
fn run(
    shared: &Shared<Model>,
    desired: &DesiredBmcConfig,
) -> (BmcOutcome, Vec<String>, Vec<(String, String)>) {
    let mut bmc = shared.session();
    let mut survey = survey(&mut bmc).0.unwrap();
    let generated = RefCell::new(Vec::new());
    let escrow = |user: &str, password: &Secret| {
        generated.borrow_mut().push((user.to_string(), password.reveal().to_string()));
        Ok(())
    };
    let problems = configure(&mut bmc, &mut survey, desired, &escrow);
    (survey.report.outcome.unwrap(), problems, generated.into_inner())
}

/// What is wrong after a run.
fn faults(
    before: &Model,
    after: &Model,
    desired: &DesiredBmcConfig,
    outcome: &BmcOutcome,
    generated: &[(String, String)],
) -> Vec<String> {
    let text = |secret: &Secret| secret.reveal().as_bytes().to_vec();
    let password = |user: &DesiredUser| {
        let made = generated.iter().rev().find(|(name, _)| *name == user.name);
        user.password.as_ref().map(text).or_else(|| Some(made?.1.as_bytes().to_vec()))
    };
    let mut known: BTreeSet<Vec<u8>> =
        before.accounts.iter().map(|account| account.password.clone()).collect();
    known.extend(desired.users.iter().filter_map(password));
    let level = |user: &DesiredUser| if user.privilege == PrivilegeLevel::Administrator { 4 } else { 3 };
    let is_in = |user: &DesiredUser| after.has_user(&user.name, password(user).as_deref(), level(user));

    let mut faults = Vec::new();
    if outcome.is_as_desired {
        let missing = desired.users.iter().filter(|user| !is_in(user));
        faults.extend(missing.map(|user| format!("as desired, but {} cannot log in", user.name)));
        let is_desired = |account: &Account| {
            let name = String::from_utf8_lossy(&account.name).trim_end_matches(['\0', ' ']).to_string();
            desired.users.iter().any(|user| user.name == name)
        };
        let others = after.accounts.iter().filter(|account| {
            account.is_enabled
                && account.access & 0x10 != 0
                && (1..=5).contains(&(account.access & 0x0f))
                && !is_desired(account)
        });
        if desired.unknown_users == UnknownUsers::Disable && others.count() > 0 {
            faults.push("as desired, but others can log in".to_string());
        }
    }
    let proven = desired.users.iter().zip(&outcome.users).filter(|(user, outcome)| {
        outcome.password == PasswordState::Proven && user.privilege == PrivilegeLevel::Administrator
    });
    let remains = proven.clone().any(|(user, _)| is_in(user));
    if after.administrators(&known) < before.administrators(&known) && !remains {
        faults.push(format!(
            "{} administrators could log in, now {}, and none is proven",
            before.administrators(&known),
            after.administrators(&known)
        ));
    }
    faults
}

fn shown(model: &Model) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\0').to_string();
    let line = |account: &Account| {
        let (name, password) = (text(&account.name), text(&account.password));
        format!("\n{name:?} {password:?} {:#04x} {}", account.access, account.is_enabled)
    };
    model.accounts.iter().map(line).collect()
}

/// A BMC without quirks: ADMIN in slot 2.
fn plain() -> Model {
    let account = |name: &[u8], password: &[u8], is_enabled| {
        let mut name = name.to_vec();
        name.resize(16, 0);
        Account {
            name,
            password: password.to_vec(),
            is_enabled,
            access: if is_enabled { 0x14 } else { 0x0f },
        }
    };
    let mut accounts = vec![account(b"", b"", false); usize::from(SLOTS)];
    accounts[1] = account(b"ADMIN", b"factory", true);
    Model {
        accounts,
        writes: [(Write::Keep, 1); 5],
        name: Name::Keep,
        password_bytes: 20,
        test: Test::Honest,
        reports_enabled: true,
        count: None,
        is_strict_about_access: false,
        password_enables: false,
        fixed_names: 0,
    }
}

fn administrators(names: &[&str], unknown_users: UnknownUsers) -> DesiredBmcConfig {
    let user = |name: &&str| DesiredUser {
        name: (*name).to_string(),
        privilege: PrivilegeLevel::Administrator,
        password: Some(Secret::new(format!("{name}-Night-Watch"))),
        generate: false,
        in_place: false,
    };
    DesiredBmcConfig { users: names.iter().map(user).collect(), unknown_users, ..DesiredBmcConfig::default() }
}

/// The BMC after a run, whether it is as desired, and the problems.
fn after(model: Model, desired: &DesiredBmcConfig) -> (Model, bool, Vec<String>) {
    let shared = Shared::new(model);
    let (outcome, problems, _) = run(&shared, desired);
    let mut model = shared.model().clone();
    for user in &outcome.users {
        let named = user.slot.map(|slot| String::from_utf8_lossy(&model.account(slot).name).into_owned());
        let is_users = named.is_none_or(|named| named.trim_end_matches(['\0', ' ']) == user.name);
        assert!(is_users, "{outcome:#?}");
    }
    (model, outcome.is_as_desired, problems)
}

#[test]
fn a_bmc_without_quirks_is_as_desired() {
    let (model, is_as_desired, problems) = after(plain(), &administrators(&["ops"], UnknownUsers::Disable));
    assert!(is_as_desired && problems.is_empty(), "{problems:#?}");
    assert!(model.has_user("ops", Some(b"ops-Night-Watch"), 4) && !model.accounts[1].is_enabled);
}

#[test]
fn a_password_that_was_changed_with_another_users_is_set_once_more() {
    let mut model = plain();
    // Old Supermicros change ADMIN's with any other's.
    model.writes[PASSWORD] = (Write::Too(2), 3);
    model.accounts[1].password = b"ADMIN-Night-Watch".to_vec();
    let (model, is_as_desired, problems) =
        after(model, &administrators(&["ADMIN", "ops"], UnknownUsers::Report));
    assert!(is_as_desired, "{problems:#?}");
    for name in ["ADMIN", "ops"] {
        assert!(model.has_user(name, Some(format!("{name}-Night-Watch").as_bytes()), 4), "{name}");
    }
}

#[test]
fn what_was_taken_away_is_given_back_if_nobody_can_log_in_after_it() {
    let mut model = plain();
    // Who disables slot 2 disables slot 3 too.
    model.writes[DISABLE] = (Write::Too(3), 1);
    let (model, is_as_desired, problems) = after(model, &administrators(&["ops"], UnknownUsers::Disable));
    assert!(!is_as_desired && model.has_user("ops", Some(b"ops-Night-Watch"), 4), "{problems:#?}");
    assert!(model.accounts[1].is_enabled);
    let expected = "no administrator could log in after users were disabled, so they are enabled again: ";
    assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{problems:#?}");
}

#[test]
fn a_bystander_who_was_disabled_in_place_of_another_is_enabled_again() {
    let mut model = plain();
    // It has no test, so the new user is disabled again, and the BMC disables slot 2 with it.
    (model.test, model.writes[DISABLE]) = (Test::Absent, (Write::Too(2), 1));
    let (model, is_as_desired, problems) = after(model, &administrators(&["ops"], UnknownUsers::Report));
    assert!(!is_as_desired && model.accounts[1].is_enabled && !model.accounts[2].is_enabled, "{problems:#?}");
    let expected = "user 2 ADMIN: the BMC changed it with another user, so its access is set again";
    assert!(problems.iter().any(|problem| problem == expected), "{problems:#?}");
}

#[test]
fn access_is_set_as_the_bmc_requires() {
    let model = Model { is_strict_about_access: true, ..plain() };
    let (model, is_as_desired, problems) = after(model, &administrators(&["ops"], UnknownUsers::Disable));
    assert!(is_as_desired && model.has_user("ops", Some(b"ops-Night-Watch"), 4), "{problems:#?}");
}

#[test]
fn an_altered_name_frees_the_slot_again() {
    for name in [Name::Upper, Name::Shorten] {
        let desired = administrators(&["sixteen-letters-"], UnknownUsers::Disable);
        let (model, is_as_desired, problems) = after(Model { name, ..plain() }, &desired);
        assert!(!is_as_desired && model.accounts[1].is_enabled && model.named() == 1, "{problems:#?}");
        assert!(problems.iter().any(|problem| problem.contains("use a name that it keeps")), "{problems:#?}");
    }
}

proptest! {
    #![proptest_config(Config { cases: 400, max_global_rejects: 10_000, ..Config::default() })]

    #[test]
    fn nobody_is_locked_out_and_as_desired_is_true(model in model(), desired in desired_config()) {
        // A password that the BMC cuts is unknown to everybody: that of an existing user is lost with it.
        let cuts = model.password_bytes < 20;
        let exists = |user: &DesiredUser| {
            let is_named = |account: &Account| {
                compare(String::from_utf8_lossy(&account.name).trim_end_matches(['\0', ' ']), &user.name).is_some()
            };
            model.accounts.iter().any(is_named)
        };
        let misdirects = |which: usize| matches!(model.writes[which].0, Write::Elsewhere(_) | Write::Too(_));
        proptest::prop_assume!(!cuts || !misdirects(NAME) && !misdirects(PASSWORD) && !desired.users.iter().any(exists));
        // What it disables in place of another, it must be able to enable.
        proptest::prop_assume!(!misdirects(DISABLE) || model.writes[ENABLE].0 == Write::Keep);
        // Whoever it enables in place of another is found by its count.
        proptest::prop_assume!(model.count.is_none() || !misdirects(ENABLE) && !misdirects(PASSWORD));
        // A count alone does not show who is enabled.
        proptest::prop_assume!(model.reports_enabled || !misdirects(ENABLE) && !misdirects(DISABLE));
        // After the first run, nobody knows a password that was cut in it, or who of those without access is enabled.
        let is_unreadable = !model.reports_enabled && model.writes[DISABLE].0 != Write::Keep;
        let rounds = if cuts || is_unreadable { 1 } else { 2 };
        let may_take_slots = misdirects(NAME) || misdirects(DISABLE);
        let shared = Shared::new(model);
        let mut named = Vec::new();
        for round in 1..=rounds {
            let before = shared.model().clone();
            let (outcome, problems, generated) = run(&shared, &desired);
            let after = shared.model().clone();
            let faults = faults(&before, &after, &desired, &outcome, &generated);
            prop_assert!(
                faults.is_empty(),
                "round {}: {:?}\nproblems {:#?}\noutcome {:?}\nafter {}",
                round, faults, problems, outcome.changes, shown(&after)
            );
            named.push(after.named());
        }
        prop_assert!(may_take_slots || named.last() <= named.first(), "each run takes another slot: {:?}", named);
    }
}
