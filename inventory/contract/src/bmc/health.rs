// SPDX-License-Identifier: MIT OR Apache-2.0
//! The health of the hardware, as the BMC reports it: events, sensors, FRU data, power.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::words::words;

/// The health of the hardware.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcHealth {
    /// The system event log.
    pub sel: Option<BmcSel>,
    /// Sensors; in a report only those that are out of range or report a fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sensors: Vec<BmcSensor>,
    /// Number of sensors that were read.
    pub sensors_read: Option<u32>,
    /// Field replaceable units, from their FRU data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frus: Vec<BmcFru>,
    /// The host's power draw.
    pub power: Option<BmcPower>,
    /// What was not read, or not all of it, since the BMC was slow and the host did not wait: "sensors".
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub out_of_time: Vec<String>,
}

/// A summary of the system event log (IPMI 2.0, section 31).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcSel {
    /// Number of entries.
    pub entries: u16,
    /// Free space in bytes.
    pub free_bytes: u16,
    /// Events were lost because the log was full.
    pub is_overflown: bool,
    /// When the last entry was added, RFC 3339, by the BMC's clock.
    pub last_added: Option<String>,
    /// Number of entries that were not read.
    #[serde(skip_serializing_if = "is_zero")]
    pub not_read: u32,
    /// The entries; in a report the critical ones, the newest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<SelEntry>,
}

/// An entry of the system event log (IPMI 2.0, section 32).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct SelEntry {
    /// Record ID.
    pub record: u16,
    /// Time of the event, RFC 3339, by the BMC's clock; absent if the clock was not set, or the entry has no time.
    pub time: Option<String>,
    /// Sensor type: "Memory".
    pub sensor_type: Option<String>,
    /// Sensor number.
    pub sensor: Option<u8>,
    /// Sensor name in the SDR repository, if the generator owns the sensor.
    pub sensor_name: Option<String>,
    /// Generator ID (IPMI 2.0, table 32-1, bytes 8 and 9): the slave address or software ID in the low byte, channel and LUN in
    /// the high byte.
    pub generator_id: Option<u16>,
    /// What generated the event: "BIOS", "SMI Handler", "NM SP (0x2c)"; absent if it is the BMC.
    pub generator: Option<String>,
    /// What happened: "Uncorrectable ECC".
    pub event: String,
    /// What the event data has beyond that: "DIMM 5", "102 > 90 degrees C".
    pub detail: Option<String>,
    /// Event data 1 to 3 in hexadecimal.
    pub data: Option<String>,
    /// The state was deasserted: the event ended.
    pub is_deassertion: bool,
    /// `critical`, `warning` or `information`.
    pub severity: EventSeverity,
    /// The data of an OEM record, in hexadecimal.
    pub raw: Option<String>,
}

words! {
    /// How severe an event is. IPMI does not define it: the agent derives it from the event.
    #[derive(Default)]
    pub enum EventSeverity {
        /// The hardware has failed, or is about to.
        Critical = "critical",
        /// Something needs attention.
        Warning = "warning",
        /// No action is needed.
        #[default]
        Information = "information",
    }
}

/// A sensor (IPMI 2.0, sections 35.14 and 43.1).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcSensor {
    /// Sensor number.
    pub number: u8,
    /// Sensor name in the SDR repository.
    pub name: String,
    /// Sensor type: "Temperature".
    pub sensor_type: String,
    /// The reading in thousandths of the unit; absent if the sensor has no number to report.
    pub reading_milli: Option<i64>,
    /// The unit: "degrees C".
    pub unit: Option<String>,
    /// `ok`; the threshold that is crossed, `upper critical`; or the states of a discrete sensor.
    pub state: String,
    /// Whether an operator should look at it: a threshold is crossed, or a state means a fault.
    pub is_out_of_range: bool,
}

/// A field replaceable unit (Platform Management FRU Information Storage Definition 1.0).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcFru {
    /// FRU device ID; 0 is the BMC's own board.
    pub id: u8,
    /// Name in the SDR repository.
    pub name: Option<String>,
    /// Chassis type (SMBIOS 3.x, 7.4.1), number.
    pub chassis_type: Option<u8>,
    /// Chassis part number.
    pub chassis_part_number: Option<String>,
    /// Chassis serial number.
    pub chassis_serial: Option<String>,
    /// Manufacturing date of the board, RFC 3339.
    pub board_made: Option<String>,
    /// Board manufacturer.
    pub board_manufacturer: Option<String>,
    /// Board product name.
    pub board_product: Option<String>,
    /// Board serial number.
    pub board_serial: Option<String>,
    /// Board part number.
    pub board_part_number: Option<String>,
    /// Product manufacturer.
    pub product_manufacturer: Option<String>,
    /// Product name.
    pub product_name: Option<String>,
    /// Product part or model number.
    pub product_part_number: Option<String>,
    /// Product version.
    pub product_version: Option<String>,
    /// Product serial number.
    pub product_serial: Option<String>,
    /// Asset tag.
    pub asset_tag: Option<String>,
    /// Defects of the FRU data: a wrong checksum, a truncated area.
    #[serde(rename = "doubts", skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// Power draw (DCMI 1.5, section 6.6.1), in watts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcPower {
    /// At the time of the report.
    pub now_watts: u16,
    /// Minimum of the BMC's statistics period.
    pub least_watts: u16,
    /// Maximum of that period.
    pub most_watts: u16,
    /// Average of that period.
    pub average_watts: u16,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "signature that serde requires")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
