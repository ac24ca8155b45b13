// SPDX-License-Identifier: MIT OR Apache-2.0
//! The names of memory's codes (DSP0134 7.17, 7.18). Pure.

use super::lookup::{Bits, Names};

/// 7.17.1.
pub(crate) const LOCATION: Names = Names(&[
    (
        0x1,
        &[
            "Other",
            "Unknown",
            "System Board Or Motherboard",
            "ISA Add-on Card",
            "EISA Add-on Card",
            "PCI Add-on Card",
            "MCA Add-on Card",
            "PCMCIA Add-on Card",
            "Proprietary Add-on Card",
            "NuBus",
        ],
    ),
    (
        0xa0,
        &[
            "PC-98/C20 Add-on Card",
            "PC-98/C24 Add-on Card",
            "PC-98/E Add-on Card",
            "PC-98/Local Bus Add-on Card",
            "CXL Flexbus 1.0",
        ],
    ),
]);

/// 7.17.2.
pub(crate) const USAGE: Names = Names(&[(
    0x1,
    &[
        "Other",
        "Unknown",
        "System Memory",
        "Video Memory",
        "Flash Memory",
        "Non-volatile RAM",
        "Cache Memory",
    ],
)]);

/// 7.17.3.
pub(crate) const ERROR_CORRECTION: Names =
    Names(&[(0x1, &["Other", "Unknown", "None", "Parity", "Single-bit ECC", "Multi-bit ECC", "CRC"])]);

/// 7.18.1.
pub(crate) const FORM_FACTOR: Names = Names(&[(
    0x1,
    &[
        "Other",
        "Unknown",
        "SIMM",
        "SIP",
        "Chip",
        "DIP",
        "ZIP",
        "Proprietary Card",
        "DIMM",
        "TSOP",
        "Row Of Chips",
        "RIMM",
        "SODIMM",
        "SRIMM",
        "FB-DIMM",
        "Die",
    ],
)]);

/// 7.18.2.
pub(crate) const DEVICE: Names = Names(&[(
    0x1,
    &[
        "Other",
        "Unknown",
        "DRAM",
        "EDRAM",
        "VRAM",
        "SRAM",
        "RAM",
        "ROM",
        "Flash",
        "EEPROM",
        "FEPROM",
        "EPROM",
        "CDRAM",
        "3DRAM",
        "SDRAM",
        "SGRAM",
        "RDRAM",
        "DDR",
        "DDR2",
        "DDR2 FB-DIMM",
        "Reserved",
        "Reserved",
        "Reserved",
        "DDR3",
        "FBD2",
        "DDR4",
        "LPDDR",
        "LPDDR2",
        "LPDDR3",
        "LPDDR4",
        "Logical non-volatile device",
        "HBM",
        "HBM2",
        "DDR5",
        "LPDDR5",
        "HBM3",
    ],
)]);

/// 7.18.3.
pub(crate) const TYPE_DETAIL: Bits = Bits(
    1,
    &[
        "Other",
        "Unknown",
        "Fast-paged",
        "Static Column",
        "Pseudo-static",
        "RAMBus",
        "Synchronous",
        "CMOS",
        "EDO",
        "Window DRAM",
        "Cache DRAM",
        "Non-Volatile",
        "Registered (Buffered)",
        "Unbuffered (Unregistered)",
        "LRDIMM",
    ],
);

/// 7.18.6.
pub(crate) const TECHNOLOGY: Names = Names(&[(
    0x1,
    &["Other", "Unknown", "DRAM", "NVDIMM-N", "NVDIMM-F", "NVDIMM-P", "Intel Optane DC persistent memory"],
)]);

/// 7.18.7.
pub(crate) const OPERATING_MODE: Bits = Bits(
    1,
    &[
        "Other",
        "Unknown",
        "Volatile memory",
        "Byte-accessible persistent memory",
        "Block-accessible persistent memory",
    ],
);
