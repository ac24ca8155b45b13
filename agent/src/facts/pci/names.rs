// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of common server parts by their PCI ids, in the words of pci.ids, shortened. Pure.

/// Vendor, device, name. GPUs and accelerators first, then network adapters; each sorted.
const NAMES: &[(u16, u16, &str)] = &[
    (0x1002, 0x66a1, "AMD Instinct MI50"),
    (0x1002, 0x738c, "AMD Instinct MI100"),
    (0x1002, 0x7408, "AMD Instinct MI250X"),
    (0x1002, 0x740c, "AMD Instinct MI250X/MI250"),
    (0x1002, 0x740f, "AMD Instinct MI210"),
    (0x1002, 0x74a0, "AMD Instinct MI300A"),
    (0x1002, 0x74a1, "AMD Instinct MI300X"),
    (0x1002, 0x74a5, "AMD Instinct MI325X"),
    (0x10de, 0x15f8, "NVIDIA Tesla P100 PCIe 16GB"),
    (0x10de, 0x15f9, "NVIDIA Tesla P100 SXM2 16GB"),
    (0x10de, 0x1b38, "NVIDIA Tesla P40"),
    (0x10de, 0x1bb3, "NVIDIA Tesla P4"),
    (0x10de, 0x1db1, "NVIDIA Tesla V100 SXM2 16GB"),
    (0x10de, 0x1db4, "NVIDIA Tesla V100 PCIe 16GB"),
    (0x10de, 0x1db5, "NVIDIA Tesla V100 SXM2 32GB"),
    (0x10de, 0x1db6, "NVIDIA Tesla V100 PCIe 32GB"),
    (0x10de, 0x1eb8, "NVIDIA Tesla T4"),
    (0x10de, 0x20b0, "NVIDIA A100 SXM4 40GB"),
    (0x10de, 0x20b2, "NVIDIA A100 SXM4 80GB"),
    (0x10de, 0x20b5, "NVIDIA A100 PCIe 80GB"),
    (0x10de, 0x20b7, "NVIDIA A30 PCIe"),
    (0x10de, 0x20f1, "NVIDIA A100 PCIe 40GB"),
    (0x10de, 0x2235, "NVIDIA A40"),
    (0x10de, 0x2236, "NVIDIA A10"),
    (0x10de, 0x2321, "NVIDIA H100 NVL"),
    (0x10de, 0x2322, "NVIDIA H800 PCIe"),
    (0x10de, 0x2324, "NVIDIA H800"),
    (0x10de, 0x2330, "NVIDIA H100 SXM5 80GB"),
    (0x10de, 0x2331, "NVIDIA H100 PCIe"),
    (0x10de, 0x2335, "NVIDIA H200 SXM 141GB"),
    (0x10de, 0x233b, "NVIDIA H200 NVL"),
    (0x10de, 0x2342, "NVIDIA GH200 120GB"),
    (0x10de, 0x25b6, "NVIDIA A2 / A16"),
    (0x10de, 0x26b5, "NVIDIA L40"),
    (0x10de, 0x26b9, "NVIDIA L40S"),
    (0x10de, 0x27b8, "NVIDIA L4"),
    (0x10de, 0x2901, "NVIDIA B200"),
    (0x1a03, 0x2000, "ASPEED Graphics"),
    (0x1da3, 0x1000, "Habana Gaudi"),
    (0x1da3, 0x1020, "Habana Gaudi2"),
    (0x8086, 0x0bd5, "Intel Data Center GPU Max 1550"),
    (0x8086, 0x0bda, "Intel Data Center GPU Max 1100"),
    (0x8086, 0x56c0, "Intel Data Center GPU Flex 170"),
    (0x8086, 0x56c1, "Intel Data Center GPU Flex 140"),
    (0x1077, 0x8070, "QLogic FastLinQ QL41000"),
    (0x1137, 0x0043, "Cisco VIC"),
    (0x14e4, 0x1657, "Broadcom BCM5719"),
    (0x14e4, 0x165f, "Broadcom BCM5720"),
    (0x14e4, 0x168e, "Broadcom BCM57810"),
    (0x14e4, 0x16a2, "Broadcom BCM57840"),
    (0x14e4, 0x16d6, "Broadcom BCM57412"),
    (0x14e4, 0x16d7, "Broadcom BCM57414"),
    (0x14e4, 0x16d8, "Broadcom BCM57416"),
    (0x14e4, 0x1750, "Broadcom BCM57508"),
    (0x14e4, 0x1751, "Broadcom BCM57504"),
    (0x14e4, 0x1752, "Broadcom BCM57502"),
    (0x14e4, 0x1760, "Broadcom BCM57608"),
    (0x15b3, 0x1003, "ConnectX-3"),
    (0x15b3, 0x1007, "ConnectX-3 Pro"),
    (0x15b3, 0x1013, "ConnectX-4"),
    (0x15b3, 0x1015, "ConnectX-4 Lx"),
    (0x15b3, 0x1017, "ConnectX-5"),
    (0x15b3, 0x1019, "ConnectX-5 Ex"),
    (0x15b3, 0x101b, "ConnectX-6"),
    (0x15b3, 0x101d, "ConnectX-6 Dx"),
    (0x15b3, 0x101f, "ConnectX-6 Lx"),
    (0x15b3, 0x1021, "ConnectX-7"),
    (0x15b3, 0x1023, "ConnectX-8"),
    (0x15b3, 0xa2d2, "BlueField ConnectX-5"),
    (0x15b3, 0xa2d6, "BlueField-2 ConnectX-6 Dx"),
    (0x15b3, 0xa2dc, "BlueField-3 ConnectX-7"),
    (0x1924, 0x0a03, "Solarflare SFC9220"),
    (0x1ae0, 0x0042, "Google gVNIC"),
    (0x1d0f, 0xec20, "Amazon ENA"),
    (0x8086, 0x10fb, "Intel 82599ES"),
    (0x8086, 0x1521, "Intel I350"),
    (0x8086, 0x1528, "Intel X540-AT2"),
    (0x8086, 0x1533, "Intel I210"),
    (0x8086, 0x1563, "Intel X550"),
    (0x8086, 0x1572, "Intel X710 SFP+"),
    (0x8086, 0x1583, "Intel XL710 QSFP+"),
    (0x8086, 0x158b, "Intel XXV710 SFP28"),
    (0x8086, 0x1592, "Intel E810-C QSFP"),
    (0x8086, 0x1593, "Intel E810-C SFP"),
    (0x8086, 0x159b, "Intel E810-XXV SFP"),
    (0x8086, 0x15ff, "Intel X710 10GBASE-T"),
    (0x8086, 0x37d0, "Intel X722 SFP+"),
    (0x8086, 0x37d1, "Intel X722 1GbE"),
    (0x8086, 0x37d2, "Intel X722 10GBASE-T"),
];

/// The part's name; the ids are as the facts have them, `0x10de`.
pub(in crate::facts) fn part(vendor: Option<&str>, device: Option<&str>) -> Option<&'static str> {
    let id = |text: Option<&str>| u16::from_str_radix(text?.strip_prefix("0x")?, 16).ok();
    let ids = (id(vendor)?, id(device)?);
    NAMES.iter().find(|(vendor, device, _)| (*vendor, *device) == ids).map(|(.., name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_names_by_their_ids_each_once() {
        assert_eq!(part(Some("0x10de"), Some("0x2330")), Some("NVIDIA H100 SXM5 80GB"));
        assert_eq!(part(Some("0x15b3"), Some("0x1017")), Some("ConnectX-5"));
        assert_eq!((part(Some("0x10de"), None), part(Some("10de"), Some("0x2330"))), (None, None));
        let mut ids: Vec<_> = NAMES.iter().map(|(vendor, device, _)| (vendor, device)).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), NAMES.len());
    }
}
