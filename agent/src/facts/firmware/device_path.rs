// SPDX-License-Identifier: MIT OR Apache-2.0
//! UEFI device paths as text (UEFI 10.3 and 10.6, in the spelling of EDK II). Pure.

use std::net::{Ipv4Addr, Ipv6Addr};

use uuid::Uuid;

/// The first of the device paths; `None` where it is malformed. What depends on the moment, such as leases of
/// DHCP, is left out; a node of an unknown type is its numbers, `Path(4,8,0102)`.
pub(super) fn text(mut bytes: &[u8]) -> Option<String> {
    let mut text = String::new();
    loop {
        let (header, rest) = bytes.split_first_chunk::<4>()?;
        let [kind, subtype, low, high] = *header;
        let length = usize::from(u16::from_le_bytes([low, high])).checked_sub(4)?;
        let (data, rest) = rest.split_at_checked(length)?;
        bytes = rest;
        match (kind, subtype) {
            (END, END_ENTIRE) => return Some(text),
            (END, END_INSTANCE) => text.push(','),
            _ => {
                if !text.is_empty() && !text.ends_with(',') {
                    text.push('/');
                }
                text += &node(kind, subtype, data);
            }
        }
    }
}

/// Types (UEFI 10.3.1).
const HARDWARE: u8 = 1;
const ACPI: u8 = 2;
const MESSAGING: u8 = 3;
const MEDIA: u8 = 4;
const BBS: u8 = 5;
const END: u8 = 0x7f;
const END_INSTANCE: u8 = 0x01;
const END_ENTIRE: u8 = 0xff;

fn node(kind: u8, subtype: u8, data: &[u8]) -> String {
    let mut fields = Fields(data);
    let known = match kind {
        HARDWARE => hardware(subtype, &mut fields),
        ACPI => acpi(subtype, &mut fields),
        MESSAGING => messaging(subtype, &mut fields),
        MEDIA => media(subtype, &mut fields),
        BBS => bbs(subtype, &mut fields),
        _ => None,
    };
    known.unwrap_or_else(|| format!("Path({kind},{subtype},{})", crate::display::hex(data)))
}

/// UEFI 10.3.2.
fn hardware(subtype: u8, fields: &mut Fields) -> Option<String> {
    Some(match subtype {
        1 => {
            let (function, device) = (fields.u8()?, fields.u8()?);
            format!("Pci({device:#x},{function:#x})")
        }
        3 => format!("MemoryMapped({:#x},{:#x},{:#x})", fields.u32()?, fields.u64()?, fields.u64()?),
        4 => vendor("VenHw", fields)?,
        5 => format!("Ctrl({:#x})", fields.u32()?),
        _ => return None,
    })
}

/// UEFI 10.3.3. An EISA ID is three letters in its lower half, and a number in the upper.
fn acpi(subtype: u8, fields: &mut Fields) -> Option<String> {
    const PNP: u16 = 0x41d0;
    Some(match subtype {
        1 => {
            let (letters, number, uid) = (fields.u16()?, fields.u16()?, fields.u32()?);
            match (letters, number) {
                (PNP, 0x0a03) => format!("PciRoot({uid:#x})"),
                (PNP, 0x0a08) => format!("PcieRoot({uid:#x})"),
                (PNP, 0x0604) => format!("Floppy({uid:#x})"),
                (PNP, _) => format!("Acpi(PNP{number:04x},{uid:#x})"),
                _ => format!("Acpi({:#010x},{uid:#x})", u32::from(number) << 16 | u32::from(letters)),
            }
        }
        3 => format!("AcpiAdr({:#x})", fields.u32()?),
        _ => return None,
    })
}

/// UEFI 10.3.4.
fn messaging(subtype: u8, fields: &mut Fields) -> Option<String> {
    Some(match subtype {
        1 => {
            let channel = if fields.u8()? == 1 { "Secondary" } else { "Primary" };
            let device = if fields.u8()? == 1 { "Slave" } else { "Master" };
            format!("Ata({channel},{device},{:#x})", fields.u16()?)
        }
        2 => format!("Scsi({:#x},{:#x})", fields.u16()?, fields.u16()?),
        3 => {
            fields.u32()?;
            format!("Fibre({:#x},{:#x})", fields.u64()?, fields.u64()?)
        }
        5 => format!("USB({:#x},{:#x})", fields.u8()?, fields.u8()?),
        10 => vendor("VenMsg", fields)?,
        11 => mac(fields)?,
        12 => {
            fields.take(4)?;
            format!("IPv4({})", Ipv4Addr::from(fields.array::<4>()?))
        }
        13 => {
            fields.take(16)?;
            format!("IPv6({})", Ipv6Addr::from(fields.array::<16>()?))
        }
        16 => {
            let (interface, vendor, product) = (fields.u16()?, fields.u16()?, fields.u16()?);
            format!("UsbWwid({vendor:#x},{product:#x},{interface:#x},\"{}\")", fields.utf16())
        }
        17 => format!("Unit({:#x})", fields.u8()?),
        18 => format!("Sata({:#x},{:#x},{:#x})", fields.u16()?, fields.u16()?, fields.u16()?),
        20 => format!("Vlan({})", fields.u16()?),
        23 => {
            let namespace = fields.u32()?;
            let eui: Vec<String> = fields.take(8)?.iter().rev().map(|byte| format!("{byte:02x}")).collect();
            format!("NVMe({namespace:#x},{})", eui.join("-"))
        }
        24 => format!("Uri({})", fields.ascii()),
        _ => return None,
    })
}

/// The address has room for 32 bytes; Ethernet uses 6 of them.
fn mac(fields: &mut Fields) -> Option<String> {
    let address = fields.take(32)?;
    let kind = fields.u8()?;
    let length = if kind <= 1 { 6 } else { 32 };
    Some(format!("MAC({},{kind:#x})", crate::display::hex(address.get(..length)?)))
}

/// UEFI 10.3.5.
fn media(subtype: u8, fields: &mut Fields) -> Option<String> {
    Some(match subtype {
        1 => {
            let (partition, start, size) = (fields.u32()?, fields.u64()?, fields.u64()?);
            let signature: [u8; 16] = fields.array()?;
            let (_format, kind) = (fields.u8()?, fields.u8()?);
            let signature = match kind {
                1 => format!("MBR,{:#010x}", Fields(&signature).u32()?),
                2 => format!("GPT,{}", Uuid::from_bytes_le(signature)),
                _ => format!("{kind},{}", crate::display::hex(&signature)),
            };
            format!("HD({partition},{signature},{start:#x},{size:#x})")
        }
        2 => format!("CDROM({:#x},{:#x},{:#x})", fields.u32()?, fields.u64()?, fields.u64()?),
        3 => vendor("VenMedia", fields)?,
        4 => fields.utf16(),
        6 => format!("FvFile({})", fields.guid()?),
        7 => format!("Fv({})", fields.guid()?),
        _ => return None,
    })
}

/// What a legacy BIOS boots (UEFI 10.3.6).
fn bbs(subtype: u8, fields: &mut Fields) -> Option<String> {
    let (kind, status) = (fields.u16()?, fields.u16()?);
    let kind = match kind {
        1 => "Floppy",
        2 => "HD",
        3 => "CDROM",
        4 => "PCMCIA",
        5 => "USB",
        6 => "Network",
        _ => &format!("{kind:#x}"),
    };
    (subtype == 1).then(|| format!("BBS({kind},{},{status:#x})", fields.ascii()))
}

fn vendor(name: &str, fields: &mut Fields) -> Option<String> {
    let guid = fields.guid()?;
    let data =
        if fields.0.is_empty() { String::new() } else { format!(",{}", crate::display::hex(fields.0)) };
    Some(format!("{name}({guid}{data})"))
}

/// The fields of a node, little-endian, one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn guid(&mut self) -> Option<Uuid> {
        self.array().map(Uuid::from_bytes_le)
    }

    /// All that is left, as far as a NUL.
    fn utf16(&self) -> String {
        let units = self.0.as_chunks().0.iter().map(|unit| u16::from_le_bytes(*unit));
        let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
        String::from_utf16_lossy(&units)
    }

    /// All that is left, as far as a NUL.
    fn ascii(&self) -> String {
        let text = self.0.split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(text).into_owned()
    }
}

#[cfg(test)]
pub mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    /// How a network card behind a root port is booted from.
    pub const PXE: &[u8] = b"\x02\x01\x0c\x00\xd0\x41\x03\x0a\x00\x00\x00\x00\x01\x01\x06\x00\x00\x1c\
        \x01\x01\x06\x00\x00\x00\
        \x03\x0b\x25\x00\x52\x54\x00\x12\x34\x56\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\
        \x03\x0c\x1b\x00\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x7f\xff\x04\x00";

    fn of(kind: u8, subtype: u8, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(data.len() + 4).unwrap().to_le_bytes();
        [&[kind, subtype], &length[..], data, &[END, END_ENTIRE, 4, 0]].concat()
    }

    #[test]
    fn nodes_read_as_edk_writes_them() {
        let eui = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08];
        let guid = Uuid::parse_str("7c339762-f1b6-424c-9041-cb8c9e14ba2c").unwrap().to_bytes_le();
        let nvme = [&[1, 0, 0, 0][..], &eui].concat();
        let unicode: Vec<u8> =
            "\\EFI\\BOOT\\BOOTX64.EFI\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let serial: Vec<u8> = [&[1, 0, 0x81, 7, 0x67, 0x55][..], b"A\0B\0"].concat();
        let nodes: &[(u8, u8, &[u8], &str)] = &[
            (1, 1, &[3, 0x1f], "Pci(0x1f,0x3)"),
            (1, 5, &[1, 0, 0, 0], "Ctrl(0x1)"),
            (2, 1, &[0xd0, 0x41, 0x01, 0x05, 0, 0, 0, 0], "Acpi(PNP0501,0x0)"),
            (2, 1, &[0x22, 0x01, 0x03, 0x0a, 2, 0, 0, 0], "Acpi(0x0a030122,0x2)"),
            (3, 1, &[1, 0, 0, 0], "Ata(Secondary,Master,0x0)"),
            (3, 5, &[2, 0], "USB(0x2,0x0)"),
            (3, 13, &[0; 56], "IPv6(::)"),
            (3, 16, &serial, "UsbWwid(0x781,0x5567,0x1,\"AB\")"),
            (3, 18, &[4, 0, 0xff, 0xff, 0, 0], "Sata(0x4,0xffff,0x0)"),
            (3, 20, &[100, 0], "Vlan(100)"),
            (3, 23, &nvme, "NVMe(0x1,08-07-06-05-04-03-02-01)"),
            (3, 24, b"http://boot.example/x.efi", "Uri(http://boot.example/x.efi)"),
            (3, 24, b"", "Uri()"),
            (4, 4, &unicode, "\\EFI\\BOOT\\BOOTX64.EFI"),
            (4, 7, &guid, "Fv(7c339762-f1b6-424c-9041-cb8c9e14ba2c)"),
            (5, 1, b"\x80\x00\x01\x00Embedded\0", "BBS(0x80,Embedded,0x1)"),
            (5, 1, b"\x06\x00\x00\x00NIC\0", "BBS(Network,NIC,0x0)"),
            (4, 8, &[1, 2], "Path(4,8,0102)"),
            (3, 11, &[1, 2], "Path(3,11,0102)"),
        ];
        for (kind, subtype, data, expected) in nodes {
            assert_eq!(text(&of(*kind, *subtype, data)).as_deref(), Some(*expected));
        }
    }

    #[test]
    fn a_partition_is_named_by_its_signature() {
        let mut data = [1, 0, 0, 0].to_vec();
        data.extend(0x800u64.to_le_bytes());
        data.extend(0x10_0000u64.to_le_bytes());
        data.extend(Uuid::parse_str("6e2c4a0b-1d3f-4a5b-8c7d-9e0f1a2b3c4d").unwrap().to_bytes_le());
        data.extend([2, 2]);
        let expected = "HD(1,GPT,6e2c4a0b-1d3f-4a5b-8c7d-9e0f1a2b3c4d,0x800,0x100000)";
        assert_eq!(text(&of(4, 1, &data)).as_deref(), Some(expected));
        data[36..].copy_from_slice(&[1, 1]);
        let expected = "HD(1,MBR,0x6e2c4a0b,0x800,0x100000)";
        assert_eq!(text(&of(4, 1, &data)).as_deref(), Some(expected));
    }

    #[test]
    fn instances_are_set_apart_and_what_follows_the_first_path_is_left_out() {
        let pci = [1, 1, 6, 0, 0, 2];
        let bytes = [&pci[..], &[END, END_INSTANCE, 4, 0], &pci, &[END, END_ENTIRE, 4, 0], &[9; 7]].concat();
        assert_eq!(text(&bytes).as_deref(), Some("Pci(0x2,0x0),Pci(0x2,0x0)"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>) {
            text(&bytes);
        }

        #[test]
        fn any_node_has_a_text(kind in 0..0x7fu8, subtype: u8, data: Vec<u8>) {
            assert!(text(&of(kind, subtype, &data)).is_some());
        }

        #[test]
        fn a_path_cut_short_is_none(cut in any::<proptest::sample::Index>()) {
            assert_eq!(text(&PXE[..cut.index(PXE.len())]), None);
        }
    }
}
