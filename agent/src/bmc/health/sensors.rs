// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sensors.

use stage1_contract::{BmcHealth, BmcSensor};

use super::{Depth, number};
use crate::bmc::session::{LenientSession, Sensor, Sensors, read_sensors};
use ipmi::sensor::{Breach, Severity, Units, sensor_type};
use ipmi::storage::Sdr;

/// Reads the sensors that `records` describe, as many as the BMC returns.
pub(super) fn read(session: &mut LenientSession, records: &[Sdr], depth: Depth, health: &mut BmcHealth) {
    let mut read = Sensors::default();
    let _ = session.with(|bmc| {
        read = read_sensors(bmc, records);
        read.ended.take().map_or(Ok(()), Err)
    });
    for (name, error) in &read.refused {
        session.problem(format!("sensor {name}: {error}"));
    }
    let count = read.sensors.iter().filter(|sensor| sensor.state.is_some()).count();
    health.sensors_read = Some(u32::try_from(count).unwrap_or(u32::MAX));
    let sensors = read.sensors.iter().map(reported);
    health.sensors = sensors.filter(|sensor| depth != Depth::Report || sensor.is_out_of_range).collect();
}

fn reported(sensor: &Sensor) -> BmcSensor {
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
