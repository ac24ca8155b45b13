// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers and text in responses of devices. Pure.

/// The bytes at an offset; the caller decodes them in the byte order of the device's specification.
pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Text without the spaces and NULs around it; `None` where nothing is left.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    (!text.is_empty()).then(|| text.to_string())
}

/// Lower-case hexadecimal; `None` where all is zero, by which devices mean that they have no such identifier.
pub(super) fn hexadecimal(bytes: &[u8]) -> Option<String> {
    bytes.iter().any(|byte| *byte != 0).then(|| crate::display::hex(bytes))
}
