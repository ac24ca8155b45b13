// SPDX-License-Identifier: MIT OR Apache-2.0
//! Versions of firmware: their formats as data, and a comparison that does not guess. Pure.
//!
//! The formats and their 32-bit layouts are fwupd's (<https://lvfs.readthedocs.io/en/latest/metainfo.html>, version
//! formats). A text that does not follow its format is not a version here; fwupd would convert it.

use std::cmp::Ordering;
use std::fmt::Write;

use stage1_contract::firmware::manifest::Format;
use stage1_contract::printable;
use thiserror::Error;

/// A parsed version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// Numbers, the most significant first.
    Numbers(Vec<u64>),
    /// A text without an order.
    Text(String),
}

/// A text that is not a version of its format.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{text:?} is not a version of the format {format}")]
pub struct NotAVersion {
    text: String,
    format: &'static str,
}

impl Version {
    /// Parses a version.
    ///
    /// # Errors
    /// [`NotAVersion`]
    pub fn parse(format: Format, text: &str) -> Result<Self, NotAVersion> {
        let shape = shape(format);
        let numbers = match shape.text {
            Text::Any => (!text.trim().is_empty()).then(|| Self::Text(text.trim().to_string())),
            Text::Decimal(sections) => {
                let numbers: Option<Vec<u64>> = text.split('.').map(decimal).collect();
                numbers.filter(|numbers| numbers.len() == sections && shape.holds(numbers)).map(Self::Numbers)
            }
            Text::Hex => hexadecimal(text).map(|number| Self::Numbers(vec![number])),
        };
        numbers.ok_or_else(|| NotAVersion { text: printable(text), format: shape.name })
    }

    /// The order of two versions of the same format; `None` if the format has no order.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Numbers(one), Self::Numbers(other)) => Some(one.cmp(other)),
            (Self::Text(one), Self::Text(other)) => (one == other).then_some(Ordering::Equal),
            _ => None,
        }
    }
}

/// Whether one of two different versions is always the newer one.
pub(crate) fn has_order(format: Format) -> bool {
    format != Format::Plain
}

/// The text of a version that is stored in 32 bits, as in the ESRT (UEFI 23.4).
pub(crate) fn of_u32(format: Format, value: u32) -> String {
    let shape = shape(format);
    if shape.text == Text::Hex {
        return format!("{value:#010x}");
    }
    let mut text = String::new();
    for (index, (shift, bits)) in shape.fields.iter().enumerate() {
        let field = (u64::from(value) >> shift) & ((1 << bits) - 1);
        let (dot, offset) = if index == 0 { ("", shape.offset) } else { (".", 0) };
        let _ = write!(text, "{dot}{}", field + offset);
    }
    text
}

/// A number, decimal or with `0x`.
pub(crate) fn number(text: &str) -> Option<u64> {
    decimal(text).or_else(|| hexadecimal(text))
}

/// A format as data.
struct Shape {
    name: &'static str,
    text: Text,
    /// The position of each number in 32 bits, as shift and width.
    fields: &'static [(u32, u32)],
    /// What is added to the bits of the first number.
    offset: u64,
    /// Whether the numbers of a text must fit these bits, too.
    narrow: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    Any,
    /// This many decimal numbers, separated by dots.
    Decimal(usize),
    /// `0x` and digits.
    Hex,
}

fn shape(format: Format) -> Shape {
    let wide = |name, text, fields| Shape { name, text, fields, offset: 0, narrow: false };
    let narrow = |name, sections, fields, offset| Shape {
        name,
        text: Text::Decimal(sections),
        fields,
        offset,
        narrow: true,
    };
    match format {
        Format::Plain => wide("plain", Text::Any, &[(0, 32)]),
        Format::Number => wide("number", Text::Decimal(1), &[(0, 32)]),
        Format::Pair => wide("pair", Text::Decimal(2), &[(16, 16), (0, 16)]),
        Format::Triplet => wide("triplet", Text::Decimal(3), &[(24, 8), (16, 8), (0, 16)]),
        Format::Quad => wide("quad", Text::Decimal(4), &[(24, 8), (16, 8), (8, 8), (0, 8)]),
        Format::Hex => wide("hex", Text::Hex, &[(0, 32)]),
        Format::DellBios => narrow("dell-bios", 3, &[(16, 8), (8, 8), (0, 8)], 0),
        Format::DellBiosMsb => narrow("dell-bios-msb", 3, &[(24, 8), (16, 8), (8, 8)], 0),
        Format::IntelMe => narrow("intel-me", 4, &[(29, 3), (24, 5), (16, 8), (0, 16)], 11),
        Format::IntelMe2 => narrow("intel-me2", 4, &[(28, 4), (24, 4), (16, 8), (0, 16)], 0),
    }
}

impl Shape {
    fn holds(&self, numbers: &[u64]) -> bool {
        let offsets = std::iter::once(self.offset).chain(std::iter::repeat(0));
        !self.narrow
            || numbers.iter().zip(self.fields).zip(offsets).all(|((number, (_, bits)), offset)| {
                number.checked_sub(offset).is_some_and(|number| number < 1 << bits)
            })
    }
}

fn decimal(text: &str) -> Option<u64> {
    // `parse` would also accept a sign.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn hexadecimal(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x")?;
    let well_formed = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    well_formed.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    const ALL: [Format; 10] = [
        Format::Plain,
        Format::Number,
        Format::Pair,
        Format::Triplet,
        Format::Quad,
        Format::Hex,
        Format::DellBios,
        Format::DellBiosMsb,
        Format::IntelMe,
        Format::IntelMe2,
    ];

    fn order(format: Format, one: &str, other: &str) -> Option<Ordering> {
        Version::parse(format, one).unwrap().compare(&Version::parse(format, other).unwrap())
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        for (format, older, newer) in [
            (Format::Number, "9", "10"),
            (Format::Pair, "2.78", "2.100"),
            (Format::Triplet, "1.2581.0", "1.2600.0"),
            (Format::Triplet, "22.31.1014", "22.39.0048"),
            (Format::Quad, "216.0.286.1", "216.0.333.0"),
            (Format::Hex, "0x8000d8c5", "0x8000D95E"),
            (Format::DellBios, "2.9.1", "2.19.1"),
            (Format::IntelMe, "11.8.50.3399", "11.8.77.3664"),
        ] {
            assert_eq!(order(format, older, newer), Some(Ordering::Less), "{older} {newer}");
            assert_eq!(order(format, newer, older), Some(Ordering::Greater), "{older} {newer}");
            assert_eq!(order(format, older, older), Some(Ordering::Equal), "{older}");
        }
        assert_eq!(order(Format::Triplet, "16.26.0100", "16.26.100"), Some(Ordering::Equal));
    }

    #[test]
    fn plain_texts_have_no_order() {
        assert_eq!(order(Format::Plain, "U30", "U30"), Some(Ordering::Equal));
        assert_eq!(order(Format::Plain, "U30", "U31"), None);
        assert_eq!(order(Format::Plain, "1", "2"), None);
        assert!(ALL.iter().all(|format| has_order(*format) == (*format != Format::Plain)));
    }

    #[test]
    fn a_text_that_does_not_follow_its_format_is_not_a_version() {
        for (format, text) in [
            (Format::Plain, " "),
            (Format::Number, ""),
            (Format::Number, "+1"),
            (Format::Number, "18446744073709551616"),
            (Format::Pair, "1"),
            (Format::Pair, "1.2.3"),
            (Format::Triplet, "1.2"),
            (Format::Triplet, "1.2."),
            (Format::Triplet, "1..3"),
            (Format::Triplet, "v1.2.3"),
            (Format::Triplet, "1.2.3-rc1"),
            (Format::Triplet, "1.2.3 "),
            (Format::Triplet, "recovery"),
            (Format::Triplet, "0x010203"),
            (Format::Quad, "1.2.3"),
            (Format::Hex, "8000d95e"),
            (Format::Hex, "0x"),
            (Format::Hex, "0x+1"),
            (Format::Hex, "0x10000000000000000"),
            (Format::DellBios, "2.256.1"),
            (Format::IntelMe, "10.0.0.1"),
            (Format::IntelMe, "19.0.0.1"),
            (Format::IntelMe2, "16.0.0.0"),
        ] {
            assert!(Version::parse(format, text).is_err(), "{text:?}");
        }
        let error = Version::parse(Format::DellBiosMsb, "A\u{1b}07").unwrap_err();
        assert_eq!(error.to_string(), "\"A?07\" is not a version of the format dell-bios-msb");
    }

    /// The examples of fwupd's self tests (libfwupdplugin, version semver and uint32).
    #[test]
    fn thirty_two_bits_are_written_as_fwupd_writes_them() {
        for (format, value, text) in [
            (Format::Plain, 0xff, "255"),
            (Format::Number, 0x0102_0304, "16909060"),
            (Format::Pair, 0x0102_0304, "258.772"),
            (Format::Triplet, 0x0102_0304, "1.2.772"),
            (Format::Quad, 0x0102_0304, "1.2.3.4"),
            (Format::Hex, 0x0102_0304, "0x01020304"),
            (Format::DellBios, 0x0102_0304, "2.3.4"),
            (Format::DellBiosMsb, 0x0102_0304, "1.2.3"),
            (Format::IntelMe, 0x0a32_0d47, "11.10.50.3399"),
            (Format::IntelMe2, 0xb832_0d47, "11.8.50.3399"),
        ] {
            assert_eq!(of_u32(format, value), text, "{format:?}");
        }
    }

    #[test]
    fn numbers_are_decimal_or_hexadecimal() {
        assert_eq!((number("17"), number("0x11")), (Some(17), Some(17)));
        assert_eq!((number("-1"), number("11h"), number("")), (None, None, None));
    }

    proptest! {
        #[test]
        fn a_written_version_parses_and_keeps_its_order(one in any::<u32>(), other in any::<u32>()) {
            for format in ALL {
                let parse = |value| Version::parse(format, &of_u32(format, value)).unwrap();
                let (one_, other_) = (parse(one), parse(other));
                match format {
                    Format::Plain => prop_assert_eq!(one_ == other_, one == other),
                    // These formats ignore some bits.
                    Format::DellBios => {
                        prop_assert_eq!(one_.compare(&other_), Some((one & 0xff_ffff).cmp(&(other & 0xff_ffff))));
                    }
                    Format::DellBiosMsb => prop_assert_eq!(one_.compare(&other_), Some((one >> 8).cmp(&(other >> 8)))),
                    _ => prop_assert_eq!(one_.compare(&other_), Some(one.cmp(&other))),
                }
            }
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            for format in ALL {
                if let Ok(version) = Version::parse(format, &text) {
                    prop_assert_eq!(version.compare(&version), Some(Ordering::Equal));
                }
            }
            let _ = number(&text);
        }
    }
}
