// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ways to write firmware. What is written, and whether, is decided elsewhere; here it is written, and the result
//! returned.

pub mod capsule;
pub(crate) mod deadline;
pub mod devlink;
pub mod mtd;
mod search_path;
pub(crate) mod tool;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

/// A way to write the firmware of one component.
#[derive(Clone, Debug)]
pub enum Backend {
    /// Written by the driver of a network adapter.
    Devlink(devlink::Adapter),
    /// A flash chip that the kernel exposes as MTD.
    Mtd(mtd::Partition),
    /// Written by UEFI, after a reset.
    Capsule(capsule::Firmware),
    /// Written by a program of the vendor.
    Tool(tool::Tool),
}

/// The progress of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The current phase, in the wording of the driver if it reports one.
    pub phase: String,
    /// How much of `total` is done, usually in bytes.
    pub done: u64,
    /// 0 if unknown.
    pub total: u64,
}

/// The result of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No error was reported. What is stored is read by [`Backend::read_back`].
    Done,
    /// Nothing was written, for this reason.
    Refused(String),
    /// It failed, for this reason, and the old firmware is still there.
    Failed(String),
    /// It failed, for this reason; all or part of the image may have been written.
    Unknown(String),
    /// It timed out, and the write may still be going on.
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

/// What is stored in a component. It runs after the activation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// The image, byte for byte.
    Image,
    /// Something else; with the offset of the first byte that differs.
    Different(u64),
    /// The versions that the component reports, by name.
    Versions {
        /// The running ones.
        running: BTreeMap<String, String>,
        /// The stored ones.
        stored: BTreeMap<String, String>,
    },
}

/// What is still needed until new firmware runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing: it is running.
    Active,
    /// A reset of the host, of unknown kind; with the driver's reason, if it was asked.
    Reset(Option<String>),
    /// A warm reset of the host. The image is in memory, and any other reset, or a kexec, would lose it.
    WarmReset,
}

impl Backend {
    /// Checks that the component exists and accepts `image`, as far as that is possible without writing.
    /// [`Self::write`] checks again.
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

    /// Writes `image`, a file with an absolute path. Call it within the critical section
    /// ([`crate::host::critical_section::Armed`]). A write that takes longer than `limit` is waited for, up to ten times
    /// as long; it may go on after that, and the outcome is [`Outcome::Unfinished`].
    pub fn write(&self, image: &Path, limit: Duration, progress: &mut dyn FnMut(Progress)) -> Outcome {
        match self {
            Self::Devlink(adapter) => adapter.write(image, limit, progress),
            Self::Mtd(partition) => partition.write(image, limit, progress),
            Self::Capsule(firmware) => firmware.write(image, limit, progress),
            Self::Tool(tool) => tool.write(image, limit, progress),
        }
    }

    /// Reads what is stored in the component; `image` is what it is compared with.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read_back(&self, image: &Path) -> Result<Stored> {
        match self {
            Self::Devlink(adapter) => adapter.read_back(),
            Self::Mtd(partition) => partition.read_back(image),
            Self::Capsule(firmware) => firmware.read_back(),
            Self::Tool(tool) => tool.read_back(),
        }
    }

    /// Activates what is stored, if that is possible without a reset of the host.
    ///
    /// # Errors
    /// If the activation fails.
    pub fn activate(&self) -> Result<Activation> {
        match self {
            Self::Devlink(adapter) => adapter.activate(),
            Self::Mtd(_) | Self::Tool(_) => Ok(Activation::Reset(None)),
            Self::Capsule(_) => Ok(Activation::WarmReset),
        }
    }
}
