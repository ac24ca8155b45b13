// SPDX-License-Identifier: MIT OR Apache-2.0
//! PCI classes (PCI Code and ID Assignment, 1). Pure.

/// The common classes by base class and sub-class, in the words of `lspci` (pci.ids).
const NAMES: &[(u16, &str)] = &[
    (0x0100, "SCSI storage controller"),
    (0x0101, "IDE interface"),
    (0x0104, "RAID bus controller"),
    (0x0106, "SATA controller"),
    (0x0107, "Serial Attached SCSI controller"),
    (0x0108, "Non-Volatile memory controller"),
    (0x0180, "Mass storage controller"),
    (0x0200, "Ethernet controller"),
    (0x0207, "Infiniband controller"),
    (0x0208, "Fabric controller"),
    (0x0280, "Network controller"),
    (0x0300, "VGA compatible controller"),
    (0x0302, "3D controller"),
    (0x0380, "Display controller"),
    (0x0403, "Audio device"),
    (0x0500, "RAM memory"),
    (0x0502, "CXL"),
    (0x0580, "Memory controller"),
    (0x0600, "Host bridge"),
    (0x0601, "ISA bridge"),
    (0x0604, "PCI bridge"),
    (0x0680, "Bridge"),
    (0x0700, "Serial controller"),
    (0x0780, "Communication controller"),
    (0x0800, "PIC"),
    (0x0806, "IOMMU"),
    (0x0807, "Root Complex Event Collector"),
    (0x0880, "System peripheral"),
    (0x0b40, "Co-processor"),
    (0x0c03, "USB controller"),
    (0x0c04, "Fibre Channel"),
    (0x0c05, "SMBus"),
    (0x0c06, "InfiniBand"),
    (0x0c07, "IPMI Interface"),
    (0x1000, "Network and computing encryption device"),
    (0x1080, "Encryption controller"),
    (0x1101, "Performance counters"),
    (0x1180, "Signal processing controller"),
    (0x1200, "Processing accelerators"),
    (0x1300, "Non-Essential Instrumentation"),
];

/// Vendors whose display controllers drive a console and compute nothing: those in BMCs, and those of virtual
/// machines.
const CONSOLES: &[u16] = &[
    0x1013, // Cirrus Logic, and QEMU's cirrus-vga
    0x102b, // Matrox: the G200 in the BMCs of Dell, HPE and others
    0x1234, // QEMU's stdvga
    0x126f, // Silicon Motion
    0x15ad, // VMware
    0x18ca, // XGI
    0x19e5, // Huawei: the Hi171x in its BMCs; its accelerators are of class 12h
    0x1a03, // ASPEED
    0x1af4, // virtio-gpu
    0x1b36, // QXL
];

/// The class's name, where it is a common one.
pub(super) fn name(class: u32) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| u32::from(*known) == class >> 8).map(|(_, name)| *name)
}

/// What kind of accelerator a function of this class and vendor is, if any.
pub(super) fn accelerator(class: u32, vendor: u16) -> Option<&'static str> {
    match class >> 8 {
        0x0300..=0x03ff if CONSOLES.contains(&vendor) => Some("display"),
        0x0300..=0x03ff => Some("gpu"),
        0x0b40 => Some("co-processor"),
        0x1200..=0x12ff => Some("processing-accelerator"),
        _ => None,
    }
}
