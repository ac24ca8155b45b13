// SPDX-License-Identifier: MIT OR Apache-2.0
use alloc::vec::Vec;
use core::fmt::{self, Write};

/// A string as the neighbour sent it.
///
/// The standards ask for UTF-8 (802.1AB-2016 8.5.5 to 8.5.7) or ASCII (ANSI/TIA-1057 10.2.6), but devices send any
/// bytes, often padded with NUL and with what was in the buffer before. So the bytes are kept, and
/// [`Display`](fmt::Display) gives a form that is safe to print.
///
/// ```
/// use lldp_rs::Text;
///
/// let name = Text::from(&b"sw1\x1b[2J\xff\0\0old"[..]);
/// assert_eq!(name.to_string(), r"sw1\u{1b}[2J\xff");
/// assert_eq!(name.as_bytes(), b"sw1\x1b[2J\xff\0\0old");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(Vec<u8>);

impl Text {
    /// All bytes, padding included.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text without NULs at its end; nothing when that is not UTF-8 or has characters which cannot be printed.
    pub fn as_printable(&self) -> Option<&str> {
        let text = core::str::from_utf8(&self.0).ok()?.trim_end_matches('\0');
        text.chars().all(is_printable).then_some(text)
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

/// The text ends at the first NUL, as lldpd and Wireshark have it. What cannot be printed is written as Rust writes it
/// in a string: `\n`, `\u{1b}`, `\\`; bytes which are not UTF-8 as `\xff`. So the result is one line, and different
/// texts look different.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = alloc::string::String::new();
        let text = self.0.split(|&byte| byte == 0).next().unwrap_or_default();
        for chunk in text.utf8_chunks() {
            for char in chunk.valid().chars() {
                if is_printable(char) && char != '\\' {
                    line.push(char);
                } else {
                    line.extend(char.escape_debug());
                }
            }
            for byte in chunk.invalid() {
                write!(line, "\\x{byte:02x}")?;
            }
        }
        f.pad(&line)
    }
}

/// `escape_debug` leaves alone what is printable; it escapes quotes and the backslash for another reason.
fn is_printable(char: char) -> bool {
    matches!(char, '\'' | '"' | '\\') || char.escape_debug().len() == 1
}

/// Bytes as operators write addresses: `00:1b:21:aa:bb:cc`.
pub(crate) fn colons(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let mut line = alloc::string::String::with_capacity(bytes.len() * 3);
    for (index, byte) in bytes.iter().enumerate() {
        let colon = if index == 0 { "" } else { ":" };
        write!(line, "{colon}{byte:02x}")?;
    }
    f.pad(&line)
}

#[cfg(test)]
mod tests {
    use super::Text;
    use alloc::string::ToString;

    #[test]
    fn only_printable_characters_reach_the_terminal() {
        for (bytes, shown) in [
            (&b"Gi1/0/2"[..], "Gi1/0/2"),
            (b"", ""),
            (b"\0\0", ""),
            ("Büro \"A\" 日本".as_bytes(), "Büro \"A\" 日本"),
            (b"a\0b\0", "a"),
            (b"one\ntwo\r\t", r"one\ntwo\r\t"),
            (br"back\slash", r"back\\slash"),
            ("\u{202e}gnp".as_bytes(), r"\u{202e}gnp"),
            ("\u{9b}31m".as_bytes(), r"\u{9b}31m"),
            (b"\xc3(\xa0\xff", r"\xc3(\xa0\xff"),
        ] {
            assert_eq!(Text::from(bytes).to_string(), shown, "{bytes:?}");
        }
    }

    #[test]
    fn printable_means_as_it_is() {
        assert_eq!(Text::from("a\\b\0").as_printable(), Some("a\\b"));
        assert_eq!(Text::from("a\nb").as_printable(), None);
        assert_eq!(Text::from("a\0b").as_printable(), None);
        assert_eq!(Text::from(&[0xff][..]).as_printable(), None);
    }

    #[test]
    fn width_is_kept() {
        assert_eq!(alloc::format!("{:>4}|", Text::from("ab")), "  ab|");
    }
}
