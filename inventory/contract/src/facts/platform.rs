// SPDX-License-Identifier: MIT OR Apache-2.0
//! TPM, BMC, watchdogs and sensors.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::words::words;

/// A Trusted Platform Module, read without changing its state.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Tpm {
    /// The specification's family, `1.2` or `2.0`.
    pub version: Option<String>,
    /// The specification's revision, `1.38` (TPM 2.0 part 2, `TPM_PT_REVISION`).
    pub revision: Option<String>,
    /// The maker's code in the TCG vendor ID registry, `IFX`, `STM`, `INTC` (`TPM_PT_MANUFACTURER`).
    pub manufacturer: Option<String>,
    /// The vendor's text (`TPM_PT_VENDOR_STRING_1` to `_4`).
    pub vendor_string: Option<String>,
    /// The firmware's version, `7.85.4555.0`: 16 bits each of `TPM_PT_FIRMWARE_VERSION_1` and `_2`; two numbers
    /// on a TPM 1.2.
    pub firmware_version: Option<String>,
    /// The PCR banks that are allocated: `sha1`, `sha256`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pcr_banks: Vec<String>,
}

/// Whether there is a BMC, by SMBIOS, ACPI and the kernel.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BmcPresence {
    /// The kernel's device, `ipmi0`, where a driver has found it.
    pub device: Option<String>,
    /// What reports it: `smbios` (type 38), `acpi` (`IPI0001` or the SPMI table), `kernel` (it has a driver).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "told_by")]
    pub reported_by: Vec<String>,
    /// The interface to it, `kcs`, `smic`, `bt` or `ssif`.
    pub interface: Option<String>,
    /// The IPMI version, `2.0` (IPMI 2.0 20.1, Get Device ID).
    pub ipmi_version: Option<String>,
    /// The manufacturer's IANA enterprise number, `0x0002a2`.
    pub manufacturer_id: Option<String>,
    /// The manufacturer's number of the product, `0x0100`.
    pub product_id: Option<String>,
    /// The firmware's version, major and minor, `6.10`.
    pub firmware_revision: Option<String>,
    /// Its GUID, where it has one (IPMI 2.0 20.8).
    pub guid: Option<String>,
}

/// A watchdog timer (`/sys/class/watchdog/watchdog0`).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Watchdog {
    /// The kernel's name, `watchdog0`.
    pub name: String,
    /// The driver's name of it, `iTCO_wdt`.
    pub identity: Option<String>,
    /// Whether it runs: `active` or `inactive`.
    pub state: Option<String>,
    /// How long it waits before it acts, in seconds.
    pub timeout_s: Option<u32>,
    /// How much of that is left, in seconds.
    pub timeleft_s: Option<u32>,
    /// How long before it acts it warns, in seconds; 0 if it does not.
    pub pretimeout_s: Option<u32>,
    /// Whether it cannot be stopped once it runs.
    pub nowayout: Option<bool>,
    /// Why the machine was last reset, where the watchdog knows: the flags as `wdctl` prints them, `CARDRESET`,
    /// `OVERHEAT`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub boot_status: Vec<String>,
}

/// One reading of a sensor that the kernel's hwmon shows.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Sensor {
    /// The name of the chip's driver, `coretemp`.
    pub chip: String,
    /// The chip's device, `coretemp.0`, `0000:00:18.3`, `nvme0`.
    pub device: Option<String>,
    /// The sensor's name on the chip, `temp1`.
    pub name: String,
    /// What it measures, `Package id 0`.
    pub label: Option<String>,
    /// `temperature`, `fan`, `voltage`, `current`, `power` or `humidity`.
    pub kind: SensorKind,
    /// The unit of the value and its limits: `millidegrees_c`, `rpm`, `millivolts`, `milliamperes`, `microwatts`,
    /// `millipercent`.
    pub unit: String,
    /// The value now; absent if the chip does not give one.
    pub value: Option<i64>,
    /// The lower limit of normal values.
    pub minimum: Option<i64>,
    /// The upper limit of normal values.
    pub maximum: Option<i64>,
    /// The value from which on it is critical.
    pub critical: Option<i64>,
    /// Whether the chip raises an alarm for it.
    pub alarm: Option<bool>,
    /// Whether the chip reports that the sensor itself is broken.
    pub fault: Option<bool>,
}

words! {
    /// What a sensor measures, which decides the unit of its values (Documentation/hwmon/sysfs-interface.rst).
    pub enum SensorKind {
        /// In millidegrees Celsius.
        Temperature = "temperature",
        /// In revolutions per minute.
        Fan = "fan",
        /// In millivolts.
        Voltage = "voltage",
        /// In milliamperes.
        Current = "current",
        /// In microwatts.
        Power = "power",
        /// Relative humidity in thousandths of a percent.
        Humidity = "humidity",
    }
}

impl Default for SensorKind {
    fn default() -> Self {
        Self::Unlisted(String::new())
    }
}
