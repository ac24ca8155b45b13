// SPDX-License-Identifier: MIT OR Apache-2.0
//! The contract between the agent and an inventory, version 1.
//!
//! Every body is JSON with `"version": 1`. Unknown fields are ignored, unknown enum values are
//! kept as they came. The examples in `tests/wire/` are frozen: they are only ever added to.
//!
//! | call | body | answer |
//! | --- | --- | --- |
//! | `PUT BASE/ID` | [`Report`] | [`Registration`] |
//! | `PATCH BASE/ID` | JSON merge patch of a [`Report`] | 204 |
//! | `GET BASE/ID/profile` | | [`Profile`]; 204 with Retry-After: none assigned; 404: unknown host |
//! | `GET BASE/ID/detail` | | [`Detail`] |
//! | `POST BASE/ID/installed` | [`Installed`] | 204 |
//! | `PUT BASE/ID/bmc-credentials` | [`BmcCredentials`] | 204; over https only; 409: the configuration does not ask for a generated one |
//! | `POST BASE/ID/events` | [`Event`] | 204 |
//! | `GET BASE/firmware-manifests` | | [`firmware::SignedManifests`]; 204: none. Of this set and the image's own the greater serial wins |
//! | `GET BASE/ID/firmware` | | [`firmware::Journal`], empty for a host that never flashed anything |
//! | `PUT BASE/ID/firmware` | [`firmware::Journal`], all of it | 204; the recorded step must not begin before that |
//!
//! Errors are RFC 9457 problem documents: [`ProblemDocument`].

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
mod waterfall;
mod words;

pub use bmc::{
    AddressSource, BmcChange, BmcChassis, BmcCredentials, BmcDevice, BmcFru, BmcHealth, BmcIpv6, BmcLan,
    BmcOutcome, BmcPower, BmcReport, BmcSel, BmcSensor, BmcSol, BmcUser, BmcUserOutcome, DesiredBmcConfig,
    DesiredLan, DesiredUser, DesiredWatchdog, EventSeverity, PasswordState, PowerRestore, PrivilegeLevel,
    Secret, SelEntry, UnknownUsers, WatchdogAction,
};
pub use detail::{Address, Bond, Detail, Dns, ExtraFile, Interface, Route, Vlan};
pub use facts::{
    BootFirmware, Candidate, Cpus, Disk, Facts, FirmwareKind, Identity, IdentitySource, Memory, Nic,
    SystemInformation,
};
pub use neighbours::{Neighbour, PortNeighbours, PortOutcome, VlanName};
pub use profile::{Artifact, Profile};
pub use progress::{Event, EventKind, Installed, InstalledArtifact};
pub use registration::{Action, ProblemDocument, Registration};
pub use report::{Outcome, Problem, Report, RunKind, Stage, StageName, Timeline};
pub use waterfall::{printable, waterfall};

/// The contract's version, sent in every body.
pub const VERSION: u32 = 1;
