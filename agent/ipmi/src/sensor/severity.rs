// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rows of the tables of events: a name and a severity (IPMI 2.0, section 42).

/// Severity of an event. The specification does not define it; the tables here do, for a typical server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// No fault, a fault that has ended, or an event of unknown meaning.
    Informational,
    /// Needs attention.
    Warning,
    /// Something failed, or is about to.
    Critical,
}

/// A row of the tables of events.
#[derive(Debug, PartialEq, Eq)]
pub struct Named {
    /// Its name; empty if the offset is reserved.
    pub name: &'static str,
    /// Its severity when it is asserted.
    pub severity: Severity,
}

/// The event/reading type of thresholds.
pub const THRESHOLD: u8 = 0x01;

/// The event/reading type of events that are defined by the sensor type.
pub const SENSOR_SPECIFIC: u8 = 0x6f;

pub(super) const fn ok(name: &'static str) -> Named {
    Named { name, severity: Severity::Informational }
}

pub(super) const fn warning(name: &'static str) -> Named {
    Named { name, severity: Severity::Warning }
}

pub(super) const fn critical(name: &'static str) -> Named {
    Named { name, severity: Severity::Critical }
}

pub(super) const RESERVED: Named = ok("");
