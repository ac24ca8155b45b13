// SPDX-License-Identifier: MIT OR Apache-2.0
//! A FRU's inventory (*IPMI Platform Management FRU Information Storage Definition*, v1.0 r1.3).

mod area;
mod made;
mod multi_record;

use area::{Area, adds_up};
use multi_record::{Header, power_supplies};

pub use area::FruWarning;
pub use made::Manufactured;
pub use multi_record::PowerSupply;

/// The inventory of a field replaceable unit (FRU).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fru {
    /// Chassis info area (section 10).
    pub chassis: Option<Chassis>,
    /// Board info area (section 11).
    pub board: Option<Board>,
    /// Product info area (section 12).
    pub product: Option<Product>,
    /// Power supply information records of the multi-record area (section 18.1).
    pub power_supplies: Vec<PowerSupply>,
    /// Defects of the inventory.
    pub warnings: Vec<FruWarning>,
}

/// Chassis info area (section 10).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chassis {
    /// Chassis type, as in SMBIOS (DSP0134 7.4.1).
    pub kind: u8,
    /// Part number.
    pub part_number: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Custom fields of the vendor.
    pub custom: Vec<String>,
}

/// Board info area (section 11).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Board {
    /// Manufacturing time; `None` if unspecified.
    pub manufactured: Option<Manufactured>,
    /// Manufacturer name.
    pub manufacturer: Option<String>,
    /// Product name.
    pub product: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Part number.
    pub part_number: Option<String>,
    /// FRU file ID: name or version of the file that the inventory was made from.
    pub file: Option<String>,
    /// Custom fields of the vendor.
    pub custom: Vec<String>,
}

/// Product info area (section 12).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Product {
    /// Manufacturer name.
    pub manufacturer: Option<String>,
    /// Product name.
    pub name: Option<String>,
    /// Part or model number.
    pub part_number: Option<String>,
    /// Product version.
    pub version: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Asset tag.
    pub asset_tag: Option<String>,
    /// FRU file ID: name or version of the file that the inventory was made from.
    pub file: Option<String>,
    /// Custom fields of the vendor.
    pub custom: Vec<String>,
}

impl Fru {
    /// Decodes an inventory, from its common header on. What is not readable becomes a [`FruWarning`].
    pub fn parse(bytes: &[u8]) -> Self {
        let mut fru = Self::default();
        let Some(header) = bytes.first_chunk::<HEADER>() else {
            fru.warnings.push(FruWarning::Truncated("header"));
            return fru;
        };
        if header[0] & 0x0f != 1 {
            fru.warnings.push(match *header {
                ERASED => FruWarning::Erased,
                ZEROS => FruWarning::Zeros,
                [format, ..] => FruWarning::Format(format),
            });
            return fru;
        }
        if !adds_up(header) {
            fru.warnings.push(FruWarning::Checksum("header"));
        }
        let [_, _, chassis, board, product, multi_record, ..] = *header;
        let warnings = &mut fru.warnings;
        fru.chassis = Area::find("chassis area", bytes, chassis, warnings).map(Chassis::read);
        fru.board = Area::find("board area", bytes, board, warnings).map(Board::read);
        fru.product = Area::find("product area", bytes, product, warnings).map(Product::read);
        fru.power_supplies = power_supplies(bytes, multi_record, warnings);
        fru
    }
}

/// How many bytes of an inventory to read, given the bytes at its start that are `known` so far. Once the result is not
/// larger than that, the inventory is complete.
///
/// A BMC reads its EEPROMs slowly, and most of an EEPROM is often unused.
pub fn extent(known: &[u8]) -> usize {
    let Some(&[format, _, chassis, board, product, multi_record, ..]) = known.first_chunk::<HEADER>() else {
        return HEADER;
    };
    if format & 0x0f != 1 {
        return HEADER;
    }
    let areas = [chassis, board, product].map(|offset| area_end(known, usize::from(offset) * 8));
    areas.into_iter().fold(HEADER, usize::max).max(records_end(known, usize::from(multi_record) * 8))
}

impl Chassis {
    /// The area has no language code: it is English.
    fn read(mut area: Area<'_>) -> Self {
        let [kind] = area.bytes();
        Self { kind, part_number: area.field(), serial: area.field(), custom: area.fields() }
    }
}

impl Board {
    fn read(mut area: Area<'_>) -> Self {
        let [language, low, middle, high] = area.bytes();
        area.language = language;
        Self {
            manufactured: Manufactured::parse([low, middle, high]),
            manufacturer: area.field(),
            product: area.field(),
            serial: area.field(),
            part_number: area.field(),
            file: area.field(),
            custom: area.fields(),
        }
    }
}

impl Product {
    fn read(mut area: Area<'_>) -> Self {
        [area.language] = area.bytes();
        Self {
            manufacturer: area.field(),
            name: area.field(),
            part_number: area.field(),
            version: area.field(),
            serial: area.field(),
            asset_tag: area.field(),
            file: area.field(),
            custom: area.fields(),
        }
    }
}

fn area_end(known: &[u8], at: usize) -> usize {
    match (at, known.get(at + 1)) {
        (0, _) => HEADER,
        (_, None) => at + 2,
        (_, Some(eights)) => at + usize::from(*eights) * 8,
    }
}

fn records_end(known: &[u8], start: usize) -> usize {
    let mut at = start;
    while at != 0 {
        let Some(header) = Header::at(known, at) else { return at + Header::LENGTH };
        if header.is_last || !header.is_right {
            return header.end;
        }
        at = header.end;
    }
    HEADER
}

/// Length of the common header (section 8).
const HEADER: usize = 8;

const ERASED: [u8; HEADER] = [0xff; HEADER];
const ZEROS: [u8; HEADER] = [0; HEADER];

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::*;

    /// An area of any bytes: padded, its length and its checksum set.
    fn area(start: &[u8], fields: &[&[u8]]) -> Vec<u8> {
        let mut bytes = [&[1, 0], start, &fields.concat(), &[0xc1]].concat();
        bytes.resize((bytes.len() + 1).next_multiple_of(8) - 1, 0);
        bytes[1] = u8::try_from((bytes.len() + 1) / 8).unwrap();
        summed(bytes)
    }

    fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.push(bytes.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte)));
        bytes
    }

    fn record(kind: u8, is_last: bool, data: &[u8]) -> Vec<u8> {
        let sum = data.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte));
        let header = vec![kind, 2 | u8::from(is_last) << 7, u8::try_from(data.len()).unwrap(), sum];
        [summed(header), data.to_vec()].concat()
    }

    /// A power supply of 750 W: an area of each kind, and two records.
    fn machine() -> Vec<u8> {
        let chassis = area(&[0x17], &[b"\xc7SC826-X", b"\xc6C12345", b"\xc4more"]);
        let board = area(
            &[0, 0x40, 0x8f, 0xd2],
            &[b"\xcaSupermicro", b"\xc7X11DPi ", b"\x83\x29\xdc\xa6", b"\x42\x12\xb3", b"\x00"],
        );
        let product = area(
            &[25],
            &[
                b"\xc4DELL",
                b"\xc0",
                b"\xc5R740x",
                b"\xc201",
                b"\xc3S\0N",
                b"\xc0",
                b"\x02\xab\xcd",
                b"\xc2X1",
                b"\xc2Y2",
            ],
        );
        let mut supply = [0u8; 24];
        supply[..2].copy_from_slice(&[0xee, 0xf2]);
        supply[17] = 0x08;
        supply[18..20].copy_from_slice(&[0x20, 0xa3]);
        let records = [record(0x01, false, &[1; 13]), record(0x00, true, &supply)].concat();
        let mut header = vec![1, 0];
        let mut at = 8;
        for part in [&chassis, &board, &product] {
            header.push(u8::try_from(at / 8).unwrap());
            at += part.len();
        }
        header.extend([u8::try_from(at / 8).unwrap(), 0]);
        [summed(header), chassis, board, product, records].concat()
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_string())
    }

    #[test]
    fn every_area_is_read() {
        let fru = Fru::parse(&machine());
        assert_eq!(fru.warnings, []);
        assert_eq!(
            fru.chassis.unwrap(),
            Chassis {
                kind: 0x17,
                part_number: some("SC826-X"),
                serial: some("C12345"),
                custom: vec!["more".to_string()]
            }
        );
        assert_eq!(
            fru.board.unwrap(),
            Board {
                manufactured: Manufactured::parse([0x40, 0x8f, 0xd2]),
                manufacturer: some("Supermicro"),
                product: some("X11DPi"),
                serial: some("IPMI"),
                part_number: some("12-3"),
                file: None,
                custom: vec![]
            }
        );
        assert_eq!(
            fru.product.unwrap(),
            Product {
                manufacturer: some("DELL"),
                name: None,
                part_number: some("R740x"),
                version: some("01"),
                serial: some("SN"),
                asset_tag: None,
                file: some("abcd"),
                custom: vec!["X1".to_string(), "Y2".to_string()]
            }
        );
        let supply = PowerSupply { watts: 750, peak_watts: Some(800), is_hot_swappable: true };
        assert_eq!(fru.power_supplies, [supply]);
    }

    #[test]
    fn a_wrong_checksum_is_reported_and_the_area_read() {
        let mut bytes = machine();
        let at = bytes.windows(5).position(|part| part == b"R740x").unwrap();
        bytes[at] = b'T';
        let fru = Fru::parse(&bytes);
        assert_eq!(fru.warnings, [FruWarning::Checksum("product area")]);
        assert_eq!(fru.product.unwrap().part_number, some("T740x"));
        bytes[7] ^= 1;
        let end = bytes.len() - 1;
        bytes[end] ^= 1;
        assert_eq!(
            Fru::parse(&bytes).warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["header: wrong checksum", "product area: wrong checksum", "power supply record: wrong checksum"]
        );
    }

    #[test]
    fn wrong_lengths_return_what_is_present() {
        let mut bytes = machine();
        let whole = Fru::parse(&bytes);
        bytes[9] = 0xff;
        let fru = Fru::parse(&bytes);
        assert_eq!(fru.warnings, [FruWarning::Truncated("chassis area")]);
        assert_eq!((fru.chassis, &fru.board), (whole.chassis, &whole.board));
        bytes[9] = 0;
        let fru = Fru::parse(&bytes);
        assert_eq!(
            (fru.warnings.as_slice(), fru.chassis),
            (&[FruWarning::Truncated("chassis area")][..], None)
        );
        assert_eq!(fru.board, whole.board);
        // The declared length of the serial number exceeds the area.
        let board = area(&[0, 0, 0, 0], &[b"\xc4DELL", b"\xc0", b"\xffS"]);
        let fru = Fru::parse(&[summed(vec![1, 0, 0, 1, 0, 0, 0]), board].concat());
        assert_eq!(fru.warnings, [FruWarning::Truncated("board area")]);
        let board = fru.board.unwrap();
        assert_eq!((board.manufactured, board.manufacturer.as_deref()), (None, Some("DELL")));
        assert_eq!(board.part_number, None);
    }

    #[test]
    fn what_is_no_inventory_is_reported() {
        assert_eq!(Fru::parse(&[0xff; 64]).warnings, [FruWarning::Erased]);
        assert_eq!(Fru::parse(&[0; 64]).warnings, [FruWarning::Zeros]);
        assert_eq!(Fru::parse(b"HP product data").warnings, [FruWarning::Format(b'H')]);
        assert_eq!(
            FruWarning::Format(b'H').to_string(),
            "unknown format: its first byte is 0x48, an IPMI FRU inventory begins with 0x01"
        );
        assert_eq!(Fru::parse(&[0x01; 7]).warnings, [FruWarning::Truncated("header")]);
        let bytes = summed(vec![1, 0, 0, 2, 0, 3, 0]);
        let warnings = Fru::parse(&bytes).warnings;
        assert_eq!(
            warnings,
            [FruWarning::Truncated("board area"), FruWarning::Truncated("multi-record area")]
        );
    }

    /// Byte for byte as ipmitool 1.8.19 prints them.
    #[test]
    fn a_field_of_one_character_does_not_end_the_area() {
        let read = |fields: &[&[u8]]| {
            let bytes = [summed(vec![1, 0, 0, 1, 0, 0, 0]), area(&[0, 0, 0, 0], fields)].concat();
            Fru::parse(&bytes).board.unwrap()
        };
        let board = read(&[b"\xc1M", b"\xc5Board", b"\xc2S1", b"\xc1P", b"\xc1f", b"\xc3own"]);
        assert_eq!((board.manufacturer, board.product), (some("M"), some("Board")));
        assert_eq!((board.serial, board.part_number), (some("S1"), some("P")));
        assert_eq!((board.file, board.custom), (some("f"), vec!["own".to_string()]));
        let board = read(&[b"\xc5Maker", b"\xc5Board"]);
        assert_eq!((board.product, board.serial, board.file), (some("Board"), None, None), "it ends early");
        let board = read(&[b"\xc1M", b"\xc1B", b"\xc1S", b"\xc1P", b"\xc1f", b"\xc1o", b"\xc3own"]);
        assert_eq!((board.file, board.custom), (some("f"), vec![]), "after the last one it is the end");
    }

    #[test]
    fn an_area_of_zeros_is_reported_once() {
        let fru = Fru::parse(&[summed(vec![1, 0, 0, 0, 0, 1, 0]), vec![0; 400]].concat());
        assert_eq!(fru.warnings, [FruWarning::Checksum("multi-record area")]);
        assert_eq!(fru.power_supplies, []);
    }

    #[test]
    fn only_what_is_needed_is_read() {
        let whole = machine();
        let mut padded = [&whole[..], &[0xff; 500]].concat();
        let read = |bytes: &[u8]| {
            let mut known = 0;
            while extent(&bytes[..known]) > known {
                known = extent(&bytes[..known]).min(bytes.len());
            }
            known
        };
        assert_eq!(read(&padded), whole.len());
        assert_eq!(Fru::parse(&padded[..whole.len()]), Fru::parse(&padded));
        padded[5] = 0;
        let records = record(0x01, false, &[1; 13]).len() + record(0x00, true, &[0; 24]).len();
        assert_eq!(read(&padded), whole.len() - records);
        assert_eq!(read(&[0xff; 64]), HEADER);
    }

    proptest! {
        #[test]
        fn no_inventory_brings_it_down(
            header in any::<[u8; 7]>(),
            body in prop::collection::vec(any::<u8>(), 0..600),
        ) {
            let mut start = header.map(|byte| byte % 64);
            start[0] = 1;
            let bytes = [summed(start.to_vec()), body].concat();
            let fru = Fru::parse(&bytes);
            assert!(fru.warnings.len() <= 9 + fru.power_supplies.len());
            assert!(extent(&bytes) >= HEADER);
        }

        #[test]
        fn fields_of_any_length_are_read(
            texts in prop::array::uniform7("[!-~]{0,9}"),
            custom in prop::collection::vec("[!-~]{2,9}", 0..3),
        ) {
            let field = |text: &String| [&[0xc0 | text.len() as u8], text.as_bytes()].concat();
            let fields: Vec<Vec<u8>> = texts.iter().chain(&custom).map(field).collect();
            let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
            let bytes = [summed(vec![1, 0, 0, 0, 1, 0, 0]), area(&[25], &fields)].concat();
            let fru = Fru::parse(&bytes);
            let Product { manufacturer, name, part_number, version, serial, asset_tag, file, custom: own } =
                fru.product.unwrap();
            let read = [manufacturer, name, part_number, version, serial, asset_tag, file];
            assert_eq!(read.map(Option::unwrap_or_default), texts);
            assert_eq!((own, fru.warnings), (custom, vec![]));
        }

        #[test]
        fn no_change_of_a_byte_brings_it_down(at in 0..200usize, byte in any::<u8>()) {
            let mut bytes = machine();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = (Fru::parse(&bytes), extent(&bytes));
        }
    }
}
