// SPDX-License-Identifier: MIT OR Apache-2.0
use stage1_contract::Facts;
use stage1_contract::firmware::manifest::Activation;
use stage1_contract::firmware::{Attempt, AttemptOutcome, Decision, FirmwareComponent, Journal, Phase};

use super::{Conditions, plan};
use crate::firmware::fixture::{CLASS, board, machine, manifests, nic};
use crate::firmware::journal::settle;
use crate::firmware::matching::matches;

const BOOT: &str = "boot-2";
const NOW: u64 = 1_000_000;

fn conditions() -> Conditions {
    Conditions { boot_id: BOOT.to_string(), now: NOW, ..Conditions::default() }
}

fn attempt(version: &str, boot_id: &str, phase: Phase) -> Attempt {
    Attempt {
        entry: "nic".to_string(),
        device: "serial/SN1".to_string(),
        version: version.to_string(),
        from: "22.31.1014".to_string(),
        boot_id: boot_id.to_string(),
        time: NOW - 60,
        phase,
        outcome: None,
        detail: None,
    }
}

fn failed(version: &str, boot_id: &str) -> Attempt {
    let outcome = Some(AttemptOutcome::Failed);
    Attempt { outcome, detail: Some("EIO".to_string()), ..attempt(version, boot_id, Phase::Armed) }
}

/// The machine, with these versions running and stored on its adapter.
fn running(running: &str, stored: &str) -> Facts {
    let mut facts = machine();
    for devlink in facts.nics.iter_mut().filter_map(|nic| nic.devlink.as_mut()) {
        devlink.running.insert("fw".to_string(), running.to_string());
        devlink.stored.insert("fw".to_string(), stored.to_string());
    }
    facts
}

/// An entry for the adapter with this desired version, and with more keys.
fn wants(want: &str, more: &str) -> String {
    nic(&format!(
        "version = {{ want = \"{want}\", source = \"devlink:fw\", format = \"triplet\" }}\nimage = IMAGE\n{more}"
    ))
}

fn decide(
    facts: &Facts,
    entries: &str,
    attempts: Vec<Attempt>,
    conditions: &Conditions,
) -> FirmwareComponent {
    let set = manifests(entries);
    let journal = Journal { version: 1, attempts };
    let plan = plan(matches(facts, &set), Some(&journal), conditions);
    plan.components[0].report()
}

/// The decision, with the target or the reason.
fn decision(facts: &Facts, entries: &str) -> (Decision, String) {
    outcome(decide(facts, entries, Vec::new(), &conditions()))
}

fn outcome(report: FirmwareComponent) -> (Decision, String) {
    let FirmwareComponent { decision, target, reason, .. } = report;
    match decision {
        Decision::Update | Decision::PendingActivation => (decision, target.unwrap_or_default()),
        _ => (decision, reason.unwrap_or_default()),
    }
}

fn with_journal(facts: &Facts, entries: &str, attempts: Vec<Attempt>) -> (Decision, String) {
    outcome(decide(facts, entries, attempts, &conditions()))
}

/// Why it is refused.
fn refused(facts: &Facts, entries: &str) -> String {
    let (decision, reason) = decision(facts, entries);
    assert_eq!(decision, Decision::Refused, "{reason}");
    reason
}

fn text(decision: Decision, text: &str) -> (Decision, String) {
    (decision, text.to_string())
}

#[test]
fn running_and_stored_decide() {
    for (running_, stored, want, update, expected) in [
        ("22.39.2048", "22.39.2048", "22.39.2048", "upgrade-only", text(Decision::Current, "")),
        ("22.39.2048", "22.39.2048", "22.39.2048", "exact", text(Decision::Current, "")),
        ("22.39.0048", "22.39.48", "22.39.048", "exact", text(Decision::Current, "")),
        ("22.31.1014", "22.31.1014", "22.39.2048", "upgrade-only", text(Decision::Update, "22.39.2048")),
        (
            "22.31.1014",
            "22.39.2048",
            "22.39.2048",
            "upgrade-only",
            text(Decision::PendingActivation, "22.39.2048"),
        ),
        ("22.31.1014", "22.35.0", "22.39.2048", "upgrade-only", text(Decision::Update, "22.39.2048")),
        (
            "22.31.1014",
            "22.40.0",
            "22.39.2048",
            "upgrade-only",
            text(Decision::Current, "a newer version is stored"),
        ),
        (
            "22.40.0",
            "22.40.0",
            "22.39.2048",
            "upgrade-only",
            text(Decision::Current, "a newer version is running"),
        ),
        (
            "22.40.0",
            "22.41.0",
            "22.39.2048",
            "upgrade-only",
            text(Decision::Current, "a newer version is running"),
        ),
        ("22.40.0", "22.40.0", "22.39.2048", "exact", text(Decision::Update, "22.39.2048")),
        ("22.40.0", "22.39.2048", "22.39.2048", "exact", text(Decision::PendingActivation, "22.39.2048")),
        ("22.39.2048", "22.31.1014", "22.39.2048", "upgrade-only", text(Decision::Update, "22.39.2048")),
        ("22.39.2048", "22.40.0", "22.39.2048", "exact", text(Decision::Update, "22.39.2048")),
        (
            "22.39.2048",
            "22.40.0",
            "22.39.2048",
            "upgrade-only",
            text(Decision::Current, "a newer version is stored"),
        ),
    ] {
        let entry = wants(want, &format!("policy = {{ update = \"{update}\" }}"));
        assert_eq!(
            decision(&running(running_, stored), &entry),
            expected,
            "{running_} {stored} {want} {update}"
        );
    }
}

#[test]
fn a_stored_downgrade_is_not_activated() {
    let why = refused(&running("22.40.0", "22.39.2048"), &wants("22.39.2048", ""));
    assert_eq!(why, "22.40.0 is running, which is newer, but the older 22.39.2048 is stored");
}

#[test]
fn an_unreadable_version_is_refused() {
    let entry = wants("22.39.2048", "");
    assert!(
        refused(&running("recovery", "22.31.1014"), &entry).starts_with("the running version: \"recovery\"")
    );
    assert!(refused(&running("22.31.1014", "?"), &entry).starts_with("the stored version: \"?\""));
    let unread = entry.replace("devlink:fw", "devlink:other");
    assert_eq!(refused(&machine(), &unread), "no version found at devlink:other");
    let plain = entry.replace("triplet", "plain");
    assert!(refused(&machine(), &plain).contains("the format plain has no order"));
    let exact =
        entry.replace("triplet", "plain").replace("\nmethod", "\npolicy = { update = \"exact\" }\nmethod");
    assert_eq!(decision(&machine(), &exact), text(Decision::Update, "22.39.2048"));
}

#[test]
fn intermediate_versions_come_first() {
    let entry = wants(
        "22.39.2048",
        "policy = { via = [{ version = \"22.33.0\", image = IMAGE }, { version = \"22.36.0\", image = IMAGE, from = { min = \"22.33.0\" } }] }",
    );
    let next = |running_: &str, stored: &str| decision(&running(running_, stored), &entry);
    assert_eq!(next("22.31.1014", "22.31.1014"), text(Decision::Update, "22.33.0"));
    assert_eq!(next("22.31.1014", "22.33.0"), text(Decision::PendingActivation, "22.33.0"));
    assert_eq!(next("22.33.0", "22.33.0"), text(Decision::Update, "22.36.0"));
    assert_eq!(next("22.34.0", "22.34.0"), text(Decision::Update, "22.36.0"));
    assert_eq!(next("22.36.0", "22.36.0"), text(Decision::Update, "22.39.2048"));
    assert_eq!(next("22.39.2048", "22.39.2048"), text(Decision::Current, ""));
    let (refused, why) = next("22.31.1014", "22.39.2048");
    assert_eq!(
        (refused, why.as_str()),
        (
            Decision::Refused,
            "22.39.2048 is stored, which is newer than the next intermediate version 22.33.0"
        )
    );
    let exact = entry.replace("via =", "update = \"exact\", via =");
    assert_eq!(decision(&running("22.40.0", "22.40.0"), &exact), text(Decision::Update, "22.39.2048"));
}

#[test]
fn from_versions_restrict() {
    let from = |from: &str| {
        decision(&machine(), &wants("22.39.2048", &format!("policy = {{ from = {{ {from} }} }}")))
    };
    let update = text(Decision::Update, "22.39.2048");
    assert_eq!(from("min = \"22.31.1014\""), update);
    assert_eq!(
        from("min = \"22.31.1015\"").1,
        "22.39.2048 can be flashed from 22.31.1015 or newer only; 22.31.1014 is running"
    );
    assert_eq!(from("allow = [\"22.30.0\", \"22.31.1014\"]"), update);
    assert_eq!(
        from("allow = [\"22.30.0\"]").1,
        "22.39.2048 can be flashed from 22.30.0 only; 22.31.1014 is running"
    );
    assert_eq!(from("deny = [\"22.30.0\"]"), update);
    assert_eq!(from("deny = [\"22.31.01014\"]").1, "22.39.2048 must not be flashed from 22.31.1014");
    assert_eq!(from("deny = [\"22\"]").0, Decision::Refused, "an unreadable version refuses all");
    assert_eq!(from("min = \"22\"").0, Decision::Refused);
}

#[test]
fn a_lower_security_revision_is_refused() {
    let security = |revision: u32, source: &str| {
        let entry = wants("22.39.2048", "");
        let more = format!("\"triplet\", security = {{ revision = {revision}, source = \"{source}\" }}");
        decision(&machine(), &entry.replace("\"triplet\"", &more))
    };
    assert_eq!(security(4, "devlink:fw.srev").0, Decision::Update);
    assert_eq!(security(5, "devlink:fw.srev").0, Decision::Update);
    assert_eq!(
        security(3, "devlink:fw.srev").1,
        "the security revision of the image is 3; the component accepts 4 or higher"
    );
    assert_eq!(security(9, "devlink:other").1, "no version found at devlink:other");
}

#[test]
fn a_version_below_the_lowest_supported_one_is_refused() {
    let esrt = |want: &str| {
        let version = format!(
            "version = {{ want = \"{want}\", source = \"esrt\", format = \"dell-bios\" }}\npolicy = {{ update = \"exact\" }}\nimage = IMAGE"
        );
        decision(&machine(), &board(&version).replace("product = \"R640\"", &format!("esrt = \"{CLASS}\"")))
    };
    assert_eq!(esrt("2.19.1").0, Decision::Update);
    assert_eq!(esrt("2.5.0").0, Decision::Update);
    assert_eq!(esrt("2.4.9"), text(Decision::Refused, "the component accepts version 2.5.0 or newer only"));
}

#[test]
fn other_components_must_run_the_required_versions() {
    let board_wants = |requires: &str| {
        let version = format!(
            "version = {{ want = \"2.19.1\", source = \"dmi\", format = \"triplet\" }}\nimage = IMAGE\nrequires = {{ versions = [{requires}] }}"
        );
        let set = manifests(&format!("{}{}", board(&version), wants("22.39.2048", "")));
        let plan = plan(matches(&machine(), &set), Some(&Journal::default()), &conditions());
        let order: Vec<&str> =
            plan.components.iter().map(|planned| planned.matched.entry.name.as_str()).collect();
        assert_eq!(order, ["nic", "board"], "NICs come first");
        outcome(plan.components[1].report())
    };
    assert_eq!(board_wants("{ entry = \"nic\", min = \"22.31.0\" }").0, Decision::Update);
    assert_eq!(
        board_wants("{ entry = \"nic\", min = \"22.39.0\" }").1,
        "it requires nic 22.39.0 or newer, and 22.31.1014 is running"
    );
    assert_eq!(
        board_wants("{ entry = \"psu\", min = \"1\" }").1,
        "it requires psu 1 or newer, and this machine has no such component"
    );
}

#[test]
fn the_machine_must_meet_the_requirements() {
    let with = |requires: &str, conditions: Conditions| {
        outcome(decide(
            &machine(),
            &wants("22.39.2048", &format!("requires = {{ {requires} }}")),
            Vec::new(),
            &conditions,
        ))
    };
    for (is, decision) in
        [(Some(true), Decision::Update), (Some(false), Decision::Refused), (None, Decision::Refused)]
    {
        assert_eq!(with("power = true", Conditions { power: is, ..conditions() }).0, decision);
        assert_eq!(with("bmc = true", Conditions { bmc: is, ..conditions() }).0, decision);
        assert_eq!(with("", Conditions { power: is, bmc: is, ..conditions() }).0, Decision::Update);
    }
    let memory = |bytes| Conditions { memory_bytes: Some(bytes), ..conditions() };
    assert_eq!(with("", memory(1 << 20)).0, Decision::Update);
    assert_eq!(
        with("memory_mib = 1", memory(3 << 19)).1,
        "not enough memory: 2 MiB needed, 1.5 MiB available"
    );
    assert_eq!(with("memory_mib = 1", memory((2 << 20) - 1)).0, Decision::Refused);
    assert_eq!(with("memory_mib = 1", memory(2 << 20)).0, Decision::Update);
    assert_eq!(
        with("", Conditions { boot_id: String::new(), ..conditions() }).1,
        "the kernel reports no boot ID"
    );
}

#[test]
fn an_expired_set_flashes_nothing() {
    let expired = Conditions { expired: true, ..conditions() };
    let entry = wants("22.39.2048", "");
    let at = |facts: &Facts| outcome(decide(facts, &entry, Vec::new(), &expired));
    assert_eq!(at(&machine()).1, "the manifest set has expired, by the clock of this host");
    assert_eq!(at(&running("22.31.1014", "22.39.2048")).0, Decision::Refused);
    assert_eq!(at(&running("22.39.2048", "22.39.2048")).0, Decision::Current);
}

#[test]
fn attempts_are_counted_by_component_and_version() {
    let entry = wants("22.39.2048", "limits = { max_attempts = 2 }");
    let tried = |attempts| with_journal(&machine(), &entry, attempts);
    let one = failed("22.39.2048", "boot-0");
    let two = failed("22.39.02048", "boot-1");
    assert_eq!(tried(vec![one.clone()]).0, Decision::Update);
    assert_eq!(
        tried(vec![one.clone(), two.clone()]),
        text(Decision::Exhausted, "22.39.2048 was tried 2 times, the limit is 2")
    );
    let other = Attempt { device: "serial/SN2".to_string(), ..two.clone() };
    assert_eq!(tried(vec![one.clone(), other]).0, Decision::Update);
    assert_eq!(tried(vec![one.clone(), failed("22.38.0", "boot-1")]).0, Decision::Update);
    let confirmed = Attempt { outcome: Some(AttemptOutcome::Confirmed), ..two.clone() };
    assert_eq!(
        tried(vec![one.clone(), confirmed]).0,
        Decision::Exhausted,
        "the old version is restored each time"
    );
    let stored = running("22.31.1014", "22.39.2048");
    assert_eq!(
        with_journal(&stored, &entry, vec![one, two]).0,
        Decision::Exhausted,
        "activations count, too"
    );
    let report = decide(&machine(), &entry, vec![failed("22.39.2048", "boot-0")], &conditions());
    assert_eq!((report.attempts, report.outcome), (1, Some(AttemptOutcome::Failed)));
}

#[test]
fn a_failed_attempt_is_followed_by_a_pause() {
    let entry = wants("22.39.2048", "limits = { backoff_seconds = 100 }");
    let at = |now| {
        outcome(decide(
            &machine(),
            &entry,
            vec![failed("22.39.2048", "boot-0")],
            &Conditions { now, ..conditions() },
        ))
    };
    assert_eq!(at(NOW).1, "the last attempt failed; the next one is due in 40 s");
    assert_eq!(at(NOW + 40).0, Decision::Update);
    assert_eq!(at(0).0, Decision::Update, "a clock that was set back proves nothing");
    let confirmed = Attempt { outcome: Some(AttemptOutcome::Confirmed), ..failed("22.39.2048", "boot-0") };
    assert_eq!(with_journal(&machine(), &entry, vec![confirmed]).0, Decision::Update);
}

#[test]
fn a_component_is_tried_once_in_a_boot() {
    let entry = wants("22.39.2048", "");
    let tried = |attempt| with_journal(&machine(), &entry, vec![attempt]);
    assert_eq!(
        tried(failed("22.39.2048", BOOT)),
        text(Decision::Refused, "flashing 22.39.2048 was tried in this boot: EIO")
    );
    let open = |phase| attempt("22.39.2048", BOOT, phase);
    assert_eq!(tried(open(Phase::Armed)).1, "an attempt to flash 22.39.2048 in this boot has not ended");
    assert_eq!(tried(open(Phase::Staged)), text(Decision::PendingActivation, "22.39.2048"));
    assert_eq!(tried(open(Phase::Activating)), text(Decision::PendingActivation, "22.39.2048"));
    let other = attempt("22.38.0", BOOT, Phase::Staged);
    assert_eq!(tried(other).1, "22.38.0 was flashed in this boot; the next version follows in the next boot");
    let reloaded = running("22.39.2048", "22.39.2048");
    assert_eq!(with_journal(&reloaded, &entry, vec![open(Phase::Activating)]).0, Decision::Current);
    let flashed = running("22.31.1014", "22.39.2048");
    assert_eq!(with_journal(&flashed, &entry, vec![open(Phase::Staged)]).0, Decision::PendingActivation);
}

#[test]
fn without_a_journal_nothing_is_flashed() {
    let set = manifests(&wants("22.39.2048", ""));
    let decision =
        |facts: &Facts| plan(matches(facts, &set), None, &conditions()).components[0].report().decision;
    assert_eq!(decision(&machine()), Decision::Refused);
    assert_eq!(decision(&running("22.31.1014", "22.39.2048")), Decision::Refused);
    assert_eq!(decision(&running("22.39.2048", "22.39.2048")), Decision::Current);
}

#[test]
fn there_is_one_reset_the_strongest() {
    let of_board = "version = { want = \"2.19.1\", source = \"dmi\", format = \"triplet\" }\nimage = IMAGE";
    let reset = |nic: &str, facts: &Facts| {
        let set = manifests(&format!(
            "{}{}",
            wants("22.39.2048", "").replace("by = \"warm\"", nic),
            board(of_board)
        ));
        plan(matches(facts, &set), Some(&Journal::default()), &conditions()).reset()
    };
    assert_eq!(reset("by = \"power-cycle\"", &machine()), Some(Activation::PowerCycle));
    assert_eq!(reset("by = \"warm\"", &machine()), Some(Activation::Cold));
    assert_eq!(reset("by = \"power-cycle\"", &running("22.39.2048", "22.39.2048")), Some(Activation::Cold));
    let set = manifests(&wants("22.39.2048", "").replace("by = \"warm\"", "by = \"reload\""));
    assert_eq!(plan(matches(&machine(), &set), Some(&Journal::default()), &conditions()).reset(), None);
}

#[test]
fn an_exhausted_component_quarantines_the_host_if_the_entry_asks_for_it() {
    let quarantined = |on_fail: &str, attempts: Vec<Attempt>| {
        let set = manifests(&wants(
            "22.39.2048",
            &format!("limits = {{ max_attempts = 1 }}\nsafety = {{ on_fail = \"{on_fail}\" }}"),
        ));
        let journal = Journal { version: 1, attempts };
        !plan(matches(&machine(), &set), Some(&journal), &conditions()).quarantine().is_empty()
    };
    assert!(quarantined("quarantine", vec![failed("22.39.2048", "boot-0")]));
    assert!(!quarantined("continue", vec![failed("22.39.2048", "boot-0")]));
    assert!(!quarantined("quarantine", Vec::new()));
}

#[test]
fn only_a_later_boot_settles_an_attempt_and_only_the_running_version_confirms_it() {
    let set = manifests(&wants("22.39.2048", ""));
    let outcome = |facts: &Facts, attempt: Attempt| {
        let mut journal = Journal { version: 1, attempts: vec![attempt] };
        let settled = settle(&mut journal, BOOT, &matches(facts, &set).matched);
        assert_eq!(settled, journal.attempts[0].outcome.is_some());
        journal.attempts[0].outcome.clone()
    };
    let old = machine();
    let new = running("22.39.2048", "22.39.2048");
    let at = |phase| attempt("22.39.02048", "boot-1", phase);
    for phase in [Phase::Armed, Phase::Staged, Phase::Activating] {
        assert_eq!(outcome(&new, at(phase)), Some(AttemptOutcome::Confirmed));
    }
    assert_eq!(outcome(&old, at(Phase::Armed)), Some(AttemptOutcome::CutOff));
    assert_eq!(outcome(&old, at(Phase::Staged)), Some(AttemptOutcome::Failed));
    assert_eq!(outcome(&old, at(Phase::Activating)), Some(AttemptOutcome::Unchanged));
    assert_eq!(outcome(&old, at(Phase::Unknown("x".to_string()))), Some(AttemptOutcome::Failed));
    assert_eq!(outcome(&new, attempt("22.39.2048", BOOT, Phase::Activating)), None, "its own boot");
    assert_eq!(outcome(&Facts::default(), at(Phase::Activating)), None, "the adapter is gone");
}
