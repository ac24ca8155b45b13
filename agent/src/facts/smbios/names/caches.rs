// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of a cache's codes (DSP0134 7.8). Pure.

use super::lookup::{Bits, Names};

/// 7.8, offset 05h bits 8 and 9.
pub(crate) const CACHE_MODE: Names =
    Names(&[(0, &["Write Through", "Write Back", "Varies With Memory Address", "Unknown"])]);

/// 7.8, offset 05h bits 5 and 6.
pub(crate) const CACHE_LOCATION: Names = Names(&[(0, &["Internal", "External", "", "Unknown"])]);

/// 7.8.2.
pub(crate) const SRAM: Bits =
    Bits(0, &["Other", "Unknown", "Non-burst", "Burst", "Pipeline Burst", "Synchronous", "Asynchronous"]);

/// 7.8.3.
pub(crate) const CACHE_ERROR_CORRECTION: Names =
    Names(&[(1, &["Other", "Unknown", "None", "Parity", "Single-bit ECC", "Multi-bit ECC"])]);

/// 7.8.4.
pub(crate) const CACHE: Names = Names(&[(1, &["Other", "Unknown", "Instruction", "Data", "Unified"])]);

/// 7.8.5.
pub(crate) const ASSOCIATIVITY: Names = Names(&[(
    1,
    &[
        "Other",
        "Unknown",
        "Direct Mapped",
        "2-way Set-associative",
        "4-way Set-associative",
        "Fully Associative",
        "8-way Set-associative",
        "16-way Set-associative",
        "12-way Set-associative",
        "24-way Set-associative",
        "32-way Set-associative",
        "48-way Set-associative",
        "64-way Set-associative",
        "20-way Set-associative",
    ],
)]);
