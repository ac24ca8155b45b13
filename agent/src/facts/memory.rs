// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory as the kernel sees it.

use stage1_inventory::Memory;

use crate::machine::Machine;

/// From `/proc/meminfo`: `MemTotal`, what the kernel has to give out.
pub fn discover(machine: &Machine, _problems: &mut Vec<String>) -> Option<Memory> {
    meminfo(machine, "MemTotal").map(|usable_bytes| Memory { usable_bytes })
}

/// What can be given out without swapping, in bytes.
pub fn available_bytes(machine: &Machine) -> Option<u64> {
    meminfo(machine, "MemAvailable")
}

fn meminfo(machine: &Machine, key: &str) -> Option<u64> {
    let text = machine.attribute("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}
