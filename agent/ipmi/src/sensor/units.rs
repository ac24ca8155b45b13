// SPDX-License-Identifier: MIT OR Apache-2.0
//! Units of sensors (IPMI 2.0, section 43.17 and table 43-1, bytes 21 to 23), spelled as ipmitool does.

/// What a sensor's readings are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Units {
    flags: u8,
    base: u8,
    modifier: u8,
}

impl Units {
    /// Reads bytes 21 to 23 of a sensor's record.
    pub fn parse([flags, base, modifier]: [u8; 3]) -> Self {
        Self { flags, base, modifier }
    }

    /// Whether the record names any.
    pub fn is_specified(self) -> bool {
        self.base != 0 || self.is_percentage()
    }

    /// Their name: "degrees C", "RPM", "percent", "liters/minute".
    pub fn name(self) -> String {
        let base = unit(self.base);
        let mut name = match (self.is_percentage(), self.base) {
            (true, 0) => "percent".to_string(),
            (true, _) => format!("% {base}"),
            (false, _) => base.to_string(),
        };
        match self.flags >> 1 & 0b11 {
            0b01 => name += &format!("/{}", unit(self.modifier)),
            0b10 => name += &format!("*{}", unit(self.modifier)),
            _ => {}
        }
        if let Some(rate) = RATES.get(usize::from(self.flags >> 3 & 0b111)) {
            name += rate;
        }
        name
    }

    /// Bits 7 and 6 of the first byte: how a reading is a number; 11b where it is none.
    pub(super) fn format(self) -> u8 {
        self.flags >> 6
    }

    fn is_percentage(self) -> bool {
        self.flags & 0x01 != 0
    }
}

fn unit(code: u8) -> &'static str {
    UNITS.get(usize::from(code)).copied().unwrap_or("invalid")
}

/// Bits 5 to 3 of the first byte.
const RATES: &[&str] =
    &["", " per microsecond", " per millisecond", " per second", " per minute", " per hour", " per day"];

const UNITS: &[&str] = &[
    "unspecified",
    "degrees C",
    "degrees F",
    "degrees K",
    "Volts",
    "Amps",
    "Watts",
    "Joules",
    "Coulombs",
    "VA",
    "Nits",
    "lumen",
    "lux",
    "Candela",
    "kPa",
    "PSI",
    "Newton",
    "CFM",
    "RPM",
    "Hz",
    "microsecond",
    "millisecond",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "mil",
    "inches",
    "feet",
    "cu in",
    "cu feet",
    "mm",
    "cm",
    "m",
    "cu cm",
    "cu m",
    "liters",
    "fluid ounce",
    "radians",
    "steradians",
    "revolutions",
    "cycles",
    "gravities",
    "ounce",
    "pound",
    "ft-lb",
    "oz-in",
    "gauss",
    "gilberts",
    "henry",
    "millihenry",
    "farad",
    "microfarad",
    "ohms",
    "siemens",
    "mole",
    "becquerel",
    "PPM",
    "reserved",
    "Decibels",
    "DbA",
    "DbC",
    "gray",
    "sievert",
    "color temp deg K",
    "bit",
    "kilobit",
    "megabit",
    "gigabit",
    "byte",
    "kilobyte",
    "megabyte",
    "gigabyte",
    "word",
    "dword",
    "qword",
    "line",
    "hit",
    "miss",
    "retry",
    "reset",
    "overflow",
    "underrun",
    "collision",
    "packets",
    "messages",
    "characters",
    "error",
    "correctable error",
    "uncorrectable error",
    "fatal error",
    "grams",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_joined() {
        let name = |bytes| Units::parse(bytes).name();
        assert_eq!(name([0x80, 0x01, 0x00]), "degrees C");
        assert_eq!(name([0x00, 0x12, 0x00]), "RPM");
        assert_eq!(name([0x00, 0x06, 0x00]), "Watts");
        assert_eq!(name([0x01, 0x00, 0x00]), "percent");
        assert_eq!(name([0x02, 0x25, 0x17]), "liters/minute");
        assert_eq!(name([0x18, 0x56, 0x00]), "messages per second");
        assert_eq!(name([0x00, 0x5c, 0x00]), "grams");
        assert_eq!(name([0x05, 0xff, 0x05]), "% invalid*Amps");
        assert!(!Units::parse([0x80, 0, 7]).is_specified());
    }
}
