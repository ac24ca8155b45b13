// SPDX-License-Identifier: MIT OR Apache-2.0
//! The firmware report for people. Pure.

use std::collections::BTreeMap;
use std::fmt::Write;

use stage1_contract::firmware::manifest::Method;
use stage1_contract::firmware::{
    Decision, FirmwareComponent, FirmwareReport, FirmwareSkipped, SetSource, SkipReason,
};
use stage1_contract::printable;

use super::plan::{Plan, Planned, Target, Verdict};
use crate::display::{columns, size};
use crate::inventory::redacted;
use crate::json;

/// The message without a manifest set.
pub(crate) const NO_MANIFESTS: &str = "no firmware manifests: neither the image nor the inventory has any";

/// The report as a table.
pub(crate) fn table(report: &FirmwareReport) -> String {
    let Some(set) = &report.set else { return format!("{NO_MANIFESTS}\n") };
    let source = match &set.source {
        SetSource::Image => "the image",
        SetSource::Inventory => "the inventory",
        SetSource::Unknown(other) => &printable(other),
    };
    let signed = if set.signed { "signed" } else { "not signed" };
    let expired = if set.expired { ", expired" } else { "" };
    let mut text = format!("manifests of {source}, serial {}, {signed}{expired}\n", set.serial);
    let mut rows =
        vec![["device", "entry", "running", "stored", "desired", "decision"].map(str::to_string).to_vec()];
    rows.extend(report.components.iter().map(row));
    rows.extend(report.skipped.iter().map(|skipped| {
        let dash = "-".to_string();
        let reason = format!("skipped: {}", skipped.reason);
        vec![skipped.device.clone(), dash.clone(), dash.clone(), dash.clone(), dash, reason]
    }));
    text += &columns(&rows, "");
    text
}

/// The report in one line: the number of components by decision.
pub(crate) fn summary(report: &FirmwareReport) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for component in &report.components {
        let word = match (&component.decision, &component.outcome) {
            (Decision::Refused, Some(outcome)) => json::word(outcome),
            (decision, _) => json::word(decision),
        };
        *counts.entry(word.replace('-', " ")).or_default() += 1;
    }
    let mut words: Vec<String> =
        counts.into_iter().map(|(decision, count)| format!("{count} {decision}")).collect();
    if words.is_empty() {
        words.push("no entry matches this machine".to_string());
    }
    let ambiguous = report.skipped.iter().filter(|skipped| is_problem(skipped)).count();
    if ambiguous > 0 {
        words.push(format!("{ambiguous} skipped"));
    }
    words.join(", ")
}

/// The problems of a report: components that do not run the desired version and are not flashed.
pub(crate) fn problems(report: &FirmwareReport) -> Vec<String> {
    let is_left = |component: &&FirmwareComponent| {
        matches!(component.decision, Decision::Refused | Decision::Exhausted)
    };
    let left = report.components.iter().filter(is_left).map(|component| {
        let FirmwareComponent { name, device, want, reason, .. } = component;
        format!("{name} {device}: not flashed to {want}: {}", reason.as_deref().unwrap_or_default())
    });
    let skipped = report.skipped.iter().filter(|skipped| is_problem(skipped));
    left.chain(skipped.map(|skipped| format!("{}: skipped: {}", skipped.device, skipped.reason))).collect()
}

/// What flashing by a plan does, one line per component.
pub(crate) fn acts(plan: &Plan) -> String {
    let mut text = String::new();
    for Planned { matched, verdict, .. } in &plan.components {
        let (entry, device) = (matched.entry, &matched.device.name);
        let by = json::word(&entry.activate.by);
        let name = format!("{} {device}", entry.name);
        let _ = match verdict {
            Verdict::Update(Target { version, image, .. }) => {
                let how = how(&entry.method);
                let url = image.urls.first().map(|url| redacted(url)).unwrap_or_default();
                let size = size(image.size);
                writeln!(text, "{name}: write {version} ({size}, {url}) {how}; activate: {by}")
            }
            Verdict::PendingActivation { version, .. } => {
                writeln!(text, "{name}: {version} is already stored; activate: {by}")
            }
            Verdict::Current(_) | Verdict::Refused(_) | Verdict::Exhausted(_) => Ok(()),
        };
    }
    let _ = match plan.reset() {
        _ if text.is_empty() => writeln!(text, "nothing to flash or activate"),
        Some(by) => writeln!(text, "then one {} reset for all", json::word(&by)),
        None => writeln!(text, "no reset, unless a driver requires one"),
    };
    text
}

/// Whether operators must know about it. That no entry matches a component is normal.
fn is_problem(skipped: &FirmwareSkipped) -> bool {
    skipped.reason != SkipReason::NoEntry
}

fn how(method: &Method) -> String {
    match method {
        Method::Capsule => "by UEFI, as a capsule".to_string(),
        Method::Devlink(devlink) => match &devlink.component {
            Some(component) => format!("by devlink, component {component}"),
            None => "by devlink".to_string(),
        },
        Method::Mtd(mtd) => format!("into the MTD partition {}", mtd.partition),
        Method::Exec(exec) => format!("by {}", exec.argv.join(" ")),
    }
}

fn row(component: &FirmwareComponent) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_string());
    let decision = match &component.decision {
        Decision::Current => "current".to_string(),
        Decision::PendingActivation => "pending activation".to_string(),
        Decision::Update => match &component.target {
            Some(target) if *target != component.want => format!("update to {target} first"),
            _ => "update".to_string(),
        },
        Decision::Refused => "refused".to_string(),
        Decision::Exhausted => "exhausted".to_string(),
        Decision::Unknown(other) => other.clone(),
    };
    let decision = match &component.reason {
        Some(reason) => format!("{decision}: {reason}"),
        None => decision,
    };
    vec![
        component.device.clone(),
        component.name.clone(),
        text(&component.running),
        text(&component.stored),
        component.want.clone(),
        decision,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use stage1_contract::Report;
    use stage1_contract::firmware::manifest::Component;

    #[test]
    fn every_component_has_its_row() {
        let report: Report =
            serde_json::from_str(include_str!("../../../inventory/contract/tests/wire/report-firmware.json"))
                .unwrap();
        let table = table(&report.firmware.unwrap());
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "manifests of the inventory, serial 2026092301, signed");
        assert_eq!(
            lines[1],
            "device        entry               running     stored      desired     decision"
        );
        assert_eq!(lines[2], "0000:3b:00.0  connectx-6-dx       22.31.1014  22.31.1014  22.39.2048  update");
        assert!(lines[4].ends_with("exhausted: tried 3 times"), "{table}");
        assert!(lines[8].ends_with("skipped: no entry matches it"), "{table}");
        assert_eq!(super::table(&FirmwareReport::default()).lines().count(), 1);
    }

    #[test]
    fn only_ambiguous_components_are_problems() {
        let skipped = |reason| FirmwareSkipped {
            component: Component::Nic,
            device: "0000:3b:00.0".to_string(),
            reason,
        };
        let ambiguous = SkipReason::Ambiguous(vec!["a".to_string(), "b".to_string()]);
        let report = FirmwareReport {
            skipped: vec![skipped(SkipReason::NoEntry), skipped(ambiguous)],
            ..FirmwareReport::default()
        };
        assert_eq!(problems(&report), ["0000:3b:00.0: skipped: 2 entries match it: a, b"]);
        assert_eq!(summary(&report), "no entry matches this machine, 1 skipped");
    }
}
