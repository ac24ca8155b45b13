// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading sensors (IPMI 2.0, section 35).

use super::{BmcSession, Error};
use ipmi::sensor::{
    Breach, Factors, GetSensorReading, GetSensorReadingFactors, GetSensorThresholds, SensorReading, Severity,
    THRESHOLD, Units, named,
};
use ipmi::storage::{Entity, Form, Sdr, SdrContent, SensorRecord};

/// The sensors of a machine.
#[derive(Debug, Default)]
pub struct Sensors {
    /// The sensors of the BMC, in the order of their records.
    pub sensors: Vec<Sensor>,
    /// Number of sensors of other controllers, or of other LUNs of the BMC. They are not read.
    pub elsewhere: usize,
    /// Names of sensors that could not be read, and why.
    pub refused: Vec<(String, Error)>,
    /// Why reading ended early.
    pub ended: Option<Error>,
}

/// A sensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sensor {
    /// Sensor number.
    pub number: u8,
    /// Name in the SDR.
    pub name: String,
    /// The entity that it monitors.
    pub entity: Entity,
    /// Sensor type (table 42-3); [`ipmi::sensor::sensor_type`] names it.
    pub sensor_type: u8,
    /// Event/reading type (table 42-1).
    pub event_type: u8,
    /// Unit of its value.
    pub units: Option<Units>,
    /// Its state; `None` if it has none now, such as the temperature of an empty slot.
    pub state: Option<SensorState>,
}

/// The state of a sensor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SensorState {
    /// Value in thousandths of the unit; `None` if the sensor has no numeric value.
    pub value: Option<i64>,
    /// The worst threshold that is crossed.
    pub breach: Option<Breach>,
    /// That threshold, in thousandths of the unit.
    pub limit: Option<i64>,
    /// The asserted states of a discrete sensor.
    pub asserted: Vec<Assertion>,
}

/// An asserted state of a discrete sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// State offset (tables 42-2 and 42-3).
    pub offset: u8,
    /// Name, as ipmitool spells it.
    pub name: Option<&'static str>,
    /// How severe the state is.
    pub severity: Severity,
}

/// Reads the sensors that `records` describe.
pub fn read_sensors(bmc: &mut BmcSession, records: &[Sdr]) -> Sensors {
    let mut all = Sensors::default();
    for record in records {
        let SdrContent::Sensor(record) = &record.content else { continue };
        if record.form == Form::EventOnly {
            continue;
        }
        let numbered = record.numbered();
        if !record.is_of_bmc() {
            all.elsewhere += numbered.len();
            continue;
        }
        for (number, name) in numbered {
            let state = match state(bmc, record, number) {
                Ok(state) => state,
                Err(error) if error.is_fatal() => {
                    all.ended = Some(error);
                    return all;
                }
                Err(error) if error.is_absent() => None,
                Err(error) => {
                    all.refused.push((name.clone(), error));
                    None
                }
            };
            all.sensors.push(Sensor {
                number,
                name,
                entity: record.entity,
                sensor_type: record.sensor_type,
                event_type: record.event_type,
                units: record.factors.and(record.units),
                state,
            });
        }
    }
    all
}

fn state(bmc: &mut BmcSession, record: &SensorRecord, sensor: u8) -> Result<Option<SensorState>, Error> {
    let reading = bmc.ask(&GetSensorReading { sensor })?;
    if !reading.is_valid() {
        return Ok(None);
    }
    let factors = match record.factors {
        Some(record) if record.is_non_linear() => {
            optional(bmc.ask(&GetSensorReadingFactors { sensor, raw: reading.raw, record }))?
        }
        factors => factors,
    };
    let value = factors.and_then(|factors| factors.thousandths(reading.raw));
    if record.event_type != THRESHOLD {
        return Ok(Some(SensorState {
            value,
            asserted: assertions(record, reading),
            ..SensorState::default()
        }));
    }
    let breach = reading.breach();
    let limit = match breach {
        Some(breach) => limit(bmc, sensor, breach, record.factors)?,
        None => None,
    };
    Ok(Some(SensorState { value, breach, limit, asserted: Vec::new() }))
}

fn limit(
    bmc: &mut BmcSession,
    sensor: u8,
    breach: Breach,
    factors: Option<Factors>,
) -> Result<Option<i64>, Error> {
    let Some(factors) = factors else { return Ok(None) };
    let thresholds = optional(bmc.ask(&GetSensorThresholds { sensor }))?;
    let raw = thresholds.and_then(|thresholds| thresholds.raw(breach));
    Ok(raw.and_then(|raw| factors.thousandths(raw)))
}

fn assertions(record: &SensorRecord, reading: SensorReading) -> Vec<Assertion> {
    let named = |offset| named(record.sensor_type, record.event_type, offset);
    let assertion = |offset| Assertion {
        offset,
        name: named(offset).map(|named| named.name),
        severity: named(offset).map_or(Severity::Informational, |named| named.severity),
    };
    reading.offsets().map(assertion).collect()
}

/// A response that is not required: `None` if the BMC refuses.
fn optional<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Err(error) if !error.is_fatal() => Ok(None),
        result => result.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bmc::session::model::Model;

    fn temperature(number: u8, owner: u8, name: &[u8]) -> Sdr {
        let mut body =
            vec![owner, 0, number, 3, 1, 0x7f, 0x68, 1, 1, 0, 0, 0, 0, 0, 0, 0x80, 1, 0, 0, 1, 0, 0, 0, 0, 0];
        body.extend([0; 17]);
        record(0x01, &[&body[..], &[0xc0 | name.len() as u8], name].concat())
    }

    fn supply(number: u8) -> Sdr {
        let mut body = vec![0x20, 0, number, 10, 1, 0, 0, 8, 0x6f, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 2, 1];
        body.extend([0; 6]);
        record(0x02, &[&body[..], &b"\xc4PSU "[..]].concat())
    }

    fn record(kind: u8, body: &[u8]) -> Sdr {
        Sdr::parse(&[&[1, 0, 0x51, kind, body.len() as u8], body].concat()).unwrap()
    }

    fn read(readings: &[(u8, &[u8])], records: &[Sdr]) -> Sensors {
        let readings = readings.iter().map(|(sensor, answer)| (*sensor, answer.to_vec())).collect();
        let thresholds = vec![0, 0x10, 0, 0, 0, 0, 90, 0];
        read_sensors(&mut Model { readings, thresholds, ..Model::default() }.bmc().0, records)
    }

    #[test]
    fn values_breaches_and_states_are_read() {
        let records = [temperature(1, 0x20, b"CPU1"), temperature(2, 0x20, b"CPU2"), supply(3)];
        let answers: [(u8, &[u8]); 4] = [
            (1, &[0, 45, 0xc0, 0xc0]),
            (2, &[0, 92, 0xc0, 0xd8]),
            (3, &[0, 0, 0xc0, 0x03, 0x80]),
            (4, &[0, 0, 0xc0, 0x01, 0x80]),
        ];
        let all = read(&answers, &records);
        assert!(all.refused.is_empty() && all.ended.is_none() && all.elsewhere == 0);
        let [cpu1, cpu2, psu1, psu2] = all.sensors.as_slice() else { panic!("{all:?}") };
        assert_eq!(cpu1.units.unwrap().name(), "degrees C");
        assert_eq!(cpu1.state, Some(SensorState { value: Some(45_000), ..SensorState::default() }));
        let hot = cpu2.state.as_ref().unwrap();
        assert_eq!(
            (hot.value, hot.breach, hot.limit),
            (Some(92_000), Some(Breach::UpperCritical), Some(90_000))
        );
        assert_eq!(
            (psu1.name.as_str(), psu2.name.as_str(), psu2.number, psu1.units),
            ("PSU 1", "PSU 2", 4, None)
        );
        let present =
            Assertion { offset: 0, name: Some("Presence detected"), severity: Severity::Informational };
        let failed = Assertion { offset: 1, name: Some("Failure detected"), severity: Severity::Critical };
        assert_eq!(psu1.state.as_ref().unwrap().asserted, [present, failed]);
        assert_eq!(psu2.state.as_ref().unwrap().asserted, [present]);
    }

    #[test]
    fn a_sensor_without_a_reading_has_no_state() {
        let records = [1, 2, 3, 4].map(|number| temperature(number, 0x20, b"T"));
        let all = read(&[(1, &[0, 9, 0xe0, 0xc0]), (2, &[0, 9, 0x80, 0xc0]), (3, &[0xd5])], &records);
        assert!(all.sensors.iter().all(|sensor| sensor.state.is_none()));
        assert_eq!(all.sensors.len(), 4);
        let [(name, error)] = all.refused.as_slice() else { panic!("{all:?}") };
        assert_eq!((name.as_str(), error.completion().unwrap().0), ("T", 0xd5));
    }

    #[test]
    fn sensors_of_other_controllers_are_counted() {
        let all = read(&[], &[temperature(1, 0x2c, b"NM"), record(0x12, &[0; 20])]);
        assert_eq!((all.sensors.len(), all.elsewhere), (0, 1));
    }

    #[test]
    fn reading_ends_when_the_bmc_stops_responding() {
        let (mut bmc, _) = Model { stops_after: Some(1), ..Model::default() }.bmc();
        let all = read_sensors(&mut bmc, &[1, 2, 3].map(|number| temperature(number, 0x20, b"T")));
        assert_eq!(all.sensors.len(), 1);
        assert!(all.ended.unwrap().is_fatal());
    }
}
