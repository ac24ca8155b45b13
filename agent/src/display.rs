// SPDX-License-Identifier: MIT OR Apache-2.0
//! How values are written for people.

/// Lower-case hexadecimal, two digits a byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
