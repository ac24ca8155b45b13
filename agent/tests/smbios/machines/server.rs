// SPDX-License-Identifier: MIT OR Apache-2.0
//! A server with two sockets.

use super::parts::{bios, board, cache, chassis, ddr5, empty_dimm, oem, optane, processor, system};
use crate::builder::{Structure, Tables};

/// Two sockets, DDR5 in some of its slots, a Redfish host interface behind a USB network device.
pub fn server() -> Tables {
    Tables::bits64(3, 3, &server_structures())
}

pub fn server_structures() -> Vec<Structure> {
    let mut structures = vec![
        bios("ACME Firmware", "2.19.1", 0x1a),
        system("ACME", "Atlas 7200", "SN-7200-0001", "SKU=0A2F", "Atlas"),
        board(0x0200, "Atlas Main", "MB-0001", 0x0300),
        board(0x0201, "Atlas Riser", "To be filled by O.E.M.", 0x0300),
        chassis(0x0300, 0x17 | 0x80, "CH-0001", "RACK-12"),
        oem(11, 0x0b00, &["ACME", "1[1234]", " ", "5[0000]"]),
        oem(12, 0x0c00, &["NVRAM_CLR:  Clear user settable NVRAM areas and set defaults"]),
        Structure::new(13, 0x0d00)
            .byte(2)
            .byte(1)
            .bytes(&[0; 15])
            .unnamed(b"en|US|iso8859-1")
            .unnamed(b"de|DE|iso8859-1")
            .byte(2),
        Structure::new(32, 0x2000).bytes(&[0; 7]),
    ];
    for socket in 0..2u16 {
        for level in 1..=3u8 {
            structures.push(cache(0x0700 + socket * 8 + u16::from(level), level));
        }
        structures.push(processor(0x0400 + socket, &format!("CPU{}", socket + 1), 0x0700 + socket * 8));
    }
    structures.push(
        Structure::new(16, 0x1000).bytes(&[3, 3, 6]).dword(0x8000_0000).word(0xfffe).word(8).qword(8 << 40),
    );
    for slot in 0..8 {
        structures.push(if slot % 4 == 3 { empty_dimm(0x1100 + slot) } else { ddr5(0x1100 + slot) });
    }
    structures.push(optane(0x1180));
    structures.extend(slots());
    structures.extend([
        Structure::new(41, 0x2900).text("Integrated NIC 1").bytes(&[0x85, 1, 0, 0, 0x19, 0x00]),
        Structure::new(41, 0x2901).text("Embedded Video").bytes(&[0x03, 2, 0xff, 0xff, 0xff, 0xff]),
        Structure::new(38, 0x2600).bytes(&[1, 0x20, 0x20, 0xff]).qword(0x0ca3).bytes(&[0x4a, 9]),
        power_supply(0x2700, "PSU.Slot.1", 0x02 | 3 << 7 | 4 << 10 | 4 << 3 | 1),
        power_supply(0x2701, "PSU.Slot.2", 1 << 2 | 2 << 7 | 2 << 10 | 2 << 3),
        redfish_over_usb(0x2a00),
        redfish_over_pci(0x2a01),
        interface(0x2a02, 0x40, &[0x03, 0x28, 0x10, 0x38, 0x05, 0xd9, 0x15, 0x6b, 0x0a], &[2, 0]),
        interface(
            0x2a03,
            0x40,
            &[0x04, 0x11, 0x3c, 0x41, 0x02, 0xa1, 1, 10, 0, 39, 0, 0, 1, 0, 0, 0, 0],
            &[3, 0],
        ),
        interface(0x2a04, 0x40, &[0x85, 0, 0, 2, 0xa2], &[0xf0, 0]),
        interface(0x2a05, 0x03, &[0, 0], &[2, 0]),
        tpm(0x2b00),
        Structure::new(10, 0x0a00).byte(0x83).text("ASPEED"),
        Structure::new(127, 0x7f00),
    ]);
    structures
}

fn slots() -> Vec<Structure> {
    let slot =
        |handle, name: &str, kind: u8, width: u8| Structure::new(9, handle).text(name).byte(kind).byte(width);
    vec![
        slot(0x0900, "PCIe Slot 1", 0xb6, 0x0d)
            .bytes(&[4, 4])
            .word(1)
            .bytes(&[0x04, 0x01])
            .word(0)
            .bytes(&[0x3b, 0]),
        slot(0x0901, "PCIe Slot 2", 0xbe, 0x0b)
            .bytes(&[3, 3])
            .word(2)
            .bytes(&[0x04, 0x0b])
            .word(0xffff)
            .bytes(&[0xff, 0xff, 16, 2])
            .word(0)
            .bytes(&[0x5e, 0x01, 8])
            .word(0)
            .bytes(&[0x5e, 0x02, 8])
            .bytes(&[5, 0x0d])
            .word(2032)
            .byte(3),
        slot(0x0902, "OCP1", 0x26, 0x0d)
            .bytes(&[4, 1])
            .word(0)
            .bytes(&[0x00, 0x00])
            .word(0)
            .bytes(&[0x19, 0]),
        slot(0x0903, "M.2", 0x17, 0x0a).bytes(&[2, 2]).word(0).bytes(&[0x01, 0x00]),
        slot(0x0904, "CardBus", 0x07, 0x05).bytes(&[3, 3]).bytes(&[1, 2]).bytes(&[0x34]),
        slot(0x0905, "U.2 Bay 3", 0x20, 0x0a)
            .bytes(&[4, 5])
            .word(19)
            .bytes(&[0x04, 0x06])
            .word(2)
            .bytes(&[0xc1, 0x1f]),
    ]
}

fn power_supply(handle: u16, location: &str, bits: u16) -> Structure {
    Structure::new(39, handle)
        .byte(1)
        .text(location)
        .text("PWR SPLY,1400W,RDNT")
        .text("DELTA")
        .text("CNDED0012345678")
        .byte(0)
        .text("0CMPGMA01")
        .text("A01")
        .word(1400)
        .word(bits)
        .word(0xffff)
        .word(0x1b00)
        .word(0xffff)
}

/// Static addresses of the link between host and BMC.
fn redfish_over_usb(handle: u16) -> Structure {
    let record = redfish(1, [169, 254, 1, 2], [169, 254, 1, 1], "bmc-7200");
    Structure::new(42, handle)
        .byte(0x40)
        .byte(5)
        .byte(0x02)
        .word(0x413c)
        .word(0xa102)
        .byte(2)
        .bytes(&[2, 3, 1, 2, 3])
        .bytes(&record)
}

fn redfish_over_pci(handle: u16) -> Structure {
    Structure::new(42, handle)
        .byte(0x40)
        .byte(0x18)
        .bytes(&[0x05, 0x18])
        .word(0x102b)
        .word(0x0538)
        .word(0x1028)
        .word(0x0a6b)
        .bytes(&[0x0a, 0, 0x27, 0, 0, 1])
        .word(0)
        .bytes(&[0x03, 0x09])
        .word(1)
        .word(0x2600)
        .byte(1)
        .bytes(&redfish(2, [0; 4], [0; 4], "bmc"))
}

fn interface(handle: u16, kind: u8, device: &[u8], record: &[u8]) -> Structure {
    let length = u8::try_from(device.len()).unwrap();
    Structure::new(42, handle).byte(kind).byte(length).bytes(device).byte(1).bytes(record)
}

/// DSP0270 8.4.1.
fn redfish(assignment: u8, host: [u8; 4], service: [u8; 4], name: &str) -> Vec<u8> {
    let padded = |address: [u8; 4]| [&address[..], &[0; 12]].concat();
    let mut data: Vec<u8> = (1..=16).collect();
    data.extend([assignment, 1]);
    data.extend(padded(host));
    data.extend(padded([255, 255, 255, 0]));
    data.extend([assignment, 1]);
    data.extend(padded(service));
    data.extend(padded([255, 255, 255, 0]));
    data.extend(443u16.to_le_bytes());
    data.extend(4001u32.to_le_bytes());
    data.push(u8::try_from(name.len()).unwrap());
    data.extend(name.as_bytes());
    [&[4, u8::try_from(data.len()).unwrap()][..], &data].concat()
}

fn tpm(handle: u16) -> Structure {
    Structure::new(43, handle)
        .bytes(b"IFX\0")
        .bytes(&[2, 0])
        .dword(7 << 16 | 85)
        .dword(0x0011_cb00)
        .text("TPM 2.0, ManufacturerID: IFX")
        .qword(0x18)
        .dword(0)
}
