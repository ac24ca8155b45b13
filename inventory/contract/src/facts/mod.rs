// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a machine is: identity and hardware, as the report carries them.
//!
//! What a machine does not have, or does not tell, is absent. Sizes, speeds and times are whole numbers with
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
pub use firmware::{BootEntry, BootFirmware, EsrtEntry, FirmwareKind};
pub use identity::{Candidate, Identity, IdentitySource};
pub use memory::{Memory, MemoryController, MemoryModule};
pub use nics::{Devlink, Nic, NicModule};
pub use pci::{Accelerator, PciDevice};
pub use platform::{BmcPresence, Sensor, Tpm, Watchdog};
pub use smbios::{
    Baseboard, Bios, BiosLanguage, Cache, Chassis, HostInterface, HostInterfaceDevice, HostInterfaceProtocol,
    IpmiDevice, MemoryArray, MemoryDevice, OnboardDevice, PowerSupply, Processor, RedfishOverIp, Slot,
    SlotPeer, Smbios, StringList, SystemInformation, TpmDevice,
};

/// What `stage1 facts --json` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Discovery {
    /// [`crate::VERSION`].
    pub version: u32,
    /// Who the host is; absent where nothing about it is its own, or not every group was asked for.
    pub identity: Option<Identity>,
    /// What it is.
    pub facts: Facts,
    /// What could not be found out, and why.
    pub problems: Vec<Problem>,
}

/// What the machine is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Facts {
    /// SMBIOS system information; absent where the firmware has no tables.
    pub system: Option<SystemInformation>,
    /// How the machine was started.
    pub firmware: Option<BootFirmware>,
    /// Processors as the kernel sees them.
    pub cpus: Option<Cpus>,
    /// Memory as the kernel sees it.
    pub memory: Option<Memory>,
    /// Physical network ports.
    pub nics: Vec<Nic>,
    /// Block devices that are hardware.
    pub disks: Vec<Disk>,
    /// The running kernel's release.
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
    /// The TPM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm: Option<Tpm>,
    /// Whether there is a BMC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bmc: Option<BmcPresence>,
    /// Watchdogs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub watchdogs: Vec<Watchdog>,
    /// Sensors that the kernel shows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sensors: Vec<Sensor>,
    /// Where a string of the firmware is a placeholder, `To be filled by O.E.M.` and its kin: JSON pointers
    /// (RFC 6901) from here, such as `/smbios/chassis/0/serial`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub placeholders: Vec<String>,
}
