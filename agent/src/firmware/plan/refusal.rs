// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a component is not flashed. Pure.

use std::fmt;

use thiserror::Error;

use crate::display::size;
use crate::firmware::reading::ReadError;
use crate::firmware::version::NotAVersion;

/// Why a component is not flashed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// The entry is half a template.
    #[error("its entry has no version or no image")]
    IncompleteEntry,
    /// The component's versions, or its security revision, cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// A version does not fit the entry's format.
    #[error("{which}: {error}")]
    NotAVersion {
        /// Which version it is.
        which: Which,
        /// What is wrong with it.
        error: NotAVersion,
    },
    /// The format has no order, and the policy needs one.
    #[error(
        "{0} differs from the desired one, and the format plain has no order: set policy.update = \"exact\""
    )]
    NoOrder(Which),
    /// A newer version runs, and an older one would run after the next activation.
    #[error("{running} is running, which is newer, but the older {stored} is stored")]
    StoredIsOlder {
        /// The running version.
        running: String,
        /// The stored version.
        stored: String,
    },
    /// What is stored is newer than the next intermediate version.
    #[error("{stored} is stored, which is newer than the next intermediate version {next}")]
    StoredIsNewer {
        /// The stored version.
        stored: String,
        /// The version that would be flashed.
        next: String,
    },
    /// Nothing is flashed without a record of earlier attempts.
    #[error("the journal cannot be read, so the number of attempts is unknown")]
    NoJournal,
    /// An intermediate version was flashed, and is not active yet.
    #[error("{0} was flashed in this boot; the next version follows in the next boot")]
    FlashedInThisBoot(String),
    /// The attempt of this boot may still be running.
    #[error("an attempt to flash {0} in this boot has not ended")]
    OpenAttempt(String),
    /// A component is flashed at most once in a boot.
    #[error("flashing {version} was tried in this boot: {detail}")]
    TriedInThisBoot {
        /// The version.
        version: String,
        /// How that ended.
        detail: String,
    },
    /// The last day of the manifest set is over.
    #[error("the manifest set has expired, by the clock of this host")]
    Expired,
    /// Without an ID of the boot, an attempt could not be distinguished from one of an earlier boot.
    #[error("the kernel reports no boot ID")]
    NoBootId,
    /// The pause after a failed attempt is not over.
    #[error("the last attempt failed; the next one is due in {0} s")]
    Backoff(u64),
    /// `from.min`
    #[error("{version} can be flashed from {min} or newer only; {running} is running")]
    BelowMinimum {
        /// The version that would be flashed.
        version: String,
        /// The lowest version that it may be flashed from.
        min: String,
        /// The running version.
        running: String,
    },
    /// `from.allow`
    #[error("{version} can be flashed from {} only; {running} is running", allow.join(", "))]
    NotAllowed {
        /// The version that would be flashed.
        version: String,
        /// The versions that it may be flashed from.
        allow: Vec<String>,
        /// The running version.
        running: String,
    },
    /// `from.deny`
    #[error("{version} must not be flashed from {running}")]
    Denied {
        /// The version that would be flashed.
        version: String,
        /// The running version.
        running: String,
    },
    /// The component would refuse the image.
    #[error("the security revision of the image is {image}; the component accepts {component} or higher")]
    SecurityRevision {
        /// That of the image.
        image: u64,
        /// The component's own.
        component: u64,
    },
    /// The component would refuse the image (UEFI 23.4).
    #[error("the component accepts version {0} or newer only")]
    BelowLowest(String),
    /// Another component does not run what this one requires.
    #[error("it requires {entry} {min} or newer, {found}")]
    Required {
        /// The other entry.
        entry: String,
        /// The version that it has to run.
        min: String,
        /// What was found.
        found: Found,
    },
    /// `requires.power`
    #[error("a power supply has failed or is unplugged")]
    PowerFailed,
    /// `requires.power`
    #[error("the state of the power supplies is unknown: SMBIOS lists none that is present")]
    PowerUnknown,
    /// `requires.bmc`
    #[error("the BMC does not respond")]
    BmcSilent,
    /// `requires.bmc`
    #[error("the BMC was not queried")]
    BmcUnknown,
    /// `requires.memory_mib`
    #[error("not enough memory: {} needed, {} available", size(*needed), size(*available))]
    Memory {
        /// In bytes, the image included.
        needed: u64,
        /// In bytes.
        available: u64,
    },
}

/// A version by its role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// `version.want`
    Desired,
    /// What runs.
    Running,
    /// What is stored.
    Stored,
    /// One of `policy.via`.
    Intermediate,
    /// One of `from`.
    From,
    /// The lowest version that the component accepts.
    Lowest,
    /// The running version of the entry of this name, or the one that is required of it.
    Required(String),
}

/// What another component runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The machine has no such component.
    Nothing,
    /// Its version cannot be read.
    Unreadable,
    /// This version.
    Running(String),
}

impl Which {
    pub(super) fn not_a_version(self, error: NotAVersion) -> Refusal {
        Refusal::NotAVersion { which: self, error }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Desired => f.write_str("the desired version"),
            Self::Running => f.write_str("the running version"),
            Self::Stored => f.write_str("the stored version"),
            Self::Intermediate => f.write_str("an intermediate version"),
            Self::From => f.write_str("a version of from"),
            Self::Lowest => f.write_str("the lowest supported version"),
            Self::Required(entry) => write!(f, "the version of {entry}"),
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("and this machine has no such component"),
            Self::Unreadable => f.write_str("and its running version cannot be read"),
            Self::Running(version) => write!(f, "and {version} is running"),
        }
    }
}
