// SPDX-License-Identifier: MIT OR Apache-2.0
//! Details of events in event data 2 and 3 (IPMI 2.0, table 42-3), spelled as ipmitool 1.8.19 does.
//!
//! That tool takes the kind of a power supply's configuration error from event data 2; the specification has it in 3.

use super::severity::{Named, RESERVED, Severity, critical, ok, warning};

/// The meaning of event data 2 or 3 for one event.
pub(super) struct Detail {
    sensor_type: u8,
    offset: u8,
    /// It is the lower half of event data 3, else event data 2.
    pub is_in_third: bool,
    /// What stands between the event's name and the detail; without it the detail replaces the name.
    pub joint: Option<&'static str>,
    /// By the byte's value.
    pub names: &'static [Named],
}

/// The details of a sensor-specific event, where there are any.
pub(super) fn details(sensor_type: u8, offset: u8) -> Option<&'static Detail> {
    DETAILS.iter().find(|detail| detail.sensor_type == sensor_type && detail.offset == offset)
}

/// Table 42-3's event data 2 and 3.
const DETAILS: &[Detail] = &[
    Detail { sensor_type: 0x08, offset: 6, is_in_third: true, joint: Some(": "), names: SUPPLY_MISMATCHES },
    Detail { sensor_type: 0x0f, offset: 0, is_in_third: false, joint: None, names: FIRMWARE_ERRORS },
    Detail { sensor_type: 0x0f, offset: 1, is_in_third: false, joint: None, names: FIRMWARE_HANGS },
    Detail { sensor_type: 0x0f, offset: 2, is_in_third: false, joint: None, names: FIRMWARE_PROGRESS },
    Detail { sensor_type: 0x2b, offset: 1, is_in_third: false, joint: Some(", "), names: VERSION_CHANGES },
    Detail { sensor_type: 0x2b, offset: 7, is_in_third: false, joint: Some(", "), names: VERSION_CHANGES },
];

const SUPPLY_MISMATCHES: &[Named] = &[
    warning("Vendor Mismatch"),
    warning("Revision Mismatch"),
    warning("Processor Missing"),
    warning("Power Supply Rating Mismatch"),
    warning("Voltage Rating Mismatch"),
];

const FIRMWARE_ERRORS: &[Named] = &[
    warning("Unspecified"),
    critical("No system memory installed"),
    critical("No usable system memory"),
    critical("Unrecoverable IDE device failure"),
    critical("Unrecoverable system-board failure"),
    warning("Unrecoverable diskette failure"),
    critical("Unrecoverable hard-disk controller failure"),
    warning("Unrecoverable PS/2 or USB keyboard failure"),
    warning("Removable boot media not found"),
    warning("Unrecoverable video controller failure"),
    warning("No video device selected"),
    critical("BIOS corruption detected"),
    critical("CPU voltage mismatch"),
    critical("CPU speed mismatch failure"),
];

const FIRMWARE_HANGS: &[Named] = &stages(Severity::Critical);

const FIRMWARE_PROGRESS: &[Named] = &stages(Severity::Informational);

/// Where the firmware is, or hangs.
const fn stages(severity: Severity) -> [Named; 26] {
    const fn at(name: &'static str, severity: Severity) -> Named {
        Named { name, severity }
    }
    [
        at("Unspecified", severity),
        at("Memory initialization", severity),
        at("Hard-disk initialization", severity),
        at("Secondary CPU Initialization", severity),
        at("User authentication", severity),
        at("User-initiated system setup", severity),
        at("USB resource configuration", severity),
        at("PCI resource configuration", severity),
        at("Option ROM initialization", severity),
        at("Video initialization", severity),
        at("Cache initialization", severity),
        at("SMBus initialization", severity),
        at("Keyboard controller initialization", severity),
        at("Management controller initialization", severity),
        at("Docking station attachment", severity),
        at("Enabling docking station", severity),
        at("Docking station ejection", severity),
        at("Disabling docking station", severity),
        at("Calling operating system wake-up vector", severity),
        at("System boot initiated", severity),
        at("Motherboard initialization", severity),
        at("", severity),
        at("Floppy initialization", severity),
        at("Keyboard test", severity),
        at("Pointing device test", severity),
        at("Primary CPU initialization", severity),
    ]
}

/// Code 0 is that it is not specified.
const VERSION_CHANGES: &[Named] = &[
    RESERVED,
    ok("Mngmt Ctrl Dev Id"),
    ok("Mngmt Ctrl Firm Rev"),
    ok("Mngmt Ctrl Dev Rev"),
    ok("Mngmt Ctrl Manuf Id"),
    ok("Mngmt Ctrl IPMI Vers"),
    ok("Mngmt Ctrl Aux Firm Id"),
    ok("Mngmt Ctrl Firm Boot Block"),
    ok("Mngmt Ctrl Other"),
    ok("BIOS/EFI change"),
    ok("SMBIOS change"),
    ok("O/S change"),
    ok("O/S loader change"),
    ok("Service Diag change"),
    ok("Mngmt SW agent change"),
    ok("Mngmt SW App change"),
    ok("Mngmt SW Middle"),
    ok("Prog HW Change (FPGA)"),
    ok("board/FRU module change"),
    ok("board/FRU component change"),
    ok("board/FRU replace equ ver"),
    ok("board/FRU replace new ver"),
    ok("board/FRU replace old ver"),
    ok("board/FRU HW conf change"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hang_is_worse_than_progress_at_the_same_place() {
        let at = |offset, code: usize| &details(0x0f, offset).unwrap().names[code];
        assert_eq!(
            (at(1, 0x19).name, at(2, 0x19).name),
            ("Primary CPU initialization", "Primary CPU initialization")
        );
        assert_eq!((at(1, 1).severity, at(2, 1).severity), (Severity::Critical, Severity::Informational));
        assert_eq!(details(0x2b, 7).unwrap().names[0x17].name, "board/FRU HW conf change");
        assert!(details(0x2b, 2).is_none());
    }
}
