// SPDX-License-Identifier: MIT OR Apache-2.0
//! The events of the system event log.

use stage1_contract::{BmcSel, EventSeverity, SelEntry};

use super::{Depth, is_critical, number};
use crate::bmc::session::{LenientSession, Sel, read_sel};
use crate::display::{decimal, hex, utc};
use ipmi::sensor::{Event, Severity, Units};
use ipmi::storage::{Generator, Sdr, SdrContent, SelContent, SelRecord, SensorRecord, Timestamp};

/// Reads the newest `limit` records; `None` if there is no log.
pub(super) fn read(session: &mut LenientSession, limit: usize) -> Option<Sel> {
    let mut so_far = None;
    let read = session.with(|bmc| {
        let mut sel = read_sel(bmc, limit)?;
        match sel.ended.take_if(|error| error.is_fatal()) {
            Some(error) => {
                so_far = Some(sel);
                Err(error)
            }
            None => Ok(sel),
        }
    });
    match read {
        Some(Ok(sel)) => Some(sel),
        Some(Err(error)) => {
            if !error.is_absent() {
                session.problem(format!("reading the SEL: {error}"));
            }
            None
        }
        None => so_far,
    }
}

/// The log for the inventory; `sdrs` describe its sensors.
pub(super) fn summary(sel: Sel, sdrs: &[Sdr], depth: Depth, problems: &mut Vec<String>) -> BmcSel {
    let Sel { info, records, unread, warnings, ended } = sel;
    problems.extend(warnings.iter().map(ToString::to_string));
    problems.extend(ended.iter().map(|error| format!("reading the SEL: {error}")));
    let events = records.iter().map(|record| entry(record, sdrs));
    BmcSel {
        entries: info.records,
        free_bytes: info.free,
        is_overflown: info.has_overflowed,
        last_added: clock(info.last_addition),
        not_read: u32::try_from(unread).unwrap_or(u32::MAX),
        events: events.filter(|entry| depth != Depth::Report || is_critical(entry)).collect(),
    }
}

fn entry(record: &SelRecord, sdrs: &[Sdr]) -> SelEntry {
    let entry = SelEntry { record: record.id, ..SelEntry::default() };
    match &record.content {
        SelContent::Event { timestamp, generator, event } => {
            let sensor = sensor(*generator, event, sdrs);
            let [channel, lun] = [generator.place().0, generator.place().1].map(u16::from);
            let details = threshold(event, sensor).into_iter().chain(event.details()).collect::<Vec<_>>();
            SelEntry {
                time: clock(*timestamp),
                generator_id: Some((channel << 4 | lun) << 8 | u16::from(generator.owner())),
                generator: source(*generator, sdrs),
                sensor_type: Some(
                    event.sensor_type_name().map_or_else(|| number(event.sensor_type), str::to_string),
                ),
                sensor: Some(event.sensor),
                sensor_name: sensor.and_then(|sensor| sensor_name(sensor, event.sensor)),
                event: event.name().unwrap_or_else(|| unnamed(event)),
                detail: (!details.is_empty()).then(|| details.join(", ")),
                data: Some(hex(&event.data)),
                is_deassertion: event.is_deassertion,
                severity: severity(event.severity()),
                ..entry
            }
        }
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

/// The sensor that the event is about. A number alone does not find it: firmware, an operating system and each controller
/// number their sensors for themselves.
fn sensor<'a>(generator: Generator, event: &Event, sdrs: &'a [Sdr]) -> Option<&'a SensorRecord> {
    sdrs.iter().find_map(|sdr| match &sdr.content {
        SdrContent::Sensor(sensor) => {
            sensor.is_source(generator, event.sensor_type, event.sensor).then_some(sensor)
        }
        _ => None,
    })
}

fn sensor_name(sensor: &SensorRecord, number: u8) -> Option<String> {
    let named = sensor.numbered().into_iter().find(|(of, _)| *of == number);
    named.map(|(_, name)| name).filter(|name| !name.is_empty())
}

/// Reading and threshold of a threshold's event: "102 > 90 degrees C". Without the sensor's factors they stay raw.
fn threshold(event: &Event, sensor: Option<&SensorRecord>) -> Option<String> {
    let reading = event.trigger_reading()?;
    let threshold = event.trigger_threshold();
    // Table 42-2: offsets that are no multiple of 2 are "going high".
    let sign = if event.offset() % 2 == 1 { '>' } else { '<' };
    let factors = sensor.and_then(|sensor| sensor.factors);
    let value = |raw: u8| factors.and_then(|factors| factors.thousandths(raw)).map(decimal);
    let unit = sensor.and_then(|sensor| sensor.units).filter(|units| units.is_specified()).map(Units::name);
    let unit = unit.map_or_else(String::new, |unit| format!(" {unit}"));
    Some(match (value(reading), threshold.map(|raw| (raw, value(raw)))) {
        (Some(reading), Some((_, Some(threshold)))) => format!("{reading} {sign} {threshold}{unit}"),
        (Some(reading), _) => format!("{reading}{unit}"),
        (None, Some((threshold, _))) => format!("raw reading {reading:#04x} {sign} {threshold:#04x}"),
        (None, None) => format!("raw reading {reading:#04x}"),
    })
}

/// What generated the event; `None` if the BMC did.
fn source(generator: Generator, sdrs: &[Sdr]) -> Option<String> {
    if generator.is_bmc() {
        return None;
    }
    let (channel, lun) = generator.place();
    Some(match generator {
        Generator::Software { id, .. } => {
            generator.software().map_or_else(|| format!("software {id:#04x}"), str::to_string)
        }
        Generator::Controller { address: 0x20, .. } => match channel {
            0 => format!("BMC, LUN {lun}"),
            _ => format!("BMC, channel {channel}, LUN {lun}"),
        },
        Generator::Controller { address, .. } => {
            let name = sdrs.iter().find_map(|sdr| match &sdr.content {
                SdrContent::Controller(controller) if controller.address == address => Some(&controller.name),
                _ => None,
            });
            let name = name.filter(|name| !name.is_empty());
            name.map_or_else(
                || format!("controller {address:#04x}"),
                |name| format!("{name} ({address:#04x})"),
            )
        }
    })
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

fn unnamed(event: &Event) -> String {
    let Event { event_type, data, .. } = event;
    format!("event type {event_type:#04x}, data {}", hex(data))
}
