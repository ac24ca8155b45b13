// SPDX-License-Identifier: MIT OR Apache-2.0
//! Processors as the kernel sees them.

use serde::{Deserialize, Serialize};

/// Processors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cpus {
    /// The first processor's model name.
    pub model: Option<String>,
    /// Physical packages.
    pub sockets: u32,
    /// Cores in all packages.
    pub cores: u32,
    /// Logical processors.
    pub threads: u32,
}
