// SPDX-License-Identifier: MIT OR Apache-2.0
//! BMC manufacturers by IANA enterprise number. Pure.

/// The manufacturer with this enterprise number, named as in the registry; `None` if it is not in the table.
pub fn maker(number: u32) -> Option<&'static str> {
    MAKERS.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

/// From IANA's list of private enterprise numbers.
const MAKERS: [(u32, &str); 15] = [
    (2, "IBM"),
    (11, "Hewlett-Packard"),
    (42, "Sun Microsystems"),
    (119, "NEC"),
    (343, "Intel"),
    (674, "Dell"),
    (2011, "Huawei"),
    (5771, "Cisco"),
    (7244, "Quanta"),
    (10368, "Fujitsu"),
    (10876, "Super Micro"),
    (15370, "Gigabyte"),
    (19046, "Lenovo"),
    (20301, "IBM eServer X"),
    (47196, "Hewlett Packard Enterprise"),
];
