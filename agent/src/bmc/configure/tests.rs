// SPDX-License-Identifier: MIT OR Apache-2.0

use std::collections::BTreeMap;

use anyhow::bail;
use ipmi::NetFn;
use stage1_contract::{DesiredLan, PasswordState, PrivilegeLevel};

use super::*;
use crate::bmc::session::TransportError;
use crate::bmc::session::shared::{Respond, Shared};
use crate::bmc::survey::survey;

/// A BMC with users in the slots from 2 on, and LAN configuration parameters.
#[derive(Default)]
struct Model {
    users: Vec<User>,
    lan: BTreeMap<u8, Vec<u8>>,
    /// The values that Set In Progress had, in their order.
    progress: Vec<u8>,
    /// What it does with a request that begins with these bytes: network function, command, data.
    faults: Vec<(Vec<u8>, Fault)>,
}

struct User {
    name: &'static str,
    password: Vec<u8>,
    is_enabled: bool,
}

#[derive(Clone, Copy)]
enum Fault {
    /// Refuses it.
    Refuse(u8),
    /// Accepts it and does nothing.
    Ignore,
    /// Stops responding.
    Hang,
}

impl Respond for Model {
    fn respond(&mut self, net_fn: NetFn, code: u8, data: &[u8]) -> Result<Vec<u8>, TransportError> {
        let request = [&[net_fn as u8, code], data].concat();
        match self.faults.iter().find(|(start, _)| request.starts_with(start)).map(|(_, fault)| *fault) {
            Some(Fault::Refuse(code)) => Ok(vec![code]),
            Some(Fault::Ignore) => Ok(vec![0]),
            Some(Fault::Hang) => {
                self.faults.insert(0, (Vec::new(), Fault::Hang));
                Err(TransportError::Timeout)
            }
            None => Ok(self.answer(net_fn as u8, code, data)),
        }
    }
}

impl Model {
    fn answer(&mut self, net_fn: u8, code: u8, data: &[u8]) -> Vec<u8> {
        let slots = self.users.len() as u8 + 1;
        match (net_fn, code, data) {
            (6, 0x01, _) => vec![0, 0x20, 1, 4, 0x40, 2, 0xdf, 0xa2, 2, 0, 0, 1],
            (6, 0x42, [1]) => vec![0, 1, 4, 1, 0x80, 0xf2, 0x1b, 0, 0, 0],
            (6, 0x44, [1, 1]) => vec![0, slots, 0x80, 1, 0x0f],
            (6, 0x44, [1, slot]) => {
                let state = if self.user(*slot).is_enabled { 0x40 } else { 0x80 };
                vec![0, slots, state, 1, 0x34]
            }
            (6, 0x46, [1]) => vec![0; 17],
            (6, 0x46, [slot]) => {
                let mut name = [&[0], self.user(*slot).name.as_bytes()].concat();
                name.resize(17, 0);
                name
            }
            (6, 0x47, [slot, operation, password @ ..]) => self.password(*slot, *operation, password),
            (0x0c, 0x01, [1, 0, state]) => {
                self.progress.push(*state);
                vec![0]
            }
            (0x0c, 0x01, [1, parameter, value @ ..]) => {
                self.lan.insert(*parameter, value.to_vec());
                vec![0]
            }
            (0x0c, 0x02, [1, parameter, ..]) => match self.lan.get(parameter) {
                Some(value) => [&[0, 0x11], value.as_slice()].concat(),
                None => vec![0x80],
            },
            _ => vec![0xc1],
        }
    }

    fn password(&mut self, slot: u8, operation: u8, password: &[u8]) -> Vec<u8> {
        let user = self.user(slot);
        match operation {
            0 | 1 => user.is_enabled = operation == 1,
            2 => user.password = password.to_vec(),
            _ => return vec![if user.password == password { 0 } else { 0x80 }],
        }
        vec![0]
    }

    fn user(&mut self, slot: u8) -> &mut User {
        &mut self.users[usize::from(slot) - 2]
    }
}

/// Users `watch man` in slot 2 and `man` in slot 3, a gateway and a VLAN.
fn model(faults: Vec<(Vec<u8>, Fault)>) -> Model {
    let user = |name| User { name, password: Vec::new(), is_enabled: true };
    let lan = BTreeMap::from([(12, vec![0; 4]), (20, vec![0; 2])]);
    Model { users: vec![user("watch man"), user("man")], lan, progress: Vec::new(), faults }
}

fn users(names: &[&str]) -> DesiredBmcConfig {
    let user = |name: &&str| DesiredUser {
        name: (*name).to_string(),
        privilege: PrivilegeLevel::Administrator,
        password: Some(Secret::new(format!("{name}'s"))),
        generate: false,
        in_place: false,
    };
    DesiredBmcConfig { users: names.iter().map(user).collect(), ..DesiredBmcConfig::default() }
}

fn run(model: Model, desired: &DesiredBmcConfig) -> (BmcOutcome, Vec<String>) {
    run_session(&Shared::new(model), desired, |_| ())
}

/// Surveys, prepares the session, and configures.
fn run_session(
    model: &Shared<Model>,
    desired: &DesiredBmcConfig,
    prepare: impl FnOnce(&mut BmcSession),
) -> (BmcOutcome, Vec<String>) {
    let mut bmc = model.session();
    let (survey, problems) = survey(&mut bmc);
    assert_eq!(problems, Vec::<String>::new());
    let mut survey = survey.unwrap();
    prepare(&mut bmc);
    let problems = configure(&mut bmc, &mut survey, desired, &|_, _| bail!("nothing is generated"));
    (survey.report.outcome.unwrap(), problems)
}

fn states(outcome: &BmcOutcome) -> Vec<(&str, Option<u8>, PasswordState)> {
    outcome.users.iter().map(|user| (user.name.as_str(), user.slot, user.password.clone())).collect()
}

/// Set User Password, set operation, of slot 3.
const SET_PASSWORD_3: [u8; 4] = [6, 0x47, 3, 2];

#[test]
fn a_user_whose_name_ends_another_users_name_has_an_outcome_of_its_own() {
    let faults = vec![(SET_PASSWORD_3.to_vec(), Fault::Refuse(0xd4))];
    let (outcome, problems) = run(model(faults), &users(&["watch man", "man"]));
    assert_eq!(
        states(&outcome),
        [("watch man", Some(2), PasswordState::Proven), ("man", Some(3), PasswordState::Failed)]
    );
    let changes: Vec<(&str, bool)> =
        outcome.changes.iter().map(|change| (change.what.as_str(), change.failure.is_none())).collect();
    assert_eq!(changes, [("user 2 watch man: password", true), ("user 3 man: password", false)]);
    let [problem] = problems.as_slice() else { panic!("{problems:#?}") };
    assert!(problem.starts_with("user 3 man: password: Set User Password: 0xd4, "), "{problem}");
    assert!(!outcome.is_as_desired);
}

#[test]
fn a_password_that_the_bmc_accepts_and_its_test_rejects_is_reported() {
    let faults = vec![(SET_PASSWORD_3.to_vec(), Fault::Ignore)];
    let (outcome, problems) = run(model(faults), &users(&["man", "watch man"]));
    assert_eq!(
        states(&outcome),
        [("man", Some(3), PasswordState::Failed), ("watch man", Some(2), PasswordState::Proven)]
    );
    assert_eq!(problems, ["user man: the BMC accepted the password, but its own test rejects it"]);
}

#[test]
fn a_password_is_not_reported_as_rejected_if_a_later_change_of_the_user_fails() {
    let mut model = model(vec![(vec![6, 0x47, 3, 1], Fault::Refuse(0xd4))]);
    model.users[1].is_enabled = false;
    let (outcome, problems) = run(model, &users(&["man"]));
    assert_eq!(states(&outcome), [("man", Some(3), PasswordState::Failed)]);
    let [problem] = problems.as_slice() else { panic!("{problems:#?}") };
    assert!(problem.starts_with("user 3 man: enabled: "), "{problem}");
}

#[test]
fn a_lan_parameter_that_is_not_applied_is_reported_though_others_are() {
    let gateway = vec![0x0c, 0x01, 1, 12];
    let lan = DesiredLan { gateway: Some([10, 9, 0, 1].into()), vlan: Some(12), ..DesiredLan::default() };
    let desired = DesiredBmcConfig { lan: Some(lan), ..DesiredBmcConfig::default() };
    let (outcome, problems) = run(model(vec![(gateway, Fault::Ignore)]), &desired);
    assert_eq!(outcome.changes[0].what, "LAN: gateway 10.9.0.1, VLAN 12");
    assert_eq!(problems, ["LAN: gateway 10.9.0.1: accepted by the BMC, but not applied"]);
    assert_eq!(run(model(Vec::new()), &desired).1, Vec::<String>::new());
}

#[test]
fn a_cancellation_waits_until_the_lan_parameters_are_committed_and_unlocked() {
    let lan = DesiredLan { gateway: Some([10, 9, 0, 1].into()), vlan: Some(12), ..DesiredLan::default() };
    let desired = DesiredBmcConfig { lan: Some(lan), ..DesiredBmcConfig::default() };
    let shared = Shared::new(model(Vec::new()));
    let seen = shared.clone();
    let is_locked_once = move || !seen.model().progress.is_empty();
    let (outcome, problems) = run_session(&shared, &desired, |bmc| bmc.cancel_with(is_locked_once));
    let model = shared.model();
    let (complete, in_progress, commit) = (0, 1, 2);
    assert_eq!(model.progress, [in_progress, commit, complete]);
    assert_eq!((&model.lan[&12], &model.lan[&20]), (&vec![10, 9, 0, 1], &vec![12, 0x80]));
    assert_eq!(outcome.changes[0].failure, None);
    let [problem] = problems.as_slice() else { panic!("{problems:#?}") };
    assert!(problem.starts_with("cancelled, no further requests are sent: "), "{problem}");
}

#[test]
fn after_the_bmc_stopped_responding_changes_are_skipped() {
    let (outcome, problems) =
        run(model(vec![(vec![6, 0x47, 2, 2], Fault::Hang)]), &users(&["watch man", "man"]));
    let failures: Vec<&str> = outcome.changes.iter().filter_map(|change| change.failure.as_deref()).collect();
    assert_eq!(
        failures,
        ["outcome unknown: the BMC stopped responding", "skipped: the BMC stopped responding"]
    );
    assert_eq!(
        problems.last().unwrap(),
        "the BMC stopped responding, no further requests are sent: Set User Password: timed out after 5.0 s"
    );
    assert_eq!(problems.len(), 3);
}
