// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the codes of DSP0134 mean, spelled as dmidecode 3.4 prints them and, where they are newer, 3.7. Pure.

/// Names of codes: runs of them, each from its first code on; empty ones are reserved.
pub struct Names(pub &'static [(u16, &'static [&'static str])]);

impl Names {
    /// The code's name, else its number.
    pub fn of(&self, code: impl Into<u16>) -> String {
        let code = code.into();
        let named = self.0.iter().find_map(|(first, names)| {
            names.get(usize::from(code.checked_sub(*first)?)).filter(|name| !name.is_empty())
        });
        named.map_or_else(|| format!("0x{code:02x}"), |name| (*name).to_string())
    }
}

/// Names of bits: from the first that has one on.
pub struct Bits(pub u32, pub &'static [&'static str]);

impl Bits {
    /// The names of those that are set.
    pub fn of(&self, bits: impl Into<u32>) -> Vec<String> {
        let bits = bits.into() >> self.0;
        let set = self.1.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
        set.map(|(_, name)| (*name).to_string()).collect()
    }
}

/// 7.2.2.
pub const WAKE_UP: Names = Names(&[(
    0,
    &[
        "Reserved",
        "Other",
        "Unknown",
        "APM Timer",
        "Modem Ring",
        "LAN Remote",
        "Power Switch",
        "PCI PME#",
        "AC Power Restored",
    ],
)]);

/// 7.1.1, offset 0Ah.
pub const BIOS: Bits = Bits(
    4,
    &[
        "ISA is supported",
        "MCA is supported",
        "EISA is supported",
        "PCI is supported",
        "PC Card (PCMCIA) is supported",
        "PNP is supported",
        "APM is supported",
        "BIOS is upgradeable",
        "BIOS shadowing is allowed",
        "VLB is supported",
        "ESCD support is available",
        "Boot from CD is supported",
        "Selectable boot is supported",
        "BIOS ROM is socketed",
        "Boot from PC Card (PCMCIA) is supported",
        "EDD is supported",
        "Japanese floppy for NEC 9800 1.2 MB is supported (int 13h)",
        "Japanese floppy for Toshiba 1.2 MB is supported (int 13h)",
        "5.25\"/360 kB floppy services are supported (int 13h)",
        "5.25\"/1.2 MB floppy services are supported (int 13h)",
        "3.5\"/720 kB floppy services are supported (int 13h)",
        "3.5\"/2.88 MB floppy services are supported (int 13h)",
        "Print screen service is supported (int 5h)",
        "8042 keyboard services are supported (int 9h)",
        "Serial services are supported (int 14h)",
        "Printer services are supported (int 17h)",
        "CGA/mono video services are supported (int 10h)",
        "NEC PC-98",
    ],
);

/// 7.1.2.1, offset 12h.
pub const BIOS_1: Bits = Bits(
    0,
    &[
        "ACPI is supported",
        "USB legacy is supported",
        "AGP is supported",
        "I2O boot is supported",
        "LS-120 boot is supported",
        "ATAPI Zip drive boot is supported",
        "IEEE 1394 boot is supported",
        "Smart battery is supported",
    ],
);

/// 7.1.2.2, offset 13h.
pub const BIOS_2: Bits = Bits(
    0,
    &[
        "BIOS boot specification is supported",
        "Function key-initiated network boot is supported",
        "Targeted content distribution is supported",
        "UEFI is supported",
        "System is a virtual machine",
        "Manufacturing mode is supported",
        "Manufacturing mode is enabled",
    ],
);

/// 7.3.1.
pub const BOARD_FEATURES: Bits = Bits(
    0,
    &[
        "Board is a hosting board",
        "Board requires at least one daughter board",
        "Board is removable",
        "Board is replaceable",
        "Board is hot swappable",
    ],
);

/// 7.3.2.
pub const BOARD: Names = Names(&[(
    1,
    &[
        "Unknown",
        "Other",
        "Server Blade",
        "Connectivity Switch",
        "System Management Module",
        "Processor Module",
        "I/O Module",
        "Memory Module",
        "Daughter Board",
        "Motherboard",
        "Processor+Memory Module",
        "Processor+I/O Module",
        "Interconnect Board",
    ],
)]);

/// 7.4.1.
pub const CHASSIS: Names = Names(&[(
    1,
    &[
        "Other",
        "Unknown",
        "Desktop",
        "Low Profile Desktop",
        "Pizza Box",
        "Mini Tower",
        "Tower",
        "Portable",
        "Laptop",
        "Notebook",
        "Hand Held",
        "Docking Station",
        "All In One",
        "Sub Notebook",
        "Space-saving",
        "Lunch Box",
        "Main Server Chassis",
        "Expansion Chassis",
        "Sub Chassis",
        "Bus Expansion Chassis",
        "Peripheral Chassis",
        "RAID Chassis",
        "Rack Mount Chassis",
        "Sealed-case PC",
        "Multi-system",
        "CompactPCI",
        "AdvancedTCA",
        "Blade",
        "Blade Enclosing",
        "Tablet",
        "Convertible",
        "Detachable",
        "IoT Gateway",
        "Embedded PC",
        "Mini PC",
        "Stick PC",
    ],
)]);

/// 7.4.2.
pub const CHASSIS_STATE: Names =
    Names(&[(1, &["Other", "Unknown", "Safe", "Warning", "Critical", "Non-recoverable"])]);

/// 7.4.3.
pub const CHASSIS_SECURITY: Names = Names(&[(
    1,
    &["Other", "Unknown", "None", "External Interface Locked Out", "External Interface Enabled"],
)]);

/// 7.8, offset 05h bits 8 and 9.
pub const CACHE_MODE: Names =
    Names(&[(0, &["Write Through", "Write Back", "Varies With Memory Address", "Unknown"])]);

/// 7.8, offset 05h bits 5 and 6.
pub const CACHE_LOCATION: Names = Names(&[(0, &["Internal", "External", "", "Unknown"])]);

/// 7.8.2.
pub const SRAM: Bits =
    Bits(0, &["Other", "Unknown", "Non-burst", "Burst", "Pipeline Burst", "Synchronous", "Asynchronous"]);

/// 7.8.3.
pub const CACHE_ERROR_CORRECTION: Names =
    Names(&[(1, &["Other", "Unknown", "None", "Parity", "Single-bit ECC", "Multi-bit ECC"])]);

/// 7.8.4.
pub const CACHE: Names = Names(&[(1, &["Other", "Unknown", "Instruction", "Data", "Unified"])]);

/// 7.8.5.
pub const ASSOCIATIVITY: Names = Names(&[(
    1,
    &[
        "Other",
        "Unknown",
        "Direct Mapped",
        "2-way Set-associative",
        "4-way Set-associative",
        "Fully Associative",
        "8-way Set-associative",
        "16-way Set-associative",
        "12-way Set-associative",
        "24-way Set-associative",
        "32-way Set-associative",
        "48-way Set-associative",
        "64-way Set-associative",
        "20-way Set-associative",
    ],
)]);

/// 7.11.1 and 7.42.2.
pub const ONBOARD: Names = Names(&[(
    1,
    &[
        "Other",
        "Unknown",
        "Video",
        "SCSI Controller",
        "Ethernet",
        "Token Ring",
        "Sound",
        "PATA Controller",
        "SATA Controller",
        "SAS Controller",
        "Wireless LAN",
        "Bluetooth",
        "WWAN",
        "eMMC",
        "NVMe Controller",
        "UFS Controller",
    ],
)]);

/// 7.33.1; those of the maker and of the product have no names of their own.
pub const BOOT_STATUS: Names = Names(&[(
    0,
    &[
        "No errors detected",
        "No bootable media",
        "Operating system failed to load",
        "Firmware-detected hardware failure",
        "Operating system-detected hardware failure",
        "User-requested boot",
        "System security violation",
        "Previously-requested image",
        "System watchdog timer expired",
    ],
)]);

/// 7.39.1.
pub const IPMI_INTERFACE: Names = Names(&[(
    0,
    &[
        "Unknown",
        "KCS (Keyboard Control Style)",
        "SMIC (Server Management Interface Chip)",
        "BT (Block Transfer)",
        "SSIF (SMBus System Interface)",
    ],
)]);

/// 7.39, offset 10h bits 6 and 7.
pub const IPMI_SPACING: Names =
    Names(&[(0, &["Successive Byte Boundaries", "32-bit Boundaries", "16-byte Boundaries"])]);

/// 7.40.1.
pub const POWER_SUPPLY: Names =
    Names(&[(1, &["Other", "Unknown", "Linear", "Switching", "Battery", "UPS", "Converter", "Regulator"])]);

/// 7.40.1.
pub const POWER_SUPPLY_STATUS: Names = Names(&[(1, &["Other", "Unknown", "OK", "Non-critical", "Critical"])]);

/// 7.40.1.
pub const POWER_SUPPLY_SWITCHING: Names =
    Names(&[(1, &["Other", "Unknown", "Manual", "Auto-switch", "Wide Range", "N/A"])]);

/// 7.44.1.
pub const TPM: Bits = Bits(
    3,
    &[
        "Family configurable via firmware update",
        "Family configurable via platform software support",
        "Family configurable via OEM proprietary mechanism",
    ],
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_name_is_its_number() {
        assert_eq!(CACHE_LOCATION.of(1u8), "External");
        assert_eq!(CACHE_LOCATION.of(2u8), "0x02");
        assert_eq!(BOARD.of(0u8), "0x00");
        assert_eq!(BOARD.of(0xffu8), "0xff");
        assert_eq!(TPM.of(0b1001_1000u32), [TPM.1[0], TPM.1[1]]);
    }
}
