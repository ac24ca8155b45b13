// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names in BIOS, system, board, chassis, boot and power supply information (DSP0134 7.1 to 7.4, 7.33, 7.40). Pure.

use stage1_contract::facts::{BoardFeature, BoardType, BootStatus, ChassisState, PowerSupplyStatus};

use super::lookup::{Bits, Flags, Names, Values};

/// 7.2.2.
pub(crate) const WAKE_UP: Names = Names(&[(
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
pub(crate) const BIOS: Bits = Bits(
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
pub(crate) const BIOS_1: Bits = Bits(
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
pub(crate) const BIOS_2: Bits = Bits(
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
pub(crate) const BOARD_FEATURES: Flags<BoardFeature> = Flags(
    0,
    &[
        BoardFeature::HostingBoard,
        BoardFeature::RequiresDaughterBoard,
        BoardFeature::Removable,
        BoardFeature::Replaceable,
        BoardFeature::HotSwappable,
    ],
);

/// 7.3.2.
pub(crate) const BOARD: Values<BoardType> = Values(
    1,
    &[
        BoardType::Unknown,
        BoardType::Other,
        BoardType::ServerBlade,
        BoardType::ConnectivitySwitch,
        BoardType::SystemManagementModule,
        BoardType::ProcessorModule,
        BoardType::IoModule,
        BoardType::MemoryModule,
        BoardType::DaughterBoard,
        BoardType::Motherboard,
        BoardType::ProcessorMemoryModule,
        BoardType::ProcessorIoModule,
        BoardType::InterconnectBoard,
    ],
);

/// 7.4.1.
pub(crate) const CHASSIS: Names = Names(&[(
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
pub(crate) const CHASSIS_STATE: Values<ChassisState> = Values(
    1,
    &[
        ChassisState::Other,
        ChassisState::Unknown,
        ChassisState::Safe,
        ChassisState::Warning,
        ChassisState::Critical,
        ChassisState::NonRecoverable,
    ],
);

/// 7.4.3.
pub(crate) const CHASSIS_SECURITY: Names = Names(&[(
    1,
    &["Other", "Unknown", "None", "External Interface Locked Out", "External Interface Enabled"],
)]);

/// 7.33.1, but for the codes of the maker and of the product.
pub(crate) const BOOT_STATUS: Values<BootStatus> = Values(
    0,
    &[
        BootStatus::NoErrors,
        BootStatus::NoBootableMedia,
        BootStatus::OperatingSystemNotLoaded,
        BootStatus::FirmwareDetectedHardwareFailure,
        BootStatus::OsDetectedHardwareFailure,
        BootStatus::UserRequested,
        BootStatus::SecurityViolation,
        BootStatus::PreviouslyRequestedImage,
        BootStatus::WatchdogExpired,
    ],
);

/// 7.40.1.
pub(crate) const POWER_SUPPLY: Names =
    Names(&[(1, &["Other", "Unknown", "Linear", "Switching", "Battery", "UPS", "Converter", "Regulator"])]);

/// 7.40.1.
pub(crate) const POWER_SUPPLY_STATUS: Values<PowerSupplyStatus> = Values(
    1,
    &[
        PowerSupplyStatus::Other,
        PowerSupplyStatus::Unknown,
        PowerSupplyStatus::Ok,
        PowerSupplyStatus::NonCritical,
        PowerSupplyStatus::Critical,
    ],
);

/// 7.40.1.
pub(crate) const POWER_SUPPLY_SWITCHING: Names =
    Names(&[(1, &["Other", "Unknown", "Manual", "Auto-switch", "Wide Range", "N/A"])]);
