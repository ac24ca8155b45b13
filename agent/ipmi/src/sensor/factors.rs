// SPDX-License-Identifier: MIT OR Apache-2.0
//! Conversion of raw readings (IPMI 2.0, section 36.3).

use super::Units;

/// `value = f((M * raw + B * 10^Bexp) * 10^Rexp)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Factors {
    format: Format,
    linearization: u8,
    m: i16,
    b: i16,
    b_exponent: i8,
    result_exponent: i8,
}

/// How a raw reading is a number (table 43-1, byte 21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Unsigned,
    OnesComplement,
    TwosComplement,
}

impl Factors {
    /// Reads bytes 24 to 30 of a full sensor's record: the linearization, then M, tolerance, B, accuracy, exponents.
    /// `None` if readings are not numbers.
    pub fn parse(units: Units, linearization: u8, bytes: [u8; 6]) -> Option<Self> {
        let format = match units.format() {
            0b00 => Format::Unsigned,
            0b01 => Format::OnesComplement,
            0b10 => Format::TwosComplement,
            _ => return None,
        };
        let linearization = linearization & 0x7f;
        let none = Self { format, linearization, m: 0, b: 0, b_exponent: 0, result_exponent: 0 };
        Some(Self { linearization, ..none.with(bytes) })
    }

    /// Whether each reading has factors of its own, which [`GetSensorReadingFactors`](super::GetSensorReadingFactors)
    /// reads.
    pub fn is_non_linear(&self) -> bool {
        self.linearization >= 0x70
    }

    /// The value of a raw reading in thousandths of the unit, rounded; `None` if it is not a number, or too large.
    pub fn thousandths(&self, raw: u8) -> Option<i64> {
        if self.is_non_linear() {
            return None;
        }
        let (number, exponent) = self.linear(raw);
        if self.linearization == 0 {
            return scaled(number, exponent + 3);
        }
        let value = function(self.linearization, number as f64 * 10f64.powi(exponent))?;
        let thousandths = (value * 1000.0).round();
        (thousandths.abs() < LIMIT).then_some(thousandths as i64)
    }

    /// The same sensor with the factors of one reading, whose value is linear in them.
    pub(super) fn with(&self, [m, m_high, b, b_high, _, exponents]: [u8; 6]) -> Self {
        Self {
            linearization: 0,
            m: ten_bits(m, m_high),
            b: ten_bits(b, b_high),
            b_exponent: four_bits(exponents),
            result_exponent: four_bits(exponents >> 4),
            ..*self
        }
    }

    /// `number * 10^exponent`, before the function.
    fn linear(&self, raw: u8) -> (i128, i32) {
        let raw = match self.format {
            Format::Unsigned => i128::from(raw),
            Format::OnesComplement if raw & 0x80 != 0 => -i128::from(!raw),
            Format::OnesComplement => i128::from(raw),
            Format::TwosComplement => i128::from(raw.cast_signed()),
        };
        let (product, offset) = (i128::from(self.m) * raw, i128::from(self.b));
        let (b_exponent, exponent) = (i32::from(self.b_exponent), i32::from(self.result_exponent));
        let power = 10i128.pow(b_exponent.unsigned_abs());
        match b_exponent < 0 {
            true => (product * power + offset, exponent + b_exponent),
            false => (product + offset * power, exponent),
        }
    }
}

/// Up to which every whole number is a double of its own.
const LIMIT: f64 = 9e15;

/// The linearization functions (table 43-1, byte 24).
fn function(linearization: u8, x: f64) -> Option<f64> {
    Some(match linearization {
        1 => x.ln(),
        2 => x.log10(),
        3 => x.log2(),
        4 => x.exp(),
        5 => 10f64.powf(x),
        6 => x.exp2(),
        7 => x.recip(),
        8 => x * x,
        9 => x * x * x,
        10 => x.sqrt(),
        11 => x.cbrt(),
        _ => return None,
    })
}

/// `number * 10^exponent`, rounded half away from zero.
fn scaled(number: i128, exponent: i32) -> Option<i64> {
    let power = 10i128.pow(exponent.unsigned_abs());
    let scaled = match exponent < 0 {
        true => (number + number.signum() * power / 2) / power,
        false => number * power,
    };
    i64::try_from(scaled).ok()
}

/// A signed number whose upper two bits are those of another byte.
fn ten_bits(low: u8, high: u8) -> i16 {
    i16::from_be_bytes([high, 0]) >> 6 & !0xff | i16::from(low)
}

fn four_bits(byte: u8) -> i8 {
    (byte << 4).cast_signed() >> 4
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    fn factors(format: u8, linearization: u8, bytes: [u8; 6]) -> Factors {
        Factors::parse(Units::parse([format << 6, 1, 0]), linearization, bytes).unwrap()
    }

    #[test]
    fn readings_of_servers_are_read() {
        // A fan: 75 RPM a step.
        assert_eq!(factors(0, 0, [75, 0, 0, 0, 0, 0]).thousandths(0x38), Some(4_200_000));
        // A Supermicro 12 V rail: M 63, Rexp -3.
        assert_eq!(factors(0, 0, [0x3f, 0, 0, 0, 0, 0xd0]).thousandths(0xbe), Some(11_970));
        // A Dell inlet temperature: B -128, counted from 0.
        assert_eq!(factors(0, 0, [1, 0, 0x80, 0xc0, 0, 0]).thousandths(0x95), Some(21_000));
        // A battery of 15.6 mV a step: M 156, Rexp -4; 3.0888 V is rounded.
        assert_eq!(factors(0, 0, [156, 0, 0, 0, 0, 0xc0]).thousandths(0xc6), Some(3_089));
    }

    #[test]
    fn numbers_may_be_signed() {
        assert_eq!(factors(2, 0, [1, 0, 0, 0, 0, 0]).thousandths(0xf6), Some(-10_000));
        assert_eq!(factors(1, 0, [1, 0, 0, 0, 0, 0]).thousandths(0xf5), Some(-10_000));
        assert_eq!(factors(1, 0, [1, 0, 0, 0, 0, 0]).thousandths(0xff), Some(0));
        assert_eq!(factors(0, 0, [0xff, 0xc0, 0, 0, 0, 0]).thousandths(2), Some(-2_000));
        assert_eq!(factors(0, 0, [0x00, 0x80, 0, 0, 0, 0]).thousandths(1), Some(-512_000));
        assert_eq!(factors(0, 0, [0xff, 0x40, 0, 0, 0, 0]).thousandths(1), Some(511_000));
    }

    #[test]
    fn exponents_go_both_ways() {
        // (2 * 3 + 5 * 10^1) * 10^2, and (2 * 3 + 5 * 10^-1) * 10^-4 = 0.00065.
        assert_eq!(factors(0, 0, [2, 0, 5, 0, 0, 0x21]).thousandths(3), Some(5_600_000));
        assert_eq!(factors(0, 0, [2, 0, 5, 0, 0, 0xcf]).thousandths(3), Some(1));
        assert_eq!(factors(0, 0, [1, 0, 0, 0, 0, 0xc0]).thousandths(5), Some(1));
        assert_eq!(factors(0, 0, [0xff, 0xc0, 0, 0, 0, 0xc0]).thousandths(5), Some(-1));
        assert_eq!(factors(0, 0, [0xff, 0x40, 0xff, 0x40, 0, 0x77]).thousandths(255), None);
    }

    #[test]
    fn functions_are_applied() {
        let of = |linearization| factors(0, linearization, [1, 0, 0, 0, 0, 0]);
        let at = |linearization, raw| of(linearization).thousandths(raw);
        assert_eq!([at(1, 10), at(2, 100), at(3, 8)], [Some(2_303), Some(2_000), Some(3_000)]);
        assert_eq!([at(4, 1), at(5, 2), at(6, 10)], [Some(2_718), Some(100_000), Some(1_024_000)]);
        assert_eq!([at(7, 4), at(8, 5), at(9, 3)], [Some(250), Some(25_000), Some(27_000)]);
        assert_eq!([at(10, 2), at(11, 27), at(12, 1)], [Some(1_414), Some(3_000), None]);
        assert_eq!([at(1, 0), at(7, 0), at(5, 200)], [None; 3]);
        assert!(of(0x70).is_non_linear() && at(0x70, 1).is_none());
    }

    #[test]
    fn what_is_no_number_has_no_factors() {
        assert_eq!(Factors::parse(Units::parse([0xc0, 1, 0]), 0, [1; 6]), None);
    }

    proptest! {
        #[test]
        fn no_factors_bring_it_down(
            format in 0..3u8,
            linearization in any::<u8>(),
            bytes in any::<[u8; 6]>(),
            raw in any::<u8>(),
        ) {
            let exact = factors(format, 0, bytes);
            let (number, exponent) = exact.linear(raw);
            let expected = number as f64 * 10f64.powi(exponent + 3);
            if let Some(value) = exact.thousandths(raw) {
                assert!((value as f64 - expected).abs() <= 0.51 + expected.abs() * 1e-12);
            }
            let _ = factors(format, linearization, bytes).thousandths(raw);
        }
    }
}
