// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vital product data of PCI devices (PCI Local Bus 3.0, appendix I). Pure.

use stage1_contract::facts::PciVpd;

/// Tags of the large resources: the product's name, and the fields that are read-only.
const IDENTIFIER: u8 = 0x82;
const READ_ONLY: u8 = 0x90;
/// The small resource that ends the data, without its length.
const END: u8 = 0x0f;

/// Whether there is nothing of use behind these bytes.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    let mut resources = Resources(bytes);
    resources.by_ref().for_each(drop);
    match resources.0 {
        [] => false,
        // A large resource whose length or content is not there yet.
        [tag, ..] => *tag & 0x80 == 0 && tag >> 3 == END || !is_resource(*tag),
    }
}

/// The fields; `None` if there are none, as where the bytes are no vital product data.
pub(super) fn parse(bytes: &[u8]) -> Option<PciVpd> {
    let mut vpd = PciVpd::default();
    for (tag, content) in Resources(bytes) {
        match tag {
            IDENTIFIER => vpd.product = text(content),
            READ_ONLY => read_only(content, &mut vpd),
            _ => {}
        }
    }
    (vpd != PciVpd::default()).then_some(vpd)
}

fn read_only(mut fields: &[u8], vpd: &mut PciVpd) {
    while let [first, second, length, rest @ ..] = fields {
        let Some((value, rest)) = rest.split_at_checked(usize::from(*length)) else { return };
        let field = match &[*first, *second] {
            b"PN" => &mut vpd.part_number,
            b"SN" => &mut vpd.serial,
            b"EC" => &mut vpd.engineering_changes,
            b"MN" => &mut vpd.manufacturer,
            _ => {
                fields = rest;
                continue;
            }
        };
        *field = text(value);
        fields = rest;
    }
}

/// Printable text; some makers fill up with spaces, NULs or 0xff.
fn text(bytes: &[u8]) -> Option<String> {
    let text: String =
        String::from_utf8_lossy(bytes).chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_string())
}

/// Whether a tag begins a resource: large ones are known, of the small ones only the end.
fn is_resource(tag: u8) -> bool {
    matches!(tag, IDENTIFIER | READ_ONLY | 0x91) || tag >> 3 == END
}

/// The large resources that are whole, each with its tag. What is left are the bytes behind them.
struct Resources<'a>(&'a [u8]);

impl<'a> Iterator for Resources<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let [tag, low, high, rest @ ..] = self.0 else { return None };
        if tag & 0x80 == 0 || !is_resource(*tag) {
            return None;
        }
        let (content, rest) = rest.split_at_checked(u16::from_le_bytes([*low, *high]).into())?;
        self.0 = rest;
        Some((*tag, content))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::*;

    fn resource(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag], &(content.len() as u16).to_le_bytes()[..], content].concat()
    }

    fn field(keyword: &[u8; 2], value: &[u8]) -> Vec<u8> {
        [&keyword[..], &[value.len() as u8], value].concat()
    }

    fn adapter() -> Vec<u8> {
        let fields = [
            field(b"PN", b"MCX512A-ACAT  "),
            field(b"EC", b"AB"),
            field(b"V2", b"y"),
            field(b"SN", b"MT2015X00001\0\0"),
            field(b"RV", &[0x5a, 0, 0]),
        ];
        let name = resource(IDENTIFIER, b"CX512A - ConnectX-5");
        [name, resource(READ_ONLY, &fields.concat()), vec![END << 3], vec![0xff; 40]].concat()
    }

    #[test]
    fn an_adapter_with_its_part_number() {
        let some = |text: &str| Some(text.to_string());
        let expected = PciVpd {
            product: some("CX512A - ConnectX-5"),
            part_number: some("MCX512A-ACAT"),
            serial: some("MT2015X00001"),
            engineering_changes: some("AB"),
            manufacturer: None,
        };
        assert_eq!(parse(&adapter()), Some(expected));
    }

    #[test]
    fn reading_ends_with_the_end_tag_and_with_what_is_no_vital_product_data() {
        let end = adapter().iter().position(|byte| *byte == END << 3).unwrap();
        for length in 0..=end {
            assert!(!is_whole(&adapter()[..length]), "{length}");
        }
        assert!(is_whole(&adapter()[..=end]));
        for junk in [[0xff; 8], [0; 8]] {
            assert!(is_whole(&junk[..1]) && parse(&junk).is_none(), "{junk:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            is_whole(&bytes);
            parse(&bytes);
        }

        #[test]
        fn a_damaged_field_costs_what_follows_it(at in 0_usize..60, byte: u8) {
            let mut bytes = adapter();
            bytes[at] = byte;
            parse(&bytes);
        }
    }
}
