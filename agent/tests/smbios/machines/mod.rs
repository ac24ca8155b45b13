// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables of a few machines that nobody has built.

mod parts;
mod server;

use crate::builder::{Structure, Tables};
use parts::{bios, board, cache, chassis, ddr5, oem, processor, system};

pub use server::{server, server_structures};

/// Their names and tables.
pub fn all() -> Vec<(&'static str, Tables)> {
    vec![
        ("two-socket server", server()),
        ("blade", blade()),
        ("arm server", arm()),
        ("board of 2001", old()),
        ("board of 1996", oldest()),
        ("cloud guest", cloud()),
    ]
}

/// A blade whose maker has its own structures, and whose texts are what the factory left.
pub fn blade() -> Tables {
    let structures = [
        Structure::new(221, 0x0001).bytes(&[3, 1, 0]).text("Reference Code - ME").text("N/A"),
        bios("ACME Firmware", "Default string", 0x18),
        Structure::new(126, 0x0002).bytes(&[0; 13]),
        system("Not Specified", "BL-1", "0123456789", "Unknown", "Default string"),
        board(0x0201, "BL-1", "........", 0x0009),
        chassis(0x0301, 0x1c, "XXXXXXXX", "         "),
        Structure::new(3, 0x0302)
            .text("Gehäuse")
            .byte(0x1d)
            .raw_text(b"\xff\xfeV1")
            .raw_text(b"\x01\x7fS")
            .text(" padded  ")
            .bytes(&[1, 2, 3, 4]),
        // A processor's socket without processor, and one whose family is of another time.
        Structure::new(4, 0x0401)
            .text("CPU 2")
            .bytes(&[3, 2, 0])
            .qword(0)
            .bytes(&[0; 7])
            .word(0)
            .bytes(&[0, 2])
            .bytes(&[0xff; 6]),
        Structure::new(4, 0x0402)
            .text("CPU 1")
            .bytes(&[3, 0xbe])
            .text("AMD")
            .bytes(&[0x81, 0x0f, 0x06, 0x00, 0xff, 0xfb, 0x8b, 0x17])
            .text("AMD Athlon(tm) 64")
            .byte(2)
            .word(200)
            .word(2200)
            .word(2200)
            .bytes(&[0x44, 0xfe])
            .bytes(&[0xff; 6])
            .bytes(&[0, 0, 9]),
        oem(11, 0x0b01, &[]),
        Structure::new(13, 0x0d01).byte(3).bytes(&[0; 16]).unnamed(b"en").unnamed(b"de").byte(2),
        Structure::new(42, 0x2a01).byte(0x02).bytes(&[1, 2, 3, 4]),
        Structure::new(42, 0x2a02).byte(0xf0).bytes(&[0, 0, 2, 0xa2, 9]),
        Structure::new(10, 0x0a00).byte(0x83).text("ASPEED").byte(0x05).text("To Be Filled By O.E.M."),
        Structure::new(10, 0x0a01).byte(0x89).text("SATA"),
        // SSIF at 10h, and a BT interface in memory.
        Structure::new(38, 0x2601).bytes(&[4, 0x20, 0x20, 0]).qword(0x20).bytes(&[0, 0]),
        Structure::new(38, 0x2602).bytes(&[3, 0x15, 0x24, 0xff]).qword(0xfed0_0000).bytes(&[0x50]),
        Structure::new(43, 0x2b01)
            .bytes(b"AMD\0")
            .bytes(&[1, 2])
            .bytes(&[1, 2, 3, 17])
            .dword(0)
            .byte(0)
            .qword(4),
        Structure::new(32, 0x2001).bytes(&[0; 6]).bytes(&[0x80]),
        Structure::new(127, 0x7f01),
    ];
    Tables::bits64(3, 1, &structures)
}

/// An ARM server: families in the wide field, the SoC's ID, HBM and DDR5, CXL.
pub fn arm() -> Tables {
    let processor = |handle: u16, family: u16, id: u64, bits: u16| {
        Structure::new(4, handle)
            .text("CPU 0")
            .bytes(&[3, 0xfe])
            .text("Ampere(R)")
            .qword(id)
            .text("Ampere(R) Altra(R) Max Processor")
            .byte(0x80 | 9)
            .word(1650)
            .word(3000)
            .word(3000)
            .bytes(&[0x41, 6])
            .word(0x0701)
            .word(0x0702)
            .word(0xffff)
            .text("000000000000000002550808033A5E00")
            .text("Not Set")
            .text("M128-30")
            .bytes(&[128, 128, 128])
            .word(bits)
            .word(family)
            .word(128)
            .word(128)
            .word(128)
    };
    let memory = |handle: u16, kind: u8, form: u8, speed: u32| {
        ddr5(handle)
            .cut(0x15)
            .replaced(0x0e, form)
            .replaced(0x12, kind)
            .word(0xffff)
            .bytes(&[0, 0, 0, 0])
            .byte(4)
            .dword(0x0010_0000)
            .word(0xffff)
            .word(0)
            .word(0)
            .word(0)
            .byte(2)
            .word(0)
            .byte(0)
            .word(0)
            .word(0)
            .word(0)
            .word(0)
            .qword(u64::MAX)
            .qword(0)
            .qword(0)
            .qword(0)
            .dword(speed)
            .dword(speed)
    };
    let structures = [
        bios("EDK II", "2.10.100", 0x1a).replaced(6, 0).replaced(7, 0),
        system("ACME", "Falcon", "FA-1", "FALCON", "Arm"),
        cache(0x0701, 1),
        cache(0x0702, 2),
        processor(0x0400, 0x101, 0x0000_00a1_0a16_0001, 1 << 2 | 1 << 9 | 1 << 3),
        processor(0x0401, 0x101, 0x0000_0000_413f_d0c1, 1 << 2),
        processor(0x0402, 0x102, 0, 1 << 2),
        Structure::new(16, 0x1000).bytes(&[0xa4, 3, 7]).dword(0x1000_0000).word(0xffff).word(4),
        memory(0x1100, 0x20, 0x10, 6400),
        memory(0x1101, 0x22, 9, 70_000),
        memory(0x1102, 0x21, 0x0d, 0),
        Structure::new(9, 0x0900).text("CXL 1").bytes(&[0x30, 0x0d, 4, 4]).word(4).bytes(&[0x04, 0x60]),
        Structure::new(127, 0x7f01),
    ];
    Tables::bits64(3, 5, &structures)
}

/// A desktop board with a 32-bit entry point, whose UUID is in network order.
pub fn old() -> Tables {
    let structures = [
        bios("Award Software International, Inc.", "6.00 PG", 0x13).replaced(9, 3),
        system("VIA Technologies, Inc.", "VT82C692BX", "", "", "").cut(0x19),
        board(2, "694X-686A", "", 3).cut(8),
        chassis(3, 3, "", "").cut(0x0d),
        processor(4, "Socket 370", 6)
            .cut(0x20)
            .replaced(0x1e, 0xff)
            .replaced(0x1f, 0xff)
            .replaced(6, 0x11)
            .replaced(0x11, 0x02),
        Structure::new(5, 5)
            .bytes(&[4, 4, 3, 3, 9])
            .word(0x0c)
            .word(0x0500)
            .bytes(&[2, 2])
            .word(6)
            .word(7)
            .byte(4),
        Structure::new(6, 6).text("A0").bytes(&[0x01, 10]).word(0x0500).bytes(&[8, 8, 0]),
        cache(7, 1).cut(0x13).replaced(7, 0x20).replaced(8, 0).replaced(9, 0x20).replaced(10, 0x80),
        cache(8, 2).cut(0x0f).replaced(5, 0x08),
        Structure::new(8, 9).text("PRIMARY IDE").bytes(&[0x16]).byte(0).bytes(&[0, 0xff]),
        Structure::new(9, 0x0a).text("PCI0").bytes(&[6, 5, 4, 4]).word(1).bytes(&[0x06, 0x01]),
        Structure::new(9, 0x0b).text("ISA").bytes(&[3, 4, 1, 3]).word(0).byte(0x02),
        Structure::new(9, 0x0c).text("AGP").bytes(&[0x0f, 5, 4, 4]).word(8).byte(0x00),
        Structure::new(13, 0x0d)
            .byte(2)
            .byte(0)
            .bytes(&[0; 15])
            .unnamed(b"n|US|iso8859-1")
            .unnamed(b"r|CA|iso8859-1")
            .byte(1),
        Structure::new(16, 0x0e).bytes(&[3, 3, 3]).dword(1 << 20).word(0xffff).word(3),
        ddr5(0x10).replaced(4, 0x0e).replaced(5, 0).cut(0x15).replaced(0x0c, 0).replaced(0x0d, 1),
        ddr5(0x11).replaced(4, 0x0e).replaced(5, 0).cut(0x17).replaced(0x0d, 0x80).replaced(0x0c, 0x40),
        ddr5(0x12).replaced(4, 0x0e).replaced(5, 0).cut(0x1b).replaced(0x0c, 0xff).replaced(0x0d, 0xff),
        Structure::new(127, 0x7f),
    ];
    Tables::bits32(2, 3, &structures)
}

/// The oldest entry point there is.
pub fn oldest() -> Tables {
    let structures = [
        bios("Phoenix", "4.05", 0x12).replaced(9, 1),
        system("ACME", "Pentium Pro Server", "", "", "").cut(8),
        processor(4, "Socket 8", 6).cut(0x1a).replaced(6, 0x30).replaced(0x11, 0x07).replaced(0x18, 0x47),
        cache(7, 1).cut(0x0f),
        Structure::new(13, 8).byte(1).bytes(&[0; 16]).unnamed(b"English").byte(1),
    ];
    Tables::legacy(2, 0, &structures)
}

/// What a hypervisor of the clouds shows.
pub fn cloud() -> Tables {
    let structures = [
        bios("SeaBIOS", "1.16.3", 0x18).replaced(0x09, 0).replaced(0x13, 0x1c),
        system("QEMU", "Standard PC (Q35 + ICH9, 2009)", "", "", ""),
        chassis(0x0300, 1, "", ""),
        processor(0x0400, "CPU 0", 0x0700)
            .cut(0x2a)
            .replaced(6, 1)
            .replaced(0x1a, 0xff)
            .replaced(0x1b, 0xff)
            .replaced(0x1c, 0xff)
            .replaced(0x1d, 0xff)
            .replaced(0x1e, 0xff)
            .replaced(0x1f, 0xff),
        Structure::new(16, 0x1000).bytes(&[1, 3, 6]).dword(16 << 20).word(0xfffe).word(1),
        ddr5(0x1100).cut(0x28).replaced(0x12, 7).replaced(8, 0xff).replaced(9, 0xff),
        oem(11, 0x0e00, &["io.systemd.credential:tty=ttyS0"]),
        Structure::new(32, 0x2000).bytes(&[0; 7]),
        Structure::new(127, 0x7f00),
    ];
    Tables::bits32(2, 8, &structures)
}
