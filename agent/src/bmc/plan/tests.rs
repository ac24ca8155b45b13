// SPDX-License-Identifier: MIT OR Apache-2.0

use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::super::config::{Access, Lan};
use super::*;

fn slot(id: u8, name: &str) -> Slot {
    let name = Ok(name.to_string());
    Slot { id, name, access: None, access_error: None, is_fixed: false, sol_payload: None }
}

fn user(id: u8, name: &str, privilege: Privilege, enabled: bool) -> Slot {
    let access = Access { privilege, ipmi_messaging: true, enabled: Some(enabled) };
    Slot { access: Some(access), ..slot(id, name) }
}

fn desired_user(name: &str) -> DesiredUser {
    DesiredUser {
        name: name.to_string(),
        privilege: "administrator".to_string(),
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

fn words(plan: &Plan) -> Vec<String> {
    plan.writes.iter().map(ToString::to_string).collect()
}

#[test]
fn a_new_user_goes_to_the_first_slot_that_is_free_for_sure() {
    let unreadable = Slot { name: Err("0xcc".to_string()), ..slot(2, "") };
    let fixed = Slot { is_fixed: true, ..slot(3, "") };
    let nameless = user(4, "", Privilege::Administrator, true);
    let users = vec![slot(1, ""), unreadable, fixed, nameless, slot(5, ""), slot(6, "")];
    let current = BmcConfig { users, ..BmcConfig::default() };
    let plan = plan(&desired(&["admin", "ops"]), &current, &[]);
    assert_eq!(plan.slots, [Some(5), Some(6)]);
    assert_eq!(
        words(&plan)[..4],
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
fn what_cannot_be_read_is_not_free() {
    let unreadable = |id| Slot { name: Err("0xcc, invalid data field".to_string()), ..slot(id, "") };
    let users =
        vec![slot(1, ""), user(2, "root", Privilege::Administrator, true), unreadable(3), unreadable(4)];
    let current = BmcConfig { users, ..BmcConfig::default() };
    let plan = plan(&desired(&["admin"]), &current, &[]);
    assert_eq!((plan.writes.len(), plan.slots.as_slice()), (0, [None].as_slice()));
    assert!(plan.refusals[0].starts_with("user admin: no slot is known to be free: 2 of 4 cannot be read"));
    let blind = super::plan(&desired(&["admin"]), &BmcConfig::default(), &[]);
    assert_eq!(blind.refusals, ["user admin: the BMC does not report its users"]);
}

#[test]
fn a_password_is_written_where_it_is_not_proven() {
    let current =
        BmcConfig { users: vec![user(2, "admin", Privilege::Administrator, true)], ..BmcConfig::default() };
    let count = |check, in_place| {
        let mut desired = desired(&["admin"]);
        desired.users[0].in_place = in_place;
        plan(&desired, &current, &[check]).writes.len()
    };
    assert_eq!(count(Some(PasswordCheck::Right), false), 0);
    assert_eq!(count(Some(PasswordCheck::Wrong), true), 1);
    assert_eq!(count(Some(PasswordCheck::Unknown), false), 1);
    assert_eq!(count(Some(PasswordCheck::Unknown), true), 0);
}

#[test]
fn unknown_users_are_reported_or_disabled_last_and_never_slot_1() {
    let admin = |id, name| user(id, name, Privilege::Administrator, true);
    let users = vec![admin(1, ""), admin(2, "root"), slot(3, "")];
    let current = BmcConfig { users, ..BmcConfig::default() };
    let reported = plan(&desired(&["admin"]), &current, &[]);
    assert_eq!(reported.unknown_users, ["1 (no name)", "2 root"]);
    assert!(!reported.writes.iter().any(|write| matches!(write, Write::Disable(..))));
    let disabled = plan(
        &DesiredBmcConfig { unknown_users: UnknownUsers::Disable, ..desired(&["admin"]) },
        &current,
        &[],
    );
    assert_eq!(words(&disabled).last().map(String::as_str), Some("user 2 root: disabled"));
    assert_eq!(disabled.writes.iter().filter(|write| matches!(write, Write::Disable(..))).count(), 1);
}

#[test]
fn without_enabled_flags_messaging_and_privilege_decide() {
    let user = |id, name, privilege, ipmi_messaging| {
        let access = Access { privilege, ipmi_messaging, enabled: None };
        Slot { access: Some(access), ..slot(id, name) }
    };
    let users = vec![
        slot(1, ""),
        user(2, "root", Privilege::Operator, true),
        user(3, "gone", Privilege::Operator, false),
        user(4, "none", Privilege::NoAccess, true),
        user(5, "admin", Privilege::Administrator, true),
        slot(6, ""),
    ];
    let current = BmcConfig { users, ..BmcConfig::default() };
    let plan_for = |check| plan(&desired(&["admin"]), &current, &[Some(check)]);
    assert_eq!(plan_for(PasswordCheck::Right).unknown_users, ["2 root"]);
    assert_eq!(words(&plan_for(PasswordCheck::Right)).len(), 0);
    assert_eq!(words(&plan_for(PasswordCheck::Wrong)), ["user 5 admin: password", "user 5 admin: enabled"]);
}

#[test]
fn the_lan_is_written_where_it_differs() {
    let lan = Lan { channel: 8, source: Some(AddressSource::Dhcp), vlan: Some(0), ..Lan::default() };
    let current = BmcConfig { lan: Some(lan), ..BmcConfig::default() };
    let desired_lan = DesiredLan {
        source: Some(AddressSource::Static),
        address: Some([10, 0, 0, 9].into()),
        prefix: Some(20),
        gateway: Some([10, 0, 0, 1].into()),
        vlan: Some(0),
    };
    let desired =
        DesiredBmcConfig { lan: Some(desired_lan), ipmi_over_lan: Some(true), ..DesiredBmcConfig::default() };
    assert_eq!(
        words(&plan(&desired, &current, &[])),
        [
            "LAN: address is set, address 10.0.0.9, mask 255.255.240.0, gateway 10.0.0.1",
            "IPMI over LAN: always available",
        ]
    );
    let without = plan(&desired, &BmcConfig::default(), &[]);
    assert_eq!(without.refusals, ["the BMC has no LAN channel"]);
}

#[test]
fn no_write_shows_a_password() {
    let current = BmcConfig { users: vec![slot(2, "")], ..BmcConfig::default() };
    let plan = plan(&desired(&["admin"]), &current, &[]);
    assert!(!format!("{plan:?} {:?}", words(&plan)).contains("a password"));
}

/// Applies a write to the settings, as a correct BMC does.
fn apply(current: &mut BmcConfig, write: &Write) {
    let mut slot = |id: u8, change: &dyn Fn(&mut Slot)| {
        current.users.iter_mut().filter(|slot| slot.id == id).for_each(change);
    };
    let none = Access { privilege: Privilege::NoAccess, ipmi_messaging: false, enabled: Some(false) };
    match write {
        Write::Name(id, name) => slot(*id, &|slot| slot.name = Ok(name.clone())),
        Write::Access(id, _, privilege) => slot(*id, &|slot| {
            let enabled = slot.access.unwrap_or(none).enabled;
            slot.access = Some(Access { privilege: *privilege, ipmi_messaging: true, enabled });
        }),
        Write::Enable(id, _) | Write::Disable(id, _) => slot(*id, &|slot| {
            let enabled = Some(matches!(write, Write::Enable(..)));
            slot.access = Some(Access { enabled, ..slot.access.unwrap_or(none) });
        }),
        _ => {}
    }
}

fn any_slot() -> impl Strategy<Value = Slot> {
    let name = prop_oneof![
        4 => Just(Ok(String::new())),
        1 => Just(Err("0xcc".to_string())),
        3 => "[a-c]".prop_map(Ok),
    ];
    let access = proptest::option::of((any::<bool>(), any::<bool>()));
    (name, access, any::<bool>()).prop_map(|(name, access, is_fixed)| {
        let access = access.map(|(enabled, ipmi_messaging)| Access {
            privilege: Privilege::User,
            ipmi_messaging,
            enabled: Some(enabled),
        });
        Slot { name, access, is_fixed, ..slot(0, "") }
    })
}

proptest! {
    /// On a BMC that applies all writes, a second plan is empty whatever users existed before; no used slot is taken,
    /// and slot 1 is never changed.
    #[test]
    fn a_second_plan_is_empty(slots in proptest::collection::vec(any_slot(), 1..12), disable in any::<bool>()) {
        let users: Vec<Slot> =
            (1..).zip(slots).map(|(id, slot)| Slot { id, ..slot }).collect();
        let before = BmcConfig { users, ..BmcConfig::default() };
        let unknown_users = if disable { UnknownUsers::Disable } else { UnknownUsers::Report };
        let desired = DesiredBmcConfig { unknown_users, ..desired(&["a", "x"]) };
        let first = plan(&desired, &before, &[Some(PasswordCheck::Unknown), Some(PasswordCheck::Unknown)]);
        let mut after = before.clone();
        // Nobody is disabled before all desired users exist.
        let all_exist = first.slots.iter().all(Option::is_some);
        let done = first.writes.iter().filter(|write| all_exist || !matches!(write, Write::Disable(..)));
        done.for_each(|write| apply(&mut after, write));
        prop_assert_eq!(after.users.first(), before.users.first());
        for (was, is) in before.users.iter().zip(&after.users) {
            let was_free = was.name == Ok(String::new());
            prop_assert!(was.name == is.name || was_free && !was.is_fixed);
        }
        let found = [Some(PasswordCheck::Right), Some(PasswordCheck::Right)];
        let second = plan(&desired, &after, &found);
        let left = second.writes.iter().filter(|write| all_exist || !matches!(write, Write::Disable(..)));
        prop_assert_eq!(left.count(), 0);
        prop_assert_eq!(second.slots, first.slots);
    }
}
