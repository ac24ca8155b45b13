// SPDX-License-Identifier: MIT OR Apache-2.0
//! What stands beside the host's own hardware and watches over it: TPM, BMC, watchdogs, sensors.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// A Trusted Platform Module.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tpm {
    /// `1.2` or `2.0`.
    pub version: Option<String>,
}

/// Whether there is a BMC, told by SMBIOS, ACPI and the kernel; it is not asked.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BmcPresence {
    /// The kernel's device, `ipmi0`, where a driver has found it.
    pub device: Option<String>,
}

/// A watchdog.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Watchdog {
    /// The kernel's name, `watchdog0`.
    pub name: String,
}

/// One reading of a sensor that the kernel's hwmon shows.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sensor {
    /// The chip, `coretemp`.
    pub chip: String,
}
