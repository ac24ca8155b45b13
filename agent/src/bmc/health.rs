// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading what a BMC knows of the hardware: events, sensors, FRU data, power draw.

use std::collections::BTreeMap;

use stage1_contract::{BmcFru, BmcHealth, BmcPower, BmcSel, BmcSensor, EventSeverity, SelEntry};

use super::session::{BmcSession, LenientSession, Sel, Sensor, read_fru, read_sdrs, read_sel, read_sensors};
use crate::display::hex;
use crate::display::utc;
use ipmi::dcmi::GetPowerReading;
use ipmi::sensor::{Breach, Event, Severity, Units, sensor_type};
use ipmi::storage::{Fru, Sdr, SdrContent, SelContent, SelRecord, Timestamp};

/// The newest events, of which a report has the critical ones. A full log has some thousands.
const REPORTED_EVENTS: usize = 512;

/// FRU devices that are read at most.
const MOST_FRUS: usize = 32;

/// How much of it to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// For a report: critical events, and sensors that are out of range.
    Report,
    /// The newest events, this many, and nothing else.
    Events(usize),
    /// All sensors, and nothing else.
    Sensors,
    /// All of it.
    Everything,
}

/// Reads what the BMC knows of the hardware. Also returns the problems.
pub(crate) fn health(bmc: &mut BmcSession, depth: Depth) -> (BmcHealth, Vec<String>) {
    let mut session = LenientSession::new(bmc);
    let health = read(&mut session, depth);
    (health, session.into_problems())
}

/// Whether an operator should look at the event.
pub(crate) fn is_critical(entry: &SelEntry) -> bool {
    entry.severity == EventSeverity::Critical
}

fn read(session: &mut LenientSession, depth: Depth) -> BmcHealth {
    let mut health = BmcHealth::default();
    let Some(records) = session.with(|bmc| {
        let sdrs = read_sdrs(bmc);
        match sdrs.ended {
            Some(error) if error.is_fatal() => Err(error),
            _ => Ok(sdrs),
        }
    }) else {
        return health;
    };
    let records = match records {
        Ok(sdrs) => {
            sdrs.warnings.iter().for_each(|warning| session.problem(warning.to_string()));
            let ended = sdrs.ended.filter(|error| !error.is_absent());
            ended.iter().for_each(|error| session.problem(format!("reading the SDR repository: {error}")));
            sdrs.records
        }
        Err(_) => Vec::new(),
    };
    if depth != Depth::Sensors {
        let limit = if let Depth::Events(limit) = depth { limit } else { REPORTED_EVENTS };
        health.sel = events(session, limit, &names(&records), depth);
    }
    if !matches!(depth, Depth::Events(_)) {
        sensors(session, &records, depth, &mut health);
    }
    if matches!(depth, Depth::Report | Depth::Everything) {
        health.frus = frus(session, &records);
        health.power =
            session.ask(&GetPowerReading).filter(|reading| reading.is_active).map(|reading| BmcPower {
                now_watts: reading.current,
                least_watts: reading.minimum,
                most_watts: reading.maximum,
                average_watts: reading.average,
            });
    }
    health
}

fn events(
    session: &mut LenientSession,
    limit: usize,
    names: &BTreeMap<u8, String>,
    depth: Depth,
) -> Option<BmcSel> {
    let sel = match session.with(|bmc| read_sel(bmc, limit))? {
        Ok(sel) => sel,
        Err(error) if error.is_absent() => return None,
        Err(error) => {
            session.problem(format!("reading the SEL: {error}"));
            return None;
        }
    };
    let Sel { info, records, unread, warnings, ended } = sel;
    warnings.iter().for_each(|warning| session.problem(warning.to_string()));
    ended.iter().for_each(|error| session.problem(format!("reading the SEL: {error}")));
    let events = records.iter().map(|record| entry(record, names));
    let events = events.filter(|entry| depth != Depth::Report || is_critical(entry)).collect();
    Some(BmcSel {
        entries: info.records,
        free_bytes: info.free,
        is_overflown: info.has_overflowed,
        last_added: clock(info.last_addition),
        not_read: u32::try_from(unread).unwrap_or(u32::MAX),
        events,
    })
}

fn entry(record: &SelRecord, names: &BTreeMap<u8, String>) -> SelEntry {
    let entry = SelEntry { record: record.id, ..SelEntry::default() };
    match &record.content {
        SelContent::Event { timestamp, event, .. } => SelEntry {
            time: clock(*timestamp),
            sensor_type: Some(
                event.sensor_type_name().map_or_else(|| number(event.sensor_type), str::to_string),
            ),
            sensor: Some(event.sensor),
            sensor_name: names.get(&event.sensor).cloned(),
            event: event.name().unwrap_or_else(|| unnamed(event)),
            is_deassertion: event.is_deassertion,
            severity: severity(event.severity()),
            ..entry
        },
        SelContent::Oem { kind, timestamp, manufacturer, data } => SelEntry {
            time: clock(*timestamp),
            event: format!("OEM record {kind:#04x} of manufacturer {manufacturer}"),
            raw: Some(hex(data)),
            ..entry
        },
        SelContent::Other { kind, data } => {
            SelEntry { event: format!("OEM record {kind:#04x}"), raw: Some(hex(data)), ..entry }
        }
    }
}

fn sensors(session: &mut LenientSession, records: &[Sdr], depth: Depth, health: &mut BmcHealth) {
    let Some(Ok(sensors)) = session.with(|bmc| Ok(read_sensors(bmc, records))) else { return };
    for (name, error) in &sensors.refused {
        session.problem(format!("sensor {name}: {error}"));
    }
    // If it ended early, the next request fails for the same reason, which is the problem.
    let count = sensors.sensors.iter().filter(|sensor| sensor.state.is_some()).count();
    health.sensors_read = Some(u32::try_from(count).unwrap_or(u32::MAX));
    let reported = sensors.sensors.iter().map(reported_sensor);
    health.sensors = reported.filter(|sensor| depth != Depth::Report || sensor.is_out_of_range).collect();
}

fn reported_sensor(sensor: &Sensor) -> BmcSensor {
    let mut reported = BmcSensor {
        number: sensor.number,
        name: sensor.name.clone(),
        sensor_type: sensor_type(sensor.sensor_type)
            .map_or_else(|| number(sensor.sensor_type), str::to_string),
        state: "no reading".to_string(),
        ..BmcSensor::default()
    };
    let Some(state) = &sensor.state else { return reported };
    reported.reading_milli = state.value;
    reported.unit = state.value.and(sensor.units.map(Units::name));
    let words: Vec<String> = match state.breach {
        Some(breach) => vec![breach_words(breach).to_string()],
        None => state
            .asserted
            .iter()
            .map(|state| state.name.map_or_else(|| format!("state {}", state.offset), str::to_string))
            .collect(),
    };
    reported.is_out_of_range = state.breach.is_some()
        || state.asserted.iter().any(|state| state.severity != Severity::Informational);
    reported.state = if words.is_empty() { "ok".to_string() } else { words.join(", ") };
    reported
}

/// FRU 0, which every BMC with FRU data has, and those that the SDR repository lists.
fn frus(session: &mut LenientSession, records: &[Sdr]) -> Vec<BmcFru> {
    let mut devices: Vec<(u8, Option<String>)> = vec![(0, None)];
    for record in records {
        let SdrContent::Fru(fru) = &record.content else { continue };
        match devices.iter_mut().find(|(id, _)| *id == fru.device) {
            _ if !fru.is_of_bmc() => {}
            Some((_, name)) => *name = Some(fru.name.clone()),
            None => devices.push((fru.device, Some(fru.name.clone()))),
        }
    }
    let mut frus = Vec::new();
    for (id, name) in devices.into_iter().take(MOST_FRUS) {
        match session.with(|bmc| read_fru(bmc, id)) {
            Some(Ok(fru)) => frus.extend(reported_fru(id, name, fru)),
            Some(Err(error)) if error.is_absent() || id > 0 => {}
            Some(Err(error)) => session.problem(format!("reading FRU {id}: {error}")),
            None => break,
        }
    }
    frus
}

/// A FRU for the report; `None` if it has no data.
fn reported_fru(id: u8, name: Option<String>, fru: Fru) -> Option<BmcFru> {
    let Fru { chassis, board, product, warnings, .. } = fru;
    if chassis.is_none() && board.is_none() && product.is_none() {
        return None;
    }
    let (chassis_type, chassis) = (chassis.as_ref().map(|chassis| chassis.kind), chassis.unwrap_or_default());
    let (board, product) = (board.unwrap_or_default(), product.unwrap_or_default());
    Some(BmcFru {
        id,
        name,
        chassis_type,
        chassis_part_number: chassis.part_number,
        chassis_serial: chassis.serial,
        board_made: board.manufactured.map(|time| utc(time.into())),
        board_manufacturer: board.manufacturer,
        board_product: board.product,
        board_serial: board.serial,
        board_part_number: board.part_number,
        product_manufacturer: product.manufacturer,
        product_name: product.name,
        product_part_number: product.part_number,
        product_version: product.version,
        product_serial: product.serial,
        asset_tag: product.asset_tag,
        problems: warnings.iter().map(ToString::to_string).collect(),
    })
}

/// The names of the BMC's own sensors, by sensor number.
fn names(records: &[Sdr]) -> BTreeMap<u8, String> {
    let sensors = records.iter().filter_map(|record| match &record.content {
        SdrContent::Sensor(sensor) if sensor.is_of_bmc() => Some(sensor.numbered()),
        _ => None,
    });
    sensors.flatten().collect()
}

fn clock(timestamp: Timestamp) -> Option<String> {
    match timestamp {
        Timestamp::Clock(seconds) => Some(utc(seconds.into())),
        Timestamp::SinceStart(_) | Timestamp::Unspecified => None,
    }
}

fn severity(severity: Severity) -> EventSeverity {
    match severity {
        Severity::Critical => EventSeverity::Critical,
        Severity::Warning => EventSeverity::Warning,
        Severity::Informational => EventSeverity::Information,
    }
}

/// As ipmitool spells them.
fn breach_words(breach: Breach) -> &'static str {
    match breach {
        Breach::LowerNonCritical => "lower non-critical",
        Breach::LowerCritical => "lower critical",
        Breach::LowerNonRecoverable => "lower non-recoverable",
        Breach::UpperNonCritical => "upper non-critical",
        Breach::UpperCritical => "upper critical",
        Breach::UpperNonRecoverable => "upper non-recoverable",
    }
}

fn unnamed(event: &Event) -> String {
    let Event { event_type, data, .. } = event;
    format!("event type {event_type:#04x}, data {}", hex(data))
}

fn number(code: u8) -> String {
    format!("{code:#04x}")
}
