// SPDX-License-Identifier: MIT OR Apache-2.0
//! Processors as the kernel sees them.

use std::collections::BTreeSet;

use stage1_inventory::Cpus;

use crate::machine::Machine;

/// From `/proc/cpuinfo`.
pub fn discover(machine: &Machine, _problems: &mut Vec<String>) -> Option<Cpus> {
    let text = machine.attribute("/proc/cpuinfo")?;
    Some(parse_cpuinfo(&text))
}

fn parse_cpuinfo(text: &str) -> Cpus {
    let mut cpus = Cpus::default();
    let mut sockets = BTreeSet::new();
    let mut cores = BTreeSet::new();
    for processor in text.split("\n\n") {
        let value = |key: &str| {
            let mut lines = processor.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim())
        };
        let Some(number) = value("processor") else { continue };
        cpus.threads += 1;
        cpus.model = cpus.model.or_else(|| value("model name").map(str::to_string));
        let socket = value("physical id").unwrap_or("0");
        sockets.insert(socket);
        cores.insert((socket, value("core id").unwrap_or(number)));
    }
    cpus.sockets = u32::try_from(sockets.len()).unwrap_or(u32::MAX);
    cpus.cores = u32::try_from(cores.len()).unwrap_or(u32::MAX);
    cpus
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_a_core_and_cores_of_a_socket_are_told_apart() {
        let processor = |n, socket, core| {
            format!(
                "processor\t: {n}\nmodel name\t: ACME 9000\nphysical id\t: {socket}\ncore id\t\t: {core}\n\n"
            )
        };
        let text = [processor(0, 0, 0), processor(1, 0, 0), processor(2, 1, 0), processor(3, 1, 5)].concat();
        let cpus = parse_cpuinfo(&text);
        assert_eq!((cpus.sockets, cpus.cores, cpus.threads), (2, 3, 4));
        assert_eq!(cpus.model.as_deref(), Some("ACME 9000"));
    }

    #[test]
    fn a_virtual_machine_without_topology_has_one_socket() {
        let cpus = parse_cpuinfo("processor : 0\n\nprocessor : 1\n");
        assert_eq!((cpus.sockets, cpus.cores, cpus.threads), (1, 2, 2));
    }
}
