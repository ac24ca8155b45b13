// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a transceiver, or a cable's end, has in its memory: SFF-8472 (SFP), SFF-8636 (QSFP), CMIS. Pure.

use std::ops::Range;

use stage1_contract::facts::NicModule;

use crate::facts::bytes::{hexadecimal, text};

/// Where the fields lie.
struct Layout {
    vendor: Range<usize>,
    oui: Range<usize>,
    part_number: Range<usize>,
    revision: Range<usize>,
    serial: Range<usize>,
}

/// SFF-8472 table 4-1, page A0h.
const SFP: Layout =
    Layout { vendor: 20..36, oui: 37..40, part_number: 40..56, revision: 56..60, serial: 68..84 };
/// SFF-8636 table 6-14, upper page 00h.
const QSFP: Layout =
    Layout { vendor: 148..164, oui: 165..168, part_number: 168..184, revision: 184..186, serial: 196..212 };
/// CMIS 4.0 table 8-16, upper page 00h.
const CMIS: Layout =
    Layout { vendor: 129..145, oui: 145..148, part_number: 148..164, revision: 164..166, serial: 166..182 };

/// Reads a module's memory from its beginning.
pub(super) fn module(memory: &[u8]) -> Option<NicModule> {
    // SFF-8024 table 4-1.
    let identifier = *memory.first()?;
    let (kind, layout) = match identifier {
        0x03 => ("SFP", SFP),
        0x0b => ("DWDM-SFP/SFP+", SFP),
        0x0c => ("QSFP", QSFP),
        0x0d => ("QSFP+", QSFP),
        0x11 => ("QSFP28", QSFP),
        0x18 => ("QSFP-DD", CMIS),
        0x19 => ("OSFP", CMIS),
        0x1a => ("SFP-DD", CMIS),
        0x1b => ("DSFP", CMIS),
        0x1e => ("QSFP+ CMIS", CMIS),
        other => return Some(NicModule { kind: format!("{other:#04x}"), ..NicModule::default() }),
    };
    let field = |range: Range<usize>| memory.get(range);
    let words = |range| field(range).and_then(text);
    field(layout.serial.clone())?;
    Some(NicModule {
        kind: kind.to_string(),
        vendor: words(layout.vendor),
        oui: field(layout.oui).and_then(hexadecimal),
        part_number: words(layout.part_number),
        revision: words(layout.revision),
        serial: words(layout.serial),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    fn memory(identifier: u8, parts: &[(usize, &[u8])]) -> Vec<u8> {
        let mut memory = vec![0; 256];
        memory[0] = identifier;
        for (at, bytes) in parts {
            memory[*at..*at + bytes.len()].copy_from_slice(bytes);
        }
        memory
    }

    #[test]
    fn each_kind_has_its_own_layout() {
        let expected = |kind: &str| NicModule {
            kind: kind.to_string(),
            vendor: Some("FINISAR CORP.".to_string()),
            oui: Some("009065".to_string()),
            part_number: Some("FTLX8571D3BCL".to_string()),
            revision: Some("A".to_string()),
            serial: Some("AMQ0A12".to_string()),
        };
        let values: [&[u8]; 5] =
            [b"FINISAR CORP.   ", &[0x00, 0x90, 0x65], b"FTLX8571D3BCL   ", b"A ", b"AMQ0A12         "];
        let at = |places: [usize; 5]| places.into_iter().zip(values).collect::<Vec<_>>();
        assert_eq!(module(&memory(0x03, &at([20, 37, 40, 56, 68]))), Some(expected("SFP")));
        assert_eq!(module(&memory(0x11, &at([148, 165, 168, 184, 196]))), Some(expected("QSFP28")));
        assert_eq!(module(&memory(0x18, &at([129, 145, 148, 164, 166]))), Some(expected("QSFP-DD")));
    }

    #[test]
    fn memory_that_is_too_short_or_strange_is_not_guessed_at() {
        assert_eq!(module(&memory(0x03, &[])[..83]), None);
        assert_eq!(module(&[]), None);
        let unknown = NicModule { kind: "0x7f".to_string(), ..NicModule::default() };
        assert_eq!(module(&[0x7f]), Some(unknown));
    }

    proptest! {
        #[test]
        fn no_memory_brings_it_down(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = module(&bytes);
        }
    }
}
