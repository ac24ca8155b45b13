// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading what a BMC knows of the hardware: FRU data, events, sensors, power draw. What finds a part comes first: a slow BMC
//! takes minutes for all of it, and the host does not wait for that.

mod events;
mod frus;
mod sensors;

use std::collections::VecDeque;

use stage1_contract::{BmcHealth, BmcPower, EventSeverity, SelEntry};

use super::session::{BmcSession, LenientSession, Sel, read_sdrs};
use ipmi::dcmi::GetPowerReading;
use ipmi::storage::{Sdr, SelRecord};

/// The newest events, of which a report has the critical ones. A full log has some thousands.
const REPORTED_EVENTS: usize = 64;

/// How much of it to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// For a report: critical events, and sensors that are out of range.
    Report,
    /// The newest events, this many, and nothing else.
    Events(usize),
    /// All sensors, and nothing else.
    Sensors,
    /// All of it.
    Everything,
}

/// A part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// FRU 0: which machine it is.
    Board,
    Events,
    /// The sensor data records, which name sensors and FRUs.
    Records,
    /// The FRUs that the records list.
    Frus,
    Sensors,
    Power,
}

/// What was read so far.
#[derive(Clone, Debug)]
pub(crate) struct HealthReader {
    depth: Depth,
    /// Seconds since 1970.
    now: u64,
    parts: VecDeque<Part>,
    sel: Option<Sel>,
    records: Vec<Sdr>,
    health: BmcHealth,
    problems: Vec<String>,
}

/// Reads what the BMC knows of the hardware; it is `now`, in seconds since 1970. Also returns the problems.
pub fn health(bmc: &mut BmcSession, depth: Depth, now: u64) -> (BmcHealth, Vec<String>) {
    let mut reader = HealthReader::new(depth, now);
    while reader.read_part(bmc) {}
    let (health, mut problems) = reader.finish();
    problems.extend(out_of_time(&health));
    (health, problems)
}

/// Reads the newest events and nothing else. Also returns their records, and the problems.
pub(crate) fn events(bmc: &mut BmcSession, newest: usize) -> (BmcHealth, Vec<SelRecord>, Vec<String>) {
    let mut reader = HealthReader::new(Depth::Events(newest), 0);
    while reader.read_part(bmc) {}
    let records = reader.sel.as_ref().map(|sel| sel.records.clone()).unwrap_or_default();
    let (health, mut problems) = reader.finish();
    problems.extend(out_of_time(&health));
    (health, records, problems)
}

/// The problem that not all of it was read in time.
pub(crate) fn out_of_time(health: &BmcHealth) -> Option<String> {
    let missing = health.out_of_time.join(", ");
    (!missing.is_empty()).then(|| format!("out of time: the BMC has not returned all of: {missing}"))
}

/// Whether an operator should look at the event.
pub(crate) fn is_critical(entry: &SelEntry) -> bool {
    entry.severity == EventSeverity::Critical
}

impl HealthReader {
    /// A reader that has read nothing; it is `now`, in seconds since 1970.
    pub(crate) fn new(depth: Depth, now: u64) -> Self {
        let parts: &[Part] = match depth {
            Depth::Report | Depth::Everything => {
                &[Part::Board, Part::Events, Part::Records, Part::Frus, Part::Sensors, Part::Power]
            }
            Depth::Events(_) => &[Part::Events, Part::Records],
            Depth::Sensors => &[Part::Records, Part::Sensors],
        };
        Self {
            depth,
            now,
            parts: parts.iter().copied().collect(),
            sel: None,
            records: Vec::new(),
            health: BmcHealth::default(),
            problems: Vec::new(),
        }
    }

    /// Reads the next part. Returns false if nothing is left, or the BMC stopped responding.
    pub(crate) fn read_part(&mut self, bmc: &mut BmcSession) -> bool {
        let Some(part) = self.parts.front().copied() else { return false };
        let mut session = LenientSession::new(bmc);
        self.read(part, &mut session);
        let (is_over, is_out_of_time) = (session.fatal_cause().is_some(), session.is_out_of_time());
        let mut problems = session.into_problems();
        if is_out_of_time {
            // The last one is that, in words for a BMC that is to be configured.
            problems.pop();
        }
        self.problems.extend(problems);
        if is_over && !is_out_of_time {
            self.parts.clear();
        }
        if is_over {
            return false;
        }
        self.parts.pop_front();
        !self.parts.is_empty()
    }

    /// What was read, and the problems. What is missing since the time was over is in [`BmcHealth::out_of_time`].
    pub(crate) fn finish(self) -> (BmcHealth, Vec<String>) {
        let Self { depth, parts, sel, records, mut health, mut problems, .. } = self;
        if let Some(sel) = sel {
            health.sel = Some(events::summary(sel, &records, depth, &mut problems));
        }
        health.out_of_time = parts.into_iter().map(|part| part.name().to_string()).collect();
        (health, problems)
    }

    fn read(&mut self, part: Part, session: &mut LenientSession) {
        match part {
            Part::Board => self.health.frus = frus::read(session, &[(0, None)], self.now),
            Part::Events => {
                let limit = if let Depth::Events(limit) = self.depth { limit } else { REPORTED_EVENTS };
                self.sel = events::read(session, limit);
            }
            Part::Records => self.records = sdrs(session),
            Part::Frus => {
                let devices = frus::devices(&self.records);
                for fru in &mut self.health.frus {
                    let listed = devices.iter().find(|(id, _)| *id == fru.id);
                    fru.name = listed.and_then(|(_, name)| name.clone());
                }
                let others: Vec<_> = devices.into_iter().filter(|(id, _)| *id != 0).collect();
                self.health.frus.extend(frus::read(session, &others, self.now));
            }
            Part::Sensors => sensors::read(session, &self.records, self.depth, &mut self.health),
            Part::Power => {
                let reading = session.ask(&GetPowerReading).filter(|reading| reading.is_active);
                self.health.power = reading.map(|reading| BmcPower {
                    now_watts: reading.current,
                    least_watts: reading.minimum,
                    most_watts: reading.maximum,
                    average_watts: reading.average,
                });
            }
        }
    }
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Board => "FRU 0",
            Self::Events => "events",
            Self::Records => "SDR repository",
            Self::Frus => "other FRUs",
            Self::Sensors => "sensors",
            Self::Power => "power draw",
        }
    }
}

/// The sensor data records; as many as the BMC returns.
fn sdrs(session: &mut LenientSession) -> Vec<Sdr> {
    let mut records = Vec::new();
    let read = session.with(|bmc| {
        let mut sdrs = read_sdrs(bmc);
        records = std::mem::take(&mut sdrs.records);
        match sdrs.ended {
            Some(error) if error.is_fatal() => Err(error),
            _ => Ok(sdrs),
        }
    });
    if let Some(Ok(sdrs)) = read {
        sdrs.warnings.iter().for_each(|warning| session.problem(warning.to_string()));
        let ended = sdrs.ended.filter(|error| !error.is_absent());
        ended.iter().for_each(|error| session.problem(format!("reading the SDR repository: {error}")));
    }
    records
}

/// A code without a name.
fn number(code: u8) -> String {
    format!("{code:#04x}")
}

#[cfg(test)]
mod tests;
