// SPDX-License-Identifier: MIT OR Apache-2.0
//! Discovers processors.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "does IO")]

use std::collections::BTreeMap;

use stage1_contract::Cpus;
use stage1_contract::facts::{CpuCache, CpuPackage, NumaNode};

use super::cpuinfo::{CpuInfo, Processor};
use super::list::CpuList;
use crate::facts::memory::amount;
use crate::host::Machine;

const CPUS: &str = "/sys/devices/system/cpu";
const NODES: &str = "/sys/devices/system/node";
const VULNERABILITIES: &str = "/sys/devices/system/cpu/vulnerabilities";

/// From `/proc/cpuinfo` and `/sys/devices/system`.
pub(crate) fn discover(machine: &Machine, problems: &mut Vec<String>) -> Option<Cpus> {
    let text = machine.attribute("/proc/cpuinfo")?;
    let info = CpuInfo::parse(&text);
    let Some(first) = info.processors.first().map(|processor| processor.number) else {
        problems.push(
            "/proc/cpuinfo: lists no processor in a known form: this architecture is not supported; supported are \
             x86-64 and ARM64"
                .to_string(),
        );
        return None;
    };
    let mut cpus = info.cpus();
    if let Some(packages) = packages(machine, &info.processors) {
        cpus.sockets = count(packages.len());
        cpus.cores = packages.iter().map(|package| package.cores).fold(0, u32::saturating_add);
        cpus.packages = packages;
    }
    let present = machine.attribute(format!("{CPUS}/present"));
    cpus.threads_present = present.map(|text| CpuList::parse(&text).len());
    cpus.max_khz = number(machine, &format!("{CPUS}/cpu{first}/cpufreq/cpuinfo_max_freq"));
    cpus.smt = machine.attribute(format!("{CPUS}/smt/control"));
    cpus.caches = caches(machine, first);
    cpus.numa_nodes = numa_nodes(machine);
    cpus.vulnerabilities = vulnerabilities(machine);
    Some(cpus)
}

/// The packages; `None` where the kernel does not know the topology.
fn packages(machine: &Machine, processors: &[Processor]) -> Option<Vec<CpuPackage>> {
    let cores = groups(machine, processors, "thread_siblings_list")?;
    let packages = groups(machine, processors, "core_siblings_list")?;
    let package = |(first, members): (&Processor, CpuList)| CpuPackage {
        id: number(machine, &format!("{CPUS}/cpu{}/topology/physical_package_id", first.number)),
        cores: count(cores.iter().filter(|(core, _)| members.contains(core.number)).count()),
        threads: count(processors.iter().filter(|processor| members.contains(processor.number)).count()),
        microcode: first.microcode.map(str::to_string),
    };
    Some(packages.into_iter().map(package).collect())
}

/// The groups that the processors form by one of the lists of their topology, each with its first processor. Only
/// that one's list is read, for the others of its group have the same: a large machine has hundreds.
fn groups<'a, 'b>(
    machine: &Machine,
    processors: &'a [Processor<'b>],
    name: &str,
) -> Option<Vec<(&'a Processor<'b>, CpuList)>> {
    let mut groups: Vec<(&Processor, CpuList)> = Vec::new();
    for processor in processors {
        if !groups.iter().any(|(_, members)| members.contains(processor.number)) {
            let list = machine.attribute(format!("{CPUS}/cpu{}/topology/{name}", processor.number))?;
            groups.push((processor, CpuList::parse(&list)));
        }
    }
    Some(groups)
}

fn caches(machine: &Machine, cpu: u32) -> Vec<CpuCache> {
    let folder = format!("{CPUS}/cpu{cpu}/cache");
    let cache = |index: &String| {
        let attribute = |name: &str| machine.attribute(format!("{folder}/{index}/{name}"));
        let kibibytes: u64 = attribute("size")?.strip_suffix('K')?.parse().ok()?;
        Some(CpuCache {
            level: attribute("level")?.parse().ok()?,
            kind: attribute("type")?.to_lowercase(),
            size_bytes: kibibytes.checked_mul(1024)?,
            shared_by: CpuList::parse(&attribute("shared_cpu_list")?).len(),
        })
    };
    machine.names(&folder).iter().filter(|name| name.starts_with("index")).filter_map(cache).collect()
}

fn numa_nodes(machine: &Machine) -> Vec<NumaNode> {
    let names = machine.names(NODES);
    let mut ids: Vec<u32> = names.iter().filter_map(|name| name.strip_prefix("node")?.parse().ok()).collect();
    ids.sort_unstable();
    let node = |id| {
        let attribute = |name: &str| machine.attribute(format!("{NODES}/node{id}/{name}"));
        NumaNode {
            id,
            cpus: attribute("cpulist"),
            memory_bytes: attribute("meminfo").and_then(|text| amount(&text, "MemTotal")),
            distances: attribute("distance")
                .and_then(|text| text.split_whitespace().map(|word| word.parse().ok()).collect())
                .unwrap_or_default(),
        }
    };
    ids.into_iter().map(node).collect()
}

fn vulnerabilities(machine: &Machine) -> BTreeMap<String, String> {
    let words = |name: String| Some((name.clone(), machine.attribute(format!("{VULNERABILITIES}/{name}"))?));
    machine.names(VULNERABILITIES).into_iter().filter_map(words).collect()
}

fn number<T: std::str::FromStr>(machine: &Machine, path: &str) -> Option<T> {
    machine.attribute(path)?.parse().ok()
}

pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::fixture::Tree;

    const XEON: &str = "vendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\n\
        model name\t: Intel(R) Xeon(R) Gold 6230R CPU @ 2.10GHz\nstepping\t: 7\n";
    const FLAGS: &str =
        "flags\t\t: fpu msr nx pdpe1gb lm aes avx avx2 vmx x2apic avx512f rdseed avx512_vnni\n";

    /// Two sockets of two cores of two threads, as Linux numbers them: the second threads come last.
    fn two_sockets() -> Vec<(String, String)> {
        let mut files = Vec::new();
        let mut cpuinfo = String::new();
        for cpu in 0..8 {
            let (core, socket) = (cpu % 4, cpu % 4 / 2);
            let microcode = ["0x5003604", "0x5003303"][socket];
            cpuinfo += &format!("processor\t: {cpu}\n{XEON}microcode\t: {microcode}\n{FLAGS}\n");
            let topology = format!("/sys/devices/system/cpu/cpu{cpu}/topology");
            let siblings = ["0-1,4-5", "2-3,6-7"][socket];
            files.push((format!("{topology}/core_siblings_list"), format!("{siblings}\n")));
            files.push((format!("{topology}/thread_siblings_list"), format!("{core},{}\n", core + 4)));
            files.push((format!("{topology}/physical_package_id"), format!("{socket}\n")));
        }
        files.push(("/proc/cpuinfo".to_string(), cpuinfo));
        files
    }

    #[test]
    fn a_server_of_two_sockets_has_a_package_in_each() {
        let mut files = two_sockets();
        let cache = |index, level, kind, size, shared| {
            let file = |name, content: &str| {
                (format!("/sys/devices/system/cpu/cpu0/cache/{index}/{name}"), format!("{content}\n"))
            };
            [file("level", level), file("type", kind), file("size", size), file("shared_cpu_list", shared)]
        };
        files.extend(cache("index0", "1", "Data", "32K", "0,4"));
        files.extend(cache("index3", "3", "Unified", "36608K", "0-1,4-5"));
        let others = [
            ("present", "0-9"),
            ("smt/control", "on"),
            ("cpu0/cpufreq/cpuinfo_max_freq", "4000000"),
            ("vulnerabilities/mds", "Mitigation: Clear CPU buffers; SMT vulnerable"),
            ("vulnerabilities/meltdown", "Not affected"),
        ];
        files.extend(
            others.map(|(name, content)| (format!("/sys/devices/system/cpu/{name}"), format!("{content}\n"))),
        );
        let tree = Tree::new(files);
        let cpus = discover(&tree.machine(), &mut Vec::new()).unwrap();
        let package = |id, microcode: &str| CpuPackage {
            id: Some(id),
            cores: 2,
            threads: 4,
            microcode: Some(microcode.to_string()),
        };
        let cache = |level, kind: &str, size_bytes, shared_by| CpuCache {
            level,
            kind: kind.to_string(),
            size_bytes,
            shared_by,
        };
        let strings = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        let expected = Cpus {
            model: Some("Intel(R) Xeon(R) Gold 6230R CPU @ 2.10GHz".to_string()),
            sockets: 2,
            cores: 4,
            threads: 8,
            threads_present: Some(10),
            architecture: Some("x86_64".to_string()),
            vendor: Some("GenuineIntel".to_string()),
            family: Some(6),
            model_number: Some(85),
            part: None,
            stepping: Some("7".to_string()),
            max_khz: Some(4_000_000),
            smt: Some("on".to_string()),
            virtualisation: Some("VT-x".to_string()),
            hypervisor: Some(false),
            features: strings(&[
                "aes",
                "avx",
                "avx2",
                "avx512_vnni",
                "avx512f",
                "nx",
                "pdpe1gb",
                "rdseed",
                "x2apic",
            ]),
            packages: vec![package(0, "0x5003604"), package(1, "0x5003303")],
            caches: vec![cache(1, "data", 32 << 10, 2), cache(3, "unified", 36608 << 10, 4)],
            numa_nodes: Vec::new(),
            vulnerabilities: BTreeMap::from([
                ("mds".to_string(), "Mitigation: Clear CPU buffers; SMT vulnerable".to_string()),
                ("meltdown".to_string(), "Not affected".to_string()),
            ]),
        };
        assert_eq!(cpus, expected);
    }

    #[test]
    fn the_nodes_of_an_epyc_are_in_order_and_one_of_memory_alone_has_no_processors() {
        let mut files = vec![("/proc/cpuinfo".to_string(), "processor\t: 0\n".to_string())];
        for id in [0, 2, 10, 1] {
            let node = format!("/sys/devices/system/node/node{id}");
            let cpus = if id == 10 { String::new() } else { format!("{}-{}", id * 16, id * 16 + 15) };
            files.push((format!("{node}/cpulist"), format!("{cpus}\n")));
            files.push((format!("{node}/distance"), "10 12 12 32\n".to_string()));
            files.push((
                format!("{node}/meminfo"),
                format!("Node {id} MemTotal:       65843216 kB\nNode {id} MemFree:        65105012 kB\n"),
            ));
        }
        files.push(("/sys/devices/system/node/online".to_string(), "0-2,10\n".to_string()));
        let nodes = discover(&Tree::new(files).machine(), &mut Vec::new()).unwrap().numa_nodes;
        let found: Vec<_> = nodes.iter().map(|node| (node.id, node.cpus.as_deref())).collect();
        assert_eq!(found, [(0, Some("0-15")), (1, Some("16-31")), (2, Some("32-47")), (10, None)]);
        assert_eq!(nodes[0].memory_bytes, Some(65_843_216 * 1024));
        assert_eq!(nodes[3].distances, [10, 12, 12, 32]);
    }

    #[test]
    fn arm_servers_have_their_cores_in_sys_only() {
        let mut cpuinfo = String::new();
        let mut files = Vec::new();
        for cpu in 0..4 {
            cpuinfo += &format!(
                "processor\t: {cpu}\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd0c\n\n"
            );
            let topology = format!("/sys/devices/system/cpu/cpu{cpu}/topology");
            files.push((format!("{topology}/core_siblings_list"), "0-3\n".to_string()));
            files.push((format!("{topology}/thread_siblings_list"), format!("{cpu}\n")));
            files.push((format!("{topology}/physical_package_id"), "-1\n".to_string()));
        }
        files.push(("/proc/cpuinfo".to_string(), cpuinfo));
        let cpus = discover(&Tree::new(files).machine(), &mut Vec::new()).unwrap();
        assert_eq!((cpus.sockets, cpus.cores, cpus.threads), (1, 4, 4));
        assert_eq!(cpus.packages, [CpuPackage { id: None, cores: 4, threads: 4, microcode: None }]);
    }
}
