// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of ARM processors, which report only numbers. Pure.

/// Implementers by the code in MIDR_EL1, in the spelling of `lscpu`.
const IMPLEMENTERS: &[(u32, &str)] = &[
    (0x41, "ARM"),
    (0x42, "Broadcom"),
    (0x43, "Cavium"),
    (0x46, "FUJITSU"),
    (0x48, "HiSilicon"),
    (0x4e, "NVIDIA"),
    (0x50, "APM"),
    (0x51, "Qualcomm"),
    (0x53, "Samsung"),
    (0x56, "Marvell"),
    (0x61, "Apple"),
    (0x6d, "Microsoft"),
    (0x70, "Phytium"),
    (0xc0, "Ampere"),
];

/// Parts of servers by implementer and part number in MIDR_EL1, in the spelling of `lscpu`.
const PARTS: &[(u32, u32, &str)] = &[
    (0x41, 0xd03, "Cortex-A53"),
    (0x41, 0xd07, "Cortex-A57"),
    (0x41, 0xd08, "Cortex-A72"),
    (0x41, 0xd0b, "Cortex-A76"),
    (0x41, 0xd0c, "Neoverse-N1"),
    (0x41, 0xd40, "Neoverse-V1"),
    (0x41, 0xd49, "Neoverse-N2"),
    (0x41, 0xd4a, "Neoverse-E1"),
    (0x41, 0xd4f, "Neoverse-V2"),
    (0x41, 0xd83, "Neoverse-V3AE"),
    (0x41, 0xd84, "Neoverse-V3"),
    (0x41, 0xd8e, "Neoverse-N3"),
    (0x43, 0x0a1, "ThunderX-88XX"),
    (0x43, 0x0af, "ThunderX2-99xx"),
    (0x43, 0x0b8, "ThunderX3-T110"),
    (0x46, 0x001, "A64FX"),
    (0x46, 0x003, "MONAKA"),
    (0x48, 0xd01, "TaiShan-v110"),
    (0x48, 0xd02, "TaiShan-v120"),
    (0x4e, 0x004, "Carmel"),
    (0x50, 0x000, "X-Gene"),
    (0x51, 0xc00, "Falkor"),
    (0x6d, 0xd49, "Azure-Cobalt-100"),
    (0x70, 0x662, "FTC662"),
    (0x70, 0x663, "FTC663"),
    (0xc0, 0xac3, "Ampere-1"),
    (0xc0, 0xac4, "Ampere-1a"),
];

/// The implementer's name; both are as `/proc/cpuinfo` has them.
pub(super) fn implementer(code: &str) -> Option<&'static str> {
    let code = hexadecimal(code)?;
    IMPLEMENTERS.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
}

/// The part's name; both are as `/proc/cpuinfo` has them.
pub(super) fn part(implementer: &str, part: &str) -> Option<&'static str> {
    let (implementer, part) = (hexadecimal(implementer)?, hexadecimal(part)?);
    PARTS.iter().find(|(maker, known, _)| (*maker, *known) == (implementer, part)).map(|(_, _, name)| *name)
}

/// A number such as `0xd0c`.
pub(super) fn hexadecimal(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}
