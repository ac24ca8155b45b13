// SPDX-License-Identifier: MIT OR Apache-2.0

use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

use ipmi::app::WatchdogUser;
use stage1_contract::{Secret, WatchdogAction};

use stage1_contract::{AddressSource, DesiredLan};

use super::*;
use crate::bmc::config::{LanConfig, SlotAccess};

fn slot(id: u8, name: &str) -> UserSlot {
    let name = Ok(name.to_string());
    UserSlot { id, name, access: None, access_error: None, is_fixed: false, sol_payload: None }
}

fn user(id: u8, name: &str, privilege: Privilege, enabled: bool) -> UserSlot {
    let access = SlotAccess { privilege, ipmi_messaging: true, enabled: Some(enabled) };
    UserSlot { access: Some(access), ..slot(id, name) }
}

fn desired_user(name: &str) -> DesiredUser {
    DesiredUser {
        name: name.to_string(),
        privilege: PrivilegeLevel::Administrator,
        password: Some(Secret::new("a password")),
        generate: false,
        in_place: false,
    }
}

fn desired(users: &[&str]) -> DesiredBmcConfig {
    DesiredBmcConfig {
        users: users.iter().map(|name| desired_user(name)).collect(),
        ..DesiredBmcConfig::default()
    }
}

#[test]
fn a_new_user_gets_the_first_slot_that_is_certainly_free() {
    let unreadable = UserSlot { name: Err("0xcc".to_string()), ..slot(2, "") };
    let fixed = UserSlot { is_fixed: true, ..slot(3, "") };
    let nameless = user(4, "", Privilege::Administrator, true);
    let users = vec![slot(1, ""), unreadable, fixed, nameless, slot(5, ""), slot(6, "")];
    let actual = BmcConfig { users, ..BmcConfig::default() };
    let plan = plan(&desired(&["admin", "ops"]), &actual, &[]);
    assert_eq!(plan.slots, [Some(5), Some(6)]);
    assert_eq!(
        plan.descriptions()[..4],
        [
            "user 5: name admin",
            "user 5 admin: password",
            "user 5 admin: administrator with IPMI messaging on the LAN channel",
            "user 5 admin: enabled",
        ]
    );
    assert_eq!(plan.unknown_users, ["4 (no name)"]);
}

#[test]
fn a_slot_that_cannot_be_read_is_not_free() {
    let unreadable = |id| UserSlot { name: Err("0xcc, invalid data field".to_string()), ..slot(id, "") };
    let users =
        vec![slot(1, ""), user(2, "root", Privilege::Administrator, true), unreadable(3), unreadable(4)];
    let actual = BmcConfig { users, ..BmcConfig::default() };
    let plan = plan(&desired(&["admin"]), &actual, &[]);
    assert_eq!((plan.changes.len(), plan.slots.as_slice()), (0, [None].as_slice()));
    assert!(plan.refusals[0].starts_with("user admin: no slot is known to be free: 2 of 4 cannot be read"));
    let blind = super::plan(&desired(&["admin"]), &BmcConfig::default(), &[]);
    assert_eq!(blind.refusals, ["user admin: the BMC does not report its users"]);
}

#[test]
fn a_user_in_slot_1_or_with_an_altered_name_is_not_created_twice() {
    let admin = |id, name| user(id, name, Privilege::Administrator, true);
    let plan_for = |users: Vec<UserSlot>, name| {
        let actual = BmcConfig { users, ..BmcConfig::default() };
        let plan = plan(&desired(&[name]), &actual, &[Some(PasswordCheck::Wrong)]);
        (plan.slots[0], plan.descriptions())
    };
    let (id, changes) = plan_for(vec![admin(1, "root"), slot(2, "")], "root");
    assert_eq!((id, changes), (Some(1), vec!["user 1 root: password".to_string()]));
    let (id, changes) = plan_for(vec![slot(1, ""), admin(2, "OPS"), slot(3, "")], "ops");
    assert_eq!(
        (id, changes),
        (Some(2), ["user 2: name ops", "user 2 ops: password"].map(str::to_string).to_vec())
    );
}

#[test]
fn a_user_without_a_configured_password_is_not_enabled() {
    let users = vec![slot(1, ""), user(2, "ops", Privilege::Administrator, false)];
    let actual = BmcConfig { users, ..BmcConfig::default() };
    let mut desired = desired(&["ops"]);
    desired.users[0].password = None;
    let plan = plan(&desired, &actual, &[Some(PasswordCheck::Inconclusive)]);
    assert_eq!((plan.changes.len(), plan.slots.as_slice()), (0, [Some(2)].as_slice()));
    assert!(plan.refusals[0].starts_with("user ops: is disabled, and no password is configured"));
}

#[test]
fn a_password_is_set_unless_it_is_verified() {
    let actual =
        BmcConfig { users: vec![user(2, "admin", Privilege::Administrator, true)], ..BmcConfig::default() };
    let count = |finding, in_place| {
        let mut desired = desired(&["admin"]);
        desired.users[0].in_place = in_place;
        plan(&desired, &actual, &[finding]).changes.len()
    };
    assert_eq!(count(Some(PasswordCheck::Correct), false), 0);
    assert_eq!(count(Some(PasswordCheck::Wrong), true), 1);
    assert_eq!(count(Some(PasswordCheck::Inconclusive), false), 1);
    assert_eq!(count(Some(PasswordCheck::Inconclusive), true), 0);
}

#[test]
fn unknown_users_are_reported_or_disabled_last_the_null_user_too() {
    let admin = |id, name| user(id, name, Privilege::Administrator, true);
    let users = vec![admin(1, ""), admin(2, "root"), slot(3, "")];
    let actual = BmcConfig { users, ..BmcConfig::default() };
    let reported = plan(&desired(&["admin"]), &actual, &[]);
    assert_eq!(reported.unknown_users, ["1 (no name)", "2 root"]);
    assert!(!reported.changes.iter().any(|change| matches!(change, Change::UserDisable { .. })));
    let disabled =
        plan(&DesiredBmcConfig { unknown_users: UnknownUsers::Disable, ..desired(&["admin"]) }, &actual, &[]);
    assert_eq!(disabled.descriptions()[4..], ["user 1 (no name): disabled", "user 2 root: disabled"]);
}

#[test]
fn without_a_report_of_who_is_enabled_access_decides() {
    let user = |id, name, privilege, ipmi_messaging| {
        let access = SlotAccess { privilege, ipmi_messaging, enabled: None };
        UserSlot { access: Some(access), ..slot(id, name) }
    };
    let users = vec![
        slot(1, ""),
        user(2, "root", Privilege::Operator, true),
        user(3, "gone", Privilege::Operator, false),
        user(4, "none", Privilege::NoAccess, true),
        user(5, "admin", Privilege::Administrator, true),
        slot(6, ""),
    ];
    let actual = BmcConfig { users, ..BmcConfig::default() };
    let plan_for = |finding| plan(&desired(&["admin"]), &actual, &[Some(finding)]);
    assert_eq!(plan_for(PasswordCheck::Correct).unknown_users, ["2 root"]);
    assert_eq!(plan_for(PasswordCheck::Correct).changes.len(), 0);
    assert_eq!(
        plan_for(PasswordCheck::Wrong).descriptions(),
        ["user 5 admin: password", "user 5 admin: enabled"]
    );
}

#[test]
fn lan_parameters_that_differ_are_set() {
    let lan =
        LanConfig { channel: 8, source: Some(AddressSource::Dhcp), vlan: Some(0), ..LanConfig::default() };
    let actual = BmcConfig { lan: Some(lan), ..BmcConfig::default() };
    let desired_lan = DesiredLan {
        source: Some(AddressSource::Static),
        address: Some([10, 0, 0, 9].into()),
        prefix: Some(20),
        gateway: Some([10, 0, 0, 1].into()),
        vlan: Some(0),
        ..DesiredLan::default()
    };
    let desired =
        DesiredBmcConfig { lan: Some(desired_lan), ipmi_over_lan: Some(true), ..DesiredBmcConfig::default() };
    assert_eq!(
        plan(&desired, &actual, &[]).descriptions(),
        [
            "IPMI over LAN: always available",
            "LAN: address source static, address 10.0.0.9, mask 255.255.240.0, gateway 10.0.0.1",
        ]
    );
    let without = plan(&desired, &BmcConfig::default(), &[]);
    assert_eq!(without.refusals, ["LAN: the BMC has no LAN channel"]);
}

#[test]
fn no_change_shows_a_password() {
    let actual = BmcConfig { users: vec![slot(2, "")], ..BmcConfig::default() };
    let plan = plan(&desired(&["admin"]), &actual, &[]);
    assert!(!format!("{plan:?} {:?}", plan.descriptions()).contains("a password"));
}

/// What a BMC does with a change that it keeps.
fn keep(config: &mut BmcConfig, change: &Change) {
    let mut set = |id: u8, set: &dyn Fn(&mut UserSlot)| {
        config.users.iter_mut().filter(|slot| slot.id == id).for_each(set);
    };
    let none = SlotAccess { privilege: Privilege::NoAccess, ipmi_messaging: false, enabled: Some(false) };
    match change {
        Change::UserName { slot, name } => set(*slot, &|slot| slot.name = Ok(name.clone())),
        Change::UserAccess { slot, privilege, .. } => set(*slot, &|slot| {
            let enabled = slot.access.unwrap_or(none).enabled;
            slot.access = Some(SlotAccess { privilege: *privilege, ipmi_messaging: true, enabled });
        }),
        Change::UserEnable { slot, .. } | Change::UserDisable { slot, .. } => set(*slot, &|slot| {
            let enabled = Some(matches!(change, Change::UserEnable { .. }));
            slot.access = Some(SlotAccess { enabled, ..slot.access.unwrap_or(none) });
        }),
        _ => {}
    }
}

fn any_slot() -> impl Strategy<Value = UserSlot> {
    let name = prop_oneof![
        4 => Just(Ok(String::new())),
        1 => Just(Err("0xcc".to_string())),
        3 => "[a-c]".prop_map(Ok),
    ];
    let access = proptest::option::of((any::<bool>(), any::<bool>()));
    (name, access, any::<bool>()).prop_map(|(name, access, is_fixed)| {
        let access = access.map(|(enabled, ipmi_messaging)| SlotAccess {
            privilege: Privilege::User,
            ipmi_messaging,
            enabled: Some(enabled),
        });
        UserSlot { name, access, is_fixed, ..slot(0, "") }
    })
}

#[test]
fn a_watchdog_that_firmware_left_running_is_stopped_unless_one_is_desired() {
    let left = |user, action, is_running| BmcConfig {
        watchdog: Some(WatchdogState { is_running, action, seconds: 300, user, left_s: Some(272) }),
        ..BmcConfig::default()
    };
    let changes = |desired: &DesiredBmcConfig, actual: &BmcConfig| plan(desired, actual, &[]).descriptions();
    for user in [WatchdogUser::Frb2, WatchdogUser::Post, WatchdogUser::OsLoad, WatchdogUser::Oem] {
        assert_eq!(changes(&desired(&[]), &left(user, 1, true)), ["watchdog: stopped"]);
        assert_eq!(changes(&desired(&[]), &left(user, 1, false)), [] as [String; 0]);
        assert_eq!(changes(&desired(&[]), &left(user, 0, true)), [] as [String; 0], "it does nothing");
    }
    assert_eq!(changes(&desired(&[]), &left(WatchdogUser::Os, 1, true)), [] as [String; 0]);
    let watchdog = Some(DesiredWatchdog { action: WatchdogAction::Reset, seconds: 600 });
    let set = DesiredBmcConfig { watchdog, ..DesiredBmcConfig::default() };
    assert_eq!(changes(&set, &left(WatchdogUser::OsLoad, 1, true)), ["watchdog: reset after 600 s"]);
}

proptest! {
    /// On a BMC that keeps all changes, a second plan is empty, whichever users existed before; no user is overwritten,
    /// and the null user never gets a name.
    #[test]
    fn a_second_plan_is_empty(slots in proptest::collection::vec(any_slot(), 1..12), disable in any::<bool>()) {
        let users: Vec<UserSlot> =
            (1..).zip(slots).map(|(id, slot)| UserSlot { id, ..slot }).collect();
        let before = BmcConfig { users, ..BmcConfig::default() };
        let unknown_users = if disable { UnknownUsers::Disable } else { UnknownUsers::Report };
        let desired = DesiredBmcConfig { unknown_users, ..desired(&["a", "x"]) };
        let first = plan(&desired, &before, &[Some(PasswordCheck::Inconclusive), Some(PasswordCheck::Inconclusive)]);
        let mut after = before.clone();
        // No user is disabled before all desired ones are in place.
        let are_in_place = first.slots.iter().all(Option::is_some);
        let done = first.changes.iter().filter(|change| are_in_place || !matches!(change, Change::UserDisable { .. }));
        done.for_each(|change| keep(&mut after, change));
        let of_slot_1 = |config: &BmcConfig| config.users[0].name.clone();
        prop_assert_eq!(of_slot_1(&after), of_slot_1(&before));
        for (was, is) in before.users.iter().zip(&after.users) {
            let was_free = was.name == Ok(String::new());
            prop_assert!(was.name == is.name || was_free && !was.is_fixed);
        }
        let found = [Some(PasswordCheck::Correct), Some(PasswordCheck::Correct)];
        let second = plan(&desired, &after, &found);
        let left = second.changes.iter().filter(|change| are_in_place || !matches!(change, Change::UserDisable { .. }));
        prop_assert_eq!(left.count(), 0);
        prop_assert_eq!(second.slots, first.slots);
    }
}

#[test]
fn unknown_values_are_refused() {
    let mut desired = desired(&["admin"]);
    desired.users[0].privilege = PrivilegeLevel::from("god".to_string());
    desired.power_restore = Some(PowerRestore::Unknown("delayed".to_string()));
    let users = vec![slot(1, ""), slot(2, "")];
    let plan = plan(&desired, &BmcConfig { users, ..BmcConfig::default() }, &[]);
    assert_eq!(
        (plan.changes, plan.refusals.as_slice()),
        (
            vec![],
            [
                "user admin: unknown privilege level \"god\"; use one of callback, user, operator, administrator, oem",
                "power restore policy: unknown policy \"delayed\"; use always-off, previous or always-on",
            ]
            .map(str::to_string)
            .as_slice()
        )
    );
}
