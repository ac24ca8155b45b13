// SPDX-License-Identifier: MIT OR Apache-2.0
//! Network function Sensor (IPMI 2.0, sections 29, 35, 36 and 42).

mod device_sdr;
mod event;
mod event_data;
mod event_details;
mod event_names;
mod factors;
mod reading;
mod reading_factors;
mod severity;
mod thresholds;
mod types;
mod units;

pub use device_sdr::{GetDeviceSdr, ReserveDeviceSdrRepository};
pub use event::Event;
pub use event_names::named;
pub use factors::Factors;
pub use reading::{Breach, GetSensorReading, SensorReading};
pub use reading_factors::GetSensorReadingFactors;
pub use severity::{Named, SENSOR_SPECIFIC, Severity, THRESHOLD};
pub use thresholds::{GetSensorThresholds, Thresholds};
pub use types::sensor_type;
pub use units::Units;
