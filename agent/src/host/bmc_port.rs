// SPDX-License-Identifier: MIT OR Apache-2.0
//! The USB port of the BMC, by which the host reaches Redfish: the SMBIOS table describes it in type 42 (DSP0134 7.43,
//! DSP0270 8.3). It leads to no network. Pure.

/// A USB network device of the BMC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BmcPort {
    vendor: u16,
    product: u16,
}

/// The type of the structure.
const HOST_INTERFACE: u8 = 42;
/// A network interface (DSP0134 7.43.1).
const NETWORK: u8 = 0x40;

impl BmcPort {
    /// The USB devices in a structure table.
    pub(super) fn in_table(table: &[u8]) -> Vec<Self> {
        let mut ports = Vec::new();
        let mut rest = table;
        while let Some([kind, length, ..]) = rest.get(..4) {
            let length = usize::from(*length);
            let Some(structure) = rest.get(..length).filter(|_| length >= 4) else { break };
            if *kind == HOST_INTERFACE {
                ports.extend(Self::in_structure(structure));
            }
            let strings = &rest[length..];
            let Some(end) = strings.windows(2).position(|pair| pair == [0, 0]) else { break };
            rest = &strings[end + 2..];
        }
        ports
    }

    /// Types 2 and 4 of the device are USB; the ids are where DSP0270 8.3.1 and 8.3.4 have them.
    fn in_structure(structure: &[u8]) -> Option<Self> {
        let device = structure.get(6..6 + usize::from(*structure.get(5)?))?;
        let at = match (structure.get(4)?, device.first()?) {
            (&NETWORK, 2) => 1,
            (&NETWORK, 4) => 2,
            _ => return None,
        };
        let word = |at: usize| Some(u16::from_le_bytes([*device.get(at)?, *device.get(at + 1)?]));
        Some(Self { vendor: word(at)?, product: word(at + 2)? })
    }

    /// Whether the device has these ids, in hexadecimal as the kernel writes them.
    pub(super) fn is(&self, vendor: &str, product: Option<&str>) -> bool {
        let id = |text: &str| u16::from_str_radix(text, 16).ok();
        id(vendor) == Some(self.vendor) && product.is_none_or(|product| id(product) == Some(self.product))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::*;

    #[test]
    fn both_versions_of_the_usb_device_are_read() {
        let first = [42, 14, 0, 7, NETWORK, 6, 2, 0x6b, 0x04, 0xb0, 0xff, 0, 0, 0];
        let second =
            [42, 21, 1, 7, NETWORK, 15, 4, 15, 0x25, 0x05, 0xa2, 0xa4, 1, 0x52, 0x54, 0, 0x42, 0x42, 1, 1, 0];
        let pci = [42, 14, 2, 7, NETWORK, 6, 3, 0x6b, 0x04, 0xb0, 0xff, 0, 0, 0];
        let other = [1, 4, 3, 7];
        let end = [0, 0];
        let table = [&other[..], b"ACME\0\0", &first, &end, &pci, &end, &second, b"HIF\0\0"].concat();
        let ports = BmcPort::in_table(&table);
        assert_eq!(ports.len(), 2);
        assert!(
            ports[0].is("046b", Some("ffb0"))
                && ports[0].is("046b", None)
                && !ports[0].is("046b", Some("ffb1"))
        );
        assert!(ports[1].is("0525", Some("a4a2")) && !ports[1].is("046b", None));
    }

    proptest! {
        #[test]
        fn any_table_is_read(table in prop::collection::vec(any::<u8>(), 0..200)) {
            BmcPort::in_table(&table);
        }
    }
}
