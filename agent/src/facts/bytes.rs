// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers and text in what devices answer. Pure.

/// The bytes at an offset; numbers are made of them in the order that the device's specification has.
pub fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Text without what fills it up, spaces and NULs; `None` where that is all there is.
pub fn text(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    (!text.is_empty()).then(|| text.to_string())
}

/// Lower-case hexadecimal; `None` where all is zero, which is how devices say that they have no such identifier.
pub fn hexadecimal(bytes: &[u8]) -> Option<String> {
    bytes.iter().any(|byte| *byte != 0).then(|| crate::display::hex(bytes))
}
