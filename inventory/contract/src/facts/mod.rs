// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a machine is: identity and hardware, as the report carries them.
//!
//! What a machine does not have, or does not report, is absent. Sizes, speeds and times are whole numbers with
//! the unit in the field's name. A code that a table of its specification names is that name; any other is
//! its number, `0x2a`.

mod cpus;
mod disks;
mod firmware;
mod identity;
mod memory;
mod nics;
mod pci;
mod platform;
mod smbios;

use serde::{Deserialize, Serialize};

use crate::Problem;

pub use cpus::{CpuCache, CpuPackage, Cpus, NumaNode};
pub use disks::{Ata, AtaSecurity, Disk, LbaFormat, Nvme, NvmeFirmware, NvmeHealth, NvmeNamespace};
pub use firmware::{BootEntry, BootFirmware, EsrtEntry, FirmwareKind, LastAttemptStatus};
pub use identity::{Candidate, Identity, IdentitySource};
pub use memory::{Memory, MemoryController, MemoryModule};
pub use nics::{Devlink, Duplex, Nic, NicModule};
pub use pci::{Accelerator, PciDevice, PciVpd};
pub use platform::{BmcPresence, Sensor, SensorKind, Tpm, Watchdog};
pub use smbios::{
    Baseboard, Bios, BiosLanguage, BoardFeature, BoardType, BootStatus, Cache, Chassis, ChassisState,
    HostInterface, HostInterfaceDevice, HostInterfaceProtocol, IpmiDevice, MemoryArray, MemoryDevice,
    OnboardDevice, OnboardDeviceType, PowerSupply, PowerSupplyStatus, Processor, RedfishOverIp, Slot,
    SlotPeer, Smbios, StringList, SystemInformation, TpmDevice,
};

/// What `stage1 facts --json` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Discovery {
    /// The version of the contract, [`crate::VERSION`].
    pub version: u32,
    /// The host's identity; absent if it could not be derived, or if not all groups were discovered.
    pub identity: Option<Identity>,
    /// The facts by group; of a group that was not discovered, empty.
    pub facts: Facts,
    /// What could not be read, and why.
    pub problems: Vec<Problem>,
}

/// The hardware and firmware of a machine, by group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Facts {
    /// SMBIOS system information; absent if the firmware has no tables.
    pub system: Option<SystemInformation>,
    /// The firmware, and how it started the kernel.
    pub firmware: Option<BootFirmware>,
    /// Processors as the kernel sees them.
    pub cpus: Option<Cpus>,
    /// Memory as the kernel sees it.
    pub memory: Option<Memory>,
    /// Physical network ports.
    pub nics: Vec<Nic>,
    /// Block devices that are hardware.
    pub disks: Vec<Disk>,
    /// The release of the running kernel, as `uname -r` prints it.
    pub kernel: Option<String>,
    /// The other SMBIOS structures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smbios: Option<Smbios>,
    /// PCI functions by address.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pci: Vec<PciDevice>,
    /// GPUs and other accelerators.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accelerators: Vec<Accelerator>,
    /// The first TPM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm: Option<Tpm>,
    /// The BMC as the host sees it; absent where nothing reports one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bmc: Option<BmcPresence>,
    /// Watchdog timers with a driver.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub watchdogs: Vec<Watchdog>,
    /// Readings of the sensors that the kernel has drivers for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sensors: Vec<Sensor>,
    /// Where a string of the firmware is a placeholder, such as `To be filled by O.E.M.`: JSON pointers
    /// (RFC 6901) from here, such as `/smbios/chassis/0/serial`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub placeholders: Vec<String>,
}
