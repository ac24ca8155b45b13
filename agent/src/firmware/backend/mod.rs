// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ways to write firmware. What is written, and whether, is decided elsewhere; here it is done, and said what became
//! of it.

pub mod capsule;
pub mod deadline;
pub mod devlink;
pub mod mtd;
mod search_path;
pub mod tool;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

/// A way to write the firmware of one component.
#[derive(Clone, Debug)]
pub enum Backend {
    /// By the driver of a network adapter.
    Devlink(devlink::Adapter),
    /// Into a flash chip that the kernel shows as MTD.
    Mtd(mtd::Partition),
    /// By UEFI, after a reset.
    Capsule(capsule::Firmware),
    /// By a vendor's program.
    Tool(tool::Tool),
}

/// How far writing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done: in the driver's words, where it has any.
    pub phase: String,
    /// How much of `total` is done, in bytes as a rule.
    pub done: u64,
    /// 0 where that is not known.
    pub total: u64,
}

/// What became of writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it was written, as far as who wrote it knows. What is there is told by [`Backend::read_back`].
    Done,
    /// Nothing was written, for this reason.
    Refused(String),
    /// It failed, for this reason, and the firmware that was there before is there still.
    Failed(String),
    /// It may have been written, or half of it.
    Unknown(String),
    /// It did not end in time, and may still be written.
    Unfinished(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::Failed(why) => write!(f, "failed: {why}"),
            Self::Unknown(why) | Self::Unfinished(why) => write!(f, "unknown: {why}"),
        }
    }
}

/// What is stored in a component, and runs at the latest after the reset that activates it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// The image, byte for byte.
    Image,
    /// Something else: the first byte that differs.
    Different(u64),
    /// The versions that it tells, by name.
    Versions {
        /// Those that run.
        running: BTreeMap<String, String>,
        /// Those that are stored.
        stored: BTreeMap<String, String>,
    },
}

/// What it takes until new firmware runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing: it runs.
    Active,
    /// A reset of the host; which kind is not known here. The reason is the driver's, where it was asked.
    Reset(Option<String>),
    /// A warm reset of the host: what is to be written is in memory, and is lost otherwise. Neither is a kexec a reset.
    WarmReset,
}

impl Backend {
    /// Looks whether the component is there and `image` may be for it, as far as that can be told without writing. This is
    /// asked again directly before writing.
    ///
    /// # Errors
    /// Why `image` must not be written.
    pub fn check(&self, image: &Path) -> Result<()> {
        match self {
            Self::Devlink(adapter) => adapter.check(image),
            Self::Mtd(partition) => partition.check(image),
            Self::Capsule(firmware) => firmware.check(image),
            Self::Tool(tool) => tool.check(image),
        }
    }

    /// Writes `image`, a file with an absolute path. It returns within `limit`, which is prolonged by half a minute for a
    /// tool, although what writes may go on after that: then the outcome is [`Outcome::Unfinished`]. A call belongs between
    /// [`critical_section::Armed::arm`] and the end of that.
    pub fn write(&self, image: &Path, limit: Duration, progress: &mut dyn FnMut(Progress)) -> Outcome {
        match self {
            Self::Devlink(adapter) => adapter.write(image, limit, progress),
            Self::Mtd(partition) => partition.write(image, limit, progress),
            Self::Capsule(firmware) => firmware.write(image, limit, progress),
            Self::Tool(tool) => tool.write(image, limit, progress),
        }
    }

    /// What is stored in the component.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn read_back(&self, image: &Path) -> Result<Stored> {
        match self {
            Self::Devlink(adapter) => adapter.read_back(),
            Self::Mtd(partition) => partition.read_back(image),
            Self::Capsule(firmware) => firmware.read_back(),
            Self::Tool(tool) => tool.read_back(),
        }
    }

    /// Makes what is stored run, where that goes without a reset of the host.
    ///
    /// # Errors
    /// Where that was tried and failed.
    pub fn activate(&self) -> Result<Activation> {
        match self {
            Self::Devlink(adapter) => adapter.activate(),
            Self::Mtd(_) | Self::Tool(_) => Ok(Activation::Reset(None)),
            Self::Capsule(_) => Ok(Activation::WarmReset),
        }
    }
}
