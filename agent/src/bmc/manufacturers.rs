// SPDX-License-Identifier: MIT OR Apache-2.0
//! Manufacturers of BMCs.

/// The name of the BMC or server manufacturer with this IANA enterprise number.
pub(crate) fn manufacturer(number: u32) -> Option<&'static str> {
    MANUFACTURERS.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

/// From IANA's list of private enterprise numbers, which has the names so.
const MANUFACTURERS: [(u32, &str); 15] = [
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
