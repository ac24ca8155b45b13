// SPDX-License-Identifier: MIT OR Apache-2.0
//! The firmware report for people. Pure.

use std::fmt::Write;

use stage1_inventory::firmware::{Decision, FirmwareComponent, FirmwareReport, SetSource};
use stage1_inventory::printable;

/// What is said where there is nothing to compare with.
pub const NO_MANIFESTS: &str = "no firmware manifests: neither the image nor the inventory has any";

/// The report as a table.
pub fn table(report: &FirmwareReport) -> String {
    let Some(set) = &report.set else { return format!("{NO_MANIFESTS}\n") };
    let source = match &set.source {
        SetSource::Image => "the image",
        SetSource::Inventory => "the inventory",
        SetSource::Unknown(other) => other,
    };
    let signed = if set.signed { "signed" } else { "not signed" };
    let expired = if set.expired { ", expired" } else { "" };
    let mut text = format!("manifests of {source}, serial {}, {signed}{expired}\n", set.serial);
    let mut rows =
        vec![["device", "entry", "running", "stored", "wanted", "decision"].map(str::to_string).to_vec()];
    rows.extend(report.components.iter().map(row));
    rows.extend(report.skipped.iter().map(|skipped| {
        let dash = "-".to_string();
        let reason = format!("left alone: {}", skipped.reason);
        vec![skipped.device.clone(), dash.clone(), dash.clone(), dash.clone(), dash, reason]
    }));
    for row in &mut rows {
        row.iter_mut().for_each(|cell| *cell = printable(cell));
    }
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..6).filter_map(width).collect();
    for row in &rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

fn row(component: &FirmwareComponent) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_string());
    let decision = match &component.decision {
        Decision::Current => "current".to_string(),
        Decision::PendingActivation => "pending activation".to_string(),
        Decision::Update => match &component.target {
            Some(target) if *target != component.want => format!("update, by way of {target}"),
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
    use stage1_inventory::Report;

    #[test]
    fn a_report_of_everything() {
        let report: Report =
            serde_json::from_str(include_str!("../../../inventory/tests/wire/report-firmware.json")).unwrap();
        let table = table(&report.firmware.unwrap());
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "manifests of the inventory, serial 2026092301, signed");
        assert_eq!(
            lines[1],
            "device        entry               running     stored      wanted      decision"
        );
        assert_eq!(lines[2], "0000:3b:00.0  connectx-6-dx       22.31.1014  22.31.1014  22.39.2048  update");
        assert!(lines[4].ends_with("exhausted: tried 3 times"), "{table}");
        assert!(lines[8].ends_with("left alone: no entry matches it"), "{table}");
        assert_eq!(super::table(&FirmwareReport::default()).lines().count(), 1);
    }
}
