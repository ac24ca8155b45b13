// SPDX-License-Identifier: MIT OR Apache-2.0
//! The names of events and their severities (IPMI 2.0, tables 42-2 and 42-3), spelled as ipmitool 1.8.19 does.

use super::severity::{Named, RESERVED, SENSOR_SPECIFIC, critical, ok, warning};

/// The event of a sensor type, event/reading type and offset.
pub fn named(sensor_type: u8, event_type: u8, offset: u8) -> Option<&'static Named> {
    let (table, code) = match event_type {
        SENSOR_SPECIFIC => (SPECIFIC, sensor_type),
        _ => (GENERIC, event_type),
    };
    let (_, events) = table.iter().find(|(of, _)| *of == code)?;
    events.get(usize::from(offset)).filter(|named| !named.name.is_empty())
}

/// Table 42-2, by event/reading type.
const GENERIC: &[(u8, &[Named])] = &[
    (
        0x01,
        &[
            warning("Lower Non-critical going low"),
            ok("Lower Non-critical going high"),
            critical("Lower Critical going low"),
            ok("Lower Critical going high"),
            critical("Lower Non-recoverable going low"),
            ok("Lower Non-recoverable going high"),
            ok("Upper Non-critical going low"),
            warning("Upper Non-critical going high"),
            ok("Upper Critical going low"),
            critical("Upper Critical going high"),
            ok("Upper Non-recoverable going low"),
            critical("Upper Non-recoverable going high"),
        ],
    ),
    (0x02, &[ok("Transition to Idle"), ok("Transition to Active"), ok("Transition to Busy")]),
    (0x03, &[ok("State Deasserted"), ok("State Asserted")]),
    (0x04, &[ok("Predictive Failure Deasserted"), warning("Predictive Failure Asserted")]),
    (0x05, &[ok("Limit Not Exceeded"), warning("Limit Exceeded")]),
    (0x06, &[ok("Performance Met"), warning("Performance Lags")]),
    (
        0x07,
        &[
            ok("Transition to OK"),
            warning("Transition to Non-critical from OK"),
            critical("Transition to Critical from less severe"),
            critical("Transition to Non-recoverable from less severe"),
            warning("Transition to Non-critical from more severe"),
            critical("Transition to Critical from Non-recoverable"),
            critical("Transition to Non-recoverable"),
            ok("Monitor"),
            ok("Informational"),
        ],
    ),
    (0x08, &[ok("Device Absent"), ok("Device Present")]),
    (0x09, &[ok("Device Disabled"), ok("Device Enabled")]),
    (
        0x0a,
        &[
            ok("Transition to Running"),
            ok("Transition to In Test"),
            ok("Transition to Power Off"),
            ok("Transition to On Line"),
            warning("Transition to Off Line"),
            ok("Transition to Off Duty"),
            warning("Transition to Degraded"),
            ok("Transition to Power Save"),
            warning("Install Error"),
        ],
    ),
    (
        0x0b,
        &[
            ok("Fully Redundant"),
            critical("Redundancy Lost"),
            warning("Redundancy Degraded"),
            critical("Non-Redundant: Sufficient from Redundant"),
            warning("Non-Redundant: Sufficient from Insufficient"),
            critical("Non-Redundant: Insufficient Resources"),
            warning("Redundancy Degraded from Fully Redundant"),
            warning("Redundancy Degraded from Non-Redundant"),
        ],
    ),
    (0x0c, &[ok("D0 Power State"), ok("D1 Power State"), ok("D2 Power State"), ok("D3 Power State")]),
];

/// Table 42-3, by sensor type.
const SPECIFIC: &[(u8, &[Named])] = &[
    (
        0x05,
        &[
            warning("General Chassis intrusion"),
            warning("Drive Bay intrusion"),
            warning("I/O Card area intrusion"),
            warning("Processor area intrusion"),
            warning("System unplugged from LAN"),
            warning("Unauthorized dock"),
            warning("FAN area intrusion"),
        ],
    ),
    (
        0x06,
        &[
            warning("Front Panel Lockout violation attempted"),
            warning("Pre-boot password violation - user password"),
            warning("Pre-boot password violation - setup password"),
            warning("Pre-boot password violation - network boot password"),
            warning("Other pre-boot password violation"),
            warning("Out-of-band access password violation"),
        ],
    ),
    (
        0x07,
        &[
            critical("IERR"),
            critical("Thermal Trip"),
            critical("FRB1/BIST failure"),
            critical("FRB2/Hang in POST failure"),
            critical("FRB3/Processor startup/init failure"),
            critical("Configuration Error"),
            critical("SM BIOS Uncorrectable CPU-complex Error"),
            ok("Presence detected"),
            warning("Disabled"),
            ok("Terminator presence detected"),
            warning("Throttled"),
            critical("Uncorrectable machine check exception"),
            warning("Correctable machine check error"),
        ],
    ),
    (
        0x08,
        &[
            ok("Presence detected"),
            critical("Failure detected"),
            warning("Predictive failure"),
            critical("Power Supply AC lost"),
            critical("AC lost or out-of-range"),
            warning("AC out-of-range, but present"),
            warning("Config Error"),
            ok("Power Supply Inactive"),
        ],
    ),
    (
        0x09,
        &[
            ok("Power off/down"),
            ok("Power cycle"),
            critical("240VA power down"),
            warning("Interlock power down"),
            critical("AC lost"),
            critical("Soft-power control failure"),
            critical("Failure detected"),
            warning("Predictive failure"),
        ],
    ),
    (
        0x0c,
        &[
            warning("Correctable ECC"),
            critical("Uncorrectable ECC"),
            critical("Parity"),
            warning("Memory Scrub Failed"),
            warning("Memory Device Disabled"),
            warning("Correctable ECC logging limit reached"),
            ok("Presence Detected"),
            warning("Configuration Error"),
            ok("Spare"),
            warning("Throttled"),
            critical("Critical Overtemperature"),
        ],
    ),
    (
        0x0d,
        &[
            ok("Drive Present"),
            critical("Drive Fault"),
            warning("Predictive Failure"),
            ok("Hot Spare"),
            ok("Parity Check In Progress"),
            critical("In Critical Array"),
            critical("In Failed Array"),
            ok("Rebuild In Progress"),
            warning("Rebuild Aborted"),
        ],
    ),
    (0x0f, &[warning("Unknown Error"), critical("Unknown Hang"), ok("Unknown Progress")]),
    (
        0x10,
        &[
            warning("Correctable memory error logging disabled"),
            ok("Event logging disabled"),
            ok("Log area reset/cleared"),
            warning("All event logging disabled"),
            warning("Log full"),
            warning("Log almost full"),
            warning("Correctable machine check error logging disabled"),
        ],
    ),
    (
        0x11,
        &[
            critical("BIOS Reset"),
            critical("OS Reset"),
            critical("OS Shut Down"),
            critical("OS Power Down"),
            critical("OS Power Cycle"),
            critical("OS NMI/Diag Interrupt"),
            warning("OS Expired"),
            warning("OS pre-timeout Interrupt"),
        ],
    ),
    (
        0x12,
        &[
            ok("System Reconfigured"),
            ok("OEM System boot event"),
            critical("Undetermined system hardware failure"),
            ok("Entry added to auxiliary log"),
            ok("PEF Action"),
            ok("Timestamp Clock Sync"),
        ],
    ),
    (
        0x13,
        &[
            critical("NMI/Diag Interrupt"),
            critical("Bus Timeout"),
            critical("I/O Channel check NMI"),
            warning("Software NMI"),
            critical("PCI PERR"),
            critical("PCI SERR"),
            critical("EISA failsafe timeout"),
            warning("Bus Correctable error"),
            critical("Bus Uncorrectable error"),
            critical("Fatal NMI"),
            critical("Bus Fatal Error"),
            warning("Bus Degraded"),
        ],
    ),
    (
        0x14,
        &[
            ok("Power Button pressed"),
            ok("Sleep Button pressed"),
            ok("Reset Button pressed"),
            ok("FRU Latch"),
            ok("FRU Service"),
        ],
    ),
    (0x19, &[critical("Soft Power Control Failure"), critical("Thermal Trip")]),
    (0x1b, &[ok("Connected"), warning("Config Error")]),
    (
        0x1d,
        &[
            ok("Initiated by power up"),
            ok("Initiated by hard reset"),
            ok("Initiated by warm reset"),
            ok("User requested PXE boot"),
            ok("Automatic boot to diagnostic"),
            ok("OS initiated hard reset"),
            ok("OS initiated warm reset"),
            ok("System Restart"),
        ],
    ),
    (
        0x1e,
        &[
            warning("No bootable media"),
            warning("Non-bootable disk in drive"),
            warning("PXE server not found"),
            warning("Invalid boot sector"),
            warning("Timeout waiting for selection"),
        ],
    ),
    (
        0x1f,
        &[
            ok("A: boot completed"),
            ok("C: boot completed"),
            ok("PXE boot completed"),
            ok("Diagnostic boot completed"),
            ok("CD-ROM boot completed"),
            ok("ROM boot completed"),
            ok("boot completed - device not specified"),
            ok("Installation started"),
            ok("Installation completed"),
            warning("Installation aborted"),
            warning("Installation failed"),
        ],
    ),
    (
        0x20,
        &[
            critical("Error during system startup"),
            critical("Run-time critical stop"),
            ok("OS graceful stop"),
            ok("OS graceful shutdown"),
            ok("PEF initiated soft shutdown"),
            warning("Agent not responding"),
        ],
    ),
    (
        0x21,
        &[
            critical("Fault Status"),
            ok("Identify Status"),
            ok("Device Installed"),
            ok("Ready for Device Installation"),
            ok("Ready for Device Removal"),
            ok("Slot Power is Off"),
            ok("Device Removal Request"),
            ok("Interlock"),
            ok("Slot is Disabled"),
            ok("Spare Device"),
        ],
    ),
    (
        0x22,
        &[
            ok("S0/G0: working"),
            ok("S1: sleeping with system hw & processor context maintained"),
            ok("S2: sleeping, processor context lost"),
            ok("S3: sleeping, processor & hw context lost, memory retained"),
            ok("S4: non-volatile sleep/suspend-to-disk"),
            ok("S5/G2: soft-off"),
            ok("S4/S5: soft-off"),
            ok("G3: mechanical off"),
            ok("Sleeping in S1/S2/S3 state"),
            ok("G1: sleeping"),
            ok("S5: entered by override"),
            ok("Legacy ON state"),
            ok("Legacy OFF state"),
            RESERVED,
            ok("Unknown"),
        ],
    ),
    (
        0x23,
        &[
            warning("Timer expired"),
            critical("Hard reset"),
            critical("Power down"),
            critical("Power cycle"),
            RESERVED,
            RESERVED,
            RESERVED,
            RESERVED,
            warning("Timer interrupt"),
        ],
    ),
    (
        0x24,
        &[
            ok("Platform generated page"),
            ok("Platform generated LAN alert"),
            ok("Platform Event Trap generated"),
            ok("Platform generated SNMP trap, OEM format"),
        ],
    ),
    (0x25, &[ok("Present"), ok("Absent"), ok("Disabled")]),
    (0x27, &[warning("Heartbeat Lost"), ok("Heartbeat")]),
    (
        0x28,
        &[
            warning("Sensor access degraded or unavailable"),
            warning("Controller access degraded or unavailable"),
            warning("Management controller off-line"),
            warning("Management controller unavailable"),
            warning("Sensor failure"),
            warning("FRU failure"),
        ],
    ),
    (0x29, &[warning("Low"), critical("Failed"), ok("Presence Detected")]),
    (
        0x2a,
        &[
            ok("Session Activated"),
            ok("Session Deactivated"),
            warning("Invalid Username or Password"),
            warning("Invalid password disable"),
        ],
    ),
    (
        0x2b,
        &[
            ok("Hardware change detected"),
            ok("Firmware or software change detected"),
            warning("Hardware incompatibility detected"),
            warning("Firmware or software incompatibility detected"),
            warning("Invalid or unsupported hardware version"),
            warning("Invalid or unsupported firmware or software version"),
            ok("Hardware change success"),
            ok("Firmware or software change success"),
        ],
    ),
    (
        0x2c,
        &[
            ok("Not Installed"),
            ok("Inactive"),
            ok("Activation Requested"),
            ok("Activation in Progress"),
            ok("Active"),
            ok("Deactivation Requested"),
            ok("Deactivation in Progress"),
            warning("Communication lost"),
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensor::severity::Severity;

    #[test]
    fn a_type_has_one_table_and_an_event_one_name() {
        for table in [GENERIC, SPECIFIC] {
            assert!(table.is_sorted_by(|(one, _), (two, _)| one < two));
            for (code, events) in table {
                let mut names: Vec<_> =
                    events.iter().map(|event| event.name).filter(|n| !n.is_empty()).collect();
                names.sort_unstable();
                assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{code:#04x}: {names:?}");
            }
        }
    }

    #[test]
    fn what_leaves_a_threshold_is_no_alarm() {
        for offset in 0..12 {
            let event = named(0x01, 0x01, offset).unwrap();
            let enters = event.name.starts_with("Lower") == event.name.ends_with("low");
            assert_eq!(enters, event.severity > Severity::Informational, "{event:?}");
        }
    }

    #[test]
    fn generic_events_are_of_any_sensor() {
        assert_eq!(named(0xc0, 0x03, 1).unwrap().name, "State Asserted");
        assert_eq!(named(0x22, 0x6f, 13), None);
        assert_eq!(named(0x22, 0x6f, 14).unwrap().name, "Unknown");
        assert_eq!(named(0x04, 0x6f, 0), None);
    }
}
