// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's interfaces to its BMC as the SMBIOS table has them, type 38 (DSP0134 7.39, IPMI 2.0 appendix C1), and how the
//! kernel's drivers get to know of them. Pure.

/// An interface to a BMC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Interface {
    /// Registers, for the driver ipmi_si.
    Registers {
        /// `kcs`, `smic` or `bt`.
        kind: &'static str,
        /// `i/o` or `mem`.
        space: &'static str,
        address: u64,
        /// Distance of the registers in bytes: 1, 4 or 16.
        spacing: u8,
        /// The BMC's address on the IPMB; 0: not known.
        ipmb: u8,
    },
    /// SSIF, for the driver ipmi_ssif: the address on the SMBus, 7 bits.
    Ssif { address: u8 },
}

/// The type of the structure.
const IPMI_DEVICE: u8 = 38;

impl Interface {
    /// The interfaces in a structure table. What is described twice is one.
    pub(crate) fn in_table(table: &[u8]) -> Vec<Self> {
        let mut interfaces = Vec::new();
        let mut rest = table;
        while let Some([kind, length, ..]) = rest.get(..4) {
            let length = usize::from(*length);
            let Some(structure) = rest.get(..length).filter(|_| length >= 4) else { break };
            if *kind == IPMI_DEVICE
                && let Some(interface) = Self::in_structure(structure)
                && !interfaces.contains(&interface)
            {
                interfaces.push(interface);
            }
            let strings = rest.get(length..).unwrap_or_default();
            let Some(end) = strings.windows(2).position(|pair| pair == [0, 0]) else { break };
            rest = strings.get(end + 2..).unwrap_or_default();
        }
        interfaces
    }

    /// `None` if it has no address, or a kind that no driver knows.
    fn in_structure(structure: &[u8]) -> Option<Self> {
        let base: [u8; 8] = structure.get(8..16)?.try_into().ok()?;
        let (base, ipmb) = (u64::from_le_bytes(base), *structure.get(6)?);
        let kind = match structure.get(4)? {
            1 => "kcs",
            2 => "smic",
            3 => "bt",
            4 => {
                // Some tables have the SMBus address where the IPMB address belongs, as ipmi_dmi.c of the kernel knows.
                let address = if base & 0xff == 0 { ipmb >> 1 } else { (base & 0xff) as u8 >> 1 };
                return (address != 0).then_some(Self::Ssif { address });
            }
            _ => return None,
        };
        let modifier = structure.get(16).copied().unwrap_or(0);
        let space = if base & 1 == 1 { "i/o" } else { "mem" };
        let address = base & !1 | u64::from(modifier >> 4 & 1);
        let spacing = match modifier >> 6 {
            1 => 4,
            2 => 16,
            _ => 1,
        };
        (base & !1 != 0).then_some(Self::Registers { kind, space, address, spacing, ipmb })
    }

    /// What is written to ipmi_si's parameter `hotmod` so that it probes the interface again (driver-api/ipmi.rst of the kernel):
    /// it keeps an interface that it probed before the BMC ran. Without the interrupt, which it does not need.
    pub(crate) fn hotmod(&self) -> Option<[String; 2]> {
        let Self::Registers { kind, space, address, spacing, ipmb } = self else { return None };
        let place = format!("{kind},{space},{address:#x}");
        let ipmb = if matches!(ipmb, 0 | 0x20) { String::new() } else { format!(",ipmb={ipmb:#x}") };
        Some([format!("remove,{place}"), format!("add,{place},rsp={spacing}{ipmb}")])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, proptest};

    use super::*;

    /// A type 38 structure with these bytes from offset 04h on, and the end of the table.
    fn table(bytes: &[u8]) -> Vec<u8> {
        let header = [IPMI_DEVICE, 4 + bytes.len() as u8, 0x34, 0x12];
        [&[1, 4, 0, 0][..], b"name\0\0", &header, bytes, &[0, 0], &[127, 4, 0, 0, 0, 0]].concat()
    }

    fn lines(bytes: &[u8]) -> Option<[String; 2]> {
        Interface::in_table(&table(bytes)).first()?.hotmod()
    }

    #[test]
    fn registers_are_probed_where_the_table_has_them() {
        let kcs = [1, 0x20, 0x20, 0xff, 0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(
            lines(&kcs).unwrap(),
            ["remove,kcs,i/o,0xca2".to_string(), "add,kcs,i/o,0xca2,rsp=1".to_string()]
        );
        // A BT interface in memory, at an address of its own, with registers in 32-bit steps.
        let bt = [3, 0x20, 0x24, 0xff, 0x00, 0x00, 0x0d, 0xfe, 0, 0, 0, 0, 0x50, 7];
        assert_eq!(lines(&bt).unwrap()[1], "add,bt,mem,0xfe0d0001,rsp=4,ipmb=0x24");
        assert_eq!(lines(&[1, 0x20, 0x20, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]), None, "no address");
        assert_eq!(lines(&[1, 0x20, 0x20]), None, "cut");
        assert_eq!(lines(&[9, 0x20, 0x20, 0xff, 0xa3, 0x0c, 0, 0, 0, 0, 0, 0]), None);
    }

    #[test]
    fn ssif_has_an_address_on_the_smbus() {
        let of = |bytes: &[u8]| Interface::in_table(&table(bytes));
        let ssif = [4, 0x20, 0x20, 0xff, 0x20, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(of(&ssif), [Interface::Ssif { address: 0x10 }]);
        let elsewhere = [4, 0x20, 0x20, 0xff, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(of(&elsewhere), [Interface::Ssif { address: 0x10 }]);
        assert!(lines(&ssif).is_none());
        let twice = [table(&ssif)[..table(&ssif).len() - 6].to_vec(), table(&ssif)].concat();
        assert_eq!(Interface::in_table(&twice).len(), 1);
    }

    proptest! {
        #[test]
        fn no_table_panics(table in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(Interface::in_table(&table).len() < 20);
        }
    }
}
