// SPDX-License-Identifier: MIT OR Apache-2.0

use ipmi::transport::{Ipv6Entry, Ipv6EntryStatus, Ipv6Source, Ipv6Status, Ipv6Support};
use proptest::prelude::{Just, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use serde_json::json;
use stage1_contract::Baseline;

use super::*;
use crate::bmc::config::{SlotAccess, UserSlot};

/// A BMC with these LAN channels, the first of which is in use.
fn actual(mut channels: Vec<LanConfig>) -> BmcConfig {
    let other_lans = channels.split_off(1);
    BmcConfig { lan: channels.pop(), other_lans, ..BmcConfig::default() }
}

fn network(channel: u8) -> LanConfig {
    let levels = Some(vec![(0, 4), (1, 4), (2, 4), (3, 4), (17, 4)]);
    LanConfig {
        channel,
        source: Some(AddressSource::Static),
        address: Some([10, 0, 0, channel]),
        is_available: Some(true),
        is_authenticated: Some(true),
        limit: Some(Privilege::Administrator),
        authentication: Some([AuthenticationTypes(0x17); 5]),
        ciphers: Ciphers { levels, ..Ciphers::default() },
        ..LanConfig::default()
    }
}

fn host_interface(channel: u8) -> LanConfig {
    LanConfig { address: Some([169, 254, 3, 254]), ..network(channel) }
}

fn desired(json: serde_json::Value) -> DesiredBmcConfig {
    serde_json::from_value(json).unwrap()
}

fn planned(desired: &DesiredBmcConfig, actual: &BmcConfig) -> (Vec<String>, Vec<String>) {
    let mut plan = Plan { slots: vec![Some(4); desired.users.len()], ..Plan::default() };
    super::plan(&mut plan, desired, actual);
    (plan.descriptions(), plan.refusals)
}

fn changes(desired: serde_json::Value, actual: &BmcConfig) -> Vec<String> {
    let (changes, refusals) = planned(&self::desired(desired), actual);
    assert_eq!(refusals, Vec::<String>::new());
    changes
}

fn refusals(desired: serde_json::Value, actual: &BmcConfig) -> Vec<String> {
    planned(&self::desired(desired), actual).1
}

#[test]
fn what_closes_is_done_on_all_channels_and_what_opens_not_on_a_host_interface() {
    let closed = |lan: LanConfig| LanConfig {
        is_available: Some(false),
        limit: Some(Privilege::User),
        is_authenticated: Some(false),
        ..lan
    };
    let actual = actual(vec![closed(network(3)), closed(network(1)), closed(host_interface(2))]);
    let users = json!([{ "name": "ops", "privilege": "operator" }]);
    assert_eq!(
        changes(json!({ "users": users, "ipmi_over_lan": true, "cipher_suite_0": false }), &actual),
        [
            "IPMI over LAN: always available, up to operator",
            "cipher suite 0: disabled",
            "IPMI over LAN on channel 1: always available, up to operator",
            "cipher suite 0 on channel 1: disabled",
            "cipher suite 0 on channel 2: disabled",
            "user 4 ops: operator with IPMI messaging on LAN channel 1",
        ]
    );
    let strict = changes(json!({ "baseline": "strict" }), &actual);
    assert_eq!(
        strict[..3],
        [
            "IPMI over LAN: every message authenticated",
            "cipher suites 0, 1, 2: disabled",
            "IPMI 1.5 authentication none, md2, password: disabled",
        ]
    );
    assert_eq!(strict.len(), 9);
    assert_eq!(changes(json!({}), &actual), Vec::<String>::new());
}

#[test]
fn a_limit_below_what_is_desired_is_raised_and_others_stay() {
    let limited = |limit| actual(vec![LanConfig { limit: Some(limit), ..network(1) }]);
    let administrator = json!({ "users": [{ "name": "ops" }] });
    let raised = ["IPMI over LAN: up to administrator"];
    for limit in [Privilege::User, Privilege::NoAccess, Privilege::Other(0)] {
        assert_eq!(changes(administrator.clone(), &limited(limit)), raised, "{limit}");
    }
    assert_eq!(changes(administrator, &limited(Privilege::Oem)).len(), 0);
    let operator = json!({ "users": [{ "name": "ops", "privilege": "operator" }] });
    assert_eq!(changes(operator, &limited(Privilege::Operator)).len(), 0);
}

#[test]
fn cipher_suites_are_those_that_are_listed() {
    let has = |levels: &[(u8, u8)]| {
        let ciphers = Ciphers { levels: Some(levels.to_vec()), ..Ciphers::default() };
        actual(vec![LanConfig { ciphers, ..network(1) }])
    };
    let all = has(&[(0, 4), (2, 4), (3, 2), (8, 4), (17, 0)]);
    let list = json!({ "cipher_suites": [3, 17], "users": [{ "name": "ops" }] });
    assert_eq!(
        changes(list.clone(), &all),
        ["cipher suites 0, 2, 8: disabled; cipher suites 3, 17: up to administrator"]
    );
    assert_eq!(changes(list.clone(), &has(&[(0, 0), (3, 4), (17, 4)])).len(), 0);
    assert_eq!(
        refusals(list.clone(), &has(&[(0, 0), (3, 4)])),
        ["cipher suite 17: the BMC does not have it"]
    );
    assert_eq!(
        planned(&desired(list), &has(&[(0, 4), (1, 4)])),
        (
            vec![],
            vec!["cipher suites: not changed, as nobody could log in: the BMC has only 0, 1".to_string()]
        )
    );
}

#[test]
fn a_level_that_no_suite_reaches_is_raised_in_the_best() {
    let has = |levels: &[(u8, u8)]| {
        let ciphers = Ciphers { levels: Some(levels.to_vec()), ..Ciphers::default() };
        actual(vec![LanConfig { ciphers, ..network(1) }])
    };
    let ops = json!({ "users": [{ "name": "ops" }] });
    assert_eq!(
        changes(ops.clone(), &has(&[(0, 4), (1, 2), (3, 2), (17, 3)])),
        ["cipher suites 3, 17: up to administrator"]
    );
    assert_eq!(changes(ops.clone(), &has(&[(0, 4), (8, 4), (3, 2)])).len(), 0, "another reaches it");
    assert_eq!(changes(ops, &has(&[(0, 0), (3, 0), (17, 0)])).len(), 0, "the BMC does not use them");
}

#[test]
fn suites_that_the_bmc_cannot_disable_are_named() {
    let ciphers = |ciphers| actual(vec![LanConfig { ciphers, ..network(1) }]);
    let short = Ciphers { levels: Some(vec![(0, 4), (3, 4)]), without_level: vec![17, 2], offered: None };
    assert_eq!(
        planned(&desired(json!({ "baseline": "strict" })), &ciphers(short)).1,
        ["cipher suites 2: the BMC does not report who can use them"]
    );
    let offers = |offered: Option<&[u8]>| {
        let offered = offered.map(<[u8]>::to_vec);
        refusals(json!({ "cipher_suite_0": false }), &ciphers(Ciphers { offered, ..Ciphers::default() }))
    };
    assert_eq!(offers(Some(&[3, 17])), Vec::<String>::new(), "suite 0 cannot be used");
    assert_eq!(
        offers(Some(&[0, 3])),
        ["cipher suites 0: the BMC offers them, and cannot disable them over IPMI"]
    );
    assert_eq!(offers(None), ["cipher suites: the BMC does not report which are enabled"]);
}

#[test]
fn the_access_of_a_user_is_read_before_it_is_set_on_further_channels() {
    let mut actual = actual(vec![network(3), network(1)]);
    let access = SlotAccess { privilege: Privilege::Administrator, ipmi_messaging: true, enabled: None };
    actual.users = Vec::<UserSlot>::new();
    actual.other_access.insert((4, 1), access);
    let users = json!({ "users": [{ "name": "ops" }] });
    assert_eq!(changes(users.clone(), &actual).len(), 0);
    actual.other_access.insert((4, 1), SlotAccess { ipmi_messaging: false, ..access });
    assert_eq!(changes(users, &actual), ["user 4 ops: administrator with IPMI messaging on LAN channel 1"]);
}

#[test]
fn sessions_are_limited_on_each_channel_that_leads_to_a_network() {
    let actual = actual(vec![network(3), host_interface(1)]);
    let limited = desired(json!({ "users": [{ "name": "ops" }], "session_limit": 2 }));
    let changes = other_access(&limited, &actual, &[Some(4)]);
    let [Change::UserSessions { slot: 4, limit: 2, channels, .. }] = changes.as_slice() else {
        panic!("{changes:?}")
    };
    assert_eq!(channels.as_slice(), [3]);
    assert_eq!(changes[0].to_string(), "user 4 ops: 2 sessions at once");
    assert_eq!(other_access(&limited, &actual, &[None]), []);
}

#[test]
fn a_channel_that_is_no_lan_is_refused() {
    let actual = actual(vec![network(3), network(1)]);
    let lan = json!({ "lan": { "channel": 8, "vlan": 7 } });
    assert_eq!(
        planned(&desired(lan), &actual),
        (vec![], vec!["LAN: channel 8 is no LAN channel of this BMC; use one of 3, 1".to_string()])
    );
}

#[test]
fn an_address_of_a_server_is_not_put_back() {
    let dhcp = LanConfig { source: Some(AddressSource::Dhcp), mask: Some([255, 0, 0, 0]), ..network(1) };
    let lan = desired(json!({ "lan": {
        "source": "static", "address": "10.9.9.9", "prefix": 24, "vlan": 5 } }));
    let mut plan = Plan::default();
    super::plan(&mut plan, &lan, &actual(vec![LanConfig { vlan: Some(0), ..dhcp }]));
    let [Change::Lan(change)] = plan.changes.as_slice() else { panic!("{:?}", plan.changes) };
    let earlier: Vec<Option<LanParameter>> = change.steps.iter().map(|step| step.from).collect();
    assert_eq!(earlier, [Some(LanParameter::Dhcp(true)), None, None, Some(LanParameter::Vlan(0))]);
    assert!(!change.is_dynamic());
}

fn entry(set: u8, is_enabled: bool, address: &str) -> Ipv6Entry {
    let status = if is_enabled { Ipv6EntryStatus::Active } else { Ipv6EntryStatus::Disabled };
    let (source, address) = (Ipv6Source::Static, address.parse().unwrap());
    Ipv6Entry { set, is_enabled, source, address, prefix: 64, status }
}

/// Off, with two static entries, SLAAC and no DHCPv6.
fn ipv6_config() -> Ipv6Config {
    let status = Ipv6Status { static_addresses: 2, dynamic_addresses: 1, dhcp: false, slaac: true };
    Ipv6Config {
        static_entries: vec![entry(0, false, "::"), entry(1, true, "2001:db8::9")],
        enables: Some(Ipv6Enables::Ipv4),
        support: Some(Ipv6Support { ipv6_only: true, dual_stack: true, alerting: false }),
        router_control: Some(Ipv6RouterControl { is_static: false, is_dynamic: true }),
        router: Some(Ipv6Addr::UNSPECIFIED),
        ..Ipv6Config::of(status)
    }
}

fn with_ipv6(ipv6: Ipv6Config) -> BmcConfig {
    actual(vec![LanConfig { ipv6: Some(ipv6), ..network(1) }])
}

#[test]
fn ipv6_is_static_or_by_advertisement_or_off() {
    let lan = |ipv6: serde_json::Value| json!({ "lan": { "ipv6": ipv6 } });
    let off = with_ipv6(ipv6_config());
    let fixed = json!({ "source": "static", "address": "2001:db8::40", "prefix": 56, "gateway": "fe80::1" });
    assert_eq!(
        changes(lan(fixed.clone()), &off),
        [
            "LAN: IPv6 on, IPv6 address 2001:db8::40/56, no static IPv6 address 2001:db8::9, static IPv6 router, IPv6 router \
             fe80::1"
        ]
    );
    assert_eq!(
        changes(lan(json!({ "source": "slaac" })), &off),
        ["LAN: IPv6 on, no static IPv6 address 2001:db8::9"]
    );
    assert_eq!(changes(lan(json!({ "source": "off" })), &off), Vec::<String>::new());
    let on = with_ipv6(Ipv6Config { enables: Some(Ipv6Enables::Both), ..ipv6_config() });
    assert_eq!(changes(lan(json!({ "source": "off" })), &on), ["LAN: IPv6 off"]);
    assert_eq!(refusals(lan(json!({ "source": "dhcp" })), &off), ["LAN: IPv6: the BMC does not have DHCPv6"]);
    assert_eq!(refusals(lan(fixed), &actual(vec![network(1)])), ["LAN: IPv6: the BMC does not have it"]);
    let only = Ipv6Support { ipv6_only: true, dual_stack: false, alerting: false };
    let mut plan = Plan::default();
    let only = with_ipv6(Ipv6Config { support: Some(only), ..ipv6_config() });
    super::plan(&mut plan, &desired(lan(json!({ "source": "slaac" }))), &only);
    let [Change::Lan(change)] = plan.changes.as_slice() else { panic!("{:?}", plan.changes) };
    assert_eq!(change.steps[0].to, LanParameter::Ipv6Enables(Ipv6Enables::Ipv6));
}

/// What a BMC does with steps that it keeps.
fn keep(ipv6: &mut Ipv6Config, steps: &[LanStep]) {
    for step in steps {
        match step.to {
            LanParameter::Ipv6Enables(enables) => ipv6.enables = Some(enables),
            LanParameter::Ipv6Routers(control) => ipv6.router_control = Some(control),
            LanParameter::Ipv6Router(router) => ipv6.router = Some(router),
            LanParameter::Ipv6Address { set, is_enabled, address, prefix } => {
                let entry = ipv6.static_entries.iter_mut().find(|entry| entry.set == set).unwrap();
                (entry.is_enabled, entry.address, entry.prefix) = (is_enabled, address, prefix);
            }
            other => panic!("{other}"),
        }
    }
}

proptest! {
    #[test]
    fn a_second_plan_for_ipv6_is_empty(
        entries in proptest::collection::vec((any::<bool>(), 0..4_u16), 1..4),
        enables in 0..3_u8,
        control in any::<(bool, bool)>(),
        source in prop_oneof![Just("static"), Just("slaac"), Just("off")],
    ) {
        let address = |last: u16| if last == 0 { "::".to_string() } else { format!("2001:db8::{last}") };
        let entries = (0..).zip(&entries).map(|(set, (is_enabled, last))| entry(set, *is_enabled, &address(*last)));
        let mut actual = Ipv6Config {
            static_entries: entries.collect(),
            enables: Some(enables.into()),
            router_control: Some(Ipv6RouterControl { is_static: control.0, is_dynamic: control.1 }),
            ..ipv6_config()
        };
        let desired: DesiredIpv6 = serde_json::from_value(match source {
            "static" => json!({ "source": source, "address": "2001:db8::2", "prefix": 64, "gateway": "fe80::1" }),
            source => json!({ "source": source }),
        }).unwrap();
        let steps = ipv6(&desired, &actual).unwrap();
        keep(&mut actual, &steps);
        prop_assert_eq!(ipv6(&desired, &actual).unwrap(), vec![]);
    }

    /// Whatever is desired: a BMC on which somebody could log in keeps a suite for that, and a second plan is empty.
    #[test]
    fn cipher_suites_are_never_all_disabled(
        levels in proptest::collection::vec((0..20_u8, 0..6_u8), 0..8),
        list in proptest::option::of(proptest::collection::vec(0..20_u8, 1..4)),
        strict in any::<bool>(),
        has_user in any::<bool>(),
    ) {
        let mut levels: Vec<(u8, u8)> = levels;
        levels.sort();
        levels.dedup_by_key(|(suite, _)| *suite);
        let mut desired = DesiredBmcConfig { cipher_suites: list, cipher_suite_0: Some(false), ..DesiredBmcConfig::default() };
        desired.baseline = strict.then_some(Baseline::Strict);
        if has_user {
            desired.users = serde_json::from_value(json!([{ "name": "ops" }])).unwrap();
        }
        let was_open = levels.iter().any(|(_, level)| *level != 0);
        let has = |levels: &[(u8, u8)]| Ciphers { levels: Some(levels.to_vec()), ..Ciphers::default() };
        let plan_for = |levels: &[(u8, u8)]| {
            let mut plan = Plan::default();
            let lan = LanConfig { ciphers: has(levels), ..network(1) };
            plan_ciphers(&mut plan, &desired, &lan, Channel { number: 1, is_in_use: true });
            plan.changes
        };
        let changes = plan_for(&levels);
        for change in &changes {
            let Change::CipherSuites(change) = change else { panic!("{change}") };
            for (suite, level) in &mut levels {
                if change.disabled.contains(suite) {
                    *level = 0;
                } else if change.enabled.contains(suite) {
                    *level = change.level.into();
                }
            }
        }
        prop_assert!(!was_open || levels.iter().any(|(_, level)| *level != 0));
        prop_assert_eq!(plan_for(&levels), vec![]);
    }
}
