// SPDX-License-Identifier: MIT OR Apache-2.0
//! What sensors watch (IPMI 2.0, table 42-3), spelled as ipmitool does.

/// The name of a sensor type. OEM's types, C0h and more, have none.
pub fn sensor_type(code: u8) -> Option<&'static str> {
    SENSOR_TYPES.get(usize::from(code).checked_sub(1)?).copied()
}

/// From 01h on.
const SENSOR_TYPES: &[&str] = &[
    "Temperature",
    "Voltage",
    "Current",
    "Fan",
    "Physical Security",
    "Platform Security",
    "Processor",
    "Power Supply",
    "Power Unit",
    "Cooling Device",
    "Other",
    "Memory",
    "Drive Slot / Bay",
    "POST Memory Resize",
    "System Firmwares",
    "Event Logging Disabled",
    "Watchdog1",
    "System Event",
    "Critical Interrupt",
    "Button",
    "Module / Board",
    "Microcontroller",
    "Add-in Card",
    "Chassis",
    "Chip Set",
    "Other FRU",
    "Cable / Interconnect",
    "Terminator",
    "System Boot Initiated",
    "Boot Error",
    "OS Boot",
    "OS Critical Stop",
    "Slot / Connector",
    "System ACPI Power State",
    "Watchdog2",
    "Platform Alert",
    "Entity Presence",
    "Monitor ASIC",
    "LAN",
    "Management Subsys Health",
    "Battery",
    "Session Audit",
    "Version Change",
    "FRU State",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_counted_from_one() {
        assert_eq!((sensor_type(0x00), sensor_type(0x2d), sensor_type(0xc0)), (None, None, None));
        assert_eq!((sensor_type(0x01), sensor_type(0x2c)), (Some("Temperature"), Some("FRU State")));
        assert_eq!((sensor_type(0x13), sensor_type(0x23)), (Some("Critical Interrupt"), Some("Watchdog2")));
    }
}
