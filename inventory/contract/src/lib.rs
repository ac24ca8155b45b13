// SPDX-License-Identifier: MIT OR Apache-2.0
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod bmc;
mod detail;
pub mod facts;
pub mod firmware;
mod neighbours;
mod profile;
mod progress;
mod registration;
mod report;
pub mod schema;
mod size;
mod waterfall;
mod words;

pub use bmc::{
    AddressSource, Baseline, BmcBoot, BmcChange, BmcChassis, BmcCredentials, BmcDcmi, BmcDevice, BmcFru,
    BmcHealth, BmcIpv6, BmcLan, BmcOutcome, BmcPower, BmcReport, BmcSel, BmcSensor, BmcSol, BmcUser,
    BmcUserOutcome, BootDevice, DesiredBmcConfig, DesiredBoot, DesiredDcmi, DesiredIpv6, DesiredLan,
    DesiredSol, DesiredUser, DesiredWatchdog, EventSeverity, Ipv6Mode, PasswordState, PowerRestore,
    PrivilegeLevel, Secret, SelEntry, UnknownUsers, WatchdogAction, is_strict_suite,
};
pub use detail::{Address, Bond, Detail, Dns, ExtraFile, Interface, Route, Vlan};
pub use facts::{
    BootFirmware, Candidate, Cpus, Disk, Facts, FirmwareKind, Identity, IdentitySource, Memory, Nic,
    SystemInformation,
};
pub use neighbours::{Neighbour, PortNeighbours, PortOutcome, VlanName};
pub use profile::{Artifact, Profile};
pub use progress::{Event, EventKind, Installed, InstalledArtifact};
pub use registration::{Action, FieldError, ProblemDocument, Registration};
pub use report::{Outcome, Problem, Report, RunKind, Stage, StageName, Timeline};
pub use size::size;
pub use waterfall::{printable, waterfall};

/// The contract's version, sent in every body.
pub const VERSION: u32 = 1;
