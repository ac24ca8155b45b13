// SPDX-License-Identifier: MIT OR Apache-2.0
//! The target to boot: `GET BASE/ID/profile`.

use serde::{Deserialize, Serialize};

/// The target a host is to boot: either a kernel with its initrds, or a unified kernel image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// [`crate::VERSION`].
    pub version: u32,
    /// The profile's name, repeated in [`crate::Installed`].
    pub name: String,
    /// The target kernel.
    #[serde(default)]
    pub kernel: Option<Artifact>,
    /// The target's initrds, in the order in which they are concatenated.
    #[serde(default)]
    pub initrds: Vec<Artifact>,
    /// The target kernel's command line.
    #[serde(default)]
    pub append: String,
    /// A unified kernel image, instead of kernel and initrds. Its own command line is used if `append` is empty.
    #[serde(default)]
    pub uki: Option<Artifact>,
}

/// A file to download.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// URLs of the file, tried in order; absolute, or relative to `BASE/ID/profile`.
    pub urls: Vec<String>,
    /// SHA-256 of the whole file, lower-case hex.
    pub sha256: String,
    /// Size in bytes.
    pub size: u64,
}
