// SPDX-License-Identifier: MIT OR Apache-2.0
//! The contract, byte for byte.
//!
//! The files in `wire/` are frozen: agents and inventories of all versions exchange them. None is ever
//! edited or removed; what is new gets a new file.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use stage1_contract::firmware::{AttemptOutcome, Decision, Journal, Phase, SetSource, SignedManifests};
use stage1_contract::{
    Action, AddressSource, Baseline, BmcCredentials, BootDevice, DesiredBmcConfig, DesiredUser, Detail,
    Event, EventKind, EventSeverity, FirmwareKind, IdentitySource, Installed, Ipv6Mode, Outcome,
    PasswordState, PortOutcome, PowerRestore, PrivilegeLevel, ProblemDocument, Profile, Registration, Report,
    RunKind, UnknownUsers, WatchdogAction,
};

/// Reads an example as a `T` and checks that it is written again as it was, and that fields which
/// `T` does not know, in whichever object, change nothing.
fn example<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &str) -> T {
    let value: T = serde_json::from_str(text).unwrap();
    assert_eq!(format!("{}\n", serde_json::to_string_pretty(&value).unwrap()), text);

    let mut extended = serde_json::from_str(text).unwrap();
    extend(&mut extended);
    assert_eq!(serde_json::from_value::<T>(extended).unwrap(), value);
    value
}

/// Adds a field to every object.
fn extend(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(extend);
            fields.insert("field_of_a_later_version".to_string(), json!({ "is": ["ignored", null] }));
        }
        Value::Array(values) => values.iter_mut().for_each(extend),
        _ => {}
    }
}

#[test]
fn reports() {
    let report: Report = example(include_str!("wire/report.json"));
    assert_eq!(report.run, RunKind::Run);
    assert_eq!(report.timeline.stages[2].outcome, Outcome::Running);
    let minimal: Report = example(include_str!("wire/report-minimal.json"));
    assert_eq!(minimal.run, RunKind::Register);
    let paths: Report = example(include_str!("wire/report-disk-paths.json"));
    assert_eq!(paths.facts.disks[0].other_names, ["sdb"]);
    let adapters: Report = example(include_str!("wire/report-adapters.json"));
    assert_eq!(
        (adapters.facts.nics[0].boot, adapters.facts.disks[0].bay.as_deref()),
        (Some(true), Some("Slot 03"))
    );
    let vpd = adapters.facts.pci[0].vpd.as_ref().unwrap();
    assert_eq!(vpd.part_number.as_deref(), Some("MCX512A-ACAT"));
    let stopped: Report = example(include_str!("wire/report-stopped.json"));
    assert_eq!(stopped.timeline.stages[0].outcome, Outcome::Stopped);
}

#[test]
fn a_report_with_values_of_a_later_version_keeps_them() {
    let report: Report = example(include_str!("wire/report-unknown-values.json"));
    assert_eq!(report.run, RunKind::Unknown("inspect".to_string()));
    assert_eq!(report.identity.source, IdentitySource::Unknown("asset-tag".to_string()));
    assert_eq!(report.facts.firmware.unwrap().kind, FirmwareKind::Unknown("coreboot".to_string()));
    assert_eq!(report.timeline.stages[0].outcome, Outcome::Unknown("postponed".to_string()));
}

#[test]
fn a_report_with_neighbours() {
    let report: Report = example(include_str!("wire/report-neighbours.json"));
    let outcomes: Vec<PortOutcome> = report.lldp.iter().map(|port| port.outcome.clone()).collect();
    let expected = [
        PortOutcome::Neighbours,
        PortOutcome::NoCarrier,
        PortOutcome::Silent,
        PortOutcome::Swallowed,
        PortOutcome::Failed,
        PortOutcome::Listening,
        PortOutcome::Unknown("looped".to_string()),
    ];
    assert_eq!(outcomes, expected);
    let neighbours = &report.lldp[0].neighbours;
    assert_eq!(neighbours[0].vlan_names[1].name, "storage");
    assert_eq!((neighbours[1].protocol.as_str(), neighbours[1].vlan), ("cdp", None));

    let late: Report = example(include_str!("wire/report-neighbours-late.json"));
    assert_eq!((late.lldp[0].carrier_after_ms, late.lldp[1].carrier_after_ms), (Some(14_200), Some(0)));
    assert_eq!(late.lldp[0].neighbours[0].flow_control_priorities, Some(vec![3, 4]));
}

#[test]
fn a_report_with_a_bmc() {
    let report: Report = example(include_str!("wire/report-bmc.json"));
    let bmc = report.bmc.unwrap();
    assert_eq!((bmc.users.len(), bmc.users[0].enabled, bmc.users[2].enabled), (3, Some(false), None));
    assert_eq!(bmc.health.sel.unwrap().events[0].severity, EventSeverity::Critical);
    let passwords: Vec<PasswordState> =
        bmc.outcome.unwrap().users.into_iter().map(|user| user.password).collect();
    let expected =
        [PasswordState::Proven, PasswordState::Failed, PasswordState::Believed, PasswordState::NotDesired];
    assert_eq!(passwords, expected);

    let report: Report = example(include_str!("wire/report-bmc-channels.json"));
    let bmc = report.bmc.unwrap();
    assert_eq!((bmc.other_lans.len(), bmc.other_lans[1].is_host_interface), (2, true));
    assert_eq!(bmc.boot.unwrap().device, BootDevice::Pxe);

    let report: Report = example(include_str!("wire/report-bmc-unknown-values.json"));
    let bmc = report.bmc.unwrap();
    assert_eq!(bmc.lan.unwrap().source, Some(AddressSource::Unknown("bios".to_string())));
    assert_eq!(bmc.chassis.unwrap().power_restore, Some(PowerRestore::Unknown("delayed".to_string())));
    let users = bmc.outcome.unwrap().users;
    assert_eq!(users[0].password, PasswordState::Set);
    assert_eq!(users[1].password, PasswordState::Unknown("queued".to_string()));
}

#[test]
fn a_report_with_events_of_a_bmc() {
    let report: Report = example(include_str!("wire/report-bmc-events.json"));
    let health = report.bmc.unwrap().health;
    let [hot, memory] = health.sel.unwrap().events.try_into().unwrap();
    assert_eq!((hot.generator, hot.detail.as_deref()), (None, Some("102 > 90 degrees C")));
    assert_eq!((memory.generator_id, memory.data.as_deref()), (Some(0x33), Some("31ff05")));
    assert_eq!(health.out_of_time, ["sensors", "power draw"]);
}

/// The BMC is read in parallel with the registration: its first report comes as a patch.
#[test]
fn a_report_that_is_patched_with_a_bmc() {
    let mut report: Value = serde_json::from_str(include_str!("wire/report-minimal.json")).unwrap();
    let before: Report = serde_json::from_value(report.clone()).unwrap();
    merge(&mut report, serde_json::from_str(include_str!("wire/report-bmc-patch.json")).unwrap());
    let mut patched: Report = serde_json::from_value(report).unwrap();
    let outcome = patched.bmc.take().unwrap().outcome.unwrap();
    assert!(outcome.is_as_desired && outcome.changes.iter().all(|change| change.failure.is_none()));
    assert_eq!((outcome.users[1].name.as_str(), outcome.users[1].slot), ("operator", Some(4)));
    assert_eq!(patched, before);
}

#[test]
fn a_report_with_firmware() {
    let report: Report = example(include_str!("wire/report-firmware.json"));
    let firmware = report.firmware.unwrap();
    assert_eq!(firmware.set.unwrap().source, SetSource::Inventory);
    let decisions: Vec<Decision> =
        firmware.components.iter().map(|component| component.decision.clone()).collect();
    let expected = [
        Decision::Update,
        Decision::PendingActivation,
        Decision::Exhausted,
        Decision::Current,
        Decision::Refused,
        Decision::Unknown("postponed".to_string()),
    ];
    assert_eq!(decisions, expected);
}

#[test]
fn firmware_journals() {
    let journal: Journal = example(include_str!("wire/firmware-journal.json"));
    assert_eq!(journal.attempts[1].phase, Phase::Staged);
    let outcomes: Vec<_> = journal.attempts.into_iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Some(AttemptOutcome::Confirmed), Some(AttemptOutcome::Failed), None]);
    let empty: Journal = example(include_str!("wire/firmware-journal-empty.json"));
    assert_eq!(empty.attempts, []);
    let unknown: Journal = example(include_str!("wire/firmware-journal-unknown-values.json"));
    assert_eq!(unknown.attempts[0].phase, Phase::Unknown("postponed".to_string()));
    assert_eq!(unknown.attempts[0].outcome, Some(AttemptOutcome::Unknown("rolled-back".to_string())));
}

#[test]
fn firmware_manifests() {
    let signed: SignedManifests = example(include_str!("wire/firmware-manifests.json"));
    assert!(signed.signature.is_some());
    let unsigned: SignedManifests = example(include_str!("wire/firmware-manifests-unsigned.json"));
    assert_eq!((unsigned.set, unsigned.signature), (signed.set, None));
}

#[test]
fn a_patched_report() {
    let mut report: Value = serde_json::from_str(include_str!("wire/report.json")).unwrap();
    merge(&mut report, serde_json::from_str(include_str!("wire/report-patch.json")).unwrap());
    let patched: Report = example(include_str!("wire/report-patched.json"));
    assert_eq!(serde_json::from_value::<Report>(report).unwrap(), patched);
}

/// RFC 7396, section 2.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(fields) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in fields {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(&name);
        } else {
            merge(&mut target[name], value);
        }
    }
}

#[test]
fn registrations() {
    let action = |text| example::<Registration>(text).action;
    assert_eq!(action(include_str!("wire/registration-boot.json")), Action::Boot);
    assert_eq!(action(include_str!("wire/registration-shutdown.json")), Action::Shutdown);
    assert_eq!(action(include_str!("wire/registration-reboot.json")), Action::Reboot);
    assert_eq!(action(include_str!("wire/registration-rescue.json")), Action::Rescue);
    let unknown = action(include_str!("wire/registration-unknown-action.json"));
    assert_eq!(unknown, Action::Unknown("wipe".to_string()));
    let wait: Registration = example(include_str!("wire/registration-wait.json"));
    assert_eq!((wait.action, wait.seconds), (Action::Wait, Some(30)));
}

#[test]
fn a_desired_bmc_configuration() {
    let desired: DesiredBmcConfig = example(include_str!("wire/wanted-bmc.json"));
    let [admin, operator, monitor] = desired.users.as_slice() else { panic!("{:?}", desired.users) };
    assert_eq!((&operator.privilege, &monitor.privilege), (&PrivilegeLevel::Operator, &PrivilegeLevel::User));
    assert!(admin.generate && operator.in_place && !(monitor.generate || monitor.in_place));
    assert_eq!(operator.password.as_ref().unwrap().reveal(), "not-a-real-one");
    assert!(!format!("{desired:?}").contains("not-a-real-one"));
    let options: DesiredBmcConfig = example(include_str!("wire/wanted-bmc-options.json"));
    assert_eq!(options.baseline, Some(Baseline::Strict));
    assert_eq!(options.lan.unwrap().ipv6.unwrap().source, Ipv6Mode::Static);
    let boot = options.boot.unwrap();
    assert_eq!((boot.device, boot.persistent, boot.legacy), (BootDevice::Pxe, true, false));
    let other: DesiredBmcConfig = example(include_str!("wire/wanted-bmc-unknown-values.json"));
    assert_eq!(other.unknown_users, UnknownUsers::Unknown("rename".to_string()));
    assert_eq!(other.watchdog.unwrap().action, WatchdogAction::Unknown("nmi".to_string()));
    assert_eq!(serde_json::from_str::<DesiredBmcConfig>("{}").unwrap(), DesiredBmcConfig::default());

    let unknown = json!({ "name": "a", "privilege": "auditor" });
    let user: DesiredUser = serde_json::from_value(unknown.clone()).unwrap();
    assert_eq!(user.privilege, PrivilegeLevel::Unlisted("auditor".to_string()));
    assert_eq!(serde_json::to_value(&user).unwrap(), unknown);

    // A registration carries it raw: a configuration that an agent cannot parse does not stop the boot.
    let text = include_str!("wire/registration-bmc.json");
    let registration: Registration = serde_json::from_str(text).unwrap();
    assert_eq!(format!("{}\n", serde_json::to_string_pretty(&registration).unwrap()), text);
    assert_eq!(serde_json::from_value::<DesiredBmcConfig>(registration.bmc.unwrap()).unwrap(), desired);
    let other: Registration =
        serde_json::from_value(json!({ "version": 1, "action": "boot", "bmc": { "users": 7 } })).unwrap();
    assert_eq!((other.action, other.bmc), (Action::Boot, Some(json!({ "users": 7 }))));
}

#[test]
fn bmc_credentials() {
    let credentials: BmcCredentials = example(include_str!("wire/bmc-credentials.json"));
    assert_eq!((credentials.user.as_str(), credentials.password.reveal()), ("admin", "not-a-real-one-2"));
    assert!(!format!("{credentials:?}").contains("not-a-real-one"));
}

#[test]
fn profiles() {
    let kernel: Profile = example(include_str!("wire/profile-kernel.json"));
    assert_eq!((kernel.initrds.len(), kernel.uki), (1, None));
    let uki: Profile = example(include_str!("wire/profile-uki.json"));
    assert_eq!((uki.kernel, uki.uki.unwrap().size), (None, 98_765_432));
}

#[test]
fn details() {
    let detail: Detail = example(include_str!("wire/detail.json"));
    assert_eq!((detail.interfaces.len(), detail.files.len()), (4, 2));
    let hostname: Detail = example(include_str!("wire/detail-hostname.json"));
    assert_eq!(hostname.interfaces, []);
    let options: Detail = example(include_str!("wire/detail-options.json"));
    let bonds: Vec<_> = options.interfaces.iter().filter_map(|interface| interface.bond.as_ref()).collect();
    assert_eq!((bonds[0].lacp_rate.as_deref(), bonds[0].min_links), (Some("fast"), Some(1)));
    assert_eq!(bonds[1].primary.as_deref(), Some("port2"));
    let bond0 = &options.interfaces[4];
    assert_eq!((bond0.ipv6_ra, bond0.routes[0].on_link), (Some(true), Some(true)));
    assert_eq!((options.files[0].uid, options.files[0].gid), (Some(1000), Some(1000)));
}

#[test]
fn progress() {
    let installed: Installed = example(include_str!("wire/installed.json"));
    assert_eq!(installed.profile, "compute-1");
    let kind = |text| example::<Event>(text).kind;
    assert_eq!(kind(include_str!("wire/event-progress.json")), EventKind::Progress);
    assert_eq!(kind(include_str!("wire/event-failed.json")), EventKind::Failed);
    let unknown = kind(include_str!("wire/event-unknown-kind.json"));
    assert_eq!(unknown, EventKind::Unknown("paused".to_string()));
}

#[test]
fn problem_documents() {
    let problem: ProblemDocument = example(include_str!("wire/problem-document.json"));
    assert_eq!(problem.status, Some(404));
    let errors: ProblemDocument = example(include_str!("wire/problem-document-errors.json"));
    assert_eq!(errors.errors[0].to_string(), errors.detail.unwrap());
}

/// What an inventory may leave out, since it is written by others.
#[test]
fn what_may_be_left_out() {
    let registration: Registration =
        serde_json::from_value(json!({ "version": 1, "action": "boot" })).unwrap();
    assert_eq!(registration, example(include_str!("wire/registration-boot.json")));
    let detail: Detail =
        serde_json::from_value(json!({ "version": 1, "hostname": "host-4c4c4544" })).unwrap();
    assert_eq!(detail, example(include_str!("wire/detail-hostname.json")));
    let problem: ProblemDocument = serde_json::from_value(json!({})).unwrap();
    assert_eq!(problem, ProblemDocument::default());
}
