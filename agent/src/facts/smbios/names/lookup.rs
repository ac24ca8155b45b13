// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tables of names: from a code, or from bits, to what they mean. Pure.

/// Names of codes: runs of them, each from its first code on; empty ones are reserved.
pub(crate) struct Names(pub &'static [(u16, &'static [&'static str])]);

impl Names {
    /// The code's name, else its number.
    pub(crate) fn of(&self, code: impl Into<u16>) -> String {
        let code = code.into();
        let named = self.0.iter().find_map(|(first, names)| {
            names.get(usize::from(code.checked_sub(*first)?)).filter(|name| !name.is_empty())
        });
        named.map_or_else(|| format!("0x{code:02x}"), |name| (*name).to_string())
    }
}

/// Values of codes, from the first that has one on.
pub(crate) struct Values<T: 'static>(pub u16, pub &'static [T]);

impl<T: Clone + From<String>> Values<T> {
    /// The code's value, else its number.
    pub(crate) fn of(&self, code: impl Into<u16>) -> T {
        let code = code.into();
        let listed = code.checked_sub(self.0).and_then(|at| self.1.get(usize::from(at)));
        listed.cloned().unwrap_or_else(|| T::from(format!("0x{code:02x}")))
    }
}

/// Values of bits, from the first that has one on.
pub(crate) struct Flags<T: 'static>(pub u32, pub &'static [T]);

impl<T: Clone> Flags<T> {
    /// The values of the bits that are set.
    pub(crate) fn of(&self, bits: impl Into<u32>) -> Vec<T> {
        let bits = bits.into() >> self.0;
        let set = self.1.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
        set.map(|(_, value)| value.clone()).collect()
    }
}

/// Names of bits, from the first that has one on.
pub(crate) struct Bits(pub u32, pub &'static [&'static str]);

impl Bits {
    /// The names of the bits that are set.
    pub(crate) fn of(&self, bits: impl Into<u32>) -> Vec<String> {
        Flags(self.0, self.1).of(bits).into_iter().map(str::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use stage1_contract::facts::ChassisState;

    use super::*;

    #[test]
    fn a_code_without_a_name_is_its_number() {
        let names = Names(&[(0, &["Internal", "External", "", "Unknown"]), (0xf0, &["OEM"])]);
        let of = [1u8, 2, 4, 0xf0, 0xff].map(|code| names.of(code));
        assert_eq!(of, ["External", "0x02", "0x04", "OEM", "0xff"]);
        assert_eq!(Names(&[(1, &["Other"])]).of(0u8), "0x00");
    }

    #[test]
    fn a_code_without_a_value_keeps_its_number() {
        let values = Values(1, &[ChassisState::Other, ChassisState::Unknown]);
        assert_eq!(values.of(2u8), ChassisState::Unknown);
        assert_eq!([0u8, 3].map(|code| values.of(code).to_string()), ["0x00", "0x03"]);
    }

    #[test]
    fn bits_without_a_name_are_left_out() {
        assert_eq!(Bits(3, &["a", "b", "c"]).of(0b1101_1000u32), ["a", "b"]);
    }
}
