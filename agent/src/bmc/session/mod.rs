// SPDX-License-Identifier: MIT OR Apache-2.0
//! A session with a BMC: one command at a time, each with a timeout, all of them within one deadline, with retries where a
//! retry can help ([`BmcSession`]); and the objects that take many commands to read: records, sensors, FRU data.

mod bmc_session;
mod device;
mod erase_sel;
mod error;
mod fru;
mod lenient;
#[cfg(test)]
pub(crate) mod model;
mod policy;
mod records;
mod sdr;
mod sel;
mod sensors;
#[cfg(test)]
pub(crate) mod shared;
mod transport;

pub use bmc_session::BmcSession;
pub(crate) use device::Device;
pub use erase_sel::erase_sel;
pub use error::{Error, Reason};
pub use fru::read_fru;
pub(crate) use lenient::LenientSession;
pub use policy::{Counters, RetryPolicy};
pub use records::ParseWarning;
pub use sdr::{Sdrs, read_sdrs};
pub use sel::{Sel, read_sel};
pub use sensors::{Assertion, Sensor, SensorState, Sensors, read_sensors};
pub use transport::{Transport, TransportError};
