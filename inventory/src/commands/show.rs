// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stage1-inventory host show`: one host as text.

use std::fmt::Write;

use anyhow::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use stage1_contract::firmware::{Attempt, FirmwareComponent, FirmwareReport, Journal};
use stage1_contract::{
    BmcOutcome, BmcReport, BmcUser, Disk, EventSeverity, Facts, FirmwareKind, Installed, Nic, Problem,
    Report, printable, size, waterfall,
};

use crate::output::{columns, table};
use crate::store::hosts::{Host, Received};

/// Characters per line of the waterfall.
const WIDTH: usize = 100;

/// How many events are shown; JSON contains all.
const EVENTS: usize = 20;

/// The text for a host.
pub(crate) fn show(host: &Host) -> Result<String> {
    let report: Option<Report> = read(host.report.as_ref())?;
    let installed: Option<Installed> = read(host.installed.as_ref())?;
    let mut out = String::new();
    let summary = &host.summary;
    line(&mut out, "host", &summary.id);
    if let Some(report) = &report {
        line(&mut out, "", &report.identity.reason);
    }
    line(&mut out, "name", &summary.hostname);
    line(&mut out, "state", &summary.state);
    line(&mut out, "action", summary.action.as_deref().unwrap_or("default"));
    for conflict in &host.conflicting {
        line(&mut out, "conflict", &conflict.words(&summary.id));
    }
    if !host.conflicting.is_empty() {
        line(&mut out, "", "held in `wait`: remove the host that is no more, or `host accept` this one");
    }
    line(&mut out, "profile", summary.profile.as_deref().unwrap_or("none"));
    let seen = |time: &Option<String>| time.clone().unwrap_or_else(|| "never".to_string());
    line(&mut out, "seen", &format!("first {}, last {}", seen(&host.first_seen), seen(&summary.last_seen)));
    if let Some(installed) = &installed {
        let at = host.installed_at.as_deref().unwrap_or_default();
        line(&mut out, "installed", &format!("{} at {at}, nonce {}", installed.profile, installed.nonce));
    }
    if let Some(report) = &report {
        line(&mut out, "agent", &format!("{}, boot {}", report.agent, report.boot_id));
        if let Some(report) = &report.bmc {
            bmc(&mut out, report);
        }
        facts(&mut out, &report.facts);
        firmware(&mut out, report.firmware.as_ref(), read(host.firmware.as_ref())?);
        problems(&mut out, &report.problems);
        // `installed` has the whole run, the report only the part before it was sent.
        let timeline = match &installed {
            Some(installed) if installed.boot_id == report.boot_id => &installed.timeline,
            _ => &report.timeline,
        };
        let _ = write!(out, "\nlast run\n{}", waterfall(timeline, WIDTH));
    }
    events(&mut out, &host.events);
    Ok(out)
}

fn read<T: DeserializeOwned>(value: Option<&Value>) -> Result<Option<T>> {
    Ok(value.map(T::deserialize).transpose()?)
}

/// Text from hosts is made printable here, in `section` and in `problems`, before it reaches the terminal.
fn line(out: &mut String, label: &str, value: &str) {
    let _ = writeln!(out, "{label:11}{}", printable(value));
}

fn bmc(out: &mut String, bmc: &BmcReport) {
    let name = |user: &BmcUser| {
        let name = if user.name.is_empty() { format!("user {}", user.slot) } else { user.name.clone() };
        if user.enabled == Some(false) { format!("{name} (disabled)") } else { name }
    };
    let list = |names: Vec<String>| if names.is_empty() { "none".to_string() } else { names.join(", ") };
    let address = bmc.lan.as_ref().and_then(|lan| lan.address);
    let address = address.map_or_else(|| "no address".to_string(), |address| address.to_string());
    let users = list(bmc.users.iter().map(name).collect());
    let outcome = bmc.outcome.as_ref().map_or_else(|| "not configured".to_string(), outcome);
    let events = bmc.health.sel.iter().flat_map(|sel| &sel.events);
    let critical = events.filter(|event| event.severity == EventSeverity::Critical).count();
    line(out, "bmc", &format!("{address}, users: {users}; {outcome}; critical events: {critical}"));
}

fn outcome(outcome: &BmcOutcome) -> String {
    let failed = outcome.changes.iter().filter(|change| change.failure.is_some()).count();
    let mut text = if outcome.is_as_desired { "as configured" } else { "not as configured" }.to_string();
    for (count, what) in [(outcome.changes.len() - failed, "changed"), (failed, "failed")] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    if !outcome.unknown_users.is_empty() {
        let _ = write!(text, ", unknown users: {}", outcome.unknown_users.join(", "));
    }
    text
}

fn facts(out: &mut String, facts: &Facts) {
    let words = |parts: &[&Option<String>]| {
        let parts: Vec<&str> = parts.iter().filter_map(|part| part.as_deref()).collect();
        parts.join(" ")
    };
    if let Some(system) = &facts.system {
        let serial = system.serial.as_deref().unwrap_or("none");
        let system = words(&[&system.manufacturer, &system.product, &system.version]);
        line(out, "system", &format!("{system}, serial {serial}"));
    }
    if let Some(firmware) = &facts.firmware {
        let kind = match &firmware.kind {
            FirmwareKind::Uefi => "UEFI",
            FirmwareKind::Bios => "BIOS",
            FirmwareKind::Unknown(other) => other,
        };
        line(out, "firmware", &format!("{kind} {}", words(&[&firmware.vendor, &firmware.version])));
    }
    if let Some(cpus) = &facts.cpus {
        let model = cpus.model.as_deref().unwrap_or("unknown model");
        let (sockets, cores, threads) = (cpus.sockets, cpus.cores, cpus.threads);
        line(out, "cpus", &format!("{sockets} x {model}, {cores} cores, {threads} threads"));
    }
    if let Some(memory) = &facts.memory {
        line(out, "memory", &format!("{} usable", size(memory.usable_bytes)));
    }
    if let Some(kernel) = &facts.kernel {
        line(out, "kernel", kernel);
    }
    section(out, "ports", facts.nics.iter().map(port).collect());
    section(out, "disks", facts.disks.iter().map(disk).collect());
}

fn port(nic: &Nic) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_string());
    let link = match (nic.carrier, nic.speed_mbps) {
        (Some(true), Some(speed)) => format!("{speed} Mbit/s"),
        (Some(true), None) => "carrier".to_string(),
        (Some(false), _) => "no carrier".to_string(),
        (None, _) => "down".to_string(),
    };
    let mac = if nic.permanent_mac.is_some() { &nic.permanent_mac } else { &nic.mac };
    vec![nic.name.clone(), text(mac), text(&nic.driver), text(&nic.pci_address), link]
}

fn disk(disk: &Disk) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_string());
    let size = size(disk.size_bytes);
    vec![disk.name.clone(), size, text(&disk.model), text(&disk.serial)]
}

/// The wire name of an enum value.
fn wire_name(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| Some(value.as_str()?.to_string())).unwrap_or_default()
}

/// The running and the desired versions, and every update attempt.
fn firmware(out: &mut String, report: Option<&FirmwareReport>, journal: Option<Journal>) {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_string());
    let component = |component: &FirmwareComponent| {
        let FirmwareComponent { name, device, running, stored, want, decision, reason, .. } = component;
        let reason = reason.clone().unwrap_or_default();
        vec![
            name.clone(),
            device.clone(),
            text(running),
            text(stored),
            want.clone(),
            wire_name(decision),
            reason,
        ]
    };
    let rows: Vec<_> = report.iter().flat_map(|report| &report.components).map(component).collect();
    let headings = ["entry", "device", "running", "stored", "desired", "decision", ""];
    section_with_headings(out, "firmware", headings, rows);
    let attempt = |attempt: &Attempt| {
        let Attempt { entry, device, version, from, phase, outcome, detail, .. } = attempt;
        let outcome = outcome.as_ref().map_or_else(|| format!("open, {}", wire_name(phase)), wire_name);
        vec![
            entry.clone(),
            device.clone(),
            from.clone(),
            version.clone(),
            outcome,
            detail.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = journal.iter().flat_map(|journal| &journal.attempts).map(attempt).collect();
    let headings = ["entry", "device", "from", "to", "outcome", ""];
    section_with_headings(out, "firmware update attempts", headings, rows);
}

fn problems(out: &mut String, problems: &[Problem]) {
    if problems.is_empty() {
        return;
    }
    out.push_str("\nproblems\n");
    for problem in problems {
        let _ = writeln!(out, "  {}: {}", printable(&problem.stage.to_string()), printable(&problem.message));
        if let Some(advice) = &problem.advice {
            let _ = writeln!(out, "    {}", printable(advice));
        }
    }
}

fn events(out: &mut String, events: &[Received]) {
    let hidden = events.len().saturating_sub(EVENTS);
    let row = |Received { received, event }: &Received| {
        let at = format!("{}.{:03} s", event.at_ms / 1000, event.at_ms % 1000);
        vec![received.clone(), at, event.stage.to_string(), event.message.clone()]
    };
    let title = if hidden == 0 { "events" } else { "last events" };
    section(out, title, events.iter().skip(hidden).map(row).collect());
    let failure = events.iter().rev().find(|received| !received.event.problems.is_empty());
    if let Some(Received { received, event }) = failure {
        let _ = write!(out, "\nfailed at {received}, as the host reported it:");
        problems(out, &event.problems);
    }
}

fn section(out: &mut String, title: &str, rows: Vec<Vec<String>>) {
    if !rows.is_empty() {
        indent(out, title, &columns(printable_rows(rows)));
    }
}

fn section_with_headings<const N: usize>(
    out: &mut String,
    title: &str,
    headings: [&str; N],
    rows: Vec<Vec<String>>,
) {
    if !rows.is_empty() {
        indent(out, title, &table(headings, printable_rows(rows)));
    }
}

fn printable_rows(rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect()
}

fn indent(out: &mut String, title: &str, text: &str) {
    let _ = write!(out, "\n{title}\n");
    for row in text.lines() {
        let _ = writeln!(out, "  {row}");
    }
}
