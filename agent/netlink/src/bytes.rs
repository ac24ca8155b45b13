// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers and text at an offset.

/// The bytes at an offset; numbers are made of them in the order that the structure has.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Text without what fills it up, spaces and NULs; `None` where that is all there is.
pub(crate) fn text(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    (!text.is_empty()).then(|| text.to_string())
}
