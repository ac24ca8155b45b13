// SPDX-License-Identifier: MIT OR Apache-2.0
//! A BMC for people.

use std::fmt::Write;

use stage1_contract::{
    BmcDevice, BmcFru, BmcLan, BmcOutcome, BmcReport, BmcSel, BmcSensor, BmcUser, PasswordState, SelEntry,
    printable,
};

use crate::display::{columns, decimal, size};
use crate::json;

/// A BMC, faults first.
pub fn show(report: &BmcReport) -> String {
    let mut rows: Vec<[String; 2]> = Vec::new();
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            rows.push([name.to_string(), value]);
        }
    };
    let device = &report.device;
    if let Some(test) = &device.self_test {
        row("fault", format!("BMC self test: {test}"));
    }
    if let Some(chassis) = &report.chassis {
        chassis.faults.iter().for_each(|fault| row("fault", fault.clone()));
    }
    row("bmc", device_words(device));
    row("guid", device.guid.clone().unwrap_or_default());
    if let Some(lan) = &report.lan {
        row("lan", lan_words(lan));
        lan.ipv6.iter().for_each(|ipv6| row("ipv6", format!("{}/{}", ipv6.address, ipv6.prefix)));
        let suites: Vec<String> = lan.cipher_suites.iter().map(ToString::to_string).collect();
        row("ciphers", suites.join(" "));
        row("ipmi 1.5", authentication_words(lan));
    }
    report.other_lans.iter().for_each(|lan| row("lan", lan_words(lan)));
    if let Some(sol) = &report.sol {
        let rate = sol.bits_per_second.map_or_else(String::new, |rate| format!(", {rate} bit/s"));
        let encryption = if sol.encryption == Some(true) { ", encrypted" } else { "" };
        let privilege =
            sol.privilege.iter().map(|level| format!(", for {level} and above")).collect::<String>();
        row("sol", format!("{}{rate}{encryption}{privilege}", if sol.is_enabled { "on" } else { "off" }));
    }
    if let Some(boot) = &report.boot {
        let when = if boot.is_persistent { "all boots" } else { "the next boot" };
        row("boot", format!("{} for {when}", boot.device));
    }
    if let Some(dcmi) = &report.dcmi {
        row("tag", dcmi.asset_tag.clone().unwrap_or_default());
        row("name", dcmi.controller_id.clone().unwrap_or_default());
    }
    if let Some(chassis) = &report.chassis {
        let mut words = vec![if chassis.is_on { "on".to_string() } else { "off".to_string() }];
        words.extend(chassis.restart_cause.iter().map(|cause| format!("started by {cause}")));
        words.extend(chassis.last_power_event.iter().cloned());
        row("power", words.join(", "));
    }
    if let Some(power) = &report.health.power {
        row("draw", format!("{} W, average {} W", power.now_watts, power.average_watts));
    }
    if let Some(ahead) = report.clock_ahead_s {
        row("clock", format!("{ahead:+} s relative to the host's"));
    }
    report.users.iter().for_each(|user| row("user", user_words(user)));
    report.health.frus.iter().for_each(|fru| row("fru", fru_words(fru)));
    if let Some(sel) = &report.health.sel {
        row("sel", sel_words(sel));
        sel.events.iter().for_each(|event| row("event", event_cells(event).join("  ")));
    }
    report.health.sensors.iter().filter(|sensor| sensor.is_out_of_range).for_each(|sensor| {
        row("sensor", format!("{}: {} {}", sensor.name, reading(sensor), sensor.state));
    });
    columns(&rows, "")
}

/// The events, one per line.
pub(crate) fn events(sel: &BmcSel) -> String {
    let rows: Vec<[String; 4]> = sel.events.iter().map(event_cells).collect();
    format!("{}\n{}", sel_words(sel), columns(&rows, ""))
}

/// The sensors, one per line.
pub(crate) fn sensors(sensors: &[BmcSensor]) -> String {
    let row = |sensor: &BmcSensor| [sensor.name.clone(), reading(sensor), sensor.state.clone()];
    columns(&sensors.iter().map(row).collect::<Vec<_>>(), "")
}

/// The outcome of configuring a BMC.
pub fn outcome(outcome: &BmcOutcome) -> String {
    let mut text = String::new();
    for change in &outcome.changes {
        let end = change
            .failure
            .as_ref()
            .map_or_else(|| "done".to_string(), |failure| format!("failed: {failure}"));
        let _ = writeln!(text, "{}: {}", printable(&change.what), printable(&end));
    }
    for user in &outcome.users {
        let _ = writeln!(text, "user {}: password {}", printable(&user.name), password(&user.password));
    }
    let _ = writeln!(text, "{}", summary(outcome));
    text
}

/// The outcome in one line.
pub(crate) fn summary(outcome: &BmcOutcome) -> String {
    let changes = match outcome.changes.iter().filter(|change| change.failure.is_none()).count() {
        0 => "no changes".to_string(),
        1 => "1 change".to_string(),
        count => format!("{count} changes"),
    };
    let state = if outcome.is_as_desired { "as desired" } else { "not as desired" };
    format!("{changes}, {state} ({} requests in {} ms)", outcome.requests, outcome.took_ms)
}

fn password(state: &PasswordState) -> &str {
    match state {
        PasswordState::NotDesired => "not changed",
        PasswordState::Proven => "verified",
        PasswordState::Set => "set; the BMC has no reliable test",
        PasswordState::Believed => "in place by an earlier report; the BMC has no reliable test",
        PasswordState::Failed => "not in place",
        PasswordState::Unknown(state) => state,
    }
}

fn device_words(device: &BmcDevice) -> String {
    let manufacturer = device.manufacturer.clone();
    let manufacturer = manufacturer.unwrap_or_else(|| format!("manufacturer {}", device.manufacturer_id));
    let BmcDevice { product_id, firmware, ipmi_version, .. } = device;
    format!("{manufacturer} product {product_id:#06x}, firmware {firmware}, IPMI {ipmi_version}")
}

fn user_words(user: &BmcUser) -> String {
    let state = match user.enabled {
        Some(true) => "enabled",
        Some(false) => "disabled",
        None => "enabled or disabled: not reported",
    };
    let name = if user.name.is_empty() { "(no name)" } else { &user.name };
    let privilege = user.privilege.as_ref().map_or("privilege not reported", |level| level.word());
    format!("{} {name}, {privilege}, {state}", user.slot)
}

fn lan_words(lan: &BmcLan) -> String {
    let mut words = vec![format!("channel {}", lan.channel)];
    words.push(match (lan.address, lan.mask) {
        (Some(address), Some(mask)) => format!("{address}/{}", u32::from(mask).count_ones()),
        (Some(address), None) => address.to_string(),
        _ => "no address".to_string(),
    });
    words.extend(lan.source.as_ref().map(|source| format!("by {}", json::word(source))));
    words.extend(lan.gateway.map(|gateway| format!("gateway {gateway}")));
    words.extend(lan.vlan.map(|vlan| format!("VLAN {vlan}")));
    words.extend(lan.mac.iter().map(|mac| format!("mac {mac}")));
    words.extend(lan.access.iter().map(|access| format!("access {access}")));
    words.extend(lan.is_host_interface.then(|| "the host's own interface".to_string()));
    words.join(", ")
}

/// The authentication types of IPMI 1.5, and what is not authenticated.
fn authentication_words(lan: &BmcLan) -> String {
    let mut words = vec![lan.authentication_types.join(" ")];
    let off = |what: &str| format!("{what} not authenticated");
    words.extend((lan.per_message_authentication == Some(false)).then(|| off("messages")));
    words.extend((lan.user_level_authentication == Some(false)).then(|| off("the level user")));
    words.retain(|words| !words.is_empty());
    words.join(", ")
}

fn fru_words(fru: &BmcFru) -> String {
    let part = |words: [&Option<String>; 3]| {
        words.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    let board = part([&fru.board_manufacturer, &fru.board_product, &fru.board_serial]);
    let product = part([&fru.product_manufacturer, &fru.product_name, &fru.product_serial]);
    let mut words = vec![fru.id.to_string()];
    words.extend(fru.name.clone());
    words.extend(
        [("board", board), ("product", product)]
            .into_iter()
            .filter(|(_, words)| !words.is_empty())
            .map(|(what, words)| format!("{what} {words}")),
    );
    words.extend(fru.problems.iter().map(|problem| format!("({problem})")));
    words.join(", ")
}

fn sel_words(sel: &BmcSel) -> String {
    let mut words = vec![format!("{} entries", sel.entries), format!("{} free", size(sel.free_bytes.into()))];
    words.extend(sel.last_added.iter().map(|time| format!("newest {time}")));
    if sel.is_overflown {
        words.push("log full, events were lost".to_string());
    }
    if sel.not_read > 0 {
        words.push(format!("{} oldest not read", sel.not_read));
    }
    words.join(", ")
}

/// Record ID, time, severity, event.
fn event_cells(event: &SelEntry) -> [String; 4] {
    let time = event.time.as_deref().unwrap_or("unknown time").to_string();
    let source = event.generator.as_ref().map_or_else(String::new, |source| format!(" of {source}"));
    let sensor = match (&event.sensor_name, &event.sensor_type, event.sensor) {
        (Some(name), Some(kind), _) => format!("{kind} {name}{source}: "),
        (None, Some(kind), Some(number)) => format!("{kind} #{number:#04x}{source}: "),
        _ => String::new(),
    };
    let detail = event.detail.as_ref().map_or_else(String::new, |detail| format!(": {detail}"));
    let end = if event.is_deassertion { " (deasserted)" } else { "" };
    let raw = event.raw.as_ref().map_or_else(String::new, |raw| format!(" {raw}"));
    let text = format!("{sensor}{}{detail}{end}{raw}", event.event);
    [event.record.to_string(), time, event.severity.to_string(), text]
}

fn reading(sensor: &BmcSensor) -> String {
    let Some(milli) = sensor.reading_milli else { return String::new() };
    let unit = sensor.unit.as_deref().unwrap_or_default();
    format!("{} {}", decimal(milli), printable(unit)).trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use stage1_contract::{BmcChange, BmcHealth, BmcUserOutcome, EventSeverity, PrivilegeLevel};

    use super::*;

    #[test]
    fn a_bmc_is_printed_in_columns_with_faults_first() {
        let user = BmcUser { slot: 3, name: "boss".to_string(), ..BmcUser::default() };
        let event = SelEntry {
            record: 7,
            sensor_type: Some("Memory".to_string()),
            sensor: Some(4),
            event: "Uncorrectable\u{1b} ECC".to_string(),
            severity: EventSeverity::Critical,
            ..SelEntry::default()
        };
        let sel =
            BmcSel { entries: 9, free_bytes: 4096, not_read: 2, events: vec![event], ..BmcSel::default() };
        let device = BmcDevice {
            manufacturer_id: 674,
            firmware: "7.10".to_string(),
            ipmi_version: "2.0".to_string(),
            self_test: Some("fault 0x80".to_string()),
            ..BmcDevice::default()
        };
        let report = BmcReport {
            device,
            users: vec![BmcUser { privilege: Some(PrivilegeLevel::Operator), enabled: Some(true), ..user }],
            health: BmcHealth { sel: Some(sel.clone()), ..BmcHealth::default() },
            ..BmcReport::default()
        };
        assert_eq!(
            show(&report),
            "fault  BMC self test: fault 0x80\n\
             bmc    manufacturer 674 product 0x0000, firmware 7.10, IPMI 2.0\n\
             user   3 boss, operator, enabled\n\
             sel    9 entries, 4 KiB free, 2 oldest not read\n\
             event  7  unknown time  critical  Memory #0x04: Uncorrectable? ECC\n"
        );
        assert_eq!(
            events(&sel),
            "9 entries, 4 KiB free, 2 oldest not read\n\
             7  unknown time  critical  Memory #0x04: Uncorrectable? ECC\n"
        );
    }

    #[test]
    fn an_outcome_has_a_line_per_change_and_user() {
        let change = |what: &str, failure: Option<&str>| BmcChange {
            what: what.to_string(),
            failure: failure.map(str::to_string),
        };
        let user = |name: &str, password| BmcUserOutcome { name: name.to_string(), slot: Some(3), password };
        let failed = BmcOutcome {
            changes: vec![
                change("user 3 boss: enabled", None),
                change("clock: set by the host's", Some("0xc1")),
            ],
            users: vec![user("boss", PasswordState::Proven), user("ops", PasswordState::NotDesired)],
            requests: 40,
            took_ms: 12,
            ..BmcOutcome::default()
        };
        assert_eq!(
            outcome(&failed),
            "user 3 boss: enabled: done\n\
             clock: set by the host's: failed: 0xc1\n\
             user boss: password verified\n\
             user ops: password not changed\n\
             1 change, not as desired (40 requests in 12 ms)\n"
        );
        let unchanged = BmcOutcome { is_as_desired: true, ..BmcOutcome::default() };
        assert_eq!(summary(&unchanged), "no changes, as desired (0 requests in 0 ms)");
    }

    #[test]
    fn an_event_has_its_source_and_its_details() {
        let event = SelEntry {
            record: 7,
            time: Some("2026-11-28T00:00:00Z".to_string()),
            sensor_type: Some("Memory".to_string()),
            sensor: Some(9),
            generator: Some("BIOS".to_string()),
            event: "Correctable ECC".to_string(),
            detail: Some("DIMM 5".to_string()),
            is_deassertion: true,
            ..SelEntry::default()
        };
        let [.., text] = event_cells(&event);
        assert_eq!(text, "Memory #0x09 of BIOS: Correctable ECC: DIMM 5 (deasserted)");
    }

    #[test]
    fn readings_are_short() {
        let sensor = |milli, unit: &str| BmcSensor {
            reading_milli: Some(milli),
            unit: Some(unit.to_string()),
            ..BmcSensor::default()
        };
        assert_eq!(reading(&sensor(12_080, "Volts")), "12.08 Volts");
        assert_eq!(reading(&sensor(-500, "degrees C")), "-0.5 degrees C");
        assert_eq!(reading(&sensor(9_000_000, "RPM")), "9000 RPM");
    }
}
