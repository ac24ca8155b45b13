// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory as the kernel sees it, and the errors that its controllers have counted.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use stage1_contract::Memory;
use stage1_contract::facts::{MemoryController, MemoryModule};

use crate::host::Machine;

const MEMINFO: &str = "/proc/meminfo";
const BLOCKS: &str = "/sys/devices/system/memory";
const HUGE_PAGES: &str = "/sys/kernel/mm/hugepages";
const CONTROLLERS: &str = "/sys/devices/system/edac/mc";

/// From `/proc/meminfo`, the memory blocks and EDAC.
pub(super) fn discover(machine: &Machine, _problems: &mut Vec<String>) -> Option<Memory> {
    let text = machine.attribute(MEMINFO)?;
    Some(Memory {
        usable_bytes: amount(&text, "MemTotal")?,
        blocks_bytes: blocks(machine),
        huge_page_sizes_bytes: huge_page_sizes(machine),
        corrupted_bytes: amount(&text, "HardwareCorrupted").filter(|bytes| *bytes > 0),
        controllers: controllers(machine),
    })
}

/// What can be given out without swapping, in bytes.
pub(crate) fn available_bytes(machine: &Machine) -> Option<u64> {
    amount(&machine.attribute(MEMINFO)?, "MemAvailable")
}

/// An amount in bytes, from a text such as `/proc/meminfo` or that of a NUMA node, whose lines begin with
/// `Node 0`.
pub(super) fn amount(meminfo: &str, name: &str) -> Option<u64> {
    let mut lines = meminfo.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines.find(|(words, _)| words.split_whitespace().next_back() == Some(name))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

fn blocks(machine: &Machine) -> Option<u64> {
    let size = machine.attribute(format!("{BLOCKS}/block_size_bytes"))?;
    let size = u64::from_str_radix(&size, 16).ok()?;
    let names = machine.names(BLOCKS);
    let blocks = names.iter().filter(|name| numbered(name, &["memory"])).count();
    size.checked_mul(u64::try_from(blocks).ok()?)
}

fn huge_page_sizes(machine: &Machine) -> Vec<u64> {
    let size = |name: &String| -> Option<u64> {
        let kibibytes: u64 = name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()?;
        kibibytes.checked_mul(1024)
    };
    let mut sizes: Vec<u64> = machine.names(HUGE_PAGES).iter().filter_map(size).collect();
    sizes.sort_unstable();
    sizes
}

/// Documentation/admin-guide/RAS/main.rst, "EDAC".
fn controllers(machine: &Machine) -> Vec<MemoryController> {
    let mut names = machine.names(CONTROLLERS);
    names.retain(|name| numbered(name, &["mc"]));
    in_order(&mut names);
    let controller = |name: String| {
        let folder = format!("{CONTROLLERS}/{name}");
        let mut modules = machine.names(&folder);
        modules.retain(|name| numbered(name, &["dimm", "rank"]));
        in_order(&mut modules);
        MemoryController {
            kind: machine.attribute(format!("{folder}/mc_name")),
            size_bytes: mebibytes(machine, &format!("{folder}/size_mb")),
            corrected_errors: number(machine, &format!("{folder}/ce_count")).unwrap_or_default(),
            uncorrected_errors: number(machine, &format!("{folder}/ue_count")).unwrap_or_default(),
            modules: modules.into_iter().map(|name| module(machine, &folder, name)).collect(),
            name,
        }
    };
    names.into_iter().map(controller).collect()
}

fn module(machine: &Machine, controller: &str, name: String) -> MemoryModule {
    let path = |attribute: &str| format!("{controller}/{name}/{attribute}");
    let attribute = |name: &str| machine.attribute(path(name));
    MemoryModule {
        label: attribute("dimm_label"),
        location: attribute("dimm_location"),
        size_bytes: mebibytes(machine, &path("size")),
        memory_type: attribute("dimm_mem_type"),
        edac_mode: attribute("dimm_edac_mode"),
        corrected_errors: number(machine, &path("dimm_ce_count")).unwrap_or_default(),
        uncorrected_errors: number(machine, &path("dimm_ue_count")).unwrap_or_default(),
        name,
    }
}

fn mebibytes(machine: &Machine, path: &str) -> Option<u64> {
    number(machine, path)?.checked_mul(1 << 20)
}

fn number(machine: &Machine, path: &str) -> Option<u64> {
    machine.attribute(path)?.parse().ok()
}

/// Whether it is one of these names with a number behind it.
fn numbered(name: &str, prefixes: &[&str]) -> bool {
    let digits = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `mc2` before `mc10`.
fn in_order(names: &mut [String]) {
    names.sort_by_key(|name| (name.len(), name.clone()));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::*;
    use crate::facts::fixture::Tree;

    const XEON: &[(&str, &str)] = &[
        (
            "/proc/meminfo",
            "MemTotal:       197526820 kB\nMemFree:        190000000 kB\nMemAvailable:   192000000 kB\n\
             HardwareCorrupted:    16 kB\n",
        ),
        ("/sys/devices/system/memory/block_size_bytes", "80000000\n"),
        ("/sys/devices/system/memory/memory0/", ""),
        ("/sys/devices/system/memory/memory1/", ""),
        ("/sys/devices/system/memory/memory10/", ""),
        ("/sys/devices/system/memory/power/", ""),
        ("/sys/kernel/mm/hugepages/hugepages-2048kB/", ""),
        ("/sys/kernel/mm/hugepages/hugepages-1048576kB/", ""),
        ("/sys/devices/system/edac/mc/mc10/mc_name", "Skylake Socket#1 IMC#1\n"),
        ("/sys/devices/system/edac/mc/mc2/mc_name", "Skylake Socket#0 IMC#1\n"),
        ("/sys/devices/system/edac/mc/mc2/size_mb", "65536\n"),
        ("/sys/devices/system/edac/mc/mc2/ce_count", "3\n"),
        ("/sys/devices/system/edac/mc/mc2/ue_count", "1\n"),
        ("/sys/devices/system/edac/mc/mc2/dimm6/dimm_label", "CPU_SrcID#0_MC#1_Chan#2_DIMM#0\n"),
        ("/sys/devices/system/edac/mc/mc2/dimm6/dimm_location", "channel 2 slot 0 \n"),
        ("/sys/devices/system/edac/mc/mc2/dimm6/dimm_mem_type", "Registered-DDR4\n"),
        ("/sys/devices/system/edac/mc/mc2/dimm6/dimm_edac_mode", "SECDED\n"),
        ("/sys/devices/system/edac/mc/mc2/dimm6/size", "32768\n"),
        ("/sys/devices/system/edac/mc/mc2/dimm6/dimm_ce_count", "2\n"),
        ("/sys/devices/system/edac/mc/mc2/dimm6/dimm_ue_count", "1\n"),
    ];

    #[test]
    fn memory_has_the_errors_of_every_module() {
        let tree = Tree::new(XEON.iter().copied());
        let memory = discover(&tree.machine(), &mut Vec::new()).unwrap();
        assert_eq!(memory.usable_bytes, 197_526_820 << 10);
        assert_eq!(memory.blocks_bytes, Some(6 << 30));
        assert_eq!(memory.huge_page_sizes_bytes, [2 << 20, 1 << 30]);
        assert_eq!(memory.corrupted_bytes, Some(16 << 10));
        let module = MemoryModule {
            name: "dimm6".to_string(),
            label: Some("CPU_SrcID#0_MC#1_Chan#2_DIMM#0".to_string()),
            location: Some("channel 2 slot 0".to_string()),
            size_bytes: Some(32 << 30),
            memory_type: Some("Registered-DDR4".to_string()),
            edac_mode: Some("SECDED".to_string()),
            corrected_errors: 2,
            uncorrected_errors: 1,
        };
        let first = MemoryController {
            name: "mc2".to_string(),
            kind: Some("Skylake Socket#0 IMC#1".to_string()),
            size_bytes: Some(64 << 30),
            corrected_errors: 3,
            uncorrected_errors: 1,
            modules: vec![module],
        };
        assert_eq!(memory.controllers[0], first);
        assert_eq!(memory.controllers[1].name, "mc10");
        assert_eq!(available_bytes(&tree.machine()), Some(192_000_000 << 10));
    }

    #[test]
    fn what_is_missing_is_absent() {
        let tree = Tree::new([("/proc/meminfo", "MemTotal: 1024 kB\nHardwareCorrupted:     0 kB\n")]);
        let memory = discover(&tree.machine(), &mut Vec::new());
        assert_eq!(memory, Some(Memory { usable_bytes: 1 << 20, ..Memory::default() }));
        assert_eq!(discover(&Tree::new([("/proc/", "")]).machine(), &mut Vec::new()), None);
    }

    proptest! {
        #[test]
        fn amounts_are_read_back(kibibytes in 0..u64::MAX >> 10, node in 0..99u32) {
            let text = format!("Node {node} MemFree: 1 kB\nNode {node} MemTotal: {kibibytes:>9} kB\n");
            assert_eq!(amount(&text, "MemTotal"), Some(kibibytes << 10));
        }

        #[test]
        fn any_text_is_read(text in "(MemTotal:? *[0-9]* ?(kB)?\n|.*)*") {
            amount(&text, "MemTotal");
        }
    }
}
