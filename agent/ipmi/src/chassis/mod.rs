// SPDX-License-Identifier: MIT OR Apache-2.0
//! Network function Chassis (IPMI 2.0, section 28).

mod boot_options;
mod boot_parameters;
mod capabilities;
mod control;
mod identify;
mod power_on_hours;
mod power_restore_policy;
mod restart_cause;
mod status;

pub use boot_options::{BootOption, BootParameter, GetBootOption, SetBootOption};
pub use boot_parameters::{BootAcknowledge, BootDevice, BootFlags, BootFlagsKept};
pub use capabilities::{Capabilities, GetChassisCapabilities};
pub use control::{ChassisControl, PowerAction};
pub use identify::{ChassisIdentify, Identify};
pub use power_on_hours::{GetPohCounter, PowerOnTime};
pub use power_restore_policy::{RestorePolicies, SetPowerRestorePolicy};
pub use restart_cause::{GetSystemRestartCause, RestartCause, SystemRestart};
pub use status::{ChassisStatus, FrontPanel, GetChassisStatus, LastPowerEvent, RestorePolicy};
