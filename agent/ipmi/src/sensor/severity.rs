// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rows of the tables of events: a name and a severity (IPMI 2.0, section 42).

/// How bad an event is. The specification does not say; the tables of events do, for the usual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is wrong, or no longer, or it is not known what the event means.
    Informational,
    /// Somebody should look at it.
    Warning,
    /// Something failed, or is about to.
    Critical,
}

/// An event.
#[derive(Debug, PartialEq, Eq)]
pub struct Named {
    /// Its name; empty where the offset is reserved.
    pub name: &'static str,
    /// How bad it is that it is asserted.
    pub severity: Severity,
}

/// The event/reading type of thresholds.
pub const THRESHOLD: u8 = 0x01;

/// The event/reading type of events that the sensor's type defines.
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
