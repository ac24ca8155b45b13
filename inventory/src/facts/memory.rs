// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory as the kernel sees it.

use serde::{Deserialize, Serialize};

/// Memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// What the kernel can use, in bytes.
    pub usable_bytes: u64,
}
