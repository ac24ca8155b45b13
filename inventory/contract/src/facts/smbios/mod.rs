// SPDX-License-Identifier: MIT OR Apache-2.0
//! The SMBIOS tables (DSP0134): offsets and sections are those of the structure's type there. Texts are
//! the firmware's own, without white space around them; names of codes are spelled as dmidecode prints them.

mod devices;
mod management;
mod memory;
mod processors;
mod system;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

pub use devices::{OnboardDevice, OnboardDeviceType, Slot, SlotPeer};
pub use management::{
    HostInterface, HostInterfaceDevice, HostInterfaceProtocol, IpmiDevice, RedfishOverIp, TpmDevice,
};
pub use memory::{MemoryArray, MemoryDevice};
pub use processors::{Cache, Processor};
pub use system::{
    Baseboard, Bios, BiosLanguage, BoardFeature, BoardType, BootStatus, Chassis, ChassisState, PowerSupply,
    PowerSupplyStatus, StringList, SystemInformation,
};

/// The SMBIOS structures other than system information. The lists are in the order of the table.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Smbios {
    /// The version of the tables as the entry point gives it, `2.8` or `3.2.0`.
    pub version: Option<String>,
    /// BIOS information, type 0.
    pub bios: Option<Bios>,
    /// How this boot went, `No errors detected`, type 32 (DSP0134 7.33).
    pub boot_status: Option<BootStatus>,
    /// Every board, type 2.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub baseboards: Vec<Baseboard>,
    /// Every chassis or enclosure, type 3.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chassis: Vec<Chassis>,
    /// Every processor and empty socket, type 4.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub processors: Vec<Processor>,
    /// Every cache, type 7.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caches: Vec<Cache>,
    /// Every slot, type 9.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<Slot>,
    /// Every device on the boards, types 10 and 41.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub onboard_devices: Vec<OnboardDevice>,
    /// OEM strings, type 11.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub oem_strings: Vec<StringList>,
    /// How jumpers and switches are to be set, type 12.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub configuration_options: Vec<StringList>,
    /// The firmware's languages, type 13.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bios_languages: Vec<BiosLanguage>,
    /// Every memory array, type 16.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub memory_arrays: Vec<MemoryArray>,
    /// Every memory device and empty slot, type 17.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub memory_devices: Vec<MemoryDevice>,
    /// The interfaces to the BMC, type 38.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ipmi_devices: Vec<IpmiDevice>,
    /// Every power supply, type 39.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub power_supplies: Vec<PowerSupply>,
    /// Interfaces to the management controller, a Redfish host interface among them, type 42.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub host_interfaces: Vec<HostInterface>,
    /// TPMs, type 43.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tpm_devices: Vec<TpmDevice>,
}
